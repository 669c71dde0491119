//! A wifi access point: `clients` every 10 minutes, `online` when it comes and when it is missed.

use arno_model::time::MINUTE_US;

use crate::chance::Chance;
use crate::demand::Profile;
use crate::device::count::Count;
use crate::device::outage::Outages;
use crate::device::wire::Wire;
use crate::device::{Origin, Saying, Stretch, after, interval_us};
use crate::generator::Emitted;
use crate::number::float_of;
use crate::property::Property;

/// A report in nature.
const REPORT_US: i64 = 10 * MINUTE_US;

/// A running access point.
#[derive(Debug, Clone)]
pub(crate) struct AccessPoint {
    wire: Wire,
    chance: Chance,
    size: f64,
    count: Count,
    next_report_us: i64,
    outages: Outages,
}

impl AccessPoint {
    /// Starts it.
    pub(crate) fn start(origin: &Origin, size: u32) -> Self {
        let mut chance = Chance::of(origin.seed, &[u64::from(origin.thing), 17]);
        let phase_us = chance.unit() * float_of(REPORT_US);
        Self {
            wire: Wire::start(origin),
            size: f64::from(size),
            count: Count::start(origin.start_us),
            next_report_us: after(origin.start_us, phase_us, 1.0),
            outages: Outages::start(origin),
            chance,
        }
    }

    /// Runs it to the stretch's end.
    pub(crate) fn run(&mut self, stretch: &Stretch<'_>, emitted: &mut Emitted) {
        loop {
            let online_us = self.outages.next_us();
            let time_us = self.next_report_us.min(online_us);
            if time_us >= stretch.until_us {
                return;
            }
            if time_us == online_us {
                let saying = Saying {
                    time_us,
                    property: Property::Online,
                    result: if self.outages.pass() { 1.0 } else { 0.0 },
                };
                self.wire.send_plain(saying, stretch.town, emitted);
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

    fn report(&mut self, time_us: i64, stretch: &Stretch<'_>, emitted: &mut Emitted) {
        let people = stretch
            .levels
            .of
            .get(Profile::People.index())
            .copied()
            .unwrap_or(0.0);
        let target = self.size * people;
        let clients = self
            .count
            .follow(time_us, target, self.size * 1.5, &mut self.chance);
        if self.outages.is_off(time_us) {
            return;
        }
        let saying = Saying {
            time_us,
            property: Property::Clients,
            result: clients,
        };
        self.wire.send(saying, stretch.town, emitted);
    }
}
