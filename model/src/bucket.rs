//! Buckets of time: a width and a zone come in, aligned half-open ranges go out.
//!
//! # Why
//! Buckets under a day are aligned in UTC; a day or more is cut in the area's own zone, so days of
//! 23 and 25 hours exist. `date_bin` on UTC instants gets both wrong.
//!
//! # Invariants
//! Every moment lies in exactly one bucket; the buckets of a width tile time; each bucket of a day
//! or more is a union of 15-minute ones (zone offsets are multiples of 15 minutes).
//! Property tests hold these over both changes of the clock.
//!
//! # Source
//! ISO 8601: weeks begin on Monday. Zone rules: the IANA database that jiff carries.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Unit};
use serde::{Deserialize, Serialize};

use crate::time::{HOUR_US, MINUTE_US, TimeRange, Timestamp};

/// The base width: 15 minutes in microseconds. All wider buckets merge from it.
pub const BASE_US: i64 = 15 * MINUTE_US;

/// A bucket's width, as the API and SQL name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Bucket {
    /// `15m`: the base.
    #[serde(rename = "15m")]
    Quarter,
    /// `1h`.
    #[serde(rename = "1h")]
    Hour,
    /// `1d`: a local day.
    #[serde(rename = "1d")]
    Day,
    /// `1w`: a local week from Monday.
    #[serde(rename = "1w")]
    Week,
    /// `1mo`: a local month.
    #[serde(rename = "1mo")]
    Month,
}

impl Bucket {
    /// All widths, narrow to wide.
    pub const ALL: [Self; 5] = [
        Self::Quarter,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
    ];

    /// The name: `15m`, `1h`, `1d`, `1w`, `1mo`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quarter => "15m",
            Self::Hour => "1h",
            Self::Day => "1d",
            Self::Week => "1w",
            Self::Month => "1mo",
        }
    }

    /// The bucket of this width that holds `moment`; `zone` matters from a day on.
    pub fn containing(self, moment: Timestamp, zone: &Zone) -> TimeRange {
        match self {
            Self::Quarter => aligned(moment, BASE_US),
            Self::Hour => aligned(moment, HOUR_US),
            Self::Day | Self::Week | Self::Month => {
                let first = self.first_date(zone.local(moment).date());
                TimeRange::new(zone.start_of(first), zone.start_of(self.next_date(first)))
            }
        }
    }

    /// All buckets of this width that meet `range`, in order.
    pub fn covering(self, range: TimeRange, zone: &Zone) -> impl Iterator<Item = TimeRange> {
        let mut next = (!range.is_empty()).then(|| self.containing(range.start, zone));
        let zone = zone.clone();
        std::iter::from_fn(move || {
            let bucket = next?;
            let following = self.containing(bucket.end, &zone);
            next = (bucket.end < range.end && following.start >= bucket.end).then_some(following);
            Some(bucket)
        })
    }

    fn first_date(self, date: Date) -> Date {
        match self {
            Self::Week => {
                let days_back = i64::from(date.weekday().to_monday_zero_offset());
                date.saturating_sub(days_back.days())
            }
            Self::Month => date.first_of_month(),
            _ => date,
        }
    }

    fn next_date(self, first: Date) -> Date {
        match self {
            Self::Week => first.saturating_add(1.week()),
            Self::Month => first.saturating_add(1.month()),
            _ => first.saturating_add(1.day()),
        }
    }
}

fn aligned(moment: Timestamp, width_us: i64) -> TimeRange {
    let start = moment.floor_to(width_us);
    TimeRange::new(start, start.plus_us(width_us))
}

impl fmt::Display for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text is no bucket's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no bucket; allowed are 15m, 1h, 1d, 1w and 1mo")]
pub struct UnknownBucket(pub String);

impl FromStr for Bucket {
    type Err = UnknownBucket;
    fn from_str(text: &str) -> Result<Self, UnknownBucket> {
        let named = Self::ALL.into_iter().find(|bucket| bucket.as_str() == text);
        named.ok_or_else(|| UnknownBucket(text.chars().take(40).collect()))
    }
}

/// The name is not in the IANA database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time zone; write an IANA name like `Europe/Rome`")]
pub struct UnknownZone(pub String);

/// A time zone by its IANA name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// UTC.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Looks a zone up by IANA name.
    ///
    /// # Errors
    /// [`UnknownZone`] when the database has no such name.
    pub fn parse(name: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZone::get(name).map_err(|_cause| UnknownZone(name.to_owned()))?;
        Ok(Self(zone))
    }

    /// The IANA name, `UTC` when it has none.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The local clock's reading at `moment`.
    pub fn local(&self, moment: Timestamp) -> jiff::civil::DateTime {
        self.0.to_datetime(moment.to_jiff())
    }

    /// The moment at which the local day `date` begins.
    pub fn start_of(&self, date: Date) -> Timestamp {
        let zoned = date.to_zoned(self.0.clone());
        zoned.map_or(Timestamp::MAX, |start| {
            Timestamp::from_jiff(start.timestamp())
        })
    }

    /// The moment that a local wall clock shows; of two (October) the earlier, of none (March) the
    /// one after the gap.
    pub fn moment_of(&self, local: jiff::civil::DateTime) -> Timestamp {
        let zoned = self.0.to_ambiguous_zoned(local).compatible();
        zoned.map_or(Timestamp::MAX, |moment| {
            Timestamp::from_jiff(moment.timestamp())
        })
    }

    /// The local hour of the week, 0 to 167, Monday 00:00 first. Both hours of the October change
    /// give the same number.
    pub fn hour_of_week(&self, moment: Timestamp) -> u8 {
        let local = self.local(moment);
        let day = local.weekday().to_monday_zero_offset();
        u8::try_from(day).unwrap_or(0) * 24 + u8::try_from(local.hour()).unwrap_or(0)
    }

    /// The local date, as text `YYYY-MM-DD`.
    pub fn local_date(&self, moment: Timestamp) -> String {
        let local = self.local(moment).round(Unit::Microsecond);
        local.map_or_else(|_| String::new(), |local| local.date().to_string())
    }
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rome() -> Zone {
        Zone::parse("Europe/Rome").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn the_days_of_the_clock_changes_have_23_and_25_hours() {
        let spring = Bucket::Day.containing(at("2026-03-29T10:00:00Z"), &rome());
        assert_eq!(spring.length_us(), 23 * HOUR_US);
        assert_eq!(spring.start, at("2026-03-28T23:00:00Z"));
        let autumn = Bucket::Day.containing(at("2026-10-25T10:00:00Z"), &rome());
        assert_eq!(autumn.length_us(), 25 * HOUR_US);
        assert_eq!(autumn.start, at("2026-10-24T22:00:00Z"));
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let week = Bucket::Week.containing(at("2026-05-03T21:59:59Z"), &rome());
        assert_eq!(week.start, at("2026-04-26T22:00:00Z"));
        let month = Bucket::Month.containing(at("2026-10-31T23:30:00Z"), &rome());
        assert_eq!(month.start, at("2026-10-31T23:00:00Z"));
    }

    #[test]
    fn both_october_hours_are_one_hour_of_the_week() {
        let (first, second) = (at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"));
        assert_eq!(rome().hour_of_week(first), 6 * 24 + 2);
        assert_eq!(rome().hour_of_week(first), rome().hour_of_week(second));
    }

    proptest! {
        #[test]
        fn buckets_tile_time(micros in 0_i64..4_102_444_800_000_000, width in 0_usize..5) {
            let (bucket, zone) = (Bucket::ALL[width], rome());
            let moment = Timestamp::from_micros(micros);
            let range = bucket.containing(moment, &zone);
            prop_assert!(range.contains(moment));
            prop_assert_eq!(bucket.containing(range.end, &zone).start, range.end);
            prop_assert_eq!(bucket.containing(range.end.plus_us(-1), &zone), range);
            prop_assert_eq!(range.start.as_micros() % BASE_US, 0);
        }

        #[test]
        fn covering_leaves_no_gap(micros in 0_i64..2_000_000_000_000_000, days in 1_i64..90) {
            let zone = rome();
            let start = Timestamp::from_micros(micros);
            let range = TimeRange::new(start, start.plus_us(days * 24 * HOUR_US));
            for bucket in [Bucket::Day, Bucket::Week, Bucket::Month] {
                let all: Vec<_> = bucket.covering(range, &zone).collect();
                prop_assert!(all[0].contains(range.start));
                prop_assert!(all.last().unwrap().end >= range.end);
                prop_assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start));
            }
        }
    }
}
