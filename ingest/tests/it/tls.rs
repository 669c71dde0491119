//! MQTT over TLS: who trusts the certificate is served as without it, and renewals are noticed.

use std::error::Error as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rumqttc::{Packet, QoS};

use crate::client::{Client3, Login};
use crate::world::World;

/// Writes a new self-signed certificate and its key; gives the certificate.
fn renew(folder: &Path, at_s: u64) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem();
    write(&folder.join("cert.pem"), &pem, at_s);
    write(
        &folder.join("key.pem"),
        &made.signing_key.serialize_pem(),
        at_s,
    );
    pem
}

/// Writes a file that was changed at that second of 2026: renewals within one tick of the disk's
/// clock differ.
fn write(path: &Path, text: &str, at_s: u64) {
    fs::write(path, text).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    let when = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + at_s);
    file.set_modified(when).unwrap();
}

fn config(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "[mqtt]\nanonymous = \"off\"\ntls_listen = \"127.0.0.1:0\"\n\
         tls_certificate = \"{folder}/cert.pem\"\ntls_key = \"{folder}/key.pem\"\n"
    )
}

#[tokio::test]
async fn a_device_publishes_over_tls_and_renewals_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let first = renew(folder.path(), 10);
    let world = World::with(&config(folder.path())).await;
    let secure = world.gateway.tls_address().unwrap().port();
    assert_ne!(secure, world.port());

    let login = |pem, id| {
        Login::new(secure, id)
            .trusting(pem)
            .user("prato", &world.prato)
    };
    let mut client = Client3::connect(&login(&first, "one")).await;
    let payload = r#"{"time":"2026-05-01T11:59:00Z","vehicles":4}"#;
    client
        .publish("arno/v1/obs/prato/lot-1", QoS::AtLeastOnce, payload)
        .await;
    assert!(matches!(client.next().await, Ok(Packet::PubAck(_))));
    assert_eq!(world.ledger().stored, 1);

    // Rights are the same: no anonymous, no wrong password.
    let mut nobody = Client3::open(&Login::new(secure, "two").trusting(&first));
    nobody.next().await.unwrap_err();

    let second = renew(folder.path(), 20);
    let renewed = Client3::connect(&login(&second, "three")).await;
    let mut trusts_the_old = Client3::open(&login(&first, "four"));
    trusts_the_old.next().await.unwrap_err();

    // A renewal that can't be read leaves the last good one.
    write(&folder.path().join("cert.pem"), "nonsense", 30);
    let after = Client3::connect(&login(&second, "five")).await;

    // No TLS where TLS is spoken: the connection ends, the gateway goes on.
    let mut plain = Client3::open(&Login::new(secure, "six").user("prato", &world.prato));
    plain.next().await.unwrap_err();
    assert!(world.gateway.live().is_serving());

    for client in [client, renewed, after] {
        client.cut().await;
    }
    world.stop().await;
}

#[tokio::test]
async fn a_certificate_that_cant_be_used_is_named_at_start() {
    let folder = tempfile::tempdir().unwrap();
    renew(folder.path(), 0);
    for (file, text, word) in [
        ("cert.pem", "nonsense", "cert.pem"),
        ("key.pem", "nonsense", "key.pem"),
    ] {
        let path = folder.path().join(file);
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, text).unwrap();
        let error = World::try_with(&config(folder.path())).await.err().unwrap();
        let cause = error.source().unwrap().to_string();
        assert!(cause.contains(word), "{error}: {cause}");
        fs::write(&path, good).unwrap();
    }
    // The key of another certificate.
    let other = tempfile::tempdir().unwrap();
    renew(other.path(), 0);
    fs::copy(other.path().join("key.pem"), folder.path().join("key.pem")).unwrap();
    let error = World::try_with(&config(folder.path())).await.err().unwrap();
    let cause = error.source().unwrap().to_string();
    assert!(cause.contains("does not fit"), "{cause}");
}
