//! The registry over HTTP: publishers, areas, things, properties and datastreams, as lists and one
//! by one.
//!
//! # Shape
//! Lists are in the order of names, a page at a time: `limit`, and `cursor` with the last name of
//! the page before. Areas and things come as GeoJSON too.
//!
//! # Invariants
//! Who may not see a thing's data does not see the thing: things that are not open show to their
//! publisher and to operators. Equipment addresses (`aliases`) are shown to nobody here.

pub(crate) mod areas;
pub(crate) mod datastreams;
mod listing;
mod outline;
pub(crate) mod properties;
pub(crate) mod publishers;
mod table;
pub(crate) mod things;

use arno_model::{TimeRange, Timestamp};
use serde::Serialize;

pub(crate) use listing::{
    Asked, Listing, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, clock_members, clock_word, one,
};
pub(crate) use outline::Outlines;

/// A range's beginning, unless it is all of time.
pub(crate) fn beginning(range: TimeRange) -> Option<Timestamp> {
    (range.start > Timestamp::MIN).then_some(range.start)
}

/// A range's end, unless it has none.
pub(crate) fn ending(range: TimeRange) -> Option<Timestamp> {
    (range.end < Timestamp::MAX).then_some(range.end)
}

/// A point as GeoJSON.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Point {
    /// `Point`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: &'static str,
    /// Longitude, latitude; WGS 84.
    #[schema(max_items = 2, min_items = 2)]
    coordinates: [f64; 2],
}

impl Point {
    pub(crate) const fn new(lon: f64, lat: f64) -> Self {
        Self {
            kind: "Point",
            coordinates: [lon, lat],
        }
    }
}
