//! The law of versions: what an arriving observation is to those already kept under its identity.
//!
//! # Why
//! Devices, brokers and replays deliver at least once, feeds correct themselves, and both must be
//! safe: the same delivery may come any number of times, in any order, around a crash.
//!
//! # Invariants
//! [`judge`] is the only place that decides; every store calls it or is tested to equal it.
//! Identity is (datastream, phenomenon time).

use crate::time::Timestamp;

/// One kept version under an identity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Version {
    /// The result; `None` is a declared unknown.
    pub result: Option<f64>,
    /// When the source made the result, if it says so.
    pub result_time: Option<Timestamp>,
    /// When Arno received it.
    pub received: Timestamp,
    /// The commit that made it durable.
    pub known_at: Timestamp,
}

impl Version {
    /// What orders versions: the source's own time, else the receipt; among equals the commit.
    pub fn order(&self) -> (Timestamp, Timestamp) {
        (self.result_time.unwrap_or(self.received), self.known_at)
    }
}

/// What an arriving observation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arrival {
    /// The first under its identity.
    New,
    /// Known already: changes nothing.
    Repeat,
    /// Another result, or the same one said anew later: kept beside the others.
    Correction,
}

/// Judges an arriving result against the versions kept under its identity.
///
/// A result equal to any kept one without a newer `result_time` is a repeat; a different one is a
/// correction. Results are compared bit by bit after −0 became 0, so a null equals a null.
pub fn judge(kept: &[Version], result: Option<f64>, result_time: Option<Timestamp>) -> Arrival {
    if kept.is_empty() {
        return Arrival::New;
    }
    let equal = kept
        .iter()
        .filter(|version| same_result(version.result, result));
    let newest_equal = equal.map(|version| version.order().0).max();
    match (newest_equal, result_time) {
        (None, _) => Arrival::Correction,
        (Some(newest), Some(moment)) if moment > newest => Arrival::Correction,
        (Some(_), _) => Arrival::Repeat,
    }
}

/// The version that counts, among those known at `as_of` (absent: all).
pub fn winner(kept: &[Version], as_of: Option<Timestamp>) -> Option<&Version> {
    let known = kept
        .iter()
        .filter(|version| as_of.is_none_or(|moment| version.known_at <= moment));
    known.max_by_key(|version| version.order())
}

/// Whether two results are the same.
pub fn same_result(left: Option<f64>, right: Option<f64>) -> bool {
    let bits = |result: Option<f64>| result.map(|number| (number + 0.0).to_bits());
    bits(left) == bits(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(result: f64, result_time: Option<i64>, known_at: i64) -> Version {
        Version {
            result: Some(result),
            result_time: result_time.map(Timestamp::from_micros),
            received: Timestamp::from_micros(known_at),
            known_at: Timestamp::from_micros(known_at),
        }
    }

    #[test]
    fn a_redelivery_after_a_correction_does_not_flip_back() {
        let kept = [version(5.0, None, 1), version(6.0, None, 2)];
        assert_eq!(judge(&kept, Some(5.0), None), Arrival::Repeat);
        assert_eq!(winner(&kept, None).unwrap().result, Some(6.0));
    }

    #[test]
    fn a_newer_result_time_wins_and_an_older_one_is_kept_without_winning() {
        let kept = [version(5.0, Some(20), 1), version(6.0, Some(10), 2)];
        assert_eq!(winner(&kept, None).unwrap().result, Some(5.0));
        let later = Some(Timestamp::from_micros(30));
        assert_eq!(judge(&kept, Some(6.0), later), Arrival::Correction);
        assert_eq!(
            judge(&kept, Some(6.0), Some(Timestamp::from_micros(10))),
            Arrival::Repeat
        );
        assert_eq!(judge(&kept, Some(7.0), None), Arrival::Correction);
    }

    #[test]
    fn as_of_sees_only_what_was_known() {
        let kept = [version(5.0, None, 1), version(6.0, None, 9)];
        assert_eq!(
            winner(&kept, Some(Timestamp::from_micros(5)))
                .unwrap()
                .result,
            Some(5.0)
        );
        assert_eq!(winner(&kept, Some(Timestamp::from_micros(0))), None);
    }

    #[test]
    fn a_null_repeats_a_null_and_minus_zero_is_zero() {
        let mut kept = [version(0.0, None, 1)];
        assert_eq!(judge(&kept, Some(-0.0), None), Arrival::Repeat);
        assert_eq!(judge(&kept, None, None), Arrival::Correction);
        kept[0].result = None;
        assert_eq!(judge(&kept, None, None), Arrival::Repeat);
    }
}
