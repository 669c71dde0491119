//! Areas: territories with a polygon, their levels and dated memberships.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::bucket::Zone;
use crate::id::{AreaId, PublisherId};
use crate::property::text_enum;
use crate::time::TimeRange;

/// An area's level, narrow to wide; groups cut across.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AreaLevel {
    /// A part of a municipality.
    Zone,
    /// A municipality (ISTAT code).
    Municipality,
    /// A union of municipalities.
    Union,
    /// A province or metropolitan city.
    Province,
    /// A region.
    Region,
    /// A custom set of areas.
    Group,
}

text_enum!(AreaLevel {
    Zone => "zone", Municipality => "municipality", Union => "union", Province => "province",
    Region => "region", Group => "group",
});

/// That an area belongs to a parent, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The area it belongs to.
    pub parent: AreaId,
    /// When it does.
    pub valid: TimeRange,
}

/// One feature of `areas.geojson`; the polygon itself is kept by the registry's spatial index.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// Its name.
    pub id: AreaId,
    /// Its human name.
    pub name: String,
    /// Its level.
    pub level: AreaLevel,
    /// Where it belongs: a zone to its municipality, a municipality to its province and unions,
    /// anything to groups.
    pub parents: Vec<Membership>,
    /// The zone in which its days are cut.
    pub zone: Zone,
    /// Who manages it, where somebody does.
    pub publisher: Option<PublisherId>,
    /// Residents, where known.
    pub population: Option<u64>,
    /// When the area exists.
    pub valid: TimeRange,
}
