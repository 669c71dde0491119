//! What every path answers, with and without a build of the application.

use super::{Built, CACHE_ASK, CACHE_FOR_EVER, asset, index, is_built};

#[test]
fn addresses_of_pages_answer_the_application() {
    for path in [
        "/",
        "",
        "/index.html",
        "/dati",
        "/comuni/it-mun-100005",
        "/luoghi/prato:lot-1",
        "/luoghi/prato:lot.v2-1",
    ] {
        let page = asset(path).unwrap_or_else(|| panic!("{path} has no answer"));
        assert_eq!(page, index(), "{path}");
        assert_eq!(page.cache_control, CACHE_ASK);
        assert_eq!(page.content_type, "text/html; charset=utf-8");
        assert!(page.etag.starts_with('"') && page.etag.ends_with('"'));
    }
}

#[test]
fn unknown_paths_are_not_the_application() {
    for path in [
        "/api/v1/thingz",
        "/comuni",
        "/comuni/a/b",
        "/dati/x",
        "/assets/none.js",
        "/assets",
        "/../Cargo.toml",
        "/favicon.ico",
    ] {
        assert_eq!(asset(path), None, "{path}");
    }
}

#[test]
fn every_file_of_the_build_is_served_with_its_type() {
    if !is_built() {
        println!("SKIPPED: the web application is not built (make web)");
        return;
    }
    let mut hashed = 0;
    for path in Built::iter() {
        let file = asset(&path).unwrap_or_else(|| panic!("{path} is embedded and not served"));
        assert!(!file.bytes.is_empty(), "{path}");
        assert_eq!(file.etag.len(), 34, "{path}");
        if path.starts_with("assets/") {
            assert_eq!(file.cache_control, CACHE_FOR_EVER, "{path}");
            hashed += 1;
        } else {
            assert_eq!(file.cache_control, CACHE_ASK, "{path}");
        }
    }
    assert!(hashed > 3, "{hashed} hashed files");
}

#[test]
fn the_page_carries_no_inline_script_and_no_other_origin() {
    let page = String::from_utf8(index().bytes.into_owned()).expect("the page is text");
    assert!(!page.contains("<style"), "{page}");
    assert!(!page.contains("//"), "{page}");
    for tag in page.split("<script").skip(1) {
        let (attributes, _) = tag.split_once('>').expect("a tag ends");
        assert!(attributes.contains(" src=\"/assets/"), "{attributes}");
    }
}
