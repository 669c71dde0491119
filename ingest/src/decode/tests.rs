//! What decoders make of payloads, good, bad and mad.

use arno_model::publisher::MAX_AGE_DEFAULT;
use arno_model::{
    LocalId, Publisher, PublisherId, PublisherKind, Thing, ThingId, ThingKind, TimeRange, Timestamp,
};
use arno_store::{Bundle, QuarantineReason, Registry};
use proptest::prelude::*;

use super::*;
use crate::admit::tests::blank_thing;

/// A person's device, which nobody may find again.
const CANARY: &str = "de:ad:be:ef:00:01";

fn prato() -> PublisherId {
    PublisherId::parse("prato").unwrap()
}

pub(crate) fn registry() -> Registry {
    let publisher = Publisher {
        id: prato(),
        name: "Prato".to_owned(),
        kind: PublisherKind::Municipality,
        ipa_code: None,
        municipality: None,
        max_age: MAX_AGE_DEFAULT,
    };
    let thing = |local: &str, kind: ThingKind, alias: &str| -> Thing {
        let id = ThingId::new(&prato(), &LocalId::parse(local).unwrap());
        let aliases = if alias.is_empty() {
            Vec::new()
        } else {
            vec![alias.to_owned()]
        };
        Thing {
            aliases,
            valid: TimeRange::ALL,
            ..blank_thing(id, kind)
        }
    };
    let bundle = Bundle::default()
        .with_publisher(publisher)
        .with_thing(thing("lot-1", ThingKind::ParkingLot, ""))
        .with_thing(thing("ap-1", ThingKind::AccessPoint, "00:11:22:33:44:55"))
        .with_thing(thing("ap-2", ThingKind::AccessPoint, "00:11:22:33:44:66"));
    Registry::build(bundle).unwrap().0
}

fn noon() -> Timestamp {
    Timestamp::parse("2026-05-01T12:00:00Z").unwrap()
}

fn decode(name: &str, captures: &[&str], payload: &[u8]) -> Decoded {
    let decoder = Decoders::shipped()
        .build(name, &toml::Table::new())
        .unwrap();
    let (registry, publisher) = (registry(), prato());
    decoder.decode(Input {
        topic: "topic",
        captures,
        publisher: Some(&publisher),
        payload,
        received: noon(),
        registry: &registry,
    })
}

fn native(payload: &str) -> Decoded {
    decode("native", &["prato", "lot-1"], payload.as_bytes())
}

fn reasons(decoded: &Decoded) -> Vec<QuarantineReason> {
    decoded
        .refused
        .iter()
        .map(|refused| refused.problem.reason)
        .collect()
}

fn results(decoded: &Decoded) -> Vec<(&str, Option<f64>)> {
    decoded
        .readings
        .iter()
        .map(|reading| (reading.property.as_str(), reading.result))
        .collect()
}

#[test]
fn the_contracts_example_is_read() {
    let decoded = native(r#"{"time":"2026-05-01T08:00:00Z","occupied":true,"battery":3.6}"#);
    assert_eq!(
        results(&decoded),
        [("occupied", Some(1.0)), ("battery", Some(3.6))]
    );
    assert!(decoded.refused.is_empty());
    let time = Timestamp::parse("2026-05-01T08:00:00Z").unwrap();
    assert!(
        decoded
            .readings
            .iter()
            .all(|reading| reading.time == Some(time))
    );
}

#[test]
fn times_are_rfc_3339_or_epoch_seconds_or_milliseconds() {
    let time = Timestamp::parse("2026-05-01T08:00:00Z").unwrap();
    for text in [
        "1777622400",
        "1777622400000",
        "1777622400.0",
        r#""2026-05-01T10:00:00+02:00""#,
        r#""2026-05-01T08:00:00.000Z""#,
    ] {
        let decoded = native(&format!(r#"{{"time":{text},"vehicles":1}}"#));
        assert_eq!(decoded.readings[0].time, Some(time), "{text}");
    }
    for text in [
        r#""2026-05-01T08:00:00""#,
        "null",
        "true",
        r#""soon""#,
        "1e30",
        "[]",
    ] {
        let decoded = native(&format!(r#"{{"time":{text},"vehicles":1,"free":2}}"#));
        assert_eq!(reasons(&decoded), [QuarantineReason::BadTime; 2], "{text}");
    }
}

#[test]
fn an_array_is_as_many_objects_and_a_bad_one_does_not_sink_the_others() {
    let decoded = native(r#"[{"vehicles":1},7,{"vehicles":null},{},{"time":1,"vehicles":2}]"#);
    assert_eq!(
        results(&decoded),
        [
            ("vehicles", Some(1.0)),
            ("vehicles", None),
            ("vehicles", Some(2.0))
        ]
    );
    assert_eq!(reasons(&decoded), [QuarantineReason::Malformed; 2]);
}

#[test]
fn nothing_is_guessed() {
    let decoded = native(r#"{"vehicles":"12","free":[1],"occupied":{},"capacity":true}"#);
    assert!(decoded.readings.is_empty());
    let bad = QuarantineReason::BadValue;
    assert_eq!(
        reasons(&decoded),
        [bad, bad, bad, QuarantineReason::WrongNumber]
    );
    let parts: Vec<_> = decoded
        .refused
        .iter()
        .map(|refused| refused.part.clone())
        .collect();
    assert_eq!(parts[0].as_deref(), Some(&br#"{"vehicles":"12"}"#[..]));
}

#[test]
fn a_member_that_stands_there_twice_is_refused_twice() {
    let decoded = native(r#"{"vehicles":1,"free":2,"vehicles":3}"#);
    assert_eq!(results(&decoded), [("free", Some(2.0))]);
    assert_eq!(reasons(&decoded), [QuarantineReason::Malformed; 2]);
    let decoded = native(r#"{"time":1,"time":2,"vehicles":3}"#);
    assert_eq!(reasons(&decoded), [QuarantineReason::Malformed]);
}

#[test]
fn a_push_names_its_thing() {
    let push = |payload: &str| decode("native", &[], payload.as_bytes());
    let decoded = push(r#"[{"thing":"lot-1","vehicles":1},{"thing":"prato:lot-1","vehicles":1}]"#);
    assert_eq!(decoded.readings.len(), 2);
    assert!(
        decoded
            .readings
            .iter()
            .all(|reading| reading.thing.as_str() == "prato:lot-1")
    );
    let decoded = push(r#"[{"vehicles":1},{"thing":7,"vehicles":1},{"thing":"A B","vehicles":1}]"#);
    assert_eq!(reasons(&decoded), [QuarantineReason::UnknownThing; 3]);
    let decoded = native(r#"{"thing":"ap-1","vehicles":1}"#);
    assert_eq!(reasons(&decoded), [QuarantineReason::UnknownThing]);
}

#[test]
fn broken_json_is_one_refusal_that_says_where() {
    for payload in [
        "",
        "{",
        "[",
        "\u{0}",
        r#"{"a":1}}"#,
        r#"{"a":1e999}"#,
        "nul",
        "\"text\"",
    ] {
        let decoded = native(payload);
        assert_eq!(
            reasons(&decoded),
            [QuarantineReason::Malformed],
            "{payload:?}"
        );
    }
    assert_eq!(
        reasons(&decode("native", &["prato", "lot-1"], b"\xff\xfe")).len(),
        1
    );
    let deep = "[".repeat(100_000);
    assert_eq!(reasons(&native(&deep)), [QuarantineReason::Malformed]);
}

fn netjson(clients: &str) -> Decoded {
    let payload = format!(
        r#"{{"type":"DeviceMonitoring","general":{{"hostname":"ap-1","local_time":1777636000}},
        "neighbors":[{{"mac":"{CANARY}"}}],"interfaces":[
        {{"name":"eth0","mac":"00:aa","statistics":{{"rx_bytes":9}}}},
        {{"name":"wlan0","mac":"00:11:22:33:44:55","statistics":{{"rx_bytes":10,"tx_bytes":20}},
          "wireless":{{"mode":"access_point","ssid":"Prato WiFi","clients":{clients}}}}}]}}"#
    );
    decode("netjson", &[], payload.as_bytes())
}

#[test]
fn netjson_counts_associated_clients_once() {
    let decoded = netjson(&format!(
        r#"[{{"mac":"{CANARY}","assoc":true}},{{"mac":"DE:AD:BE:EF:00:01","assoc":true}},
        {{"mac":"02:00","assoc":true}},{{"mac":"02:01","assoc":false}},{{"mac":"02:02"}}]"#
    ));
    let wanted = [
        ("clients", Some(2.0)),
        ("bytes_down", Some(20.0)),
        ("bytes_up", Some(10.0)),
    ];
    assert_eq!(results(&decoded), wanted);
    assert!(
        decoded
            .readings
            .iter()
            .all(|reading| reading.thing.as_str() == "prato:ap-1")
    );
    assert!(!format!("{decoded:?}").to_lowercase().contains(CANARY));
}

#[test]
fn meraki_counts_who_joined_by_access_point() {
    let payload = format!(
        r#"{{"version":"3.0","secret":"s","type":"WiFi","data":{{"networkId":"N",
        "endTime":"2026-05-01T11:59:00Z",
        "reportingAps":[{{"mac":"00:11:22:33:44:55"}},{{"mac":"00:11:22:33:44:66"}}],
        "observations":[
          {{"clientMac":"{CANARY}","ssid":"WiFi","latestRecord":{{"nearestApMac":"00:11:22:33:44:55"}}}},
          {{"clientMac":"{CANARY}","ssid":"WiFi","latestRecord":{{"nearestApMac":"00:11:22:33:44:55"}}}},
          {{"clientMac":"02:00","ssid":null,"latestRecord":{{"nearestApMac":"00:11:22:33:44:66"}}}},
          {{"clientMac":"02:01","ssid":"WiFi","latestRecord":{{"nearestApMac":"ff:ff:00:00:00:00"}}}}
        ]}}}}"#
    );
    let decoded = decode("meraki", &[], payload.as_bytes());
    assert_eq!(
        results(&decoded),
        [("clients", Some(1.0)), ("clients", Some(0.0))]
    );
    assert_eq!(reasons(&decoded), [QuarantineReason::UnknownDevice]);
    assert!(!format!("{decoded:?}").contains(CANARY));
    let payload = format!(
        r#"{{"version":"2.0","type":"DevicesSeen","data":{{"apMac":"00:11:22:33:44:55",
        "observations":[{{"clientMac":"{CANARY}","ssid":"WiFi","seenEpoch":1777636000}},
        {{"clientMac":"02:00","ssid":null,"seenEpoch":1777636010}}]}}}}"#
    );
    let decoded = decode("meraki", &[], payload.as_bytes());
    assert_eq!(results(&decoded), [("clients", Some(1.0))]);
    assert_eq!(
        decoded.readings[0].time,
        Timestamp::from_epoch(1_777_636_010.0).ok()
    );
}

#[test]
fn what_routes_with_identifiers_refuse_tells_structure_only() {
    for name in ["meraki", "netjson"] {
        for payload in [
            format!(r#"{{"type":"BLE","data":{{"{CANARY}":1}}}}"#),
            format!(r#"{{"{CANARY}":"{CANARY}"}}"#),
            format!(r#"["{CANARY}"]"#),
            format!(r#""{CANARY}""#),
            format!(r#"{{"type":"{CANARY}""#),
            format!(r#"{{"type":"DeviceMonitoring","general":{{"hostname":"{CANARY}"}}}}"#),
            format!(r#"{{"type":"DevicesSeen","data":{{"apMac":"{CANARY}","observations":[]}}}}"#),
        ] {
            let decoded = decode(name, &[], payload.as_bytes());
            assert_eq!(decoded.refused.len(), 1, "{name} {payload}");
            assert!(!format!("{decoded:?}").contains(CANARY), "{decoded:?}");
        }
        assert!(
            Decoders::shipped()
                .build(name, &toml::Table::new())
                .unwrap()
                .may_identify_people()
        );
    }
}

#[test]
fn unknown_decoders_and_options_are_refused_with_what_is_allowed() {
    let none = toml::Table::new();
    let error = Decoders::shipped()
        .build("senml", &none)
        .unwrap_err()
        .to_string();
    assert!(error.contains("meraki, native, netjson"), "{error}");
    let options: toml::Table = toml::from_str("speed = 1").unwrap();
    for name in ["meraki", "native", "netjson"] {
        let error = Decoders::shipped()
            .build(name, &options)
            .unwrap_err()
            .to_string();
        assert!(error.contains("speed"), "{error}");
    }
}

/// JSON-like text: valid values with mutations.
fn near_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|truth| truth.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "[a-z\\\\\"]{0,6}".prop_map(|text| format!("\"{text}\"")),
    ];
    let key = prop_oneof![
        Just("vehicles"),
        Just("time"),
        Just("thing"),
        Just("type"),
        Just("data"),
        Just("observations"),
        Just("interfaces"),
        Just("result_time"),
        Just("x y"),
        Just(""),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_payload_makes_a_decoder_panic_or_say_nothing(text in near_json(), cut in any::<u8>()) {
        for name in ["native", "netjson", "meraki"] {
            let decoded = decode(name, &["prato", "lot-1"], text.as_bytes());
            prop_assert!(!decoded.readings.is_empty() || !decoded.refused.is_empty());
            let bytes: Vec<u8> = text.bytes().take(usize::from(cut)).collect();
            let decoded = decode(name, &[], &bytes);
            prop_assert!(!decoded.readings.is_empty() || !decoded.refused.is_empty());
        }
    }

    #[test]
    fn bytes_are_no_danger(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for name in ["native", "netjson", "meraki"] {
            let decoded = decode(name, &[], &bytes);
            prop_assert!(!decoded.readings.is_empty() || !decoded.refused.is_empty());
        }
    }

    #[test]
    fn native_counts_every_member_once(values in prop::collection::vec(any::<i32>(), 1..20)) {
        let members: Vec<_> =
            values.iter().enumerate().map(|(n, value)| format!("\"p{}\":{value}", n % 7)).collect();
        let decoded = native(&format!("{{{}}}", members.join(",")));
        prop_assert_eq!(decoded.readings.len() + decoded.refused.len(), values.len());
    }
}
