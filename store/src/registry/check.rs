//! Holds a bundle against itself: values that are each well-formed come in, the faults between them
//! go into the one report.
//!
//! # Why
//! References, cycles, levels and kinds can only be judged when all four files are read, also for
//! bundles that never were files. What can be judged alone is judged where it is read.
//!
//! # Limits
//! `…_COUNT_MAX`: a larger registry is refused, before places are computed.

mod area;
mod place;
mod thing;

use std::collections::HashMap;

use arno_model::{
    AreaId, AreaLevel, ObservedProperty, PropertyId, Publisher, PublisherId, SignalKind, ThingId,
};

use super::bundle::{Bundle, Part};
use super::fault::{Faults, Spot, nearest, quoted};
use super::shipped_properties;

pub(super) use place::places;

/// Most publishers: Italy has 7,900 municipalities.
pub const PUBLISHERS_COUNT_MAX: usize = 20_000;
/// Most own properties: each may become a column and a label.
pub const PROPERTIES_COUNT_MAX: usize = 1_000;
/// Most areas: Italy's municipalities, provinces and regions with five zones each.
pub const AREAS_COUNT_MAX: usize = 50_000;
/// Most things: thirty regions of 6,000 bays and 1,000 access points; about 1 KB of memory each.
pub const THINGS_COUNT_MAX: usize = 200_000;
/// Most names that a spelling is compared with.
const SPELLINGS_COUNT_MAX: usize = 5_000;

/// On which line of its file an entry stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(HashMap<(Part, String), u32>);

impl Lines {
    /// Notes an entry's line; returns the line of an earlier entry of that id.
    pub(super) fn note(&mut self, part: Part, id: &str, line: u32) -> Option<u32> {
        self.0.insert((part, id.to_owned()), line)
    }

    /// Where an entry stands.
    pub(super) fn spot(&self, part: Part, id: &str) -> Spot {
        let line = self.0.get(&(part, id.to_owned())).copied();
        Spot {
            part,
            line,
            subject: Some(format!("`{id}`")),
        }
    }
}

/// Checks everything that can be checked before places are known.
pub(super) fn references(bundle: &Bundle, lines: &Lines, faults: &mut Faults) {
    let counts = [
        (
            Part::Publishers,
            bundle.publishers.len(),
            PUBLISHERS_COUNT_MAX,
        ),
        (
            Part::Properties,
            bundle.properties.len(),
            PROPERTIES_COUNT_MAX,
        ),
        (Part::Areas, bundle.areas.len(), AREAS_COUNT_MAX),
        (Part::Things, bundle.things.len(), THINGS_COUNT_MAX),
    ];
    for (part, count, max) in counts {
        if count > max {
            let problem = format!("{count} entries, at most {max} are taken");
            faults.error(
                &Spot::file(part),
                problem,
                "split the region over several instances",
            );
        }
    }
    let mut check = Check {
        bundle,
        lines,
        faults,
    };
    for publisher in bundle.publishers.values() {
        check.publisher(publisher);
    }
    for property in bundle.properties.values() {
        check.property(property);
    }
    for entry in bundle.areas.values() {
        check.area(entry);
    }
    check.area_cycles();
    for thing in bundle.things.values() {
        check.thing(thing);
    }
    check.members();
    check.aliases();
}

struct Check<'a> {
    bundle: &'a Bundle,
    lines: &'a Lines,
    faults: &'a mut Faults,
}

impl Check<'_> {
    fn error(&mut self, spot: &Spot, problem: String, mend: impl Into<String>) {
        self.faults.error(spot, problem, mend);
    }

    /// Notes a name that leads nowhere, with the nearest one that leads somewhere.
    fn unknown(&mut self, spot: &Spot, key: &str, id: &str, part: Part) {
        let bundle = self.bundle;
        let known: Vec<&str> = match part {
            Part::Publishers => bundle.publishers.keys().map(PublisherId::as_str).collect(),
            Part::Areas => bundle.areas.keys().map(AreaId::as_str).collect(),
            Part::Things => bundle.things.keys().map(ThingId::as_str).collect(),
            Part::Properties => {
                let shipped = shipped_properties().iter().map(|shipped| &shipped.id);
                bundle
                    .properties
                    .keys()
                    .chain(shipped)
                    .map(PropertyId::as_str)
                    .collect()
            }
        };
        let mend = match nearest(id, known.into_iter().take(SPELLINGS_COUNT_MAX)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("add it to {}, or correct the name", part.file_name()),
        };
        let problem = format!(
            "`{key}` names the {} {}, which is not there",
            part.noun(),
            quoted(id)
        );
        self.error(spot, problem, mend);
    }

    fn publisher(&mut self, publisher: &Publisher) {
        let spot = self.lines.spot(Part::Publishers, publisher.id.as_str());
        if let Some(id) = &publisher.municipality {
            self.municipality(&spot, id);
        }
    }

    fn municipality(&mut self, spot: &Spot, id: &AreaId) {
        match self.bundle.areas.get(id) {
            None => self.unknown(spot, "municipality", id.as_str(), Part::Areas),
            Some(entry) if entry.area.level != AreaLevel::Municipality => {
                let problem = format!(
                    "`municipality` names `{id}`, which is a {}",
                    entry.area.level
                );
                self.error(spot, problem, "name an area of level municipality");
            }
            Some(_) => {}
        }
    }

    fn property(&mut self, property: &ObservedProperty) {
        let spot = self.lines.spot(Part::Properties, property.id.as_str());
        let kinds = [
            (
                "max_hold",
                property.max_hold.is_some(),
                &[SignalKind::State][..],
            ),
            (
                "expected_interval",
                property.expected_interval.is_some(),
                &[SignalKind::Gauge],
            ),
            (
                "max_gap",
                property.max_gap.is_some(),
                &[SignalKind::Counter],
            ),
            (
                "period",
                property.period.is_some(),
                &[SignalKind::Delta, SignalKind::Distinct],
            ),
        ];
        for (key, is_there, allowed) in kinds {
            if is_there && !allowed.contains(&property.signal) {
                let right: Vec<_> = allowed.iter().map(|kind| kind.as_str()).collect();
                let problem = format!("`{key}` means nothing for a {}", property.signal);
                self.error(
                    &spot,
                    problem,
                    format!("remove it; it belongs to signal {}", right.join(" or ")),
                );
            }
        }
        if let (Some(min), Some(max)) = (property.min, property.max)
            && min > max
        {
            self.error(
                &spot,
                format!("`min` {min} is above `max` {max}"),
                "swap them",
            );
        }
    }
}
