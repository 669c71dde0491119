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
mod property;
mod reserved;
mod thing;
mod unit;

use std::collections::{HashMap, HashSet};

use arno_model::{AreaId, AreaLevel, PropertyId, Publisher, PublisherId, ThingId};

use super::bundle::{Bundle, Part};
use super::fault::{Faults, Spot, nearest, quoted};
use super::shipped_properties;

pub(super) use place::places;
pub(super) use reserved::{is_count, silent_lots};

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

/// On which line of its file an entry stands, and which entries could not be read whole: nothing
/// follows from what these seem to say, or from their absence.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    known: HashMap<(Part, String), u32>,
    spoilt: HashSet<(Part, String)>,
    lost: HashSet<Part>,
}

impl Lines {
    /// Notes an entry's line; returns the line of an earlier entry of that id.
    pub(super) fn note(&mut self, part: Part, id: &str, line: u32) -> Option<u32> {
        self.known.insert((part, id.to_owned()), line)
    }

    /// Notes that an entry has errors of its own.
    pub(super) fn spoil(&mut self, part: Part, id: &str) {
        self.spoilt.insert((part, id.to_owned()));
    }

    /// Whether an entry has errors of its own.
    pub(super) fn is_spoilt(&self, part: Part, id: &str) -> bool {
        !self.spoilt.is_empty() && self.spoilt.contains(&(part, id.to_owned()))
    }

    /// Notes that a file has entries whose id could not be read.
    pub(super) fn lose(&mut self, part: Part) {
        self.lost.insert(part);
    }

    /// Whether an entry may stand in its file although it was not read.
    pub(super) fn may_be_there(&self, part: Part, id: &str) -> bool {
        self.lost.contains(&part) || self.is_spoilt(part, id)
    }

    /// Where an entry stands.
    pub(super) fn spot(&self, part: Part, id: &str) -> Spot {
        let line = self.known.get(&(part, id.to_owned())).copied();
        Spot {
            part,
            line,
            subject: Some(format!("`{id}`")),
        }
    }
}

/// Checks everything that can be checked before places are known; says whether the registry is
/// within its limits.
pub(super) fn references(bundle: &Bundle, lines: &mut Lines, faults: &mut Faults) -> bool {
    let is_within = counts(bundle, faults);
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
    let mut spoilt = Vec::new();
    for thing in bundle.things.values() {
        let before = check.faults.errors_count();
        check.thing(thing);
        if check.faults.errors_count() > before {
            spoilt.push(&thing.id);
        }
    }
    check.members();
    check.aliases();
    check.reserved();
    for id in spoilt {
        lines.spoil(Part::Things, id.as_str());
    }
    is_within
}

/// Says which files have too many entries; `false` when one has.
fn counts(bundle: &Bundle, faults: &mut Faults) -> bool {
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
    let mut is_within = true;
    for (part, count, max) in counts {
        if count > max {
            is_within = false;
            let problem = format!("{count} entries, at most {max} are taken");
            faults.error(
                &Spot::file(part),
                problem,
                "split the region over several instances",
            );
        }
    }
    is_within
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

    /// Notes a name that leads nowhere, with the nearest one that leads somewhere; nothing where it
    /// leads to what could not be read.
    fn unknown(&mut self, spot: &Spot, key: &str, id: &str, part: Part) {
        if self.lines.may_be_there(part, id) {
            return;
        }
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
}
