//! What a folder can't make public by mistake.

use arno_model::{PropertyId, ThingId};

use super::*;

const LOT: &str = ",\"kind\":\"parking_lot\",\"vehicle_kind\":\"car\"";
const BAY: &str = ",\"kind\":\"parking_bay\",\"vehicle_kind\":\"car\",\"part_of\":\"lot\"";
const SHOWS: &str = "would show its reserved bays";

fn property(id: &str, unit: &str, signal: &str, more: &str) -> Files {
    let text = format!(
        "[[property]]\nid = \"{id}\"\nname = \"N\"\nunit = \"{unit}\"\nsignal = \"{signal}\"\n{more}"
    );
    Files {
        properties: Some(text.into_bytes()),
        ..Files::default()
    }
}

fn errors(files: &Files) -> Vec<String> {
    match files.check(&Bundle::default()) {
        Ok(_) => Vec::new(),
        Err(report) => report.lines().collect(),
    }
}

#[test]
fn what_counts_people_as_shipped_counts_them_in_every_folder() {
    let counting = shipped_properties()
        .iter()
        .filter(|property| property.counts_people);
    let mut ids = Vec::new();
    for shipped in counting {
        let (id, unit, signal) = (shipped.id.as_str(), &shipped.unit, shipped.signal.as_str());
        let lines = errors(&property(id, unit, signal, "max_hold = \"none\""));
        let mend =
            format!("`{id}`: `{id}` counts people; write counts_people = true, or use another id");
        assert!(lines.iter().any(|line| line.ends_with(&mend)), "{lines:#?}");
        let right = property(id, unit, signal, "counts_people = true");
        assert_eq!(errors(&right), [""; 0], "{id}");
        ids.push(id);
    }
    assert_eq!(
        ids,
        [
            "bytes_down",
            "bytes_up",
            "clients",
            "sessions",
            "unique_clients"
        ]
    );
}

#[test]
fn a_bundle_made_in_memory_can_not_do_it_either() {
    let registry = Registry::default();
    let mut open = registry.property("clients").unwrap().as_ref().clone();
    open.counts_people = false;
    let bundle = Bundle::default().with_property(open);
    assert!(
        Registry::derive(bundle.clone())
            .0
            .property("clients")
            .unwrap()
            .counts_people
    );
    assert_eq!(Registry::build(bundle).unwrap_err().errors_count, 1);
}

#[test]
fn what_is_shipped_keeps_its_signal_and_unit() {
    let lines = errors(&property("vehicles", "m", "gauge", ""));
    assert_eq!(
        lines,
        [
            "properties.toml:1: error: `vehicles`: `vehicles` is shipped as a state, and this makes it a gauge; write signal = \"state\", or use another id",
            "properties.toml:1: error: `vehicles`: `vehicles` is shipped as unit \"1\", and this makes it `m`; write unit = \"1\", or use another id",
        ]
    );
    let renamed = property("vehicles", "1", "state", "max_hold = \"4h\"\nmax = 900");
    assert_eq!(errors(&renamed), [""; 0]);
}

/// A lot of `places`, with this more to it, and its bays: open ones, then reserved ones.
fn lot(places: u32, more: &str, open: usize, reserved: usize, bay: &str) -> Files {
    let lot = format!("{LOT},\"capacity\":{places}{more}");
    let mut things = vec![thing("lot", &lot, None)];
    for number in 0..open + reserved {
        let is_reserved = number >= open;
        let more = format!("{BAY}{bay},\"properties\":[\"occupied\"],\"reserved\":{is_reserved}");
        things.push(thing(&format!("bay-{number}"), &more, None));
    }
    files(&areas(), &things)
}

#[test]
fn a_lot_less_its_open_bays_does_not_show_its_reserved_ones() {
    let counted = ",\"properties\":[\"vehicles\"]";
    let lines = errors(&lot(3, counted, 2, 1, ""));
    assert_eq!(
        lines,
        [
            "things.geojson:2: error: `prato:lot`: its own `vehicles` less its open bays would show its reserved bays (`bay-2`); leave `vehicles` to its open bays, so that it is derived from them; or count the reserved bays in a lot of their own"
        ]
    );
    let free = ",\"properties\":[\"free\"]";
    for (name, is_shown, files) in [
        ("by its free places", true, lot(3, free, 2, 1, "")),
        ("nothing but reserved bays", true, lot(2, counted, 0, 2, "")),
        ("four other places", true, lot(7, counted, 2, 1, "")),
        ("five other places", false, lot(8, counted, 2, 1, "")),
        ("derived from its bays", false, lot(3, "", 2, 1, "")),
        ("no reserved bay", false, lot(3, counted, 3, 0, "")),
        (
            "bays that are not public",
            false,
            lot(9, counted, 8, 1, ",\"open\":false"),
        ),
        (
            "a lot that is not public",
            false,
            lot(3, &format!("{counted},\"open\":false"), 2, 1, ""),
        ),
        (
            "bays of another kind",
            false,
            lot(3, &format!("{counted},\"vehicle_kind\":\"bike\""), 2, 1, ""),
        ),
    ] {
        let lines = errors(&files);
        assert_eq!(
            lines.iter().any(|line| line.contains(SHOWS)),
            is_shown,
            "{name}: {lines:#?}"
        );
    }
}

#[test]
fn reserved_bays_are_hidden_at_every_moment_and_depth() {
    let counted = format!("{LOT},\"properties\":[\"vehicles\"]");
    let bay = |id: &str, more: &str| {
        thing(
            id,
            &format!("{BAY},\"properties\":[\"occupied\"]{more}"),
            None,
        )
    };
    let works = "[{\"capacity\":50},{\"valid_from\":\"2026-03-01\",\"capacity\":3}]";
    let dated = |reserved: &str| {
        let lot = thing("lot", &format!("{counted},\"capacity\":{works}"), None);
        let closed = bay("bay-1", &format!(",\"reserved\":true{reserved}"));
        errors(&files(&areas(), &[lot, bay("bay-0", ""), closed]))
    };
    assert!(dated("").iter().any(|line| line.contains(SHOWS)));
    assert_eq!(dated(",\"valid_to\":\"2026-03-01\""), [""; 0]);

    let row = thing("row", &format!("{LOT},\"part_of\":\"lot\""), None);
    let in_row = bay("bay-1", ",\"reserved\":true").replace("part_of\":\"lot", "part_of\":\"row");
    let lot = thing("lot", &format!("{counted},\"capacity\":2"), None);
    let lines = errors(&files(&areas(), &[lot, row, bay("bay-0", ""), in_row]));
    assert!(lines.iter().any(|line| line.contains(SHOWS)), "{lines:#?}");
}

#[test]
fn many_other_places_are_a_warning() {
    let (_, warnings) = {
        let checked = lot(250, ",\"properties\":[\"vehicles\"]", 2, 4, "");
        let checked = checked.check(&Bundle::default()).unwrap();
        (checked.registry, checked.warnings)
    };
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].problem.contains("full or empty, it shows them"));
}

#[test]
fn a_count_that_is_not_listed_is_held_to_the_same_rule() {
    let shows = |files: &Files, thing: &str, property: &str| {
        let registry = files.check(&Bundle::default()).unwrap().registry;
        let (thing, property) = (ThingId::parse(thing), PropertyId::parse(property));
        registry.shows_reserved(&thing.unwrap(), &property.unwrap())
    };
    let small = lot(3, "", 2, 1, "");
    assert!(shows(&small, "prato:lot", "vehicles"));
    assert!(shows(&small, "prato:lot", "free"));
    assert!(!shows(&small, "prato:lot", "capacity"));
    assert!(!shows(&small, "prato:bay-0", "occupied"));
    assert!(!shows(&small, "prato:bay-2", "occupied"));
    assert!(!shows(&lot(8, "", 2, 1, ""), "prato:lot", "vehicles"));
    assert!(!shows(&lot(3, "", 3, 0, ""), "prato:lot", "vehicles"));
    let closed = lot(3, ",\"open\":false", 2, 1, "");
    assert!(!shows(&closed, "prato:lot", "vehicles"));
}
