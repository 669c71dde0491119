//! What goes wrong with devices: rates come in, windows of trouble go out.
//!
//! # Why
//! Real feeds go silent, freeze at a value, deliver hours late, run on a wrong clock, repeat and
//! correct themselves and send rubbish. Each is seeded, so that a test that meets one can name it.
//!
//! # Shape
//! Two sorts: *windows* (a device is in trouble from one moment to another) and *mishaps* (one row
//! in so many). Windows of a device follow one another with exponential gaps and never overlap.

use arno_model::time::{DAY_US, HOUR_US, MINUTE_US};

use crate::chance::Chance;
use crate::error::SimulatorError;
use crate::number::{float_of, round_of};

/// How often things go wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaultRates {
    /// Windows of trouble (silent, stuck, delivered late as a block, clock wrong) per device-day.
    pub windows_per_day: f64,
    /// Times a device with an `online` flag drops off per day.
    pub outages_per_day: f64,
    /// Times a whole town's line fails or holds back per day.
    pub town_windows_per_day: f64,
    /// Share of rows sent twice.
    pub duplicate_share: f64,
    /// Share of rows delivered 20 minutes to 12 hours late.
    pub late_share: f64,
    /// Share of rows first sent wrong and corrected within an hour.
    pub correction_share: f64,
    /// Share of rows that arrive as rubbish.
    pub garbage_share: f64,
    /// Share of rows whose result is null.
    pub unknown_share: f64,
    /// Share of counts that are negative.
    pub implausible_share: f64,
}

impl Default for FaultRates {
    fn default() -> Self {
        Self {
            windows_per_day: 0.02,
            outages_per_day: 0.05,
            town_windows_per_day: 0.02,
            duplicate_share: 0.004,
            late_share: 0.003,
            correction_share: 0.001,
            garbage_share: 0.000_5,
            unknown_share: 0.000_5,
            implausible_share: 0.000_2,
        }
    }
}

impl FaultRates {
    /// Nothing ever goes wrong.
    pub const NONE: Self = Self {
        windows_per_day: 0.0,
        outages_per_day: 0.0,
        town_windows_per_day: 0.0,
        duplicate_share: 0.0,
        late_share: 0.0,
        correction_share: 0.0,
        garbage_share: 0.0,
        unknown_share: 0.0,
        implausible_share: 0.0,
    };

    /// Refuses what is no rate.
    ///
    /// # Errors
    /// [`SimulatorError::Setting`] for a negative or endless rate, or shares above 1 in all.
    pub fn check(&self) -> Result<(), SimulatorError> {
        let windows = [
            self.windows_per_day,
            self.outages_per_day,
            self.town_windows_per_day,
        ];
        let shares = self.shares();
        let is_rate = |rate: &f64| rate.is_finite() && (0.0..=1_000.0).contains(rate);
        let share_sum: f64 = shares.iter().sum();
        if windows.iter().chain(&shares).all(is_rate) && share_sum <= 1.0 {
            return Ok(());
        }
        Err(SimulatorError::Setting {
            setting: "faults",
            found: format!("{self:?}"),
            allowed: "rates of 0 or more, with shares that sum to 1 at most",
        })
    }

    fn shares(&self) -> [f64; 6] {
        [
            self.duplicate_share,
            self.late_share,
            self.correction_share,
            self.garbage_share,
            self.unknown_share,
            self.implausible_share,
        ]
    }

    /// What befalls the next row.
    pub(crate) fn mishap(&self, chance: &mut Chance) -> Option<Mishap> {
        let kinds = [
            Mishap::Duplicate,
            Mishap::Late,
            Mishap::Correction,
            Mishap::Garbage,
            Mishap::Unknown,
            Mishap::Implausible,
        ];
        let mut rest = chance.unit();
        for (share, kind) in self.shares().into_iter().zip(kinds) {
            if rest < share {
                return Some(kind);
            }
            rest -= share;
        }
        None
    }
}

/// What can befall one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// Sent twice.
    Duplicate,
    /// Delivered late.
    Late,
    /// Sent wrong, then right.
    Correction,
    /// Arrives as rubbish.
    Garbage,
    /// The device says that it does not know.
    Unknown,
    /// Below zero.
    Implausible,
}

/// What can befall a device for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Sends nothing.
    Silent,
    /// Sends its last value again and again.
    Stuck,
    /// Holds everything back and delivers it at the end.
    Buffered,
    /// Stamps with a wrong clock.
    Skewed,
    /// Is off; somebody notices.
    Offline,
    /// A lot loses places to works.
    Works,
}

impl Trouble {
    /// Shortest and longest duration in hours.
    const fn hours(self) -> (f64, f64) {
        match self {
            Self::Silent => (1.0, 48.0),
            Self::Stuck => (3.0, 72.0),
            Self::Buffered => (0.5, 6.0),
            Self::Skewed => (12.0, 96.0),
            Self::Offline => (0.1, 8.0),
            Self::Works => (30.0, 240.0),
        }
    }
}

/// A stretch of trouble, `[start_us, end_us)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Of what kind.
    pub(crate) trouble: Trouble,
    /// Its beginning.
    pub(crate) start_us: i64,
    /// Its end.
    pub(crate) end_us: i64,
    /// How wrong a skewed clock is.
    pub(crate) skew_us: i64,
}

impl Window {
    /// Whether a moment lies inside.
    pub(crate) const fn holds(&self, moment_us: i64) -> bool {
        self.start_us <= moment_us && moment_us < self.end_us
    }
}

/// The endless row of windows of one device, drawn as time goes by.
#[derive(Debug, Clone)]
pub(crate) struct Windows {
    chance: Chance,
    per_day: f64,
    kinds: &'static [Trouble],
    current: Window,
}

/// What befalls devices.
pub(crate) const DEVICE_TROUBLES: &[Trouble] = &[
    Trouble::Silent,
    Trouble::Stuck,
    Trouble::Buffered,
    Trouble::Skewed,
];
/// What befalls a town's line.
pub(crate) const TOWN_TROUBLES: &[Trouble] = &[Trouble::Silent, Trouble::Buffered];

impl Windows {
    /// Draws from `origin_us` on.
    pub(crate) fn of(
        chance: Chance,
        per_day: f64,
        kinds: &'static [Trouble],
        origin_us: i64,
    ) -> Self {
        let never = Window {
            trouble: Trouble::Silent,
            start_us: i64::MAX,
            end_us: i64::MAX,
            skew_us: 0,
        };
        let mut windows = Self {
            chance,
            per_day,
            kinds,
            current: never,
        };
        windows.draw(origin_us);
        windows
    }

    /// The window that has not ended at `moment_us`: the present one or the next. Moments must not
    /// go back.
    pub(crate) fn upcoming(&mut self, moment_us: i64) -> Window {
        while moment_us >= self.current.end_us && self.current.end_us != i64::MAX {
            self.draw(self.current.end_us);
        }
        self.current
    }

    fn draw(&mut self, from_us: i64) {
        let place = self
            .chance
            .whole(0, i64::try_from(self.kinds.len()).unwrap_or(1));
        let kind = usize::try_from(place)
            .ok()
            .and_then(|place| self.kinds.get(place));
        let (Some(&trouble), true) = (kind, self.per_day > 0.0) else {
            return;
        };
        let gap_us = self.chance.wait(float_of(DAY_US) / self.per_day);
        let (low, high) = trouble.hours();
        // Short windows are the common ones: the square leans towards the low end.
        let hours = low + (high - low) * self.chance.unit().powi(2);
        let start_us = whole_second(from_us.saturating_add(round_of(gap_us)));
        let minutes = self.chance.whole(-25, 12);
        self.current = Window {
            trouble,
            start_us,
            end_us: whole_second(start_us.saturating_add(round_of(hours * float_of(HOUR_US)))),
            skew_us: minutes * MINUTE_US + 7_000_000,
        };
    }
}

fn whole_second(moment_us: i64) -> i64 {
    moment_us.div_euclid(1_000_000) * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_one_another_and_keep_their_rate() {
        let chance = Chance::of(3, &[]);
        let mut windows = Windows::of(chance, 0.1, DEVICE_TROUBLES, 0);
        let (mut count, mut moment) = (0_u32, 0);
        while moment < 10_000 * DAY_US {
            let window = windows.upcoming(moment);
            assert!(window.start_us >= moment && window.end_us > window.start_us);
            moment = window.end_us;
            count += 1;
        }
        assert!(
            (850..1_050).contains(&count),
            "{count} windows in 10,000 days"
        );
    }

    #[test]
    fn no_rate_means_no_window() {
        let mut windows = Windows::of(Chance::of(3, &[]), 0.0, DEVICE_TROUBLES, 0);
        assert!(!windows.upcoming(i64::MAX - 1).holds(i64::MAX - 1));
        assert!(FaultRates::NONE.mishap(&mut Chance::of(1, &[])).is_none());
    }

    #[test]
    fn shares_above_one_are_refused() {
        let rates = FaultRates {
            late_share: 0.9,
            garbage_share: 0.2,
            ..FaultRates::NONE
        };
        assert!(rates.check().is_err());
        FaultRates::default().check().unwrap();
    }
}
