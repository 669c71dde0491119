//! Fair shares: a caller's key and the moment come in, whether it may go on and what is left go
//! out.
//!
//! # Why
//! One runaway script must not take the service from the towns. A window of a minute is what the
//! Italian guidelines' three headers can say exactly.
//!
//! # Limits
//! [`CALLERS_COUNT_MAX`] keys are told apart; when the table is full of callers of this minute,
//! further ones share one count, so that a flood of made-up addresses costs no memory.
//!
//! # Invariants
//! Addresses are kept as keyed hashes, for a minute, in memory only.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Callers told apart in one window: 65,536 take about 2 MB.
const CALLERS_COUNT_MAX: usize = 65_536;
/// The window.
const WINDOW: Duration = Duration::from_mins(1);
/// The key that stands for everybody who found the table full.
const SHARED_KEY: u64 = 0;

/// How a caller stands after a request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Requests of a window.
    pub(crate) limit: u32,
    /// What is left of them.
    pub(crate) remaining: u32,
    /// Seconds until the window ends.
    pub(crate) reset_s: u32,
    /// Whether this request is within the limit.
    pub(crate) is_within: bool,
}

#[derive(Debug)]
struct Window {
    ends: Instant,
    taken: u32,
}

/// Counts requests of callers.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    windows: Mutex<HashMap<u64, Window>>,
    hasher: RandomState,
}

impl Limiter {
    /// The key of a caller.
    pub(crate) fn key(&self, caller: impl Hash) -> u64 {
        self.hasher.hash_one(caller).max(SHARED_KEY + 1)
    }

    /// Counts one request against `limit`; `None` when there is no limit.
    pub(crate) fn take(&self, key: u64, limit: u32, now: Instant) -> Option<Standing> {
        if limit == 0 {
            return None;
        }
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = windows.len() >= CALLERS_COUNT_MAX && !windows.contains_key(&key);
        if is_full {
            windows.retain(|_, window| window.ends > now);
        }
        let key = if windows.len() >= CALLERS_COUNT_MAX && !windows.contains_key(&key) {
            SHARED_KEY
        } else {
            key
        };
        let fresh = || Window {
            ends: now + WINDOW,
            taken: 0,
        };
        let window = windows.entry(key).or_insert_with(fresh);
        if window.ends <= now {
            *window = fresh();
        }
        window.taken = window.taken.saturating_add(1);
        let left = window.ends.saturating_duration_since(now);
        Some(Standing {
            limit,
            remaining: limit.saturating_sub(window.taken),
            reset_s: u32::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX),
            is_within: window.taken <= limit,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_counted_for_a_minute_and_then_anew() {
        let limiter = Limiter::default();
        let (key, now) = (limiter.key("somebody"), Instant::now());
        assert_eq!(limiter.take(key, 0, now), None);
        let first = limiter.take(key, 2, now).unwrap();
        assert_eq!(
            (first.remaining, first.reset_s, first.is_within),
            (1, 60, true)
        );
        let second = limiter.take(key, 2, now + Duration::from_secs(30)).unwrap();
        assert_eq!(
            (second.remaining, second.reset_s, second.is_within),
            (0, 30, true)
        );
        assert!(
            !limiter
                .take(key, 2, now + Duration::from_secs(59))
                .unwrap()
                .is_within
        );
        assert!(
            limiter
                .take(limiter.key("another"), 2, now)
                .unwrap()
                .is_within
        );
        assert!(limiter.take(key, 2, now + WINDOW).unwrap().is_within);
    }

    #[test]
    fn a_full_table_stays_full_and_counts_the_rest_together() {
        let limiter = Limiter::default();
        let now = Instant::now();
        for caller in 0..CALLERS_COUNT_MAX + 3 {
            limiter.take(limiter.key(caller), 2, now);
        }
        assert!(limiter.windows.lock().unwrap().len() <= CALLERS_COUNT_MAX + 1);
        assert!(!limiter.take(limiter.key("late"), 2, now).unwrap().is_within);
        let after = now + WINDOW;
        assert!(
            limiter
                .take(limiter.key("late"), 2, after)
                .unwrap()
                .is_within
        );
        assert_eq!(limiter.windows.lock().unwrap().len(), 1);
    }
}
