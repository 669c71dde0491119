//! A count that follows a target with inertia and noise: vehicles in a lot, clients at a hotspot.

use arno_model::time::MINUTE_US;

use crate::chance::Chance;
use crate::number::float_of;

/// How fast a count follows its target: two thirds of the way in 15 minutes.
const FOLLOW_US: f64 = 15.0 * float_of(MINUTE_US);

/// A count with inertia.
#[derive(Debug, Clone)]
pub(crate) struct Count {
    now: Option<f64>,
    at_us: i64,
}

impl Count {
    /// Nothing counted yet.
    pub(crate) const fn start(at_us: i64) -> Self {
        Self { now: None, at_us }
    }

    /// Moves to `moment_us` towards `target`, and returns a whole number of 0 to `most`.
    pub(crate) fn follow(
        &mut self,
        moment_us: i64,
        target: f64,
        most: f64,
        chance: &mut Chance,
    ) -> f64 {
        let elapsed_us = float_of(moment_us - self.at_us);
        let pull = 1.0 - (-elapsed_us / FOLLOW_US).exp();
        let noise = 0.35 * (most.max(1.0) * pull).sqrt() * chance.bell();
        let from = self.now.unwrap_or(target);
        let to = (from + (target - from) * pull + noise).clamp(0.0, most);
        self.now = Some(to);
        self.at_us = moment_us;
        to.round()
    }
}
