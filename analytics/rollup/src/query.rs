//! Questions to the rollups.
//!
//! # Shape
//! A range is `[start, end)`; buckets that meet it are answered whole. Nothing is answered before
//! the first kept observation or after the store's now. With `as_of` in the past, now is `as_of`:
//! what was known then is shown as it stood then.

use std::pin::Pin;

use arno_model::{
    AreaId, AreaLevel, Bucket, PropertyId, PublisherId, Thing, ThingId, TimeRange, Timestamp, Zone,
};
use arrow::array::RecordBatch;
use futures::Stream;

use crate::error::RollupError;

/// Batches of an answer that is not held in memory whole.
pub type RollupStream = Pin<Box<dyn Stream<Item = Result<RecordBatch, RollupError>> + Send>>;

/// Whose view an area's figure is: which things count in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Everybody: open things. Reserved bays are left out, since a small area's figure would
    /// tell a single bay's state.
    Public,
    /// A publisher: what the public sees and all of its own.
    Publisher(PublisherId),
    /// An operator: all things.
    Operator,
}

impl Audience {
    /// Whether a thing counts in this view.
    pub fn counts(&self, thing: &Thing) -> bool {
        self.counts_parts(thing.is_open && !thing.is_reserved, &thing.id)
    }

    pub(crate) fn counts_parts(&self, is_public: bool, thing: &ThingId) -> bool {
        match self {
            Self::Public => is_public,
            Self::Publisher(publisher) => is_public || thing.publisher() == *publisher,
            Self::Operator => true,
        }
    }
}

/// What is added up over an area.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Measure {
    /// Load against capacity, per vehicle kind.
    Parking,
    /// One property whose area mode is `sum` or `mean`.
    Property(PropertyId),
}

impl Measure {
    /// Its name in the column `measure`: `parking`, or the property's.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Parking => "parking",
            Self::Property(property) => property.as_str(),
        }
    }

    /// From its name.
    ///
    /// # Errors
    /// When it is neither `parking` nor a well-formed name.
    pub fn parse(text: &str) -> Result<Self, arno_model::IdError> {
        if text == "parking" {
            return Ok(Self::Parking);
        }
        PropertyId::parse(text).map(Self::Property)
    }
}

/// Rows of datastreams.
#[derive(Debug, Clone)]
pub struct RollupQuery {
    /// Of these things; absent: all.
    pub things: Option<Vec<ThingId>>,
    /// Of these properties; absent: all.
    pub properties: Option<Vec<PropertyId>>,
    /// Which buckets: those that meet this range.
    pub range: TimeRange,
    /// How wide.
    pub bucket: Bucket,
    /// The zone in which days are cut.
    pub zone: Zone,
    /// As it was known at this moment; absent: as it is known.
    pub as_of: Option<Timestamp>,
}

/// Which rows an area question wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AreaLevelAsked {
    /// The asked areas' own; without asked areas, every fixed area's.
    Own,
    /// Every area of this level inside the asked ones, and their rows "outside".
    Level(AreaLevel),
    /// One row a counting thing.
    Thing,
}

/// Rows of areas, or of the things that count in them.
#[derive(Debug, Clone)]
pub struct AreaQuery {
    /// Inside these; absent: everywhere.
    pub areas: Option<Vec<AreaId>>,
    /// Which rows.
    pub level: AreaLevelAsked,
    /// With [`AreaLevelAsked::Thing`]: exactly these things, counting or not (a bay of a lot that
    /// counts itself has its own figure, a lot without a counter that of its bays).
    pub things: Option<Vec<ThingId>>,
    /// What is added up.
    pub measure: Measure,
    /// Which buckets: those that meet this range.
    pub range: TimeRange,
    /// How wide.
    pub bucket: Bucket,
    /// The zone in which days are cut; absent: the first asked area's, else the first region's.
    pub zone: Option<Zone>,
    /// As it was known at this moment; absent: as it is known.
    pub as_of: Option<Timestamp>,
    /// Whose view.
    pub audience: Audience,
}

/// Known intervals of states.
#[derive(Debug, Clone)]
pub struct IntervalQuery {
    /// Of these things; absent: all.
    pub things: Option<Vec<ThingId>>,
    /// Of these properties (other than states have none); absent: all.
    pub properties: Option<Vec<PropertyId>>,
    /// Intervals that meet this range, unclipped.
    pub range: TimeRange,
    /// As it was known at this moment; absent: as it is known.
    pub as_of: Option<Timestamp>,
}

/// The state of counting things at one moment.
#[derive(Debug, Clone)]
pub struct MomentQuery {
    /// Which moment; absent: the store's now. Never later than that.
    pub at: Option<Timestamp>,
    /// What is asked.
    pub measure: Measure,
    /// Things that belong to one of these; absent: everywhere.
    pub areas: Option<Vec<AreaId>>,
    /// Exactly these things, counting or not; absent: those that count.
    pub things: Option<Vec<ThingId>>,
    /// Whose view.
    pub audience: Audience,
    /// As it was known at this moment; absent: as it is known.
    pub as_of: Option<Timestamp>,
}
