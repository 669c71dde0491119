//! `things.geojson`: what observations are about, and where it stands.

use std::collections::BTreeMap;

use arno_model::thing::DeclaredCapacity;
use arno_model::{
    LocalId, PropertyId, PublisherId, Thing, ThingId, ThingKind, TimeRange, VehicleKind, Zone,
};

use super::geojson::{self, Feature};
use crate::registry::bundle::{Part, ZONE_DEFAULT};
use crate::registry::check::Lines;
use crate::registry::fault::{Faults, quoted};
use crate::registry::geometry;
use crate::registry::node::{Fields, Value};

/// Most places of one thing: twenty times the largest car park there is, to catch slips.
const CAPACITY_PLACES_MAX: u64 = 1_000_000;
/// Most changes of capacity that one thing declares.
const CAPACITIES_COUNT_MAX: usize = 1_000;

/// Reads every feature.
pub(super) fn read(text: &str, lines: &mut Lines, faults: &mut Faults) -> BTreeMap<ThingId, Thing> {
    let zone = Zone::parse(ZONE_DEFAULT).unwrap_or(Zone::UTC);
    let mut found = BTreeMap::new();
    let collection = geojson::features(Part::Things, text, faults, |feature, faults| {
        let (spot, line) = (feature.spot.clone(), feature.line);
        let before = faults.errors_count();
        let Some(thing) = thing(feature, &zone, faults) else {
            lines.lose(Part::Things);
            return;
        };
        if faults.errors_count() > before {
            lines.spoil(Part::Things, thing.id.as_str());
        }
        if let Some(earlier) = lines.note(Part::Things, thing.id.as_str(), line) {
            let problem = format!("the thing `{}` stands on line {earlier} already", thing.id);
            faults.error(&spot, problem, "keep one");
        }
        found.insert(thing.id.clone(), thing);
    });
    if collection.is_torn {
        lines.lose(Part::Things);
    }
    found
}

/// One feature; `None` without an id. A missing kind is said, and has a stand-in, so that what
/// names the thing finds it.
fn thing(feature: Feature, zone: &Zone, faults: &mut Faults) -> Option<Thing> {
    let Feature {
        spot,
        id: feature_id,
        properties,
        geometry,
        ..
    } = feature;
    let location = geometry.and_then(|geometry| geometry::point(&geometry, &spot, faults));
    let mut fields = Fields::new(spot, properties, faults);
    let id = global_id(&mut fields, feature_id);
    let name = fields.text("name");
    let kind: Option<ThingKind> = fields.word("kind");
    let vehicle_kind = vehicle_kind(&mut fields, kind);
    let valid = fields.valid(zone);
    let capacity = capacity(&mut fields, valid, zone, kind);
    let part_of = whole(&mut fields, id.as_ref());
    let municipality = fields.id("municipality");
    let properties = properties_of(&mut fields);
    let max_hold = max_hold(&mut fields);
    let max_stay = fields.duration("max_stay");
    let is_reserved = fields.flag("reserved", false);
    let is_open = fields.flag("open", true);
    let aliases = fields.texts("aliases");
    fields.require(
        "kind",
        kind.is_some(),
        "write parking_lot, parking_bay, access_point or sensor",
    );
    fields.finish();
    let id = id?;
    let kind = kind.unwrap_or(match vehicle_kind {
        Some(_) => ThingKind::ParkingLot,
        None => ThingKind::Sensor,
    });
    Some(Thing {
        name: name.unwrap_or_else(|| id.local().as_str().to_owned()),
        part_of,
        id,
        kind,
        vehicle_kind,
        location,
        capacity,
        municipality,
        properties,
        max_hold,
        max_stay,
        is_reserved,
        is_open,
        aliases,
        valid,
    })
}

/// The global name: `publisher` and `id` of the properties, the feature's `publisher:id`, or both
/// alike.
fn global_id(fields: &mut Fields<'_>, feature_id: Option<String>) -> Option<ThingId> {
    let outer = match feature_id {
        Some(text) if text.contains(':') => Some(fields.parsed_id::<ThingId>("id", &text)?),
        _ => None,
    };
    let publisher: Option<PublisherId> = fields.id("publisher");
    let local: Option<LocalId> = fields.id("id");
    if let Some(outer) = outer {
        let agrees = publisher.is_none_or(|publisher| publisher == outer.publisher())
            && local.is_none_or(|local| local == outer.local());
        if !agrees {
            fields.error_here(
                "the feature's `id` and its properties name different things",
                "let `id` be `publisher:id` of the properties",
            );
        }
        return Some(outer);
    }
    fields.require("publisher", publisher.is_some(), "name its publisher");
    fields.require("id", local.is_some(), "choose a short name, like \"lot-1\"");
    Some(ThingId::new(&publisher?, &local?))
}

/// The whole: its `id`, or its global name as answers show it.
fn whole(fields: &mut Fields<'_>, part: Option<&ThingId>) -> Option<ThingId> {
    let text = fields.text("part_of")?;
    if text.contains(':') {
        return fields.parsed_id("part_of", &text);
    }
    let local: LocalId = fields.parsed_id("part_of", &text)?;
    Some(ThingId::new(&part?.publisher(), &local))
}

fn vehicle_kind(fields: &mut Fields<'_>, kind: Option<ThingKind>) -> Option<VehicleKind> {
    let is_parking = matches!(kind, Some(ThingKind::ParkingLot | ThingKind::ParkingBay));
    match fields.take("vehicle_kind") {
        Some(value) => fields.checked_word("vehicle_kind", &value),
        None if is_parking => {
            fields.warn_here(
                "`vehicle_kind` is missing: cars are assumed",
                "write \"vehicle_kind\": \"car\", or what parks there",
            );
            Some(VehicleKind::Car)
        }
        None => None,
    }
}

/// Declared capacities: a whole number, or a list of `{valid_from, capacity}`; a bay has one place.
fn capacity(
    fields: &mut Fields<'_>,
    valid: TimeRange,
    zone: &Zone,
    kind: Option<ThingKind>,
) -> Vec<DeclaredCapacity> {
    let start = valid.start;
    let declared = |places: u64, valid_from| {
        u32::try_from(places)
            .ok()
            .map(|places| DeclaredCapacity { valid_from, places })
    };
    let mut capacities = Vec::new();
    match fields.take("capacity") {
        None if kind == Some(ThingKind::ParkingBay) => capacities.extend(declared(1, start)),
        None => {}
        Some(Value::List(list)) if list.len() <= CAPACITIES_COUNT_MAX => {
            for value in list {
                let Value::Table(entries) = value else {
                    fields.wrong(
                        "capacity",
                        &value,
                        "write objects with valid_from and capacity",
                    );
                    continue;
                };
                let mut inner = fields.inner(entries);
                let valid_from = inner.moment("valid_from", zone).unwrap_or(start);
                let places = inner.whole("capacity", CAPACITY_PLACES_MAX);
                inner.require(
                    "capacity",
                    places.is_some(),
                    "write how many places there are from then on",
                );
                inner.finish();
                capacities.extend(places.and_then(|places| declared(places, valid_from)));
            }
        }
        Some(value) => {
            let places = fields.checked_whole("capacity", &value, CAPACITY_PLACES_MAX);
            capacities.extend(places.and_then(|places| declared(places, start)));
        }
    }
    capacities.sort_by_key(|declared| declared.valid_from);
    capacities
}

fn properties_of(fields: &mut Fields<'_>) -> Vec<PropertyId> {
    let names = fields.texts("properties");
    names
        .iter()
        .filter_map(|name| fields.parsed_id("properties", name))
        .collect()
}

fn max_hold(fields: &mut Fields<'_>) -> BTreeMap<PropertyId, std::time::Duration> {
    let mut holds = BTreeMap::new();
    for (name, _, value) in fields.table("max_hold").unwrap_or_default() {
        let Some(id) = fields.parsed_id("max_hold", &name) else {
            continue;
        };
        if let Some(hold) =
            fields.checked_duration(&format!("max_hold of {}", quoted(&name)), &value)
        {
            holds.insert(id, hold);
        }
    }
    holds
}
