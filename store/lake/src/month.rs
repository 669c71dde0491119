//! Months of phenomenon time: the lake's partitions.
//!
//! # Why
//! UTC months are few, of one size, and what retention and readers cut by.

use std::fmt;

use arno_model::time::DAY_US;
use arno_model::{TimeRange, Timestamp};

/// A month of the proleptic Gregorian calendar, in UTC: months since the year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month(i32);

impl Month {
    /// The month that holds a moment.
    pub fn of(moment: Timestamp) -> Self {
        let days = moment.as_micros().div_euclid(DAY_US);
        let (year, month) = civil_of(days);
        Self(i32::try_from(year * 12 + month - 1).unwrap_or(i32::MAX))
    }

    /// When it is.
    pub fn range(self) -> TimeRange {
        TimeRange::new(self.start(), Self(self.0 + 1).start())
    }

    /// Reads `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let (year, month): (i32, i32) = (year.parse().ok()?, month.parse().ok()?);
        ((1..=12).contains(&month) && (1..=9999).contains(&year))
            .then_some(Self(year * 12 + month - 1))
    }

    fn start(self) -> Timestamp {
        let (year, month) = (
            i64::from(self.0.div_euclid(12)),
            i64::from(self.0.rem_euclid(12)) + 1,
        );
        Timestamp::from_micros(days_to(year, month).saturating_mul(DAY_US))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:04}-{:02}",
            self.0.div_euclid(12),
            self.0.rem_euclid(12) + 1
        )
    }
}

/// Year and month of a day since 1970-01-01.
///
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, so
/// that the leap day is the last.
fn civil_of(days: i64) -> (i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month)
}

/// Days from 1970-01-01 to a month's first day; the same source.
fn days_to(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * march_month + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_lies_in_its_month_and_months_tile_time() {
        let mut month = Month::of(Timestamp::MIN);
        assert_eq!(month.to_string(), "0001-01");
        while month.range().end < Timestamp::MAX {
            let range = month.range();
            assert_eq!(Month::of(range.start), month);
            assert_eq!(Month::of(range.end.plus_us(-1)), month);
            assert_eq!(Month::parse(&month.to_string()), Some(month));
            let next = Month::of(range.end);
            assert_eq!(next.range().start, range.end);
            month = next;
        }
        assert_eq!(month.to_string(), "9999-12");
    }

    #[test]
    fn known_months() {
        let at = |text| Month::of(Timestamp::parse(text).unwrap());
        assert_eq!(at("2024-02-29T23:59:59.999999Z").to_string(), "2024-02");
        assert_eq!(
            at("2026-03-01T00:00:00Z").range().start,
            Timestamp::parse("2026-03-01T00:00:00Z").unwrap()
        );
        assert_eq!(Month::parse("2026-13"), None);
        assert_eq!(Month::parse("x"), None);
    }
}
