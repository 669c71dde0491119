//! `areas.geojson`: territories, their polygons, levels and dated memberships.
//!
//! # Shape
//! A group says its `members` (areas and things, each an id or `{id, valid_from, valid_to}`); other
//! areas say their `parents`. A membership of a group may be written on either side; it is exported
//! on the group's, so that a group is one feature that can be added and removed.

use arno_model::{Area, AreaId, AreaLevel, Membership, ThingId, TimeRange, Zone};

use super::geojson::{self, Feature};
use crate::registry::bundle::{AreaEntry, Bundle, Part, ZONE_DEFAULT, put_memberships_in_order};
use crate::registry::check::Lines;
use crate::registry::fault::{Faults, Spot, id_fault, quoted};
use crate::registry::geometry;
use crate::registry::node::{Fields, LIST_COUNT_MAX};

/// Most members of one group: every municipality of Italy, or every thing of a large town.
pub const MEMBERS_COUNT_MAX: usize = 20_000;
/// Most residents of an area: above the world's, to catch slips.
const POPULATION_COUNT_MAX: u64 = 10_000_000_000;

/// A group's word that it has a member.
struct Member {
    group: AreaId,
    spot: Spot,
    id: String,
    valid: TimeRange,
}

/// Reads every feature into the bundle, in place of the areas that it holds.
pub(super) fn read(text: &str, bundle: &mut Bundle, lines: &mut Lines, faults: &mut Faults) {
    bundle.areas.clear();
    bundle.thing_members.clear();
    let mut members = Vec::new();
    let collection = geojson::features(Part::Areas, text, faults, |feature, faults| {
        let (spot, line) = (feature.spot.clone(), feature.line);
        let entry = match area(feature, &mut members, faults) {
            Ok(entry) => entry,
            Err(Some(id)) => return lines.spoil(Part::Areas, id.as_str()),
            Err(None) => return lines.lose(Part::Areas),
        };
        let id = entry.area.id.clone();
        if let Some(earlier) = lines.note(Part::Areas, id.as_str(), line) {
            faults.error(
                &spot,
                format!("the area `{id}` stands on line {earlier} already"),
                "keep one",
            );
        }
        bundle.areas.insert(id, entry);
    });
    bundle.attribution = collection.attribution;
    if collection.is_torn {
        lines.lose(Part::Areas);
    }
    for member in members {
        place_member(member, bundle, lines, faults);
    }
    for entry in bundle.areas.values_mut() {
        put_memberships_in_order(&mut entry.area.parents);
    }
}

fn place_member(member: Member, bundle: &mut Bundle, lines: &Lines, faults: &mut Faults) {
    let Member {
        group,
        spot,
        id,
        valid,
    } = member;
    if id.contains(':') {
        match ThingId::parse(&id) {
            Ok(thing) => {
                let ranges = bundle
                    .thing_members
                    .entry(group)
                    .or_default()
                    .entry(thing)
                    .or_default();
                ranges.push(valid);
                ranges.sort_by_key(|range| (range.start, range.end));
                ranges.dedup();
            }
            Err(fault) => {
                let (problem, mend) = id_fault(&fault);
                faults.error(&spot, format!("`members`: {problem}"), mend);
            }
        }
        return;
    }
    match AreaId::parse(&id)
        .ok()
        .and_then(|id| bundle.areas.get_mut(&id))
    {
        Some(entry) => entry.area.parents.push(Membership {
            parent: group,
            valid,
        }),
        None if lines.may_be_there(Part::Areas, &id) => {}
        None => faults.error(
            &spot,
            format!(
                "`members` names the area {}, which is not there",
                quoted(&id)
            ),
            "add it to areas.geojson, or correct the name; things are named `publisher:thing`",
        ),
    }
}

/// One feature; without a name or level its id, without an id nothing.
fn area(
    feature: Feature,
    members: &mut Vec<Member>,
    faults: &mut Faults,
) -> Result<AreaEntry, Option<AreaId>> {
    let Feature {
        spot,
        id: feature_id,
        properties,
        geometry,
        ..
    } = feature;
    let shape = geometry.and_then(|geometry| geometry::shape(&geometry, &spot, faults));
    let mut fields = Fields::new(spot.clone(), properties, faults);
    let id = own_id(&mut fields, feature_id);
    let name = fields.text("name");
    let level: Option<AreaLevel> = fields.word("level");
    let zone = zone(&mut fields);
    let parents = fields.memberships("parents", LIST_COUNT_MAX, &zone);
    let named_members = fields.memberships("members", MEMBERS_COUNT_MAX, &zone);
    let publisher = fields.id("publisher");
    let population = fields.whole("population", POPULATION_COUNT_MAX);
    let valid = fields.valid(&zone);
    istat(&mut fields, id.as_ref());
    fields.require("name", name.is_some(), "write its name for people");
    fields.require(
        "level",
        level.is_some(),
        "write zone, municipality, union, province, region or group",
    );
    let memberships = parents.into_iter().filter_map(|(parent, valid)| {
        Some(Membership {
            parent: fields.parsed_id("parents", &parent)?,
            valid,
        })
    });
    let parents = memberships.collect();
    if !named_members.is_empty() && level.is_some_and(|level| level != AreaLevel::Group) {
        fields.error_here(
            "only groups have `members`",
            "let the members name it under `parents`, or write level \"group\"",
        );
    }
    fields.finish();
    let (Some(name), Some(level)) = (name, level) else {
        return Err(id);
    };
    let id = id.ok_or(None)?;
    let member = |(member, valid)| Member {
        group: id.clone(),
        spot: spot.clone(),
        id: member,
        valid,
    };
    members.extend(named_members.into_iter().map(member));
    let area = Area {
        id,
        name,
        level,
        parents,
        zone,
        publisher,
        population,
        valid,
    };
    Ok(AreaEntry {
        area,
        shape: shape.map(std::sync::Arc::new),
    })
}

/// The feature's `id`, or that of its properties.
fn own_id(fields: &mut Fields<'_>, feature_id: Option<String>) -> Option<AreaId> {
    let inner = fields.text("id");
    if let (Some(inner), Some(outer)) = (&inner, &feature_id)
        && inner != outer
    {
        fields.error(
            format!("`properties.id` is {}", quoted(inner)),
            "let it equal the feature's `id`, or remove it",
        );
    }
    let named = feature_id.or(inner);
    if named.is_none() {
        fields.error_here(
            "the feature has no `id`",
            "write \"id\": \"it-mun-100005\" beside \"type\"",
        );
    }
    let id = named?;
    fields.parsed_id("id", &id)
}

fn zone(fields: &mut Fields<'_>) -> Zone {
    let named = fields.text("zone");
    let parsed = Zone::parse(named.as_deref().unwrap_or(ZONE_DEFAULT));
    parsed.unwrap_or_else(|fault| {
        fields.error(
            format!("`zone`: {fault}"),
            "look it up in the IANA time zone database",
        );
        Zone::UTC
    })
}

/// `istat` repeats what the id says; it is kept because boundary files carry it.
fn istat(fields: &mut Fields<'_>, id: Option<&AreaId>) {
    let Some(code) = fields.text("istat") else {
        return;
    };
    let by_id = id.and_then(istat_code);
    if by_id != Some(code.as_str()) {
        fields.error(
            format!("`istat` is {}", quoted(&code)),
            "let it equal the id's code, as in it-mun-100005, or remove it",
        );
    }
}

/// The ISTAT code in an id like `it-mun-100005`.
pub(in crate::registry) fn istat_code(id: &AreaId) -> Option<&str> {
    let prefixes = ["it-mun-", "it-prov-", "it-reg-"];
    prefixes
        .iter()
        .find_map(|prefix| id.as_str().strip_prefix(prefix))
}
