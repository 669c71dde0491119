//! Moments and half-open ranges: integer microseconds UTC in, the same out.
//!
//! # Why
//! Floats lose microseconds and local times lose hours in October; integers UTC lose nothing.
//!
//! # Invariants
//! A [`Timestamp`] is within the years 1 to 9999, so RFC 3339 can print it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Microseconds in a second.
pub const SECOND_US: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE_US: i64 = 60 * SECOND_US;
/// Microseconds in an hour.
pub const HOUR_US: i64 = 60 * MINUTE_US;
/// Microseconds in a day of 24 hours.
pub const DAY_US: i64 = 24 * HOUR_US;

/// Why a text or number is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not RFC 3339 with a zone.
    #[error("`{text}` is not a time; write RFC 3339 with a zone, like `2026-05-01T08:00:00Z`")]
    Text {
        /// The refused text.
        text: String,
    },
    /// Outside the years 1 to 9999.
    #[error("`{number}` is not a time: epoch seconds or milliseconds within the years 1 to 9999")]
    Number {
        /// The refused number.
        number: String,
    },
}

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(-62_135_596_800_000_000);
    /// 9999-12-30T22:00:00Z, the last moment that jiff can print in every zone.
    pub const MAX: Self = Self(253_402_207_200_000_000);

    /// From microseconds since the epoch, held within [`Self::MIN`] and [`Self::MAX`].
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Parses RFC 3339 with a zone (`Z` or an offset); a space may stand for the `T`.
    ///
    /// # Errors
    /// [`TimeError::Text`] for anything else, a time without a zone included.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let refused = || TimeError::Text {
            text: text.chars().take(80).collect(),
        };
        let moment: jiff::Timestamp = text.trim().parse().map_err(|_cause| refused())?;
        let micros = moment.as_microsecond();
        if !(Self::MIN.0..=Self::MAX.0).contains(&micros) {
            return Err(refused());
        }
        Ok(Self(micros))
    }

    /// From an epoch number: seconds below 1e11 in size, milliseconds from there on
    /// (1e11 seconds is the year 5138; 1e11 milliseconds is 1973). Fractions count to the
    /// microsecond.
    ///
    /// # Errors
    /// [`TimeError::Number`] when it is not finite or not within the years 1 to 9999.
    pub fn from_epoch(number: f64) -> Result<Self, TimeError> {
        let refused = || TimeError::Number {
            number: number.to_string(),
        };
        let micros = if number.abs() < 1e11 {
            number * 1e6
        } else {
            number * 1e3
        };
        let within = micros >= float_of(Self::MIN.0) && micros <= float_of(Self::MAX.0);
        if !within {
            return Err(refused());
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked to be within i64's range"
        )]
        Ok(Self(micros.round() as i64))
    }

    /// Moves by a number of microseconds, stopping at the ends.
    #[must_use]
    pub const fn plus_us(self, micros: i64) -> Self {
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to `self`; negative when `self` is the earlier one.
    pub const fn since_us(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// The greatest multiple of `width_us` at or before `self`, counted from the epoch.
    #[must_use]
    pub const fn floor_to(self, width_us: i64) -> Self {
        Self::from_micros(self.0.div_euclid(width_us) * width_us)
    }

    /// As jiff knows it.
    ///
    /// # Panics
    /// Never: the range of a [`Timestamp`] lies within jiff's.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).expect("the range lies within jiff's")
    }

    /// From jiff's, held within the range.
    pub fn from_jiff(moment: jiff::Timestamp) -> Self {
        Self::from_micros(moment.as_microsecond())
    }
}

#[expect(clippy::cast_precision_loss, reason = "only used for range checks")]
const fn float_of(number: i64) -> f64 {
    number as f64
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_jiff(), formatter)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

/// `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TimeRange {
    /// The first moment inside.
    pub start: Timestamp,
    /// The first moment after.
    pub end: Timestamp,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self {
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };

    /// `[start, end)`; empty when `end` is not after `start`.
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end }
    }

    /// Whether no moment is inside.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Whether `moment` is inside.
    pub fn contains(self, moment: Timestamp) -> bool {
        self.start <= moment && moment < self.end
    }

    /// What lies in both.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self {
            start: self.start.max(other.start),
            end: self.end.min(other.end),
        }
    }

    /// Length in microseconds, 0 when empty.
    pub fn length_us(self) -> i64 {
        self.end.since_us(self.start).max(0)
    }
}

/// Parses a duration with its unit: `90s`, `15m`, `24h`, `400d`, `2w`, also `1h30m`.
///
/// # Errors
/// [`TimeError::Text`] when a number or its unit is missing or unknown.
pub fn parse_duration(text: &str) -> Result<Duration, TimeError> {
    let refused = || TimeError::Text {
        text: text.chars().take(80).collect(),
    };
    let mut total_s: u64 = 0;
    let mut number = String::new();
    let mut has_part = false;
    for character in text.trim().chars() {
        if character.is_ascii_digit() {
            number.push(character);
            continue;
        }
        let unit_s: u64 = match character {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(refused()),
        };
        let count: u64 = number.parse().map_err(|_cause| refused())?;
        total_s = count
            .checked_mul(unit_s)
            .and_then(|part_s| total_s.checked_add(part_s))
            .ok_or_else(refused)?;
        number.clear();
        has_part = true;
    }
    if !has_part || !number.is_empty() {
        return Err(refused());
    }
    Ok(Duration::from_secs(total_s))
}

/// Prints a duration so that [`parse_duration`] reads it back: the largest unit that divides it.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit_s, unit) in [(604_800, 'w'), (86_400, 'd'), (3_600, 'h'), (60, 'm')] {
        if seconds > 0 && seconds.is_multiple_of(unit_s) {
            return format!("{}{unit}", seconds / unit_s);
        }
    }
    format!("{seconds}s")
}

/// A duration in whole microseconds, at most `i64::MAX`.
pub fn duration_us(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epoch_seconds_and_milliseconds_mean_the_same_moment() {
        let text = Timestamp::parse("2026-05-01T08:00:00Z").unwrap();
        assert_eq!(Timestamp::from_epoch(1_777_622_400.0).unwrap(), text);
        assert_eq!(Timestamp::from_epoch(1_777_622_400_000.0).unwrap(), text);
        assert_eq!(text.to_string(), "2026-05-01T08:00:00Z");
        Timestamp::from_epoch(f64::NAN).unwrap_err();
        Timestamp::from_epoch(1e30).unwrap_err();
    }

    #[test]
    fn the_ends_of_time_can_be_printed() {
        for end in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(Timestamp::parse(&end.to_string()), Ok(end));
        }
        let beyond = Timestamp::from_epoch(253_402_214_399_000.0);
        beyond.unwrap_err();
    }

    #[test]
    fn a_time_without_a_zone_is_refused() {
        Timestamp::parse("2026-05-01T08:00:00").unwrap_err();
        Timestamp::parse("2026-05-01").unwrap_err();
        Timestamp::parse("2026-05-01T10:00:00+02:00").unwrap();
    }

    #[test]
    fn durations_read_back() {
        for text in ["90s", "15m", "24h", "400d", "2w", "1h30m"] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(
                parse_duration(&format_duration(duration)).unwrap(),
                duration
            );
        }
        for bad in ["", "5", "h", "5x", "-1s", "99999999999999999999w"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn floor_goes_down_before_the_epoch_too() {
        assert_eq!(
            Timestamp::from_micros(-1)
                .floor_to(900 * SECOND_US)
                .as_micros(),
            -900 * SECOND_US
        );
    }
}
