//! Things against the rest: publishers, properties, parking, parts, aliases.

use std::collections::{BTreeMap, BTreeSet};

use arno_model::{PropertyId, SignalKind, Thing, ThingId, ThingKind, Timestamp};

use super::Check;
use crate::registry::bundle::Part;
use crate::registry::fault::{Spot, quoted};
use crate::registry::shipped_properties;

/// Longest chain of `part_of`: bay, row, floor, car park and some to spare.
const PARTS_DEPTH_MAX: usize = 8;

impl Check<'_> {
    pub(super) fn thing(&mut self, thing: &Thing) {
        let spot = self.lines.spot(Part::Things, thing.id.as_str());
        let publisher = thing.id.publisher();
        if !self.bundle.publishers.contains_key(&publisher) {
            self.unknown(&spot, "publisher", publisher.as_str(), Part::Publishers);
        }
        if let Some(id) = &thing.municipality {
            self.municipality(&spot, id);
        }
        if thing.valid.is_empty() {
            self.error(
                &spot,
                "`valid_to` is not after `valid_from`".to_owned(),
                "swap or correct them",
            );
        }
        for id in &thing.properties {
            self.property_of(&spot, "properties", id);
        }
        for id in thing.max_hold.keys() {
            let signal = self.property_of(&spot, "max_hold", id);
            if let Some(signal) = signal.filter(|signal| *signal != SignalKind::State) {
                let problem = format!("`max_hold` of `{id}`: a {signal} holds nothing");
                self.error(&spot, problem, "remove it; only states hold");
            }
        }
        self.parking(&spot, thing);
        self.whole(&spot, thing);
    }

    /// The signal kind of a property, shipped ones included; a fault when there is no such
    /// property.
    fn property_of(&mut self, spot: &Spot, key: &str, id: &PropertyId) -> Option<SignalKind> {
        if let Some(own) = self.bundle.properties.get(id) {
            let is_read = !self.lines.is_spoilt(Part::Properties, id.as_str());
            return is_read.then_some(own.signal);
        }
        let shipped = shipped_properties();
        let found = shipped.iter().find(|property| property.id == *id);
        if found.is_none() {
            self.unknown(spot, key, id.as_str(), Part::Properties);
        }
        found.map(|property| property.signal)
    }

    fn parking(&mut self, spot: &Spot, thing: &Thing) {
        let is_parking = matches!(thing.kind, ThingKind::ParkingLot | ThingKind::ParkingBay);
        match thing.vehicle_kind {
            None if is_parking => self.error(
                spot,
                "a parking thing needs a `vehicle_kind`".to_owned(),
                "write car, bike, motorcycle, coach or truck",
            ),
            Some(kind) if !is_parking => {
                let problem = format!(
                    "`vehicle_kind` is {kind}, and nothing parks on kind {}",
                    thing.kind
                );
                self.error(spot, problem, "remove it, or correct `kind`");
            }
            _ => {}
        }
        if thing.kind == ThingKind::ParkingBay
            && thing.capacity.iter().any(|declared| declared.places != 1)
        {
            self.error(
                spot,
                "a bay is one place".to_owned(),
                "remove `capacity`, or make it a parking_lot",
            );
        }
        let starts: BTreeSet<Timestamp> = thing
            .capacity
            .iter()
            .map(|declared| declared.valid_from)
            .collect();
        if starts.len() < thing.capacity.len() {
            self.error(
                spot,
                "two capacities begin at the same moment".to_owned(),
                "keep one of them",
            );
        }
    }

    fn whole(&mut self, spot: &Spot, thing: &Thing) {
        let Some(whole) = &thing.part_of else { return };
        if whole.publisher() != thing.id.publisher() {
            let problem = format!("`part_of` names `{whole}` of another publisher");
            self.error(spot, problem, "a part and its whole have one publisher");
            return;
        }
        if !self.bundle.things.contains_key(whole) {
            self.unknown(spot, "part_of", whole.as_str(), Part::Things);
            return;
        }
        let mut above = Some(whole);
        let mut passed: Vec<&ThingId> = Vec::new();
        for _ in 0..PARTS_DEPTH_MAX {
            match above {
                None => return,
                Some(id) if *id == thing.id => {
                    self.error(
                        spot,
                        "its `part_of` leads back to itself".to_owned(),
                        "remove one `part_of` of the circle",
                    );
                    return;
                }
                // The circle above it is said of the things in it.
                Some(id) if passed.contains(&id) => return,
                Some(id) => {
                    passed.push(id);
                    above = self
                        .bundle
                        .things
                        .get(id)
                        .and_then(|thing| thing.part_of.as_ref());
                }
            }
        }
        let problem =
            format!("it is part of a part of a part, more than {PARTS_DEPTH_MAX} times over");
        self.error(spot, problem, "let parts name the outermost thing");
    }

    /// An alias must lead to one thing of its publisher, and must not be another thing's name.
    pub(super) fn aliases(&mut self) {
        let mut known: BTreeMap<(_, &str), &ThingId> = BTreeMap::new();
        for (id, thing) in &self.bundle.things {
            for alias in &thing.aliases {
                let earlier = known
                    .insert((id.publisher(), alias), id)
                    .filter(|other| *other != id);
                let namesake = ThingId::parse(&format!("{}:{alias}", id.publisher())).ok();
                let namesake =
                    namesake.filter(|other| other != id && self.bundle.things.contains_key(other));
                if let Some(other) = earlier.or(namesake.as_ref()) {
                    let spot = self.lines.spot(Part::Things, id.as_str());
                    let problem = format!("its alias {} leads to `{other}` too", quoted(alias));
                    self.faults
                        .error(&spot, problem, "give each thing its own aliases");
                }
            }
        }
    }
}
