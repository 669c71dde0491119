//! The canonical export: a bundle comes in, the four files go out, always the same bytes for the
//! same registry.
//!
//! # Shape
//! Entries by id, keys in one fixed order, lists that are sets sorted, defaults left out, one
//! feature a line; numbers in the shortest form that reads back exactly. Applying an export and
//! exporting again gives the same bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use arno_model::publisher::MAX_AGE_DEFAULT;
use arno_model::time::format_duration;
use arno_model::{
    AreaId, AreaLevel, NumberType, ObservedProperty, PropertyId, Publisher, PublisherId,
    SignalKind, Thing, ThingId, ThingKind, TimeRange, Timestamp,
};
use serde::Serialize;

use super::bundle::{AreaEntry, Bundle};
use super::files::{Files, WITHOUT_LIMIT, istat_code};
use super::geometry::Geometry;

/// Prints all four files.
pub fn export(bundle: &Bundle) -> Files {
    let mut bundle = bundle.clone();
    bundle.put_in_order();
    let bundle = &bundle;
    let publishers: Vec<_> = bundle.publishers.values().map(publisher).collect();
    let properties: Vec<_> = bundle.properties.values().map(property).collect();
    let groups = members(bundle);
    let areas: Vec<_> = bundle
        .areas
        .values()
        .map(|entry| area(entry, &groups))
        .collect();
    let things: Vec<_> = bundle.things.values().map(thing).collect();
    Files {
        publishers: Some(publishers.join("\n").into_bytes()),
        properties: Some(properties.join("\n").into_bytes()),
        areas: Some(collection(bundle.attribution.as_deref(), &areas)),
        things: Some(collection(None, &things)),
    }
}

/// Group memberships, by group: what the group's feature says.
pub(super) type Members<'a> = BTreeMap<&'a AreaId, Vec<Membership<'a>>>;

/// Collects every group's members: areas by id, then things by id.
pub(super) fn members(bundle: &Bundle) -> Members<'_> {
    let mut members: Members<'_> = BTreeMap::new();
    let is_group = |id: &AreaId| is_group(bundle, id);
    for (id, entry) in &bundle.areas {
        for membership in entry
            .area
            .parents
            .iter()
            .filter(|membership| is_group(&membership.parent))
        {
            let of_group = members.entry(&membership.parent).or_default();
            of_group.push(Membership::new(id.as_str(), membership.valid));
        }
    }
    for (group, things) in &bundle.thing_members {
        let stays = things.iter().flat_map(|(id, ranges)| {
            ranges
                .iter()
                .map(|valid| Membership::new(ThingId::as_str(id), *valid))
        });
        members.entry(group).or_default().extend(stays);
    }
    members
}

fn is_group(bundle: &Bundle, id: &AreaId) -> bool {
    bundle
        .areas
        .get(id)
        .is_some_and(|entry| entry.area.level == AreaLevel::Group)
}

fn collection(attribution: Option<&str>, features: &[String]) -> Vec<u8> {
    let mut text = String::from("{\"type\":\"FeatureCollection\",");
    if let Some(attribution) = attribution {
        push(
            &mut text,
            format_args!("\"attribution\":{},", json(&attribution)),
        );
    }
    text.push_str("\"features\":[\n");
    text.push_str(&features.join(",\n"));
    text.push_str(if features.is_empty() {
        "]}\n"
    } else {
        "\n]}\n"
    });
    text.into_bytes()
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments)
        .expect("writing to a String does not fail");
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value)
        .expect("texts, finite numbers and structs of them always serialise")
}

/// One `key = value` line of TOML.
fn line(text: &mut String, key: &str, value: impl Into<toml::Value>) {
    push(text, format_args!("{key} = {}\n", value.into()));
}

fn duration_line(text: &mut String, key: &str, duration: Option<std::time::Duration>) {
    if let Some(duration) = duration {
        line(text, key, format_duration(duration));
    }
}

/// One `[[publisher]]`.
pub(super) fn publisher(publisher: &Publisher) -> String {
    let mut text = String::from("[[publisher]]\n");
    line(&mut text, "id", publisher.id.as_str());
    line(&mut text, "name", publisher.name.as_str());
    line(&mut text, "kind", publisher.kind.as_str());
    if let Some(code) = &publisher.ipa_code {
        line(&mut text, "ipa_code", code.as_str());
    }
    if let Some(municipality) = &publisher.municipality {
        line(&mut text, "municipality", municipality.as_str());
    }
    if publisher.max_age != MAX_AGE_DEFAULT {
        duration_line(&mut text, "max_age", Some(publisher.max_age));
    }
    text
}

/// One `[[property]]`.
pub(super) fn property(property: &ObservedProperty) -> String {
    let mut text = String::from("[[property]]\n");
    let (it, en) = &property.name;
    let quoted = |name: &str| toml::Value::from(name).to_string();
    line(&mut text, "id", property.id.as_str());
    push(
        &mut text,
        format_args!("name = {{ it = {}, en = {} }}\n", quoted(it), quoted(en)),
    );
    line(&mut text, "unit", property.unit.as_str());
    line(&mut text, "signal", property.signal.as_str());
    line(&mut text, "type", property.number.as_str());
    line(&mut text, "area_mode", property.area_mode.as_str());
    match property.max_hold {
        None if property.signal == SignalKind::State => line(&mut text, "max_hold", WITHOUT_LIMIT),
        hold => duration_line(&mut text, "max_hold", hold),
    }
    duration_line(&mut text, "expected_interval", property.expected_interval);
    duration_line(&mut text, "max_gap", property.max_gap);
    duration_line(&mut text, "period", property.period);
    let is_boolean = property.number == NumberType::Boolean;
    for (key, bound, of_boolean) in [("min", property.min, 0.0), ("max", property.max, 1.0)] {
        let is_default =
            is_boolean && bound.is_some_and(|bound: f64| bound.total_cmp(&of_boolean).is_eq());
        if let Some(bound) = bound.filter(|_| !is_default) {
            line(&mut text, key, bound);
        }
    }
    if property.counts_people {
        line(&mut text, "counts_people", true);
    }
    text
}

#[derive(Serialize)]
struct Feature<'a, P: Serialize> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    properties: P,
    geometry: Option<Geometry>,
}

/// A membership: its bare id when it always held.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Membership<'a> {
    Always(&'a str),
    Dated {
        id: &'a str,
        #[serde(flatten)]
        valid: Valid,
    },
}

impl<'a> Membership<'a> {
    fn new(id: &'a str, valid: TimeRange) -> Self {
        if valid == TimeRange::ALL {
            return Self::Always(id);
        }
        Self::Dated {
            id,
            valid: Valid::from(valid),
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Valid {
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to: Option<Timestamp>,
}

impl From<TimeRange> for Valid {
    fn from(range: TimeRange) -> Self {
        Self {
            valid_from: (range.start != Timestamp::MIN).then_some(range.start),
            valid_to: (range.end != Timestamp::MAX).then_some(range.end),
        }
    }
}

#[derive(Serialize)]
struct AreaProperties<'a> {
    name: &'a str,
    level: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parents: Vec<Membership<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    members: &'a [Membership<'a>],
    zone: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    istat: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    population: Option<u64>,
    #[serde(flatten)]
    valid: Valid,
}

/// One feature of `areas.geojson`.
pub(super) fn area(entry: &AreaEntry, groups: &Members<'_>) -> String {
    let area = &entry.area;
    let parents = area
        .parents
        .iter()
        .filter(|membership| !groups.contains_key(&membership.parent));
    json(&Feature {
        kind: "Feature",
        id: area.id.as_str(),
        properties: AreaProperties {
            name: &area.name,
            level: area.level.as_str(),
            parents: parents
                .map(|member| Membership::new(member.parent.as_str(), member.valid))
                .collect(),
            members: groups.get(&area.id).map_or(&[][..], Vec::as_slice),
            zone: area.zone.name(),
            istat: istat_code(&area.id),
            publisher: area.publisher.as_ref().map(PublisherId::as_str),
            population: area.population,
            valid: Valid::from(area.valid),
        },
        geometry: entry.shape.as_deref().map(Geometry::from),
    })
}

#[derive(Serialize)]
struct ThingProperties<'a> {
    id: String,
    publisher: String,
    name: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    vehicle_kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<Capacity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    municipality: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    max_hold: BTreeMap<&'a str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_stay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<bool>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aliases: &'a [String],
    #[serde(flatten)]
    valid: Valid,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Capacity {
    Fixed(u32),
    Dated(Vec<DatedCapacity>),
}

#[derive(Serialize)]
struct DatedCapacity {
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<Timestamp>,
    capacity: u32,
}

/// One feature of `things.geojson`.
pub(super) fn thing(thing: &Thing) -> String {
    json(&Feature {
        kind: "Feature",
        id: thing.id.as_str(),
        properties: ThingProperties {
            id: thing.id.local().to_string(),
            publisher: thing.id.publisher().to_string(),
            name: &thing.name,
            kind: thing.kind.as_str(),
            vehicle_kind: thing.vehicle_kind.map(arno_model::VehicleKind::as_str),
            capacity: capacity(thing),
            part_of: thing
                .part_of
                .as_ref()
                .map(|whole| whole.local().to_string()),
            municipality: thing.municipality.as_ref().map(AreaId::as_str),
            properties: thing.properties.iter().map(PropertyId::as_str).collect(),
            max_hold: thing
                .max_hold
                .iter()
                .map(|(id, hold)| (id.as_str(), format_duration(*hold)))
                .collect(),
            max_stay: thing.max_stay.map(format_duration),
            reserved: thing.is_reserved.then_some(true),
            open: (!thing.is_open).then_some(false),
            aliases: &thing.aliases,
            valid: Valid::from(thing.valid),
        },
        geometry: thing.location.map(Geometry::from),
    })
}

/// A number where one capacity holds from the thing's beginning; nothing for a bay, which has one
/// place.
fn capacity(thing: &Thing) -> Option<Capacity> {
    let beginning = thing.valid.start;
    match thing.capacity.as_slice() {
        [] => None,
        [only] if only.valid_from == beginning && thing.kind == ThingKind::ParkingBay => None,
        [only] if only.valid_from == beginning => Some(Capacity::Fixed(only.places)),
        several => {
            let dated = several.iter().map(|declared| DatedCapacity {
                valid_from: (declared.valid_from != beginning).then_some(declared.valid_from),
                capacity: declared.places,
            });
            Some(Capacity::Dated(dated.collect()))
        }
    }
}
