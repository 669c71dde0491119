//! Hands the packed boundaries of Tuscany to the compiler, or says how to get them.
//!
//! # Why
//! `arno demo` must work outside the checkout, so the binary carries the boundaries. They are
//! ISTAT's, not ours, and `make setup` fetches them; the repository does not keep them.
//!
//! # Shape
//! Out: the variable `BOUNDARIES_GZ`, the absolute path of a gzip of an `areas.geojson`, for
//! `include_bytes!(env!("BOUNDARIES_GZ"))`.

use std::{env, path::PathBuf};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let boundaries = root.join(".cache/boundaries/tuscany.geojson.gz");
    println!("cargo::rerun-if-changed={}", boundaries.display());
    if boundaries.is_file() {
        println!("cargo::rustc-env=BOUNDARIES_GZ={}", boundaries.display());
    } else {
        println!(
            "cargo::error=the boundaries are missing ({}): run make setup",
            boundaries.display()
        );
    }
}
