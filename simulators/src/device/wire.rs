//! The line between a device and the world: what it says comes in, what arrives goes out.
//!
//! # Invariants
//! Of one identity (thing, property, time) no two rows with different results arrive at one moment:
//! which version wins must never hang on a tie.

use arno_model::Timestamp;
use arno_model::time::{HOUR_US, MINUTE_US};

use crate::chance::Chance;
use crate::device::{Origin, Saying};
use crate::fault::{DEVICE_TROUBLES, FaultRates, Mishap, Trouble, Window, Windows};
use crate::generator::{Emitted, Garbage, Row};
use crate::number::{float_of, round_of};
use crate::property::Property;

/// A device's line.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    thing: u32,
    rates: FaultRates,
    chance: Chance,
    windows: Windows,
    last: Option<f64>,
}

impl Wire {
    /// A line from the beginning.
    pub(crate) fn start(origin: &Origin) -> Self {
        let chance = |purpose| Chance::of(origin.seed, &[u64::from(origin.thing), purpose]);
        Self {
            thing: origin.thing,
            rates: origin.rates,
            chance: chance(11),
            windows: Windows::of(
                chance(12),
                origin.rates.windows_per_day,
                DEVICE_TROUBLES,
                origin.start_us,
            ),
            last: None,
        }
    }

    /// Sends a measurement: everything can happen to it. Moments must not go back.
    pub(crate) fn send(&mut self, saying: Saying, town: Window, emitted: &mut Emitted) {
        let window = self.windows.upcoming(saying.time_us);
        let trouble = window.holds(saying.time_us).then_some(window.trouble);
        let mut saying = saying;
        match trouble {
            Some(Trouble::Silent) => return,
            Some(Trouble::Stuck) => saying.result = self.last.unwrap_or(saying.result),
            _ => self.last = Some(saying.result),
        }
        let own = trouble.map(|_trouble| window);
        let Some(received_us) = self.receipt(saying.time_us, [own, Some(town)]) else {
            return;
        };
        if trouble == Some(Trouble::Skewed) {
            saying.time_us += window.skew_us;
        }
        match self.rates.mishap(&mut self.chance) {
            None => emitted.rows.push(self.row(saying, received_us)),
            Some(mishap) => self.mishandle(mishap, saying, received_us, emitted),
        }
    }

    /// Sends a flag or a capacity: only the town's line can fail.
    pub(crate) fn send_plain(&mut self, saying: Saying, town: Window, emitted: &mut Emitted) {
        if let Some(received_us) = self.receipt(saying.time_us, [None, Some(town)]) {
            emitted.rows.push(self.row(saying, received_us));
        }
    }

    /// When something said at `time_us` arrives; `None` when it is lost.
    fn receipt(&mut self, time_us: i64, windows: [Option<Window>; 2]) -> Option<i64> {
        let latency_us = 1_000 * self.chance.whole(200, 2_000);
        let mut received_us = time_us + latency_us;
        for window in windows
            .into_iter()
            .flatten()
            .filter(|window| window.holds(time_us))
        {
            match window.trouble {
                Trouble::Silent => return None,
                Trouble::Buffered => {
                    // What was held back comes in its order, a thousand times as fast.
                    let rank_us = (time_us - window.start_us) / 1_000;
                    received_us = received_us.max(window.end_us + rank_us + latency_us);
                }
                _ => {}
            }
        }
        Some(received_us)
    }

    fn row(&self, saying: Saying, received_us: i64) -> Row {
        Row {
            received: Timestamp::from_micros(received_us),
            thing: self.thing,
            property: saying.property,
            time: Timestamp::from_micros(saying.time_us),
            result: Some(saying.result),
        }
    }

    fn mishandle(
        &mut self,
        mishap: Mishap,
        saying: Saying,
        received_us: i64,
        emitted: &mut Emitted,
    ) {
        let row = self.row(saying, received_us);
        let later = |by_us: i64| Timestamp::from_micros(received_us + by_us);
        match mishap {
            Mishap::Duplicate => {
                let received = later(1_000 * self.chance.whole(500, 20_000));
                emitted.rows.extend([row, Row { received, ..row }]);
            }
            Mishap::Late => {
                let delay_us = self.chance.wait(float_of(2 * HOUR_US));
                let delay_us = round_of(delay_us).clamp(20 * MINUTE_US, 12 * HOUR_US);
                let received = later(delay_us / 1_000 * 1_000);
                emitted.rows.push(Row { received, ..row });
            }
            Mishap::Correction => {
                let wrong = if saying.property.is_boolean() {
                    1.0 - saying.result
                } else {
                    saying.result + float_of(self.chance.whole(1, 12))
                };
                let received = later(1_000_000 * self.chance.whole(60, 3_600));
                let result = Some(wrong);
                emitted
                    .rows
                    .extend([Row { result, ..row }, Row { received, ..row }]);
            }
            Mishap::Garbage => emitted.garbage.push(Garbage {
                received: row.received,
                thing: row.thing,
                payload: rubbish(&mut self.chance, saying),
            }),
            Mishap::Unknown => emitted.rows.push(Row {
                result: None,
                ..row
            }),
            Mishap::Implausible if saying.property.is_boolean() => emitted.rows.push(row),
            Mishap::Implausible => {
                let result = Some(-float_of(self.chance.whole(1, 40)));
                emitted.rows.push(Row { result, ..row });
            }
        }
    }
}

/// A payload that stands for one observation and must be refused.
fn rubbish(chance: &mut Chance, saying: Saying) -> Vec<u8> {
    let name = saying.property.as_str();
    let time = Timestamp::from_micros(saying.time_us);
    let result = saying.result;
    match chance.whole(0, 7) {
        0 => format!(r#"{{"time":"{time}","{name}":{result}"#).into_bytes(),
        1 => b"ERR 17 SENSOR NOT READY\r\n".to_vec(),
        2 => vec![0xFF, 0xFE, 0x00, 0x9F, 0x92, 0x96, 0x00],
        3 => format!(r#"{{"time":"{time}","{name}":"boh"}}"#).into_bytes(),
        4 => format!(r#"{{"time":"ieri sera","{name}":{result}}}"#).into_bytes(),
        5 => format!(
            r#"{{"time":"{time}","{}x":{result}}}"#,
            Property::Clients.as_str()
        )
        .into_bytes(),
        _ => format!(r#"{{"time":"{time}","{name}":{}}}"#, result + 0.5).into_bytes(),
    }
}
