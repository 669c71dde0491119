//! Own properties: against their signal, against the shipped ones, and their units.

use arno_model::{ObservedProperty, SignalKind};

use super::{Check, unit};
use crate::registry::bundle::Part;
use crate::registry::fault::{Spot, quoted};
use crate::registry::shipped_properties;

impl Check<'_> {
    pub(super) fn property(&mut self, property: &ObservedProperty) {
        let spot = self.lines.spot(Part::Properties, property.id.as_str());
        // The signal of an entry with errors of its own may be a stand-in.
        let is_spoilt = self.lines.is_spoilt(Part::Properties, property.id.as_str());
        if !is_spoilt {
            self.keys_of_signal(&spot, property);
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
        self.redefinition(&spot, property, is_spoilt);
        if !property.unit.is_empty() && !unit::is_known(&property.unit) {
            let mend = unit::meant(&property.unit).map_or_else(
                || {
                    "see ucum.org; \"1\" is a count, and what is counted may stand in braces: \
                     \"{boat}\""
                        .to_owned()
                },
                |meant| format!("did you mean `{meant}`?"),
            );
            let problem = format!("{} is no UCUM unit known here", quoted(&property.unit));
            self.faults.warn(&spot, problem, mend);
        }
    }

    fn keys_of_signal(&mut self, spot: &Spot, property: &ObservedProperty) {
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
                    spot,
                    problem,
                    format!("remove it; it belongs to signal {}", right.join(" or ")),
                );
            }
        }
    }

    /// What is shipped is what analyses and privacy build on: an entry may rename it and set its
    /// holds and bounds, and must leave what it means.
    fn redefinition(&mut self, spot: &Spot, property: &ObservedProperty, is_spoilt: bool) {
        let mut shipped = shipped_properties().iter();
        let Some(shipped) = shipped.find(|shipped| shipped.id == property.id) else {
            return;
        };
        let id = &property.id;
        if shipped.counts_people && !property.counts_people {
            self.error(
                spot,
                format!("`{id}` counts people"),
                "write counts_people = true, or use another id",
            );
        }
        if !is_spoilt && property.signal != shipped.signal {
            let problem = format!(
                "`{id}` is shipped as a {}, and this makes it a {}",
                shipped.signal, property.signal
            );
            let mend = format!("write signal = \"{}\", or use another id", shipped.signal);
            self.error(spot, problem, mend);
        }
        if !property.unit.is_empty() && property.unit != shipped.unit {
            let problem = format!(
                "`{id}` is shipped as unit \"{}\", and this makes it {}",
                shipped.unit,
                quoted(&property.unit)
            );
            let mend = format!("write unit = \"{}\", or use another id", shipped.unit);
            self.error(spot, problem, mend);
        }
    }
}
