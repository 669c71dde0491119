//! What the resolved places show: things outside every polygon, mirrored points, declared against
//! held.

use std::collections::HashMap;

use arno_model::{Thing, ThingId, Timestamp};
use geo::Point;

use super::Lines;
use crate::registry::PlacedBy;
use crate::registry::bundle::{Bundle, Part};
use crate::registry::fault::{Faults, Spot};
use crate::registry::place::{Placer, Stay};

/// Judges the place of every thing that has no errors of its own.
pub(in crate::registry) fn places(
    bundle: &Bundle,
    stays: &HashMap<ThingId, Vec<Stay>>,
    lines: &Lines,
    faults: &mut Faults,
) {
    let placer = Placer::new(bundle);
    let sound = bundle
        .things
        .iter()
        .filter(|(id, _)| !lines.is_spoilt(Part::Things, id.as_str()));
    for (id, thing) in sound {
        let stays = stays.get(id).map_or(&[][..], Vec::as_slice);
        let spot = lines.spot(Part::Things, id.as_str());
        place(&placer, thing, stays.last(), &spot, faults);
    }
}

fn place(
    placer: &Placer<'_>,
    thing: &Thing,
    last: Option<&Stay>,
    spot: &Spot,
    faults: &mut Faults,
) {
    let moment = moment_within(thing, last);
    let point = placer.point_of(thing, 0);
    let held = point.and_then(|point| placer.municipality_at(point, moment));
    let mirrored = point.map(|point| Point::new(point.y(), point.x()));
    let other = mirrored.and_then(|mirrored| placer.municipality_at(mirrored, moment));
    if let (None, Some(other)) = (held, other) {
        let problem =
            format!("its point lies in no municipality, but its mirror lies in `{other}`");
        faults.error(
            spot,
            problem,
            "latitude seems to stand first: write longitude first",
        );
        return;
    }
    let Some(Stay {
        municipality,
        by,
        distance_m,
        ..
    }) = last
    else {
        let problem = "it belongs to no municipality, so no area will show it";
        faults.warn(
            spot,
            problem,
            "declare its `municipality`, or its publisher's",
        );
        return;
    };
    match (by, distance_m) {
        (PlacedBy::Nearest, Some(distance_m)) => {
            let problem = format!(
                "its point lies in no municipality; `{municipality}` is {distance_m:.0} m away"
            );
            faults.warn(
                spot,
                problem,
                "correct the point, or declare its `municipality`",
            );
        }
        (PlacedBy::Publisher, _) if point.is_some() => {
            let problem = format!(
                "its point lies in no municipality; it counts in its publisher's, `{municipality}`"
            );
            faults.warn(
                spot,
                problem,
                "correct the point, or declare its `municipality`",
            );
        }
        (PlacedBy::Declared, _) => {
            if let Some(other) = held.filter(|other| *other != municipality) {
                let problem =
                    format!("it is declared in `{municipality}`, but its point lies in `{other}`");
                faults.warn(
                    spot,
                    problem,
                    "correct one of the two; the declared one counts",
                );
            }
        }
        _ => {}
    }
}

/// The last moment of a thing's last stay, else of its life.
fn moment_within(thing: &Thing, last: Option<&Stay>) -> Timestamp {
    let valid = last.map_or(thing.valid, |stay| stay.valid);
    valid.end.plus_us(-1).max(valid.start)
}
