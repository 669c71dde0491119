//! Brokers' URLs.

use super::*;

#[test]
fn a_url_has_its_parts() {
    let url =
        BrokerUrl::parse("mqtts://me:p%40ss@broker.example/?client_id=c-1&version=3").unwrap();
    assert!(url.is_tls);
    assert_eq!((url.host.as_str(), url.port), ("broker.example", 8883));
    assert_eq!(url.credentials, Some(("me".to_owned(), "p@ss".to_owned())));
    assert_eq!((url.client_id.as_str(), url.version), ("c-1", Version::V3));
    let url = BrokerUrl::parse("mqtt://[::1]:1884").unwrap();
    assert_eq!((url.host.as_str(), url.port), ("[::1]", 1884));
    assert_eq!((url.client_id.as_str(), url.version), ("arno", Version::V5));
}

#[test]
fn wrong_urls_are_refused_without_telling_their_secrets() {
    for bad in [
        "",
        "broker",
        "http://secret@x",
        "mqtt://",
        "mqtt://u:secret@",
        "mqtt://:secret@x",
        "mqtt://x:0",
        "mqtt://x:port",
        "mqtt://x:99999",
        "mqtt://x?client_id=",
        "mqtt://x?secret=1",
        "mqtt://x?version=4.5",
        "mqtt://u:%zz@x",
        "mqtt://u:%4@x",
        "mqtt://u:%ff@x",
    ] {
        let error = BrokerUrl::parse(bad).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_password_is_printed_nowhere() {
    let settings = BrokerSettings::of(BrokerUrl::parse("mqtt://me:secret@x").unwrap());
    for text in [
        format!("{settings:?}"),
        settings.url.to_string(),
        toml::to_string(&settings).unwrap(),
    ] {
        assert!(text.contains("***") && !text.contains("secret"), "{text}");
    }
}
