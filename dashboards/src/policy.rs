//! What a page of the dashboards may load: its own origin, and nothing else.
//!
//! # Why
//!
//! A public administration's page must not tell third parties who reads it. Scripts, styles,
//! fonts, map data and the live feed all come from Arno itself, so the policy can be strict, and a
//! mistake that would break the promise breaks the page in the browser test instead.
//!
//! # Invariants
//!
//! No `unsafe-inline`, no `unsafe-eval`, no host name. `data:` and `blob:` are allowed for images
//! only: patterns and icons inside the style sheets, and the map's canvas.

/// Value of the `Content-Security-Policy` header for every page and asset of the dashboards.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; \
    style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; \
    worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'self'";

#[cfg(test)]
mod tests {
    use super::CONTENT_SECURITY_POLICY;

    #[test]
    fn the_policy_names_no_host_and_allows_nothing_unsafe() {
        assert!(CONTENT_SECURITY_POLICY.starts_with("default-src 'self'; "));
        for word in ["unsafe", "http", "*", "  ", "\n"] {
            assert!(!CONTENT_SECURITY_POLICY.contains(word), "{word:?}");
        }
    }
}
