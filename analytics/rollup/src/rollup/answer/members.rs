//! What makes a thing's own figure.

use crate::layout::cell::Member;
use crate::layout::{Layout, ThingPlan};
use crate::query::{Audience, Measure};
use crate::signal::Span;

/// What makes a thing's own figure for a measure: its stream, or the streams of its parts.
pub fn own_members(
    layout: &Layout,
    measure: &Measure,
    audience: &Audience,
    place: usize,
    thing: &ThingPlan,
) -> Vec<Member> {
    let sees = |thing: &ThingPlan| audience.counts_parts(thing.is_public, &thing.id);
    if let Some(stream) = thing.measured_stream(measure) {
        let member = sees(thing).then(|| Member::new(place, stream, Span::ALL));
        return member.into_iter().collect();
    }
    if *measure != Measure::Parking {
        return Vec::new();
    }
    let parts = thing
        .parts
        .iter()
        .filter_map(|place| Some((*place, layout.thing(*place)?)));
    let parts = parts.filter(|(_, part)| sees(part));
    let members = parts.filter_map(|(place, part)| {
        Some(Member::new(
            place,
            part.measured_stream(measure)?,
            Span::ALL,
        ))
    });
    members.collect()
}
