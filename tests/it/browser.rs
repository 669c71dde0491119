//! The dashboards in a real browser, over a simulated region: figures equal the API's, nothing
//! leaves the page's own origin, and a reading changes the page. Pictures go to
//! `test-output/pages`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::house::House;

#[test]
fn the_pages_show_what_the_api_answers() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "demo", "--towns", "6", "--days", "10", "--seed", "3", "--live", "0",
    ];
    let house = House::start(dir.path(), &args, Duration::from_mins(4));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pictures = root.join("test-output/pages");
    std::fs::create_dir_all(&pictures).unwrap();
    let port = house.mqtt.unwrap().port();
    let publish = format!(
        "mosquitto_pub -h 127.0.0.1 -p {port} -q 1 \
         -t \"arno/v1/obs/$(echo $ARNO_E2E_THING | tr : /)\" \
         -m \"{{\\\"time\\\":\\\"$ARNO_E2E_TIME\\\",\\\"vehicles\\\":$ARNO_E2E_VEHICLES}}\""
    );
    let output = Command::new("node")
        .arg("e2e/run.mjs")
        .current_dir(root.join("dashboards/web"))
        .env("ARNO_E2E_URL", house.url(""))
        .env("ARNO_E2E_OUT", &pictures)
        .env("ARNO_E2E_PUBLISH", publish)
        .output()
        .expect("node runs the browser test");
    let said = String::from_utf8_lossy(&output.stdout);
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{said}\n{problems}\nlog:\n{}",
        house.log_text()
    );
    assert!(!said.contains("SKIP"), "{said}");
    house.stop();
}
