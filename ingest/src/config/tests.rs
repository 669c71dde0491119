//! Configurations, right and wrong.

use super::*;

fn config(text: &str) -> IngestConfig {
    toml::from_str(text).unwrap()
}

fn keys(text: &str) -> Vec<String> {
    let error = config(text).build(&Decoders::shipped()).unwrap_err();
    error.faults.into_iter().map(|fault| fault.key).collect()
}

#[test]
fn nothing_is_a_whole_configuration_and_reads_back() {
    let empty = config("");
    empty.build(&Decoders::shipped()).unwrap();
    assert_eq!(empty.mqtt.listen, "127.0.0.1:1883");
    let text = toml::to_string(&empty).unwrap();
    assert_eq!(config(&text), empty);
}

#[test]
fn all_faults_are_told_together_with_their_keys() {
    let text = r#"
        [mqtt]
        listen = "here"
        threads_count = 0
        connections_count_max = 0
        in_flight_count_max = 0
        packet_bytes_max = 7
        [[routes]]
        filter = "a/#/b"
        decoder = "senml"
        [[routes]]
        filter = "a"
        decoder = "native"
        options = { speed = 1 }
        [[pushes]]
        name = "Not A Name"
        decoder = "native"
        [[pushes]]
        name = "x"
        decoder = "native"
        [[pushes]]
        name = "x"
        decoder = "native"
        [[brokers]]
        url = "mqtt://broker"
        topics = ["a#"]
        in_flight_count_max = 0
        packet_bytes_max = 7
    "#;
    assert_eq!(
        keys(text),
        [
            "mqtt.listen",
            "mqtt.threads_count",
            "mqtt.connections_count_max",
            "mqtt.in_flight_count_max",
            "mqtt.packet_bytes_max",
            "brokers[0].topics[0]",
            "brokers[0].in_flight_count_max",
            "brokers[0].packet_bytes_max",
            "routes[0].filter",
            "routes[0].decoder",
            "routes[1].decoder",
            "pushes[0].name",
            "pushes[2].name",
        ]
    );
}

#[test]
fn unknown_keys_and_words_are_refused() {
    for text in [
        "speed = 1",
        "[mqtt]\nspeed = 1",
        "[mqtt]\nanonymous = \"yes\"",
        "[[routes]]\nfilter = \"a\"",
        "[[brokers]]\nurl = \"http://x\"",
        "[[brokers]]\nurl = \"mqtt://x\"\nspeed = 1",
        "[[routes]]\nfilter = \"a\"\ndecoder = \"native\"\npublisher = \"Not One\"",
    ] {
        assert!(toml::from_str::<IngestConfig>(text).is_err(), "{text}");
    }
}
