//! The slow obvious program: asks every moment at which anything can change what is true there.
//!
//! Nothing in it walks, merges or remembers; each question looks at all samples again.

use crate::signal::Span;
use crate::signal::joint::LoadBy;
use crate::signal::series::Sample;

/// A thing's life as told, in the plainest form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    pub(crate) state: Vec<Sample>,
    pub(crate) hold_us: i64,
    pub(crate) online: Vec<Sample>,
    pub(crate) declared: Vec<Sample>,
    pub(crate) capacity: Vec<Sample>,
    pub(crate) valid: Option<Span>,
    pub(crate) until: i64,
}

impl Told {
    fn is_told(&self, moment: i64) -> bool {
        moment < self.until && self.valid.is_none_or(|valid| valid.contains(moment))
    }

    fn last(samples: &[Sample], moment: i64) -> Option<Sample> {
        let before = samples.iter().filter(|sample| sample.time <= moment);
        before.max_by_key(|sample| sample.time).copied()
    }

    /// The state's value at a moment, by the sentence under "Precisely".
    pub(crate) fn value(&self, moment: i64) -> Option<f64> {
        let is_offline =
            Self::last(&self.online, moment).is_some_and(|last| last.value == Some(0.0));
        let last = Self::last(&self.state, moment)?;
        let is_known = self.is_told(moment) && !is_offline && moment - last.time < self.hold_us;
        if is_known { last.value } else { None }
    }

    /// Capacity at a moment: the latest word, the report's at the same time.
    pub(crate) fn places(&self, moment: i64) -> Option<f64> {
        if !self.is_told(moment) {
            return None;
        }
        let declared = Self::last(&self.declared, moment);
        let reported = Self::last(&self.capacity, moment);
        match (declared, reported) {
            (Some(declared), Some(reported)) if reported.time >= declared.time => reported.value,
            (Some(declared), _) => declared.value,
            (None, reported) => reported?.value,
        }
    }

    pub(crate) fn load(&self, by: LoadBy, moment: i64) -> Option<f64> {
        match by {
            LoadBy::Free => Some(self.places(moment)? - self.value(moment)?),
            LoadBy::Vehicles | LoadBy::Occupied => self.value(moment),
        }
    }

    /// Every stretch of a bucket in which nothing changes: its first moment and its length.
    pub(crate) fn stretches(&self, bucket: Span) -> Vec<(i64, i64)> {
        let mut moments = vec![bucket.start, bucket.end, self.until];
        let all = [&self.state, &self.online, &self.declared, &self.capacity];
        for sample in all.into_iter().flatten() {
            moments.extend([sample.time, sample.time.saturating_add(self.hold_us)]);
        }
        moments.extend(self.valid.map(|valid| valid.start));
        moments.extend(self.valid.map(|valid| valid.end));
        moments.retain(|moment| *moment >= bucket.start && *moment <= bucket.end);
        moments.sort_unstable();
        moments.dedup();
        moments
            .windows(2)
            .map(|pair| (pair[0], pair[1] - pair[0]))
            .collect()
    }
}
