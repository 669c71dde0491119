//! A lot that counts itself: `vehicles` or `free` every 5 minutes, its capacity, and works on it.

use arno_model::time::{HOUR_US, MINUTE_US};

use crate::chance::Chance;
use crate::demand::Profile;
use crate::device::count::Count;
use crate::device::outage::Outages;
use crate::device::wire::Wire;
use crate::device::{LotReports, Origin, Saying, Stretch, after, interval_us};
use crate::fault::{Trouble, Window, Windows};
use crate::generator::Emitted;
use crate::number::float_of;
use crate::property::Property;

/// A report in nature.
const REPORT_US: i64 = 5 * MINUTE_US;
/// Lots that report their capacity repeat it so often.
const CAPACITY_US: i64 = 6 * HOUR_US;
/// Works on a lot that reports its capacity, per day.
const WORKS_PER_DAY: f64 = 1.0 / 15.0;
/// The share of places that works leave.
const WORKS_SHARE: f64 = 0.6;
/// Double parking: a lot that counts vehicles can hold a little more than its places.
const OVERFULL_SHARE: f64 = 1.04;

/// A running lot.
#[derive(Debug, Clone)]
pub(crate) struct Lot {
    wire: Wire,
    chance: Chance,
    profile: Profile,
    reports: LotReports,
    places: f64,
    count: Count,
    next_report_us: i64,
    next_capacity_us: i64,
    works: Windows,
    work: Window,
    is_at_work: bool,
    outages: Option<Outages>,
}

impl Lot {
    /// Starts it.
    pub(crate) fn start(
        origin: &Origin,
        profile: Profile,
        capacity: u32,
        reports: LotReports,
    ) -> Self {
        let mut chance = Chance::of(origin.seed, &[u64::from(origin.thing), 15]);
        let phase_us = chance.unit() * float_of(REPORT_US);
        let has_capacity = reports != LotReports::Vehicles;
        let works_chance = Chance::of(origin.seed, &[u64::from(origin.thing), 16]);
        let works_per_day = if has_capacity { WORKS_PER_DAY } else { 0.0 };
        let kinds: &[Trouble] = &[Trouble::Works];
        let mut works = Windows::of(works_chance, works_per_day, kinds, origin.start_us);
        let has_online = reports == LotReports::VehiclesAndOnline;
        Self {
            wire: Wire::start(origin),
            chance,
            profile,
            reports,
            places: f64::from(capacity),
            count: Count::start(origin.start_us),
            next_report_us: after(origin.start_us, phase_us, 1.0),
            next_capacity_us: if has_capacity {
                after(origin.start_us, 2e6, 1.0)
            } else {
                i64::MAX
            },
            work: works.upcoming(origin.start_us),
            works,
            is_at_work: false,
            outages: has_online.then(|| Outages::start(origin)),
        }
    }

    /// Runs it to the stretch's end.
    pub(crate) fn run(&mut self, stretch: &Stretch<'_>, emitted: &mut Emitted) {
        loop {
            let work_us = if self.is_at_work {
                self.work.end_us
            } else {
                self.work.start_us
            };
            let online_us = self.outages.as_ref().map_or(i64::MAX, Outages::next_us);
            let next = [
                online_us,
                work_us,
                self.next_capacity_us,
                self.next_report_us,
            ];
            let time_us = next.into_iter().min().unwrap_or(i64::MAX);
            if time_us >= stretch.until_us {
                return;
            }
            if time_us == online_us {
                self.say_online(time_us, stretch, emitted);
            } else if time_us == work_us {
                self.is_at_work = !self.is_at_work;
                if !self.is_at_work {
                    self.work = self.works.upcoming(self.work.end_us);
                }
                self.say_capacity(time_us, stretch, emitted);
            } else if time_us == self.next_capacity_us {
                self.next_capacity_us = after(time_us, float_of(CAPACITY_US), 1.0);
                self.say_capacity(time_us, stretch, emitted);
            } else {
                let wait_us = interval_us(REPORT_US, stretch.pace);
                self.next_report_us = after(time_us, wait_us, stretch.pace);
                self.report(time_us, stretch, emitted);
            }
        }
    }

    /// Brings the next report forward.
    pub(crate) fn hurry(&mut self, from_us: i64, pace: f64) {
        let wait_us = self.chance.unit() * interval_us(REPORT_US, pace);
        self.next_report_us = self.next_report_us.min(after(from_us, wait_us, pace));
    }

    fn places_now(&self) -> f64 {
        if self.is_at_work {
            (self.places * WORKS_SHARE).round()
        } else {
            self.places
        }
    }

    fn report(&mut self, time_us: i64, stretch: &Stretch<'_>, emitted: &mut Emitted) {
        let level = stretch
            .levels
            .of
            .get(self.profile.index())
            .copied()
            .unwrap_or(0.0);
        let places = self.places_now();
        let overfull = match self.reports {
            LotReports::FreeAndCapacity => 1.0,
            LotReports::Vehicles | LotReports::VehiclesAndOnline => OVERFULL_SHARE,
        };
        let most = (places * overfull).floor();
        let vehicles = self
            .count
            .follow(time_us, places * level, most, &mut self.chance);
        if self
            .outages
            .as_ref()
            .is_some_and(|outages| outages.is_off(time_us))
        {
            return;
        }
        let (property, result) = match self.reports {
            LotReports::FreeAndCapacity => (Property::Free, places - vehicles),
            LotReports::Vehicles | LotReports::VehiclesAndOnline => (Property::Vehicles, vehicles),
        };
        let saying = Saying {
            time_us,
            property,
            result,
        };
        self.wire.send(saying, stretch.town, emitted);
    }

    fn say_capacity(&mut self, time_us: i64, stretch: &Stretch<'_>, emitted: &mut Emitted) {
        let saying = Saying {
            time_us,
            property: Property::Capacity,
            result: self.places_now(),
        };
        self.wire.send_plain(saying, stretch.town, emitted);
    }

    fn say_online(&mut self, time_us: i64, stretch: &Stretch<'_>, emitted: &mut Emitted) {
        let Some(outages) = self.outages.as_mut() else {
            return;
        };
        let saying = Saying {
            time_us,
            property: Property::Online,
            result: if outages.pass() { 1.0 } else { 0.0 },
        };
        self.wire.send_plain(saying, stretch.town, emitted);
    }
}
