//! Mappings mean what they say, and what is wrong in them is told with its line and mend.

use std::borrow::Cow;

use arno_model::Timestamp;
use jiff::civil::date;

use super::*;

const GOOD: &str = r#"
format = "csv"
publisher = "prato"
ignore = ["note"]

[csv]
separator = ";"

[thing]
column = "lot"
lowercase = true
replace = [[" ", "-"]]
prefix = "lot-"

[received]
column = "poll"
format = "epoch_s"

[[keep]]
column = "kind"
values = ["car"]

[[property]]
id = "vehicles"
column = "count"
unknown = [-1, -2, "n/d"]
time = { column = "at", format = "%Y-%m-%d %H:%M", zone = "Europe/Rome" }

[[property]]
id = "online"
column = "offline"
kind = "boolean"
true = ["Y"]
false = ["N"]
invert = true
optional = true
time = { column = "poll", format = "epoch_s" }
"#;

fn text(text: &str) -> Cell<'_> {
    Cell::Text(Cow::Borrowed(text))
}

/// The mapping `GOOD` with one text put for another.
fn faults(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    let changed = GOOD.replace(from, to);
    Mapping::parse(&changed).unwrap_err().to_string()
}

#[test]
fn a_good_mapping_names_its_columns_once() {
    let mapping = Mapping::parse(GOOD).unwrap();
    let names: Vec<_> = mapping
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["lot", "poll", "kind", "at", "count", "offline", "note"]
    );
    let optional: Vec<_> = mapping
        .columns
        .iter()
        .filter(|column| column.is_optional)
        .collect();
    assert_eq!(
        optional.len(),
        2,
        "offline and note; poll is needed for the receipt"
    );
    assert_eq!((mapping.separator, mapping.format), (b';', Format::Csv));
}

/// What of `GOOD` is put another way, how, and what is then told.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "format = \"csv\"",
        "format = \"xls\"",
        "`format` is `xls`; write csv, ndjson or parquet",
    ),
    (
        "publisher = \"prato\"",
        "publisher = \"Prato!\"",
        "line 3: `publisher` is wrong",
    ),
    ("publisher = \"prato\"", "", "`publisher` is missing"),
    (
        "separator = \";\"",
        "separator = \";;\"",
        "line 7: `csv.separator` is `;;`",
    ),
    ("separator", "seperator", "did you mean `separator`?"),
    ("column = \"lot\"", "", "`thing.column` is missing"),
    (
        "[[\" \", \"-\"]]",
        "[\" \", \"-\"]",
        "`thing.replace` is a text; write pairs",
    ),
    (
        "values = [\"car\"]",
        "values = []",
        "`keep[1].values` is missing or empty",
    ),
    (
        "id = \"vehicles\"",
        "id = \"Vehicles\"",
        "`property[1].id` is wrong",
    ),
    (
        "id = \"online\"",
        "id = \"vehicles\"",
        "reads `vehicles` from two columns",
    ),
    (
        "Europe/Rome",
        "Europe/Prato",
        "`property[1].time.zone` is `Europe/Prato`",
    ),
    (
        ", zone = \"Europe/Rome\"",
        "",
        "`property[1].time.zone` is missing: these times",
    ),
    (
        "\"epoch_s\" }",
        "\"epoch_s\", zone = \"UTC\" }",
        "these times carry theirs; remove it",
    ),
    ("%Y-%m-%d %H:%M", "%Y-%m-%d %!", "is no pattern"),
    (
        "%Y-%m-%d %H:%M",
        "iso",
        "write timestamp (Parquet), rfc3339, epoch_s",
    ),
    (
        "kind = \"boolean\"",
        "kind = \"bool\"",
        "write one of number, boolean",
    ),
    (
        "false = [\"N\"]",
        "false = [\"Y\"]",
        "let each word mean one thing",
    ),
    (
        "invert = true",
        "invert = \"yes\"",
        "`property[2].invert` is a text; write true or false",
    ),
    (
        "invert = true",
        "scale = 2",
        "`property[2].scale` is unknown",
    ),
    ("[[keep]]", "[keep]", "write [[keep]] with two brackets"),
    ("ignore = [\"note\"]", "ignore = note", "this is not TOML"),
    (
        "time = { column = \"at\"",
        "tyme = { column = \"at\"",
        "`property[1].time` is missing",
    ),
];

#[test]
fn every_fault_has_its_line_and_mend() {
    for (from, to, wanted) in FAULTS {
        let found = faults(from, to);
        assert!(found.contains(wanted), "{to}: {found}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let report = Mapping::parse("format = 3\n[thing]\nname = \"x\"\n").unwrap_err();
    assert!(report.0.len() >= 5, "{report}");
}

#[test]
fn the_shipped_examples_are_good() {
    for example in ["trento", "birmingham"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        Mapping::open(&root.join(example).join("mapping.toml")).unwrap();
    }
}

#[test]
fn values_are_what_the_mapping_says() {
    let mapping = Mapping::parse(GOOD).unwrap();
    let (count, offline) = (&mapping.properties[0].value, &mapping.properties[1].value);
    assert_eq!(count.worth(&text("12")), Ok(Worth::Result(12.0)));
    for unknown in ["-1", "-2", "-1.0", "n/d"] {
        assert_eq!(count.worth(&text(unknown)), Ok(Worth::Unknown), "{unknown}");
    }
    assert_eq!(count.worth(&text("-3")), Ok(Worth::Result(-3.0)));
    assert_eq!(count.worth(&Cell::Empty), Ok(Worth::Nothing));
    assert!(count.worth(&text("dodici")).is_err() && count.worth(&Cell::Flag(true)).is_err());
    assert_eq!(offline.worth(&text("Y")), Ok(Worth::Result(0.0)));
    assert_eq!(offline.worth(&text("N")), Ok(Worth::Result(1.0)));
    assert_eq!(offline.worth(&Cell::Flag(true)), Ok(Worth::Result(0.0)));
    assert!(offline.worth(&text("maybe")).is_err() && offline.worth(&Cell::Whole(1)).is_err());
}

#[test]
fn texts_are_numbers_only_where_the_mapping_says_so() {
    let typed = GOOD
        .replace("\"csv\"", "\"ndjson\"")
        .replace("[csv]\nseparator = \";\"", "");
    let mapping = Mapping::parse(&typed).unwrap();
    mapping.properties[0].value.worth(&text("12")).unwrap_err();
    let with_text = typed.replace(
        "column = \"count\"",
        "column = \"count\"\ntext = true\nscale = 0.1\noffset = 1\ndecimal = \"comma\"",
    );
    let mapping = Mapping::parse(&with_text).unwrap();
    assert_eq!(
        mapping.properties[0].value.worth(&text("12,5")),
        Ok(Worth::Result(2.25))
    );
}

#[test]
fn things_are_named_by_rule_or_by_table() {
    let mapping = Mapping::parse(GOOD).unwrap();
    let named = |rule: &ThingRule, cell| rule.name(&[cell]);
    let Named::Thing(id) = named(&mapping.thing, text("Piazza Duomo")) else {
        panic!("no thing");
    };
    assert_eq!(id.as_str(), "prato:lot-piazza-duomo");
    assert!(matches!(
        named(&mapping.thing, text("Città")),
        Named::Refused(_)
    ));
    assert!(matches!(
        named(&mapping.thing, Cell::Empty),
        Named::Refused(_)
    ));
    let with_names = GOOD.replace("prefix = \"lot-\"", "names = { 203 = \"p3\" }");
    let mapping = Mapping::parse(&with_names).unwrap();
    assert!(matches!(
        named(&mapping.thing, Cell::Whole(203)),
        Named::Thing(_)
    ));
    assert!(matches!(
        named(&mapping.thing, Cell::Number(203.0)),
        Named::Thing(_)
    ));
    assert!(matches!(
        named(&mapping.thing, Cell::Whole(204)),
        Named::Refused(_)
    ));
    let with_others = with_names.replace("lowercase = true", "others = \"ignore\"");
    let mapping = Mapping::parse(&with_others).unwrap();
    assert_eq!(named(&mapping.thing, Cell::Whole(204)), Named::Ignored);
}

/// A rule for one column, with these keys.
fn moments(keys: &str) -> MomentRule {
    let (from, to) = (
        "{ column = \"at\", format = \"%Y-%m-%d %H:%M\", zone = \"Europe/Rome\" }",
        keys,
    );
    let changed = GOOD
        .replace(from, to)
        .replace("column = \"lot\"", "column = \"at\"");
    let mapping = Mapping::parse(&changed).unwrap();
    let mut rule = mapping.properties[0].time.clone();
    rule.cell = 0;
    rule
}

#[test]
fn local_times_follow_the_zone_and_the_stated_rule() {
    let rule = |more: &str| {
        let keys = "{ column = \"at\", format = \"%Y-%m-%d %H:%M\", zone = \"Europe/Rome\"";
        moments(&format!("{keys}{more} }}"))
    };
    let at = |rule: &MomentRule, local: &str| {
        rule.moment(&[text(local)]).map(|moment| moment.to_string())
    };
    let plain = rule("");
    assert_eq!(
        at(&plain, "2026-05-01 10:00").as_deref(),
        Ok("2026-05-01T08:00:00Z")
    );
    assert_eq!(
        at(&plain, "2026-10-25 02:30").as_deref(),
        Ok("2026-10-25T00:30:00Z")
    );
    assert_eq!(at(&plain, "2026-03-29 02:30"), Err(MomentFault::Skipped));
    let later = rule(", repeated = \"later\", skipped = \"after\"");
    assert_eq!(
        at(&later, "2026-10-25 02:30").as_deref(),
        Ok("2026-10-25T01:30:00Z")
    );
    assert_eq!(
        at(&later, "2026-03-29 02:30").as_deref(),
        Ok("2026-03-29T01:30:00Z")
    );
    let strict = rule(", repeated = \"refuse\"");
    assert_eq!(at(&strict, "2026-10-25 02:30"), Err(MomentFault::Repeated));
    assert_eq!(at(&strict, "01/05/2026"), Err(MomentFault::Form));
    assert_eq!(strict.moment(&[Cell::Empty]), Err(MomentFault::Missing));
}

#[test]
fn times_are_read_in_every_form() {
    let wanted = Ok(Timestamp::parse("2026-05-01T08:00:00Z").unwrap());
    let read = |keys: &str, cell: Cell<'_>| moments(keys).moment(&[cell]);
    let local = date(2026, 5, 1).at(10, 0, 0, 0);
    let column = "column = \"at\", format = ";
    let native = format!("{{ {column} \"timestamp\", zone = \"Europe/Rome\" }}");
    assert_eq!(read(&native, Cell::Local(local)), wanted);
    assert_eq!(read(&native, Cell::Instant(1_777_622_400_000_000)), wanted);
    assert_eq!(
        read(&native, text("2026-05-01T08:00:00Z")),
        Err(MomentFault::Form)
    );
    let rfc = format!("{{ {column} \"rfc3339\" }}");
    assert_eq!(read(&rfc, text("2026-05-01T10:00:00+02:00")), wanted);
    assert_eq!(
        read(&rfc, text("2026-05-01T10:00:00")),
        Err(MomentFault::Form)
    );
    let seconds = format!("{{ {column} \"epoch_s\" }}");
    assert_eq!(read(&seconds, Cell::Whole(1_777_622_400)), wanted);
    assert_eq!(read(&seconds, text("1777622400")), wanted);
    assert_eq!(read(&seconds, Cell::Number(1e30)), Err(MomentFault::Range));
    let milliseconds = format!("{{ {column} \"epoch_ms\" }}");
    assert_eq!(
        read(&milliseconds, Cell::Number(1_777_622_400_000.0)),
        wanted
    );
    let offset = format!("{{ {column} \"%d/%m/%Y %H:%M:%S %z\" }}");
    assert_eq!(read(&offset, text("01/05/2026 10:00:00 +0200")), wanted);
    let day = format!("{{ {column} \"%d/%m/%Y\", zone = \"UTC\" }}");
    let midnight = Ok(Timestamp::parse("2026-05-01T00:00:00Z").unwrap());
    assert_eq!(read(&day, text("01/05/2026")), midnight);
}
