//! Things: what observations are about, and where they stand.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{AreaId, PropertyId, ThingId};
use crate::property::text_enum;
use crate::time::TimeRange;

/// What a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThingKind {
    /// A car park, garage, bike box: something with a capacity.
    ParkingLot,
    /// One space, of capacity 1.
    ParkingBay,
    /// A wifi access point.
    AccessPoint,
    /// A gauge, counter or any other sensor.
    Sensor,
}

text_enum!(ThingKind {
    ParkingLot => "parking_lot", ParkingBay => "parking_bay", AccessPoint => "access_point",
    Sensor => "sensor",
});

/// What may park there; figures are never added across kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VehicleKind {
    /// Cars.
    Car,
    /// Bicycles.
    Bike,
    /// Motorcycles.
    Motorcycle,
    /// Coaches.
    Coach,
    /// Lorries.
    Truck,
}

text_enum!(VehicleKind {
    Car => "car", Bike => "bike", Motorcycle => "motorcycle", Coach => "coach", Truck => "truck",
});

/// A point, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Longitude in degrees, −180 to 180.
    pub lon: f64,
    /// Latitude in degrees, −90 to 90.
    pub lat: f64,
}

/// One feature of `things.geojson`.
#[derive(Debug, Clone, PartialEq)]
pub struct Thing {
    /// Its global name.
    pub id: ThingId,
    /// Its human name.
    pub name: String,
    /// What it is.
    pub kind: ThingKind,
    /// What may park there; parking things always have one.
    pub vehicle_kind: Option<VehicleKind>,
    /// Where it stands.
    pub location: Option<Location>,
    /// The thing it is a part of, of the same publisher.
    pub part_of: Option<ThingId>,
    /// Declared capacity and from when (absent: from the thing's beginning). A bay has 1.
    pub capacity: Vec<DeclaredCapacity>,
    /// Declared municipality; it wins over the polygon.
    pub municipality: Option<AreaId>,
    /// Properties it is expected to report; they count as unknown until it does.
    pub properties: Vec<PropertyId>,
    /// Holds that differ from the property's.
    pub max_hold: BTreeMap<PropertyId, Duration>,
    /// Longest allowed stay.
    pub max_stay: Option<Duration>,
    /// A bay for particular people: never public by itself.
    pub is_reserved: bool,
    /// Whether its data are open to all.
    pub is_open: bool,
    /// Other names it is known by, equipment addresses included.
    pub aliases: Vec<String>,
    /// When the thing exists.
    pub valid: TimeRange,
}

/// A capacity that the registry declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredCapacity {
    /// From when; absent in the file: the thing's beginning.
    pub valid_from: crate::time::Timestamp,
    /// Places.
    pub places: u32,
}
