//! A new plan beside the one before: a registry comes in, what it changes goes out.

use std::sync::Arc;

use arno_store::{Datastreams, Registry};

use crate::layout::{Layout, ThingPlan};
use crate::rollup::view::{PlanBefore, Slots};
use crate::signal::timeline::Timeline;

/// A plan, and what must be computed anew for it.
#[derive(Debug)]
pub struct Plan {
    /// The plan itself.
    pub layout: Layout,
    /// All slots, those of its cells included.
    pub slots: Slots,
    /// The slots of its cells, in their order.
    pub cell_slots: Vec<i32>,
    /// Fingerprints of its cells, in their order.
    pub cell_prints: Vec<u64>,
    /// Fingerprints of its things, in their order.
    pub thing_prints: Vec<u64>,
    /// Capacities of its things, in their order, as far as they can be taken over.
    pub timelines: Vec<Option<Arc<Timeline>>>,
    /// Things that differ from before, by place: all of their rows are computed anew.
    pub changed_things: Vec<usize>,
    /// Cells that differ from before, by place.
    pub changed_cells: Vec<usize>,
}

impl Plan {
    /// Derives the plan and compares.
    pub fn of(
        registry: &Registry,
        datastreams: &Datastreams,
        before: &PlanBefore,
        mut slots: Slots,
    ) -> Self {
        let layout = Layout::of(registry, datastreams);
        let (mut changed_things, mut changed_cells) = (Vec::new(), Vec::new());
        let thing_prints: Vec<u64> = layout.things().iter().map(ThingPlan::fingerprint).collect();
        let mut timelines = Vec::with_capacity(thing_prints.len());
        for (place, (thing, print)) in layout.things().iter().zip(&thing_prints).enumerate() {
            let known = before.things.get(thing.id.as_str());
            let same = known.filter(|(known, _)| known == print);
            timelines.push(same.and_then(|(_, timeline)| timeline.clone()));
            if same.is_none() {
                changed_things.push(place);
            }
        }
        let cells = layout.cells().iter();
        let cell_prints: Vec<u64> = cells
            .map(|cell| cell.fingerprint(layout.things()))
            .collect();
        let mut cell_slots = Vec::with_capacity(cell_prints.len());
        for (place, (cell, print)) in layout.cells().iter().zip(&cell_prints).enumerate() {
            cell_slots.push(slots.slot(&cell.key));
            if before.cells.get(&cell.key) != Some(print) {
                changed_cells.push(place);
            }
        }
        Self {
            layout,
            slots,
            cell_slots,
            cell_prints,
            thing_prints,
            timelines,
            changed_things,
            changed_cells,
        }
    }
}
