//! Areas against each other: levels, memberships, circles, members of groups.

use std::collections::{BTreeSet, HashMap, HashSet};

use arno_model::{Area, AreaId, AreaLevel, TimeRange};

use super::Check;
use crate::registry::bundle::{AreaEntry, Part};
use crate::registry::fault::Spot;
use crate::registry::geometry;
use crate::registry::place::CHAIN_LENGTH_MAX;

impl Check<'_> {
    pub(super) fn area(&mut self, entry: &AreaEntry) {
        let AreaEntry { area, shape } = entry;
        let spot = self.lines.spot(Part::Areas, area.id.as_str());
        if let Some(id) = &area.publisher
            && !self.bundle.publishers.contains_key(id)
        {
            self.unknown(&spot, "publisher", id.as_str(), Part::Publishers);
        }
        self.area_level(&spot, area, shape.is_some());
        let is_italian = area.id.as_str().starts_with("it-");
        if is_italian && shape.as_deref().is_some_and(geometry::seems_mirrored) {
            let problem = "its polygon lies where Italy would with latitude first".to_owned();
            self.error(&spot, problem, "write longitude first");
        }
        if area.valid.is_empty() {
            self.error(
                &spot,
                "`valid_to` is not after `valid_from`".to_owned(),
                "swap or correct them",
            );
        }
        for membership in &area.parents {
            let id = &membership.parent;
            let Some(parent) = self.bundle.areas.get(id) else {
                self.unknown(&spot, "parents", id.as_str(), Part::Areas);
                continue;
            };
            let level = parent.area.level;
            let is_wider = level > area.level || level == AreaLevel::Group;
            let of_zone = area.level != AreaLevel::Zone
                || matches!(level, AreaLevel::Municipality | AreaLevel::Group);
            if !is_wider || !of_zone {
                let problem = format!("a {} can't belong to the {level} `{id}`", area.level);
                let mend = "a zone belongs to its municipality, a municipality to unions and its province, \
                a province to its region, anything to groups";
                self.error(&spot, problem, mend);
            }
            if membership.valid.is_empty() {
                let problem = format!("its membership of `{id}` ends before it begins");
                self.error(
                    &spot,
                    problem,
                    "swap or correct `valid_from` and `valid_to`",
                );
            }
        }
    }

    fn area_level(&mut self, spot: &Spot, area: &Area, has_shape: bool) {
        let prefixes = [
            ("it-mun-", AreaLevel::Municipality),
            ("it-prov-", AreaLevel::Province),
            ("it-reg-", AreaLevel::Region),
        ];
        let by_name = prefixes
            .iter()
            .find(|(prefix, _)| area.id.as_str().starts_with(prefix));
        if let Some((prefix, level)) = by_name.filter(|(_, level)| *level != area.level) {
            let problem = format!(
                "ids that begin with `{prefix}` are of level {level}, not {}",
                area.level
            );
            self.error(spot, problem, "correct `level` or the id");
        }
        if area.level == AreaLevel::Group && has_shape {
            self.error(
                spot,
                "a group has a geometry".to_owned(),
                "write `\"geometry\": null`: a group is what its members are",
            );
        }
        if !has_shape && !matches!(area.level, AreaLevel::Group | AreaLevel::Union) {
            self.faults.warn(
                spot,
                "it has no polygon, so no thing is placed in it by its point and no map shows it",
                "give it a Polygon or MultiPolygon",
            );
        }
        let in_municipality = area.parents.iter().any(|membership| {
            let parent = self.bundle.areas.get(&membership.parent);
            parent.is_none_or(|parent| parent.area.level == AreaLevel::Municipality)
        });
        if area.level == AreaLevel::Zone && !in_municipality {
            self.error(
                spot,
                "a zone names no municipality".to_owned(),
                "write its municipality under `parents`",
            );
        }
    }

    /// Reports every circle of parents once, and chains that are too long.
    pub(super) fn area_cycles(&mut self) {
        let mut heights: HashMap<&AreaId, usize> = HashMap::new();
        for start in self.bundle.areas.keys() {
            // Depth first, with the path as an explicit stack: what comes from outside never
            // recurses.
            let mut path: Vec<(&AreaId, usize)> = vec![(start, 0)];
            let mut on_path: HashSet<&AreaId> = HashSet::new();
            while let Some((id, next)) = path.pop() {
                if heights.contains_key(id) {
                    continue;
                }
                on_path.insert(id);
                let entry = self.bundle.areas.get(id);
                let parents = entry.map_or(&[][..], |entry| entry.area.parents.as_slice());
                let Some(parent) = parents.get(next).map(|membership| &membership.parent) else {
                    let above = parents
                        .iter()
                        .filter_map(|member| heights.get(&member.parent));
                    heights.insert(id, above.max().map_or(0, |height| height + 1));
                    on_path.remove(id);
                    continue;
                };
                path.push((id, next + 1));
                if on_path.contains(parent) {
                    self.area_cycle(&path, parent);
                } else if let Some((parent, _)) = self.bundle.areas.get_key_value(parent) {
                    path.push((parent, 0));
                }
            }
        }
        let long = heights
            .iter()
            .filter(|(_, height)| **height > CHAIN_LENGTH_MAX);
        for id in long.map(|(id, _)| *id).collect::<BTreeSet<_>>() {
            let spot = self.lines.spot(Part::Areas, id.as_str());
            let problem =
                format!("it has a chain of more than {CHAIN_LENGTH_MAX} parents above it");
            self.error(
                &spot,
                problem,
                "let groups name areas instead of groups of groups",
            );
        }
    }

    fn area_cycle(&mut self, path: &[(&AreaId, usize)], parent: &AreaId) {
        let circle = path
            .iter()
            .map(|(id, _)| *id)
            .skip_while(|id| *id != parent);
        let names: Vec<_> = circle.map(AreaId::as_str).collect();
        let spot = self
            .lines
            .spot(Part::Areas, names.last().copied().unwrap_or_default());
        let problem = format!(
            "its parents lead back to itself: {} → {parent}",
            names.join(" → ")
        );
        self.error(&spot, problem, "remove one of these memberships");
    }

    pub(super) fn members(&mut self) {
        for (group, members) in &self.bundle.thing_members {
            let spot = self.lines.spot(Part::Areas, group.as_str());
            let level = self.bundle.areas.get(group).map(|entry| entry.area.level);
            if level != Some(AreaLevel::Group) {
                self.error(
                    &spot,
                    "only groups have `members`".to_owned(),
                    "let the members name it under `parents`, or make it a group",
                );
            }
            for (thing, ranges) in members {
                if !self.bundle.things.contains_key(thing) {
                    self.unknown(&spot, "members", thing.as_str(), Part::Things);
                }
                if ranges.iter().copied().any(TimeRange::is_empty) {
                    let problem = format!("the membership of `{thing}` ends before it begins");
                    self.error(
                        &spot,
                        problem,
                        "swap or correct `valid_from` and `valid_to`",
                    );
                }
            }
        }
    }
}
