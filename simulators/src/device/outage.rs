//! Dropping off and coming back: a row of outages comes in, the moments at which somebody says so
//! go out.
//!
//! # Why
//! When an access point loses power it says nothing; the broker notices after the keep-alive and
//! publishes its Last Will. So `online` = 0 comes a little after the last reading.

use arno_model::time::SECOND_US;

use crate::chance::Chance;
use crate::device::Origin;
use crate::fault::{Trouble, Window, Windows};

/// How long a broker waits for a client: one and a half times a keep-alive of a minute.
const NOTICE_US: i64 = 90 * SECOND_US;

/// Whether a device is in touch, and what it says about it.
#[derive(Debug, Clone)]
pub(crate) struct Outages {
    windows: Windows,
    current: Window,
    stage: Stage,
    start_us: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fresh,
    Up,
    Down,
}

impl Outages {
    /// Starts in touch.
    pub(crate) fn start(origin: &Origin) -> Self {
        let chance = Chance::of(origin.seed, &[u64::from(origin.thing), 13]);
        let kinds: &[Trouble] = &[Trouble::Offline];
        let per_day = origin.rates.outages_per_day;
        let mut windows = Windows::of(chance, per_day, kinds, origin.start_us);
        Self {
            current: windows.upcoming(origin.start_us),
            windows,
            stage: Stage::Fresh,
            start_us: origin.start_us,
        }
    }

    /// When it next says something about being in touch.
    pub(crate) const fn next_us(&self) -> i64 {
        match self.stage {
            Stage::Fresh => self.start_us + SECOND_US,
            Stage::Up => self.current.start_us.saturating_add(NOTICE_US),
            Stage::Down => self.current.end_us,
        }
    }

    /// Goes past [`Self::next_us`] and returns what is said: whether it is in touch.
    pub(crate) fn pass(&mut self) -> bool {
        let was_up = self.stage == Stage::Up;
        if self.stage == Stage::Down {
            self.current = self.windows.upcoming(self.current.end_us);
        }
        self.stage = if was_up { Stage::Down } else { Stage::Up };
        !was_up
    }

    /// Whether it is off at a moment.
    pub(crate) const fn is_off(&self, moment_us: i64) -> bool {
        self.current.holds(moment_us)
    }
}
