//! One report says every fault once, and nothing that only follows from another.

use super::*;

const LOT: &str = ",\"kind\":\"parking_lot\",\"vehicle_kind\":\"car\"";

fn report(files: &Files) -> Vec<String> {
    let report = files.check(&Bundle::default()).unwrap_err();
    report.lines().collect()
}

fn with_publishers(text: &[u8]) -> Files {
    Files {
        publishers: Some(text.to_vec()),
        ..files(&areas(), &[thing("lot", LOT, Some((11.01, 43.81)))])
    }
}

#[test]
fn faults_of_entries_and_between_them_stand_together() {
    let mut files = files(
        &areas(),
        &[
            thing("a", &format!("{LOT},\"part_of\":\"b\",\"oops\":1"), None),
            thing("b", ",\"kind\":\"parking\",\"part_of\":\"a\"", None),
            thing("c", &format!("{LOT},\"part_of\":\"a\""), None),
            thing("d", LOT, Some((43.81, 11.01))),
        ],
    );
    files.properties = Some(
        b"[[property]]\nid = \"level\"\nname = \"L\"\nunit = \"m\"\nmin = 15\nmax = 2\n".to_vec(),
    );
    let lines = report(&files);
    let expected = [
        "properties.toml:1: error: `level`: `signal` is missing",
        "things.geojson:2: error: `prato:a`: the key `oops` is unknown",
        "things.geojson:3: error: `prato:b`: `kind` is `parking`",
        "properties.toml:1: error: `level`: `min` 15 is above `max` 2",
        "things.geojson:2: error: `prato:a`: its `part_of` leads back to itself",
        "things.geojson:3: error: `prato:b`: its `part_of` leads back to itself",
        "things.geojson:5: error: `prato:d`: its point lies in no municipality, but its mirror",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, start) in lines.iter().zip(expected) {
        assert!(line.starts_with(start), "expected `{start}` in {lines:#?}");
    }
}

#[test]
fn nothing_follows_from_publishers_that_could_not_be_read() {
    for broken in [
        &b"not toml at all ["[..],
        b"\xff",
        b"[[publishers]]\nid = \"prato\"",
        b"[[publisher]]\nid = \"prato\"\nname = \"P\"",
        b"[[publisher]]\nid = \"PRATO\"\nname = \"P\"\nkind = \"utility\"",
    ] {
        let lines = report(&with_publishers(broken));
        let is_there = |line: &String| line.starts_with("publishers.toml");
        assert!(lines.iter().all(is_there), "{lines:#?}");
    }
}

#[test]
fn nothing_follows_from_an_area_or_thing_that_could_not_be_read() {
    let mut all = areas();
    all[2] = all[2].replace("\"municipality\"", "\"municipalty\"");
    let lines = report(&files(&all, &[]));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].contains("did you mean `municipality`?"),
        "{lines:#?}"
    );

    let things = [
        thing("Lot", LOT, None),
        thing("bay", &format!("{LOT},\"part_of\":\"lot\""), None),
    ];
    let lines = report(&files(&areas(), &things));
    assert_eq!(lines.len(), 1, "{lines:#?}");
}

#[test]
fn a_whole_may_be_named_as_answers_show_it() {
    let part = |whole: &str| thing("bay", &format!("{LOT},\"part_of\":\"{whole}\""), None);
    let lot = || thing("lot", LOT, None);
    let (registry, _) = built(&areas(), &[lot(), part("prato:lot")]);
    let whole = &registry.thing("prato:bay").unwrap().part_of;
    assert_eq!(whole.as_ref().unwrap().as_str(), "prato:lot");
    let lines = report(&files(&areas(), &[lot(), part("prato:lotr")]));
    assert_eq!(
        lines,
        [
            "things.geojson:3: error: `prato:bay`: `part_of` names the thing `prato:lotr`, which is not there; did you mean `prato:lot`?"
        ]
    );
    let lines = report(&files(&areas(), &[lot(), part("pistoia:lot")]));
    assert!(lines[0].contains("of another publisher"), "{lines:#?}");
}

#[test]
fn a_reserved_name_has_one_mend() {
    let text = PUBLISHERS.replace("\"prato\"", "\"live\"");
    let lines = report(&Files {
        things: None,
        ..with_publishers(text.as_bytes())
    });
    assert_eq!(
        lines,
        ["publishers.toml:2: error: publisher 1: `id`: `live` is reserved; choose another name"]
    );
}

#[test]
fn a_folder_without_files_is_reported_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let message = |folder: &std::path::Path| match Files::read_folder(folder) {
        Err(RegistryError::Faults(report)) => report.lines().collect::<Vec<_>>().join("\n"),
        other => panic!("{other:?}"),
    };
    let name = folder.path().display();
    let empty = message(folder.path());
    assert!(
        empty.starts_with(&format!(
            "{name}: error: the folder holds no registry file; name"
        )),
        "{empty}"
    );
    let nowhere = message(&folder.path().join("x"));
    assert!(
        nowhere.starts_with(&format!("{name}/x: error: there is no such folder;")),
        "{nowhere}"
    );
}

#[test]
fn an_unknown_unit_is_a_warning() {
    let mut files = files(&areas(), &[]);
    let unit = |unit: &str| {
        format!(
            "[[property]]\nid = \"level\"\nname = \"L\"\nunit = \"{unit}\"\nsignal = \"gauge\"\n"
        )
    };
    for (written, expected) in [
        (
            "parsec-ish",
            Some("`parsec-ish` is no UCUM unit known here; see ucum.org"),
        ),
        (
            "kWh",
            Some("`kWh` is no UCUM unit known here; did you mean `kW.h`?"),
        ),
        ("ug/m3", None),
        ("{boat}/h", None),
    ] {
        files.properties = Some(unit(written).into_bytes());
        let warnings = files.check(&Bundle::default()).unwrap().warnings;
        let lines: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        match expected {
            None => assert_eq!(lines, [""; 0]),
            Some(expected) => assert!(lines[0].contains(expected), "{lines:#?}"),
        }
    }
}
