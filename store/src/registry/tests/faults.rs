//! Every kind of broken file gets a report that a person can act on.

use super::*;

const LOT: &str = ",\"kind\":\"parking_lot\",\"vehicle_kind\":\"car\"";

fn report(files: &Files) -> Vec<String> {
    match files.check(&Bundle::default()) {
        Ok(checked) => panic!("nothing is wrong: {:?}", checked.warnings),
        Err(report) => report.lines().collect(),
    }
}

/// A broken file of each kind, with a piece of the line that must be in the report.
#[expect(
    clippy::too_many_lines,
    reason = "one table, a row for each kind of mistake"
)]
fn broken() -> Vec<(&'static str, Files, &'static str)> {
    let base = || files(&areas(), &[]);
    let publishers = |text: &str| Files {
        publishers: Some(text.as_bytes().to_vec()),
        ..base()
    };
    let properties = |text: &str| Files {
        properties: Some(text.as_bytes().to_vec()),
        ..base()
    };
    let with_area = |feature: String| {
        let mut all = areas();
        all.push(feature);
        files(&all, &[])
    };
    let lot = |more: &str| files(&areas(), &[thing("lot", &format!("{LOT}{more}"), None)]);
    let raw_things = |text: &str| Files {
        things: Some(text.as_bytes().to_vec()),
        ..base()
    };
    let property = "[[property]]\nid = \"level\"\nname = \"Livello\"\nunit = \"m\"\n";
    let polygon = |coordinates: &str| {
        with_area(area(
            "it-mun-100007",
            "municipality",
            "",
            Some(coordinates.to_owned()),
        ))
    };
    let mut cases = vec![
        (
            "not TOML",
            publishers("[[publisher]\nid="),
            "publishers.toml:1: error: this is not TOML",
        ),
        (
            "one bracket",
            publishers("[publisher]\nid = \"a\""),
            "write [[publisher]] with two brackets",
        ),
        (
            "misspelt section",
            publishers("[[publishers]]\nid = \"a\""),
            "`publishers` is no section of this file; write each publisher under [[publisher]]",
        ),
        (
            "missing kind",
            publishers("[[publisher]]\nid = \"prato\"\nname = \"P\""),
            "publishers.toml:1: error: `prato`: `kind` is missing; write municipality",
        ),
        (
            "unknown kind",
            publishers("[[publisher]]\nid = \"prato\"\nname = \"P\"\nkind = \"municipalty\""),
            "publishers.toml:4: error: `prato`: `kind` is `municipalty`; did you mean `municipality`?",
        ),
        (
            "unknown key",
            publishers(&format!("{PUBLISHERS}ipacode = \"c\"")),
            "publishers.toml:6: error: `prato`: the key `ipacode` is unknown; did you mean `ipa_code`?",
        ),
        (
            "bad id",
            publishers("[[publisher]]\nid = \"Prato\"\nname = \"P\"\nkind = \"utility\""),
            "`id`: `Prato` may hold only a–z",
        ),
        (
            "reserved id",
            publishers("[[publisher]]\nid = \"live\"\nname = \"P\"\nkind = \"utility\""),
            "`live` is reserved",
        ),
        (
            "twice the id",
            publishers(&format!("{PUBLISHERS}\n{PUBLISHERS}")),
            "publishers.toml:7: error: `prato`: the publisher `prato` stands on line 1 already; keep one",
        ),
        (
            "bad duration",
            publishers(&format!("{PUBLISHERS}max_age = \"400\"")),
            "`max_age` is `400`; write a duration with its unit",
        ),
        (
            "unknown municipality",
            publishers(&PUBLISHERS.replace("100005", "100050")),
            "`municipality` names the area `it-mun-100050`, which is not there; did you mean `it-mun-100005`?",
        ),
        (
            "municipality of another level",
            publishers(&PUBLISHERS.replace("it-mun-100005", "it-prov-100")),
            "`municipality` names `it-prov-100`, which is a province",
        ),
        (
            "unit missing",
            properties("[[property]]\nid = \"level\"\nname = \"L\"\nsignal = \"gauge\""),
            "`unit` is missing; write the UCUM unit",
        ),
        (
            "hold of a gauge",
            properties(&format!("{property}signal = \"gauge\"\nmax_hold = \"2h\"")),
            "`max_hold` means nothing for a gauge; remove it; it belongs to signal state",
        ),
        (
            "range upside down",
            properties(&format!("{property}signal = \"gauge\"\nmin = 5\nmax = 1")),
            "`min` 5 is above `max` 1",
        ),
        (
            "flag in quotes",
            properties(&format!(
                "{property}signal = \"gauge\"\ncounts_people = \"yes\""
            )),
            "`counts_people` is `yes`; write true or false",
        ),
        (
            "not JSON",
            raw_things("{\"type\":\"FeatureCollection\",\n\"features\":[}"),
            "things.geojson:2: error: this is not a JSON object",
        ),
        (
            "a bare feature",
            raw_things("{\"type\":\"Feature\",\"features\":[]}"),
            "the file's `type` is `Feature`; write \"type\": \"FeatureCollection\"",
        ),
        (
            "no features",
            raw_things("{\"type\":\"FeatureCollection\"}"),
            "`features` is missing or no list",
        ),
        (
            "another system",
            raw_things(
                "{\"type\":\"FeatureCollection\",\"crs\":{\"properties\":{\"name\":\"EPSG:3003\"}},\"features\":[]}",
            ),
            "`crs` names another system than WGS 84",
        ),
        (
            "not UTF-8",
            Files {
                things: Some(b"{\n\"\xff\"}".to_vec()),
                ..base()
            },
            "things.geojson:2: error: the file is not UTF-8",
        ),
        (
            "kind missing",
            files(&areas(), &[thing("x", "", None)]),
            "things.geojson:2: error: `prato:x`: `kind` is missing",
        ),
        (
            "negative capacity",
            lot(",\"capacity\":-4"),
            "`capacity` is -4; write a whole number from 0",
        ),
        (
            "fractional capacity",
            lot(",\"capacity\":4.5"),
            "`capacity` is 4.5",
        ),
        (
            "unknown key of a thing",
            lot(",\"capcity\":4"),
            "the key `capcity` is unknown; did you mean `capacity`?",
        ),
        (
            "unknown property",
            lot(",\"properties\":[\"vehicle\"]"),
            "`properties` names the property `vehicle`, which is not there; did you mean `vehicles`?",
        ),
        (
            "hold of a counter",
            lot(",\"max_hold\":{\"bytes_down\":\"1h\"}"),
            "`max_hold` of `bytes_down`: a counter holds nothing",
        ),
        (
            "whole that is not there",
            lot(",\"part_of\":\"garage\""),
            "`part_of` names the thing `prato:garage`, which is not there",
        ),
        (
            "life upside down",
            lot(",\"valid_from\":\"2026-02-01\",\"valid_to\":\"2026-01-01\""),
            "`valid_to` is not after `valid_from`",
        ),
        (
            "time without a zone",
            lot(",\"valid_from\":\"2026-02-01T00:00:00\""),
            "`valid_from` is `2026-02-01T00:00:00`; write RFC 3339 with a zone",
        ),
    ];
    cases.extend([
        (
            "a bay of two",
            files(
                &areas(),
                &[thing(
                    "b",
                    ",\"kind\":\"parking_bay\",\"vehicle_kind\":\"car\",\"capacity\":2",
                    None,
                )],
            ),
            "a bay is one place",
        ),
        (
            "a coach on an access point",
            files(
                &areas(),
                &[thing(
                    "b",
                    ",\"kind\":\"access_point\",\"vehicle_kind\":\"coach\"",
                    None,
                )],
            ),
            "`vehicle_kind` is coach, and nothing parks on kind access_point",
        ),
        (
            "circle of parts",
            files(
                &areas(),
                &[
                    thing("a", &format!("{LOT},\"part_of\":\"b\""), None),
                    thing("b", &format!("{LOT},\"part_of\":\"a\""), None),
                ],
            ),
            "its `part_of` leads back to itself",
        ),
        (
            "one alias twice",
            files(
                &areas(),
                &[
                    thing("a", &format!("{LOT},\"aliases\":[\"x\"]"), None),
                    thing("b", &format!("{LOT},\"aliases\":[\"x\"]"), None),
                ],
            ),
            "its alias `x` leads to `prato:a` too",
        ),
        (
            "an alias that is a name",
            files(
                &areas(),
                &[
                    thing("a", LOT, None),
                    thing("b", &format!("{LOT},\"aliases\":[\"a\"]"), None),
                ],
            ),
            "its alias `a` leads to `prato:a` too",
        ),
        (
            "latitude first",
            files(&areas(), &[thing("a", LOT, Some((43.8, 111.0)))]),
            "latitude seems to stand first",
        ),
        (
            "metres",
            files(
                &areas(),
                &[thing("a", LOT, Some((1_668_000.0, 4_860_000.0)))],
            ),
            "is not on earth",
        ),
        (
            "unknown publisher",
            files(
                &areas(),
                &[thing("a", LOT, None).replace("\"prato\"", "\"parto\"")],
            ),
            "`publisher` names the publisher `parto`, which is not there; did you mean `prato`?",
        ),
        (
            "a line for a ring",
            polygon("[[[11,43],[11.1,43]]]"),
            "a ring has 2 positions",
        ),
        (
            "an open ring",
            polygon("[[[11,43],[11.1,43],[11.1,43.1],[11,43.1]]]"),
            "a ring is not closed; repeat its first position",
        ),
        (
            "an empty ring",
            polygon("[[[11,43],[11.1,43],[11.2,43],[11,43]]]"),
            "a ring encloses nothing",
        ),
        (
            "a figure of eight",
            polygon("[[[11,43],[11.2,43.1],[11.2,43],[11,43.2],[11,43]]]"),
            "a ring crosses itself near [11.13333, 43.06667]; untangle",
        ),
        (
            "a mirrored polygon",
            polygon("[[[43,11],[43.1,11],[43.1,11.1],[43,11]]]"),
            "its polygon lies where Italy would with latitude first",
        ),
        (
            "a polygon without nesting",
            polygon("[11,43]"),
            "not nested as its type asks",
        ),
        (
            "unknown parent",
            with_area(area("z", "zone", ",\"parents\":[\"it-mun-100095\"]", None)),
            "`parents` names the area `it-mun-100095`, which is not there",
        ),
        (
            "wrong parent",
            with_area(area("z", "zone", ",\"parents\":[\"it-prov-100\"]", None)),
            "a zone can't belong to the province `it-prov-100`",
        ),
        (
            "level against the id",
            with_area(area("it-mun-1", "province", "", None)),
            "ids that begin with `it-mun-` are of level municipality",
        ),
        (
            "group with a shape",
            with_area(area("group-x", "group", "", Some(square(1.0, 1.0, 1.0)))),
            "a group has a geometry",
        ),
        (
            "unknown member",
            with_area(area("group-x", "group", ",\"members\":[\"nowhere\"]", None)),
            "`members` names the area `nowhere`, which is not there",
        ),
        (
            "members of a province",
            with_area(area(
                "it-prov-1",
                "province",
                ",\"members\":[\"it-mun-100005\"]",
                None,
            )),
            "only groups have `members`",
        ),
        (
            "circle of groups",
            with_area(area("group-x", "group", ",\"members\":[\"group-x\"]", None)),
            "its parents lead back to itself: group-x → group-x",
        ),
        (
            "unknown zone",
            with_area(area("group-x", "group", ",\"zone\":\"Europe/Prato\"", None)),
            "`Europe/Prato` is no time zone",
        ),
        (
            "another code",
            with_area(area("it-prov-1", "province", ",\"istat\":\"2\"", None)),
            "let it equal the id's code",
        ),
    ]);
    cases
}

#[test]
fn each_broken_file_is_reported_with_its_place_and_mend() {
    let mut failed = Vec::new();
    for (name, files, expected) in broken() {
        let lines = report(&files);
        if !lines.iter().any(|line| line.contains(expected)) {
            failed.push(format!("{name}: expected `{expected}` in {lines:#?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_fault_stands_in_one_report() {
    let mut files = files(
        &areas(),
        &[
            thing("a", ",\"kind\":\"parking\"", None),
            thing("b", &format!("{LOT},\"capacity\":-1,\"x\":1"), None),
        ],
    );
    files.publishers = Some(format!("{PUBLISHERS}oops = 1\n").into_bytes());
    let lines = report(&files);
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(
        lines[0].starts_with("publishers.toml:6") && lines[3].starts_with("things.geojson:3"),
        "{lines:#?}"
    );
}

#[test]
fn what_is_odd_but_possible_is_a_warning() {
    let things = [thing("a", ",\"kind\":\"parking_lot\"", None)];
    let mut files = files(&areas(), &things);
    files.properties = Some(b"[[property]]\nid = \"door\"\nname = \"Porta\"\nunit = \"1\"\nsignal = \"state\"\ntype = \"boolean\"\n".to_vec());
    let checked = files.check(&Bundle::default()).unwrap();
    let lines: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines[0].contains("a state without `max_hold` holds for ever"),
        "{lines:#?}"
    );
    assert!(
        lines[1].contains("`vehicle_kind` is missing: cars are assumed"),
        "{lines:#?}"
    );
    let property = checked.registry.property("door").unwrap();
    assert_eq!(
        (property.max_hold, property.min, property.max),
        (None, Some(0.0), Some(1.0))
    );
}

#[test]
fn a_report_is_bounded() {
    let things: Vec<_> = (0..1_500)
        .map(|number| thing(&format!("t{number}"), ",\"kind\":\"x\"", None))
        .collect();
    let Err(report) = files(&areas(), &things).check(&Bundle::default()) else {
        panic!()
    };
    assert_eq!(
        (
            report.errors_count,
            report.faults.len(),
            report.omitted_count
        ),
        (1_500, 1_000, 500)
    );
    assert!(report.lines().last().unwrap().contains("500 more"));
}

#[test]
fn errors_are_listed_before_any_number_of_warnings() {
    let cars = |number| thing(&format!("t{number}"), ",\"kind\":\"parking_lot\"", None);
    let mut things: Vec<_> = (0..1_200).map(cars).collect();
    things.push(thing("last", ",\"kind\":\"x\"", None));
    let Err(report) = files(&areas(), &things).check(&Bundle::default()) else {
        panic!()
    };
    assert_eq!(
        (
            report.errors_count,
            report.faults.len(),
            report.omitted_count
        ),
        (1, 1_000, 201)
    );
    assert!(report.lines().any(|line| line.contains("`kind` is `x`")));
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    let deep = "[".repeat(200_000);
    let object = "{\"a\":".repeat(200_000);
    for nested in [&deep, &object] {
        for text in [
            nested.clone(),
            format!("{{\"type\":\"FeatureCollection\",\"features\":{nested}"),
            format!("{{\"type\":\"FeatureCollection\",\"features\":[{{\"geometry\":{nested}"),
        ] {
            let files = Files {
                things: Some(text.into_bytes()),
                ..Files::default()
            };
            files.check(&Bundle::default()).unwrap_err();
        }
    }
    let files = Files {
        publishers: Some(format!("a = {deep}").into_bytes()),
        ..Files::default()
    };
    files.check(&Bundle::default()).unwrap_err();
}
