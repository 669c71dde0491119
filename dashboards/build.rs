//! Says so when the web application has not been built; the crate then embeds one page that tells
//! how.
//!
//! # Why
//!
//! `cargo check` must work without Node, and a build without the application must not go
//! unnoticed.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=web/dist");
    if !Path::new("web/dist/index.html").is_file() {
        println!(
            "cargo::warning=the web application is not built: run `make web`, or the \
             dashboards are one page that says so"
        );
    }
}
