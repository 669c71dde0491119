//! A bay: free or taken, with arrivals and departures at rates of the hour, and heartbeats.
//!
//! # Why
//! A Markov chain whose long-run share of taken time is the level: the simplest process with
//! arrivals, stays and flicker-free change. Bays beat every 15 minutes and speak on change.

use arno_model::time::{HOUR_US, MINUTE_US, SECOND_US};

use crate::chance::Chance;
use crate::demand::Profile;
use crate::device::wire::Wire;
use crate::device::{Origin, Saying, Stretch, after, interval_us};
use crate::generator::Emitted;
use crate::number::float_of;
use crate::property::Property;

/// A heartbeat in nature.
const BEAT_US: i64 = 15 * MINUTE_US;
/// No car comes or goes faster.
const CHANGE_GAP_US: i64 = 20 * SECOND_US;

/// A running bay.
#[derive(Debug, Clone)]
pub(crate) struct Bay {
    wire: Wire,
    chance: Chance,
    profile: Profile,
    is_taken: Option<bool>,
    quarter_us: i64,
    changed_us: i64,
    next_change_us: i64,
    next_beat_us: i64,
}

impl Bay {
    /// Starts it.
    pub(crate) fn start(origin: &Origin, profile: Profile) -> Self {
        let mut chance = Chance::of(origin.seed, &[u64::from(origin.thing), 14]);
        let phase_us = chance.unit() * float_of(BEAT_US);
        Self {
            wire: Wire::start(origin),
            profile,
            is_taken: None,
            quarter_us: i64::MIN,
            changed_us: origin.start_us,
            next_change_us: i64::MAX,
            next_beat_us: after(origin.start_us, phase_us, 1.0),
            chance,
        }
    }

    /// Runs it to the stretch's end.
    pub(crate) fn run(&mut self, stretch: &Stretch<'_>, emitted: &mut Emitted) {
        if self.quarter_us != stretch.levels.start_us {
            self.quarter_us = stretch.levels.start_us;
            self.draw_change(stretch);
        }
        loop {
            let time_us = self.next_change_us.min(self.next_beat_us);
            if time_us >= stretch.until_us {
                return;
            }
            if time_us == self.next_beat_us {
                let wait_us = interval_us(BEAT_US, stretch.pace);
                self.next_beat_us = after(time_us, wait_us, stretch.pace);
            }
            if time_us == self.next_change_us {
                self.is_taken = self.is_taken.map(|is_taken| !is_taken);
                self.changed_us = time_us;
                self.draw_change(stretch);
            }
            let saying = Saying {
                time_us,
                property: Property::Occupied,
                result: if self.is_taken == Some(true) {
                    1.0
                } else {
                    0.0
                },
            };
            self.wire.send(saying, stretch.town, emitted);
        }
    }

    /// Brings the next heartbeat forward.
    pub(crate) fn hurry(&mut self, from_us: i64, pace: f64) {
        let wait_us = self.chance.unit() * interval_us(BEAT_US, pace);
        self.next_beat_us = self.next_beat_us.min(after(from_us, wait_us, pace));
    }

    /// Draws the next change at the rates of the quarter; one beyond its end is drawn anew there,
    /// which exponential waiting allows.
    fn draw_change(&mut self, stretch: &Stretch<'_>) {
        let levels = stretch.levels;
        let level = levels.of.get(self.profile.index()).copied().unwrap_or(0.0);
        let share = level.clamp(0.02, 0.97);
        let is_taken = match self.is_taken {
            Some(is_taken) => is_taken,
            None => {
                let is_taken = self.chance.happens(share);
                self.is_taken = Some(is_taken);
                is_taken
            }
        };
        let stay_us = interval_us(stay_us(self.profile, levels.is_night), stretch.pace);
        let mean_us = if is_taken {
            stay_us
        } else {
            stay_us * (1.0 - share) / share
        };
        let gap_us = interval_us(CHANGE_GAP_US, stretch.pace);
        let from_us = self.quarter_us.max(self.changed_us);
        let wait_us = self.chance.wait(mean_us).max(gap_us);
        let change_us = after(from_us, wait_us, stretch.pace);
        let quarter_end_us = self.quarter_us + BEAT_US;
        self.next_change_us = if change_us < quarter_end_us {
            change_us
        } else {
            i64::MAX
        };
    }
}

/// How long a car stays, on average.
const fn stay_us(profile: Profile, is_night: bool) -> i64 {
    match (profile, is_night) {
        (_, true) => 7 * HOUR_US,
        (Profile::Station, false) => 6 * HOUR_US,
        (Profile::Home, false) => 4 * HOUR_US,
        (Profile::Hospital | Profile::Leisure, false) => 100 * MINUTE_US,
        (Profile::Centre | Profile::People, false) => 50 * MINUTE_US,
    }
}
