//! The examples that the documentation applies are registries without a fault.

use std::path::Path;

use super::*;

fn example(name: &str) -> Checked {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples")
        .join(name);
    let files = Files::read_folder(&folder).unwrap();
    let checked = files.check(&Bundle::default());
    checked.unwrap_or_else(|report| panic!("{name}: {:#?}", report.lines().collect::<Vec<_>>()))
}

#[test]
fn every_example_can_be_applied_and_exports_alike() {
    for name in ["prato", "trento", "birmingham"] {
        let exported = export(example(name).registry.bundle());
        let again = exported.check(&Bundle::default()).unwrap();
        assert!(export(again.registry.bundle()) == exported, "{name}");
    }
    assert_eq!(example("prato").warnings, []);
}

/// The first steps send one lot's reading and ask for the town: below half of its places known, the
/// answer would be null.
#[test]
fn one_lot_of_prato_is_more_than_half_of_its_places() {
    let registry = example("prato").registry;
    let town = id("it-mun-100005");
    let places = |thing: &Thing| thing.capacity.iter().map(|declared| declared.places).sum();
    let all: u32 = registry
        .things_in(&town)
        .map(|(thing, _)| places(thing))
        .sum();
    let one: u32 = places(registry.thing("prato:lot-1").unwrap());
    assert!(one * 2 > all, "{one} of {all}");
}
