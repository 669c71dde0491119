//! One town: its municipality comes in, its things and the plans of their devices go out.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::time::Duration;

use arno_model::thing::DeclaredCapacity;
use arno_model::{
    LocalId, Location, Publisher, Thing, ThingId, ThingKind, TimeRange, Timestamp, VehicleKind,
};

use crate::chance::Chance;
use crate::demand::Profile;
use crate::device::{LotReports, Plan};
use crate::municipality::Municipality;
use crate::number::word_of;
use crate::property::Property;
use crate::region::{RegionConfig, name};

/// Of a town's bays, one in so many stands in the first lot, and as many form the lot that is only
/// the sum of them.
const LOT_BAYS_SHARE: usize = 5;
/// One in so many street bays is kept for somebody.
const RESERVED_EVERY: usize = 15;
/// In one town of so many, bays hold for 45 minutes only: they beat every 15.
const SHORT_HOLD_EVERY: usize = 4;
/// In one town of so many, the third lot's data are not open.
const CLOSED_EVERY: usize = 4;

/// A built town.
pub(super) struct BuiltTown {
    pub(super) municipality: Municipality,
    pub(super) publisher: Publisher,
    pub(super) things: Vec<Thing>,
    pub(super) plans: Vec<Plan>,
}

/// Builds one town.
pub(super) struct TownBuilder<'a> {
    config: &'a RegionConfig,
    index: usize,
    chance: Chance,
    middle: Location,
    spread_deg: f64,
    built: BuiltTown,
}

impl<'a> TownBuilder<'a> {
    /// A builder for the town with this place in the region.
    pub(super) fn new(
        config: &'a RegionConfig,
        index: usize,
        municipality: &Municipality,
        publisher: Publisher,
    ) -> Self {
        let people = u32::try_from(municipality.population).unwrap_or(u32::MAX);
        Self {
            config,
            index,
            chance: Chance::of(config.seed, &[word_of(index), 3]),
            middle: municipality.middle(),
            // Half a kilometre in a village, two in a city of 350,000.
            spread_deg: 0.004 + 0.000_024 * f64::from(people).sqrt(),
            built: BuiltTown {
                municipality: municipality.clone(),
                publisher,
                things: Vec::new(),
                plans: Vec::new(),
            },
        }
    }

    /// Builds lots, bays and access points.
    pub(super) fn build(mut self) -> BuiltTown {
        for index in 0..self.config.lots_count {
            self.add_lot(index);
        }
        for index in 0..self.config.bays_count {
            self.add_bay(index);
        }
        for index in 0..self.config.access_points_count {
            self.add_access_point(index);
        }
        self.built
    }

    fn add_lot(&mut self, index: usize) {
        let is_bike = index == 3 && self.index % 2 == 1;
        let role = if index < 5 { index } else { index % 4 };
        let bays_count = self.config.bays_count / LOT_BAYS_SHARE;
        let lot = |profile, capacity, reports| Plan::Lot {
            profile,
            capacity,
            reports,
        };
        let (low, high) = if is_bike { (24, 90) } else { (70, 420) };
        let drawn = u32::try_from(self.chance.whole(low, high)).unwrap_or(100);
        let (plan, capacity, properties): (_, _, &[Property]) = match role {
            0 => (
                lot(Profile::Centre, drawn, LotReports::Vehicles),
                drawn,
                &[Property::Vehicles],
            ),
            1 => (
                lot(Profile::Station, drawn, LotReports::Vehicles),
                drawn,
                &[Property::Vehicles],
            ),
            2 => (
                lot(Profile::Hospital, drawn, LotReports::FreeAndCapacity),
                drawn,
                &[Property::Free, Property::Capacity],
            ),
            3 => (
                lot(Profile::Leisure, drawn, LotReports::VehiclesAndOnline),
                drawn,
                &[Property::Vehicles, Property::Capacity, Property::Online],
            ),
            _ => {
                let places = u32::try_from(bays_count).unwrap_or(u32::MAX);
                (Plan::SumOfBays, places, &[])
            }
        };
        let location = self.point_near(self.middle, self.spread_deg);
        let local = format!("lot-{}", index + 1);
        let mut thing = self.thing(&local, name::lot(index), ThingKind::ParkingLot, location);
        thing.vehicle_kind = Some(if is_bike {
            VehicleKind::Bike
        } else {
            VehicleKind::Car
        });
        thing.capacity = declared(capacity);
        thing.properties = properties.iter().map(|property| property.id()).collect();
        thing.is_open = !(index == 2 && self.index % CLOSED_EVERY == CLOSED_EVERY - 1);
        self.push(thing, plan);
    }

    fn add_bay(&mut self, index: usize) {
        let share = self.config.bays_count / LOT_BAYS_SHARE;
        let parent_index = match index / share.max(1) {
            0 if self.config.lots_count > 0 && share > 0 => Some(0),
            1 if self.config.lots_count > 4 && share > 0 => Some(4),
            _ => None,
        };
        let parent = parent_index.and_then(|place| self.built.things.get(place).cloned());
        let (near, spread_deg) = match parent.as_ref().and_then(|lot| lot.location) {
            Some(location) => (location, 0.000_4),
            None => (self.middle, self.spread_deg),
        };
        let profile = match (parent.is_some(), index % 3) {
            (true, _) | (false, 0) => Profile::Centre,
            (false, 1) => Profile::Home,
            (false, _) => Profile::Leisure,
        };
        let name = parent.as_ref().map_or_else(
            || name::street_bay(index),
            |lot| format!("Stallo {}, {}", index + 1, lot.name),
        );
        let location = self.point_near(near, spread_deg);
        let local = format!("bay-{}", index + 1);
        let mut thing = self.thing(&local, name, ThingKind::ParkingBay, location);
        thing.vehicle_kind = Some(VehicleKind::Car);
        thing.capacity = declared(1);
        thing.properties = vec![Property::Occupied.id()];
        thing.is_reserved = parent.is_none() && index % RESERVED_EVERY == RESERVED_EVERY - 1;
        thing.part_of = parent.map(|lot| lot.id);
        if thing.part_of.is_none() && profile == Profile::Centre {
            thing.max_stay = Some(Duration::from_hours(2));
        }
        if self.index % SHORT_HOLD_EVERY == SHORT_HOLD_EVERY - 1 {
            let hold = Duration::from_mins(45);
            thing.max_hold = BTreeMap::from([(Property::Occupied.id(), hold)]);
        }
        self.push(thing, Plan::Bay { profile });
    }

    fn add_access_point(&mut self, index: usize) {
        let size = u32::try_from(self.chance.whole(6, 90)).unwrap_or(20);
        let location = self.point_near(self.middle, self.spread_deg * 0.8);
        let local = format!("ap-{}", index + 1);
        let mut thing = self.thing(
            &local,
            name::access_point(index),
            ThingKind::AccessPoint,
            location,
        );
        thing.properties = vec![Property::Clients.id(), Property::Online.id()];
        self.push(thing, Plan::AccessPoint { size });
    }

    fn push(&mut self, thing: Thing, plan: Plan) {
        self.built.things.push(thing);
        self.built.plans.push(plan);
    }

    fn thing(&self, local: &str, name: String, kind: ThingKind, location: Location) -> Thing {
        let local = LocalId::parse(local).expect("`lot-1` and its like are names");
        Thing {
            id: ThingId::new(&self.built.publisher.id, &local),
            name,
            kind,
            vehicle_kind: None,
            location: Some(location),
            part_of: None,
            capacity: Vec::new(),
            municipality: Some(self.built.municipality.id.clone()),
            properties: Vec::new(),
            max_hold: BTreeMap::new(),
            max_stay: None,
            is_reserved: false,
            is_open: true,
            aliases: Vec::new(),
            valid: TimeRange::ALL,
        }
    }

    /// A point within the municipality, dense in the middle.
    fn point_near(&mut self, middle: Location, spread_deg: f64) -> Location {
        for _attempt in 0..20 {
            let distance_deg = spread_deg * self.chance.unit();
            let angle = TAU * self.chance.unit();
            // A degree of longitude is 0.72 of one of latitude at 44° north.
            let point = Location {
                lon: to_decimals(middle.lon + distance_deg * angle.cos() / 0.72),
                lat: to_decimals(middle.lat + distance_deg * angle.sin()),
            };
            if self.built.municipality.contains(point) {
                return point;
            }
        }
        middle
    }
}

fn declared(places: u32) -> Vec<DeclaredCapacity> {
    vec![DeclaredCapacity {
        valid_from: Timestamp::MIN,
        places,
    }]
}

/// Six decimals of a degree are 10 cm.
fn to_decimals(degrees: f64) -> f64 {
    (degrees * 1e6).round() / 1e6
}
