//! One question and all it may look at: who asks, when, of which knowledge, over which snapshots.
//!
//! # Why
//! Every table of a question must stand on the same registry, the same datastreams and the same
//! now, or a join shows a thing that another table does not know.

use std::sync::Arc;

use arno_analytics_rollup::Rollups;
use arno_model::{Area, AreaId, AreaLevel, Timestamp, Zone};
use arno_store::{Backend, Datastreams, Registry};

use crate::error::AnalyticsError;
use crate::view::View;

/// The zone where nothing says another: Italy's.
pub(crate) const ZONE_DEFAULT: &str = "Europe/Rome";

/// What the tables of one question stand on.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) view: View,
    pub(crate) registry: Arc<Registry>,
    pub(crate) datastreams: Arc<Datastreams>,
    pub(crate) rollups: Rollups,
    pub(crate) backend: Arc<dyn Backend>,
    /// The store's now, or `as_of` if that is earlier.
    pub(crate) now: Timestamp,
    pub(crate) as_of: Option<Timestamp>,
    /// Where days are cut.
    pub(crate) zone: Zone,
    /// Least people of a published cell.
    pub(crate) people_count_min: u32,
}

impl Question {
    /// An area of the registry.
    ///
    /// # Errors
    /// `Unknown`, with the areas that exist where they are few.
    pub(crate) fn area(&self, name: &str) -> Result<&Arc<Area>, AnalyticsError> {
        self.registry
            .area(name)
            .ok_or_else(|| unknown_area(&self.registry, name))
    }
}

/// The refusal of an area that is not there.
pub(crate) fn unknown_area(registry: &Registry, name: &str) -> AnalyticsError {
    /// A list that a person still reads.
    const LISTED_COUNT_MAX: usize = 20;
    // Wide areas first: a caller who guessed wrong finds the way down from them.
    let mut areas: Vec<_> = registry
        .areas()
        .map(|area| (area.level, area.id.clone()))
        .collect();
    areas.sort_unstable_by(|left, right| right.cmp(left));
    let wide = areas.iter().filter(|(level, _)| *level > AreaLevel::Union);
    let allowed = wide
        .take(LISTED_COUNT_MAX)
        .map(|(_, id)| id.to_string())
        .collect();
    AnalyticsError::Unknown {
        kind: "area",
        name: name.chars().take(80).collect(),
        allowed,
    }
}

/// The zone of an area, else of the first region, else of any area, else Italy's.
pub(crate) fn zone_of(registry: &Registry, area: Option<&AreaId>) -> Zone {
    if let Some(area) = area.and_then(|area| registry.area(area.as_str())) {
        return area.zone.clone();
    }
    let region = registry
        .areas()
        .find(|area| area.level == AreaLevel::Region);
    let some = region.or_else(|| registry.areas().next());
    match some {
        Some(area) => area.zone.clone(),
        None => Zone::parse(ZONE_DEFAULT).unwrap_or(Zone::UTC),
    }
}
