//! The tree of fixed areas at a moment: a registry comes in, who is part of whom goes out.
//!
//! # Why
//! The audit needs sums that form a tree. Zones lie in municipalities, these in a union or directly
//! in a province, provinces in a region. A union that crosses provinces, or that shares a
//! municipality with another, would tie a knot; such a union is not a node, it is added up from
//! published cells like a group, which gives nothing away.
//!
//! # Limits
//! Memberships are taken as they are at the bucket's start.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arno_model::{Area, AreaId, AreaLevel, Thing, Timestamp};
use arno_store::Registry;

/// A node of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) area: AreaId,
    pub(crate) parent: Option<usize>,
    pub(crate) has_rest: bool,
}

/// The fixed areas in which something counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) places: Vec<Place>,
}

impl Tree {
    /// The tree at a moment, of the things that count.
    pub(crate) fn at(
        registry: &Registry,
        moment: Timestamp,
        counts: &dyn Fn(&Thing) -> bool,
    ) -> Self {
        let knots = knotted_unions(registry, moment);
        let mut of_things: Vec<BTreeSet<&AreaId>> = Vec::new();
        for thing in registry
            .things()
            .filter(|thing| thing.valid.contains(moment))
        {
            let Some(place) = registry.place(&thing.id).filter(|_| counts(thing)) else {
                continue;
            };
            let areas = place.areas.iter().filter(|belonging| {
                belonging.level != AreaLevel::Group
                    && belonging.valid.contains(moment)
                    && !knots.contains(&belonging.area)
            });
            of_things.push(areas.map(|belonging| &belonging.area).collect());
        }
        let inhabited: BTreeSet<&AreaId> = of_things.iter().flatten().copied().collect();
        let index: HashMap<&AreaId, usize> = inhabited
            .iter()
            .enumerate()
            .map(|(index, area)| (*area, index))
            .collect();
        let mut places: Vec<Place> = inhabited
            .iter()
            .map(|area| {
                let parent = parent_of(registry, area, moment, &knots);
                let parent = parent.and_then(|parent| index.get(&parent).copied());
                Place {
                    area: (*area).clone(),
                    parent,
                    has_rest: false,
                }
            })
            .collect();
        for (node, _) in inhabited.iter().enumerate() {
            let parts: BTreeSet<AreaId> = places
                .iter()
                .filter(|place| place.parent == Some(node))
                .map(|place| place.area.clone())
                .collect();
            let Some(place) = places.get_mut(node).filter(|_| !parts.is_empty()) else {
                continue;
            };
            let inside = of_things.iter().filter(|areas| areas.contains(&place.area));
            let mut lonely = inside.filter(|areas| areas.iter().all(|one| !parts.contains(*one)));
            place.has_rest = lonely.next().is_some();
        }
        Self { places }
    }

    /// The moments at which the tree may change, ascending.
    pub(crate) fn changes(registry: &Registry) -> Vec<Timestamp> {
        let of_areas = registry.areas().flat_map(|area| {
            let memberships = area.parents.iter().map(|membership| membership.valid);
            memberships.chain([area.valid])
        });
        let of_things = registry.things().flat_map(|thing| {
            let place = registry.place(&thing.id);
            let belongings = place.into_iter().flat_map(|place| &place.areas);
            belongings
                .map(|belonging| belonging.valid)
                .chain([thing.valid])
        });
        let moments: BTreeSet<_> = of_areas
            .chain(of_things)
            .flat_map(|valid| [valid.start, valid.end])
            .collect();
        moments.into_iter().collect()
    }
}

fn parents<'a>(
    registry: &'a Registry,
    area: &'a Area,
    moment: Timestamp,
) -> impl Iterator<Item = &'a Area> {
    let valid = area
        .parents
        .iter()
        .filter(move |membership| membership.valid.contains(moment));
    let known = valid.filter_map(|membership| registry.area(membership.parent.as_str()));
    known
        .map(AsRef::as_ref)
        .filter(move |parent: &&Area| parent.level > area.level && parent.level != AreaLevel::Group)
}

/// The unions that can't stand in a tree.
fn knotted_unions(registry: &Registry, moment: Timestamp) -> BTreeSet<AreaId> {
    let mut provinces: BTreeMap<AreaId, BTreeSet<Option<AreaId>>> = BTreeMap::new();
    let mut knots = BTreeSet::new();
    for area in registry
        .areas()
        .filter(|area| area.level == AreaLevel::Municipality)
    {
        let all: Vec<_> = parents(registry, area, moment).collect();
        let unions: Vec<_> = all
            .iter()
            .filter(|parent| parent.level == AreaLevel::Union)
            .collect();
        let province = all
            .iter()
            .find(|parent| parent.level == AreaLevel::Province);
        for union in &unions {
            let of_union = provinces.entry(union.id.clone()).or_default();
            of_union.insert(province.map(|province| province.id.clone()));
            if unions.len() > 1 {
                knots.insert(union.id.clone());
            }
        }
    }
    let crossing = provinces
        .into_iter()
        .filter(|(_, provinces)| provinces.len() != 1);
    knots.extend(crossing.map(|(union, _)| union));
    knots
}

/// The narrowest area that this one is part of.
fn parent_of(
    registry: &Registry,
    area: &AreaId,
    moment: Timestamp,
    knots: &BTreeSet<AreaId>,
) -> Option<AreaId> {
    let area = registry.area(area.as_str())?;
    if area.level == AreaLevel::Union {
        // Where its municipalities lie, whatever the union itself declares.
        let member = registry
            .children(&area.id)
            .find(|(child, valid)| child.level == AreaLevel::Municipality && valid.contains(moment))
            .map(|(child, _)| child)?;
        let wider = parents(registry, member, moment);
        let province = wider.filter(|parent| parent.level > AreaLevel::Union);
        return province
            .min_by_key(|parent| parent.level)
            .map(|parent| parent.id.clone());
    }
    parents(registry, area, moment)
        .filter(|parent| !knots.contains(&parent.id))
        .min_by_key(|parent| parent.level)
        .map(|parent| parent.id.clone())
}
