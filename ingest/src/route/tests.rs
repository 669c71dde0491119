//! Filters match as MQTT says.

use proptest::prelude::*;

use super::*;

fn filter(text: &str) -> TopicFilter {
    TopicFilter::parse(text).unwrap()
}

#[test]
fn filters_match_as_the_standard_says() {
    for (text, topic, wanted) in [
        ("a/b", "a/b", true),
        ("a/b", "a/b/c", false),
        ("a/+", "a/b", true),
        ("a/+", "a", false),
        ("a/+", "a/", true),
        ("a/#", "a", true),
        ("a/#", "a/b/c", true),
        ("#", "a/b", true),
        ("#", "$SYS/a", false),
        ("+/a", "$SYS/a", false),
        ("$SYS/#", "$SYS/a", true),
        ("+/+", "/a", true),
    ] {
        assert_eq!(filter(text).matches(topic), wanted, "{text} {topic}");
    }
    assert_eq!(
        filter("v3/+/devices/+/up")
            .captures("v3/app/devices/d-1/up")
            .unwrap(),
        ["app", "d-1"]
    );
}

#[test]
fn wildcards_share_no_level_and_the_last_one_is_last() {
    let long = "a".repeat(TOPIC_BYTES_MAX + 1);
    for bad in ["", "a/#/b", "a#", "a/b+", "#/", "a\0", long.as_str()] {
        assert!(TopicFilter::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_filter_covers_what_it_holds_wholly() {
    for (wide, narrow, wanted) in [
        ("a/#", "a/b/+", true),
        ("a/#", "a", true),
        ("a/#", "#", false),
        ("a/+", "a/b", true),
        ("a/+", "a/#", false),
        ("a/b", "a/+", false),
        ("arno/v1/live/#", "arno/v1/+/x", false),
    ] {
        assert_eq!(
            filter(wide).covers(&filter(narrow)),
            wanted,
            "{wide} {narrow}"
        );
    }
}

#[test]
fn the_native_route_is_there_and_belongs_to_the_topics_publisher() {
    let routes = Routes::new(&Decoders::shipped(), Vec::new(), BTreeMap::new()).unwrap();
    let route = Route::Topic("arno/v1/obs/prato/lot-1".to_owned());
    let found = routes.find(&route).unwrap();
    assert_eq!(found.publisher.unwrap().as_str(), "prato");
    assert_eq!(found.captures, ["prato", "lot-1"]);
    for topic in [
        "arno/v1/obs/prato",
        "arno/v1/obs/prato/a/b",
        "arno/v1/live/a/b",
        "",
    ] {
        assert!(
            routes.find(&Route::Topic(topic.to_owned())).is_none(),
            "{topic}"
        );
    }
    let names: Vec<_> = routes.push_names().collect();
    assert_eq!(names, ["meraki", "native", "netjson"]);
    assert!(routes.find(&Route::Push("other".to_owned())).is_none());
}

proptest! {
    #[test]
    fn what_a_covered_filter_matches_the_covering_one_matches(
        wide in "([ab+]/){0,2}[ab+#]",
        narrow in "([ab+]/){0,2}[ab+#]",
        topic in "([ab]/){0,3}[ab]",
    ) {
        let (wide, narrow) = (filter(&wide), filter(&narrow));
        if wide.covers(&narrow) && narrow.matches(&topic) {
            prop_assert!(wide.matches(&topic));
        }
    }
}
