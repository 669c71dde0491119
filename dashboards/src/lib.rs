//! The dashboards: a path comes in, the bytes of the built web application go out.
//!
//! # Why
//!
//! One binary serves everything, outside a checkout too, so the build under `web/dist` is
//! embedded. The application speaks HTTP to the same interface that anybody else uses: this crate
//! depends on no other room, and what a page shows a developer can fetch.
//!
//! # Shape
//!
//! Addresses of pages (`/`, `/comuni/{area}`, `/luoghi/{thing}`, `/dati`) all answer `index.html`:
//! the application reads the address itself. Files under `assets/` carry a hash of their content
//! in their names and may be kept for ever; all else is asked for again, cheaply, by its `ETag`.
//!
//! # Limits
//!
//! About 2 MB of files. Without a build of the application there is one page, which says how to
//! build it.
//!
//! # Invariants
//!
//! An unknown path is `None`, never the application: a wrong address of the interface must not
//! look like a page. No asset is served without its content type.

mod built;
mod policy;

use std::borrow::Cow;

use crate::built::Built;
pub use crate::policy::CONTENT_SECURITY_POLICY;

const INDEX: &str = "index.html";
/// A year, the longest that caches honour; the name changes with the content.
const CACHE_FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Kept, but asked for each time: `index.html` names the hashed files of the running version.
const CACHE_ASK: &str = "no-cache";
/// First path members of the application's pages; `/` besides.
const PAGES: [&str; 3] = ["comuni", "luoghi", "dati"];

/// What stands in for the application when it was not built.
const UNBUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Arno</title>\
    <h1>Arno</h1><p>This build carries no dashboards: run <code>make web</code> and build again. \
    The interface works: <a href=\"/docs\">/docs</a>, <a href=\"/api/v1/products\">\
    /api/v1/products</a>.</p></html>";

/// One file of the application, ready to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The content.
    pub bytes: Cow<'static, [u8]>,
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// Value of `Cache-Control`.
    pub cache_control: &'static str,
    /// Value of `ETag`: quoted, strong, from the content.
    pub etag: String,
}

/// Finds what a path answers; with or without its leading slash, without a query.
///
/// `None` for what is neither a file of the application nor the address of one of its pages.
pub fn asset(path: &str) -> Option<Asset> {
    let path = path.trim_start_matches('/');
    if is_page(path) {
        return Some(index());
    }
    let file = Built::get(path)?;
    let is_hashed = path.starts_with("assets/");
    Some(Asset {
        bytes: file.data,
        content_type: content_type(path)?,
        cache_control: if is_hashed { CACHE_FOR_EVER } else { CACHE_ASK },
        etag: etag(file.metadata.sha256_hash()),
    })
}

/// The application's page itself, for answering an address that leads nowhere to a browser.
pub fn index() -> Asset {
    let (bytes, etag) = match Built::get(INDEX) {
        Some(file) => (file.data, etag(file.metadata.sha256_hash())),
        None => (Cow::Borrowed(UNBUILT.as_bytes()), "\"unbuilt\"".to_owned()),
    };
    Asset {
        bytes,
        content_type: "text/html; charset=utf-8",
        cache_control: CACHE_ASK,
        etag,
    }
}

/// Whether this build carries the application.
pub fn is_built() -> bool {
    Built::get(INDEX).is_some()
}

fn is_page(path: &str) -> bool {
    let mut members = path.split('/').filter(|member| !member.is_empty());
    match (members.next(), members.next(), members.next()) {
        (None, ..) | (Some(INDEX | "dati"), None, None) => true,
        (Some(first), Some(_id), None) => first != "dati" && PAGES.contains(&first),
        _ => false,
    }
}

/// The types of what the build makes; a file of another type is not served, and a test says so.
fn content_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    Some(match extension {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

/// 16 of the hash's 32 bytes: no two versions of a file will ever share them.
fn etag(hash: [u8; 32]) -> String {
    use std::fmt::Write as _;

    let mut text = String::with_capacity(34);
    text.push('"');
    for byte in hash.iter().take(16) {
        // Writing to a string cannot fail.
        if write!(text, "{byte:02x}").is_err() {
            break;
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests;
