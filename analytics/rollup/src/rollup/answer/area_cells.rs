//! Which cells an area question asks for: areas, levels and things come in, labelled lists of
//! members go out.
//!
//! # Why
//! Fixed areas as the public sees them have kept rows. Groups, things, rows "outside", and areas
//! where somebody sees more than the public are lists of members like any other, so a group defined
//! now is right for the past at once.
//!
//! # Invariants
//! The cells of a level inside an area and its row "outside" hold each of the area's things at each
//! moment exactly once (where the level's areas do not overlap), so additive parts add up exactly.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use arno_model::{AreaId, AreaLevel, ThingId, VehicleKind};

use crate::error::RollupError;
use crate::layout::cell::{CellKey, CellMode, Member, stay};
use crate::layout::{Layout, ThingPlan, has_area_value};
use crate::query::{AreaLevelAsked, AreaQuery, Measure};
use crate::rollup::answer::members::own_members;
use crate::rollup::answer::sight::Sight;
use crate::signal::{Span, joined, without};

/// One labelled list of members.
#[derive(Debug, Clone)]
pub struct AnswerCell {
    /// The area's or thing's name.
    pub area: String,
    /// The level's name.
    pub level: &'static str,
    /// Whether it is what lies in `area` but in no area of `level`.
    pub outside: bool,
    /// For parking.
    pub vehicle_kind: Option<VehicleKind>,
    /// Who is in it, by name.
    pub members: Vec<Member>,
    /// The slot of its kept rows.
    pub kept: Option<i32>,
}

/// The cells of a question, and how they add up.
///
/// # Errors
/// [`RollupError`] for names that the registry does not know.
pub fn cells(sight: &Sight, query: &AreaQuery) -> Result<(CellMode, Vec<AnswerCell>), RollupError> {
    let finder = Finder::new(sight, query)?;
    let mut cells = match (&query.level, &query.things) {
        (AreaLevelAsked::Thing, Some(things)) => finder.asked_things(things)?,
        (AreaLevelAsked::Thing, None) => finder.counting_things(),
        (AreaLevelAsked::Own, _) => finder.own(),
        (AreaLevelAsked::Level(level), _) => finder.inside(*level),
    };
    for cell in &mut cells {
        cell.kept = finder.kept(cell);
    }
    Ok((finder.mode, cells))
}

struct Finder<'a> {
    sight: &'a Sight,
    layout: &'a Layout,
    query: &'a AreaQuery,
    mode: CellMode,
    kept: HashMap<&'a CellKey, usize>,
}

impl<'a> Finder<'a> {
    fn new(sight: &'a Sight, query: &'a AreaQuery) -> Result<Self, RollupError> {
        let layout: &Layout = &sight.view.layout;
        let registry = &sight.view.registry;
        let Some(mode) = CellMode::of(registry, &query.measure) else {
            let Measure::Property(property) = &query.measure else {
                return Err(RollupError::Stopped);
            };
            return Err(RollupError::UnknownProperty {
                property: property.clone(),
            });
        };
        let mut areas = query.areas.iter().flatten();
        if let Some(area) = areas.find(|area| registry.area(area.as_str()).is_none()) {
            return Err(RollupError::UnknownArea { area: area.clone() });
        }
        let kept = layout
            .cells()
            .iter()
            .enumerate()
            .map(|(place, cell)| (&cell.key, place));
        Ok(Self {
            sight,
            layout,
            query,
            mode,
            kept: kept.collect(),
        })
    }

    /// The stream by which a thing counts. A property without a figure over areas (for its known
    /// share alone) counts wherever it is measured.
    fn counting(&self, thing: &ThingPlan) -> Option<usize> {
        let measure = &self.query.measure;
        if !self.query.audience.counts_parts(thing.is_public, &thing.id) {
            return None;
        }
        match self.mode {
            CellMode::Property { mode, .. } if !has_area_value(mode) => {
                thing.measured_stream(measure)
            }
            _ => thing.counting_stream(measure),
        }
    }

    fn kind_of(&self, thing: &ThingPlan) -> Option<VehicleKind> {
        match self.mode {
            CellMode::Parking => thing.vehicle_kind,
            CellMode::Property { .. } => None,
        }
    }

    fn counting_plans(&self) -> impl Iterator<Item = (usize, &'a ThingPlan, usize)> + '_ {
        let things = self.layout.things().iter().enumerate();
        things.filter_map(|(place, thing)| Some((place, thing, self.counting(thing)?)))
    }

    /// The members of areas by area and kind.
    fn members(
        &self,
        is_asked: impl Fn(&AreaId, AreaLevel) -> bool,
    ) -> BTreeMap<(AreaId, Option<VehicleKind>), (AreaLevel, Vec<Member>)> {
        let mut found: BTreeMap<_, (AreaLevel, Vec<Member>)> = BTreeMap::new();
        for (place, thing, stream) in self.counting_plans() {
            for belonging in thing.areas.iter() {
                if !is_asked(&belonging.area, belonging.level) {
                    continue;
                }
                let span = stay(thing, belonging);
                if span.is_empty() {
                    continue;
                }
                let key = (belonging.area.clone(), self.kind_of(thing));
                let (_, members) = found
                    .entry(key)
                    .or_insert_with(|| (belonging.level, Vec::new()));
                members.push(Member::new(place, stream, span));
            }
        }
        found
    }

    fn own(&self) -> Vec<AnswerCell> {
        let asked: Option<HashSet<&AreaId>> = self
            .query
            .areas
            .as_ref()
            .map(|areas| areas.iter().collect());
        let found = self.members(|area, level| match &asked {
            Some(asked) => asked.contains(area),
            None => level != AreaLevel::Group,
        });
        found
            .into_iter()
            .map(|((area, kind), (level, members))| area_cell(&area, level, kind, members))
            .collect()
    }

    fn inside(&self, level: AreaLevel) -> Vec<AnswerCell> {
        let Some(parents) = &self.query.areas else {
            let found = self.members(|_, of_area| of_area == level);
            let cells = found.into_iter();
            return cells
                .map(|((area, kind), (level, members))| area_cell(&area, level, kind, members))
                .collect();
        };
        let mut cells = Vec::new();
        let mut seen = HashSet::new();
        for parent in parents
            .iter()
            .filter(|parent| seen.insert((*parent).clone()))
        {
            self.add_inside(parent, level, &mut cells);
        }
        cells
    }

    /// The cells of a level inside one area, and what is left of the area outside of them.
    fn add_inside(&self, parent: &AreaId, level: AreaLevel, cells: &mut Vec<AnswerCell>) {
        let children = self.areas_inside(parent, level);
        let mut inside: BTreeMap<(AreaId, Option<VehicleKind>), Vec<Member>> = BTreeMap::new();
        let mut outside: BTreeMap<Option<VehicleKind>, Vec<Member>> = BTreeMap::new();
        for (place, thing, stream) in self.counting_plans() {
            let kind = self.kind_of(thing);
            let in_parent = thing
                .areas
                .iter()
                .filter(|belonging| belonging.area == *parent);
            for whole in in_parent.map(|belonging| stay(thing, belonging)) {
                let mut left = vec![whole];
                let in_children = thing
                    .areas
                    .iter()
                    .filter(|belonging| children.contains(&belonging.area));
                for belonging in in_children {
                    let span = stay(thing, belonging).intersect(whole);
                    if span.is_empty() {
                        continue;
                    }
                    left = left
                        .into_iter()
                        .flat_map(|left| without(left, span))
                        .collect();
                    let members = inside.entry((belonging.area.clone(), kind)).or_default();
                    members.push(Member::new(place, stream, span));
                }
                let left = left.into_iter().filter(|span| !span.is_empty());
                let left: Vec<_> = left.map(|span| Member::new(place, stream, span)).collect();
                if !left.is_empty() {
                    outside.entry(kind).or_default().extend(left);
                }
            }
        }
        cells.extend(
            inside
                .into_iter()
                .map(|((area, kind), members)| area_cell(&area, level, kind, members)),
        );
        cells.extend(outside.into_iter().map(|(kind, members)| AnswerCell {
            outside: true,
            ..area_cell(parent, level, kind, members)
        }));
    }

    /// The areas of a level that lie inside an area at some time, by the registry's memberships.
    fn areas_inside(&self, parent: &AreaId, level: AreaLevel) -> BTreeSet<AreaId> {
        let registry = &self.sight.view.registry;
        let mut found = BTreeSet::new();
        let mut seen = HashSet::from([parent.clone()]);
        let mut rest = vec![parent.clone()];
        while let Some(area) = rest.pop() {
            if registry
                .area(area.as_str())
                .is_some_and(|area| area.level == level)
            {
                found.insert(area.clone());
            }
            for (child, _) in registry.children(&area) {
                if seen.insert(child.id.clone()) {
                    rest.push(child.id.clone());
                }
            }
        }
        found
    }

    fn counting_things(&self) -> Vec<AnswerCell> {
        let areas: Option<HashSet<&AreaId>> = self
            .query
            .areas
            .as_ref()
            .map(|areas| areas.iter().collect());
        let cells = self.counting_plans().filter_map(|(place, thing, stream)| {
            let spans = match &areas {
                None => vec![Span::ALL],
                Some(areas) => {
                    let within = thing
                        .areas
                        .iter()
                        .filter(|belonging| areas.contains(&belonging.area));
                    joined(within.map(|belonging| stay(thing, belonging)).collect())
                }
            };
            let members = spans
                .into_iter()
                .map(|span| Member::new(place, stream, span))
                .collect();
            self.thing_cell(thing, members)
        });
        cells.collect()
    }

    fn asked_things(&self, things: &[ThingId]) -> Result<Vec<AnswerCell>, RollupError> {
        let mut places = BTreeSet::new();
        for id in things {
            let place = self.layout.place(id.as_str());
            places.insert(place.ok_or_else(|| RollupError::UnknownThing { thing: id.clone() })?);
        }
        let plans = places
            .into_iter()
            .filter_map(|place| Some((place, self.layout.thing(place)?)));
        let cells = plans
            .filter_map(|(place, thing)| self.thing_cell(thing, self.own_members(place, thing)));
        Ok(cells.collect())
    }

    /// What makes a thing's own figure: its stream, or those of its parts.
    fn own_members(&self, place: usize, thing: &ThingPlan) -> Vec<Member> {
        own_members(
            self.layout,
            &self.query.measure,
            &self.query.audience,
            place,
            thing,
        )
    }

    fn thing_cell(&self, thing: &ThingPlan, members: Vec<Member>) -> Option<AnswerCell> {
        (!members.is_empty()).then(|| AnswerCell {
            area: thing.id.as_str().to_owned(),
            level: "thing",
            outside: false,
            vehicle_kind: self.kind_of(thing),
            members,
            kept: None,
        })
    }

    /// The slot of the kept cell with the same members.
    fn kept(&self, cell: &AnswerCell) -> Option<i32> {
        if cell.outside || cell.level == "thing" || self.sight.as_of.is_some() {
            return None;
        }
        let property = match &self.query.measure {
            Measure::Parking => None,
            Measure::Property(property) => Some(property.clone()),
        };
        let area = AreaId::parse(&cell.area).ok()?;
        let key = CellKey {
            area,
            property,
            vehicle_kind: cell.vehicle_kind,
        };
        let place = *self.kept.get(&key)?;
        let is_same = self.layout.cells().get(place)?.members == cell.members;
        let slot = *self.sight.view.cell_slots.get(place)?;
        is_same.then_some(slot)
    }
}

fn area_cell(
    area: &AreaId,
    level: AreaLevel,
    vehicle_kind: Option<VehicleKind>,
    members: Vec<Member>,
) -> AnswerCell {
    AnswerCell {
        area: area.as_str().to_owned(),
        level: level.as_str(),
        outside: false,
        vehicle_kind,
        members,
        kept: None,
    }
}
