//! Reserved bays inside lots that count themselves: what a public count less public bays would
//! tell of them.
//!
//! # Why
//! A reserved bay's state is never public by itself. A lot's own count holds its reserved bays; its
//! open bays can be taken off it by anybody. When few other places are left, the rest is the
//! reserved bays. Which things report what is fixed here, so it is here that it is refused.
//!
//! # Shape
//! For every moment of the lot's life: places that nobody reports = capacity − public parts −
//! reserved parts. The least of them decides.

use std::collections::{BTreeMap, HashMap, HashSet};

use arno_model::{Thing, ThingId, ThingKind, Timestamp};

use super::Check;
use crate::registry::bundle::Part;

/// Fewest places without a public figure that hide the reserved ones beside them: as many as the
/// clients below which a published cell is hidden by default.
const HIDING_PLACES_MIN: i64 = 5;
/// What says how many vehicles a parking thing holds.
const COUNTS: [&str; 3] = ["vehicles", "free", "occupied"];

/// The open lots whose own count would show their reserved bays: a registry in which they list one
/// is refused, so they must not send one either.
pub(in crate::registry) fn silent_lots(things: &BTreeMap<ThingId, Thing>) -> HashSet<ThingId> {
    let has_reserved = things
        .values()
        .any(|thing| thing.is_reserved && thing.part_of.is_some());
    if !has_reserved {
        return HashSet::new();
    }
    let children = children(things);
    let is_lot = |thing: &&Thing| is_public(thing) && thing.kind == ThingKind::ParkingLot;
    let silent = things.values().filter(is_lot).filter(|lot| {
        count_of(lot).is_none()
            && hiding_places(lot, &parts(lot, &children))
                .is_some_and(|hiding| hiding < HIDING_PLACES_MIN)
    });
    silent.map(|lot| lot.id.clone()).collect()
}

/// Whether a property says how many vehicles a parking thing holds.
pub(in crate::registry) fn is_count(property: &str) -> bool {
    COUNTS.contains(&property)
}

fn children(things: &BTreeMap<ThingId, Thing>) -> HashMap<&ThingId, Vec<&Thing>> {
    let mut children: HashMap<&ThingId, Vec<&Thing>> = HashMap::new();
    for thing in things.values() {
        if let Some(whole) = &thing.part_of {
            children.entry(whole).or_default().push(thing);
        }
    }
    children
}

/// The parts of a lot that matter to its count.
#[derive(Default)]
struct Parts<'a> {
    public: Vec<&'a Thing>,
    reserved: Vec<&'a Thing>,
}

/// What changes in a lot at a moment.
struct Step {
    at: Timestamp,
    public: i64,
    reserved: i64,
    capacity: Option<i64>,
}

impl Check<'_> {
    /// Judges every open lot that counts itself with reserved parts in it.
    pub(super) fn reserved(&mut self) {
        let is_reserved_part = |thing: &Thing| thing.is_reserved && thing.part_of.is_some();
        let things = &self.bundle.things;
        if !things.values().any(is_reserved_part) {
            return;
        }
        let children = children(things);
        for lot in things.values().filter(|thing| is_public(thing)) {
            let Some(count) = count_of(lot) else { continue };
            if lot.capacity.is_empty() && self.lines.is_spoilt(Part::Things, lot.id.as_str()) {
                // Its capacity may be what could not be read.
                continue;
            }
            let parts = parts(lot, &children);
            if let Some(hiding) = hiding_places(lot, &parts) {
                self.reserved_in(lot, count, &parts, hiding);
            }
        }
    }

    fn reserved_in(&mut self, lot: &Thing, count: &str, parts: &Parts<'_>, hiding: i64) {
        let spot = self.lines.spot(Part::Things, lot.id.as_str());
        let example = parts.reserved.first();
        let example = example.map_or_else(String::new, |bay| format!(" (`{}`)", bay.id.local()));
        let mend = format!(
            "leave `{count}` to its open bays, so that it is derived from them; or count the \
             reserved bays in a lot of their own"
        );
        if hiding < HIDING_PLACES_MIN {
            let problem = format!(
                "its own `{count}` less its open bays would show its reserved bays{example}"
            );
            self.error(&spot, problem, mend);
        } else {
            let problem = format!(
                "its own `{count}` holds its reserved bays{example}: full or empty, it shows them"
            );
            self.faults.warn(&spot, problem, mend);
        }
    }
}

fn is_public(thing: &Thing) -> bool {
    thing.is_open && !thing.is_reserved
}

/// The property by which a parking thing says how many vehicles it holds.
fn count_of(thing: &Thing) -> Option<&'static str> {
    let is_parking = matches!(thing.kind, ThingKind::ParkingLot | ThingKind::ParkingBay);
    let says = |count: &&str| thing.properties.iter().any(|id| id.as_str() == *count);
    COUNTS.into_iter().find(says).filter(|_| is_parking)
}

/// The topmost parts of a lot, of its vehicle kind, that have a public figure or are reserved.
fn parts<'a>(lot: &'a Thing, children: &HashMap<&'a ThingId, Vec<&'a Thing>>) -> Parts<'a> {
    let mut found = Parts::default();
    // What comes from outside may hold circles: nothing is passed twice.
    let mut passed: HashSet<&ThingId> = HashSet::from([&lot.id]);
    let mut open = vec![&lot.id];
    while let Some(whole) = open.pop() {
        for part in children.get(whole).into_iter().flatten() {
            if !passed.insert(&part.id) {
                continue;
            }
            let is_counted = part.vehicle_kind == lot.vehicle_kind;
            let has_figure = part.kind == ThingKind::ParkingBay || count_of(part).is_some();
            if is_counted && part.is_reserved {
                found.reserved.push(part);
            } else if is_counted && is_public(part) && has_figure {
                found.public.push(part);
            } else {
                open.push(&part.id);
            }
        }
    }
    found
}

/// The fewest places of a lot, while it has reserved parts, that are neither these nor have a
/// public figure of their own; none where its capacity is not declared. `None` without reserved
/// parts.
fn hiding_places(lot: &Thing, parts: &Parts<'_>) -> Option<i64> {
    let mut steps = Vec::new();
    for (part, is_reserved) in (parts.public.iter().map(|part| (part, false)))
        .chain(parts.reserved.iter().map(|part| (part, true)))
    {
        let valid = part.valid.intersect(lot.valid);
        if valid.is_empty() {
            continue;
        }
        let places = places_max(part);
        for (at, places) in [(valid.start, places), (valid.end, -places)] {
            let (public, reserved) = if is_reserved {
                (0, places)
            } else {
                (places, 0)
            };
            steps.push(Step {
                at,
                public,
                reserved,
                capacity: None,
            });
        }
    }
    steps.extend(lot.capacity.iter().map(|declared| Step {
        at: declared.valid_from.max(lot.valid.start),
        public: 0,
        reserved: 0,
        capacity: Some(i64::from(declared.places)),
    }));
    steps.sort_by_key(|step| step.at);
    let (mut public, mut reserved, mut capacity) = (0_i64, 0_i64, None);
    let mut fewest: Option<i64> = None;
    for moment in steps.chunk_by(|left, right| left.at == right.at) {
        for step in moment {
            public += step.public;
            reserved += step.reserved;
            capacity = step.capacity.or(capacity);
        }
        if reserved > 0 {
            let hiding = capacity.map_or(0, |capacity| capacity - public - reserved);
            fewest = Some(fewest.map_or(hiding, |fewest| fewest.min(hiding)));
        }
    }
    fewest
}

/// The most places that a part ever has; a bay has one, and what declares none may be the whole
/// lot.
fn places_max(part: &Thing) -> i64 {
    let places = part.capacity.iter().map(|declared| declared.places).max();
    let undeclared = if part.kind == ThingKind::ParkingBay {
        1
    } else {
        u32::MAX
    };
    i64::from(places.unwrap_or(undeclared))
}
