//! The local clock of a town: a moment comes in; hour, kind of day and season go out.
//!
//! # Why
//! Demand follows the clock on the wall, not UTC: at 8 in the morning people go to work, on the
//! days of 23 and 25 hours too.
//!
//! # Source
//! Italian national holidays: law 260/1949 as amended; Easter: the anonymous Gregorian computus
//! (Meeus, "Astronomical Algorithms", chapter 8).

use arno_model::{Timestamp, Zone};
use jiff::civil::{Date, Weekday};

/// Fixed holidays as (month, day).
const HOLIDAYS: [(i8, i8); 11] = [
    (1, 1),
    (1, 6),
    (4, 25),
    (5, 1),
    (6, 2),
    (8, 15),
    (10, 4),
    (11, 1),
    (12, 8),
    (12, 25),
    (12, 26),
];

/// The year from which 4 October is a holiday (law 151/2025).
const FRANCIS_YEAR_MIN: i16 = 2026;

/// What kind of day it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayKind {
    /// Monday to Friday.
    Work,
    /// Saturday.
    Saturday,
    /// Sunday or holiday.
    Rest,
}

/// A moment on the wall of a town.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LocalMoment {
    /// Hours since local midnight by the wall clock, 0 to 24.
    pub(crate) hour: f64,
    /// The kind of day.
    pub(crate) kind: DayKind,
    /// The day of the week.
    pub(crate) weekday: Weekday,
    /// The day of the year, from 1.
    pub(crate) year_day: i16,
    /// The local date.
    pub(crate) date: Date,
}

impl LocalMoment {
    /// What the town's clock shows at `moment`.
    pub(crate) fn of(moment: Timestamp, zone: &Zone) -> Self {
        let local = zone.local(moment);
        let date = local.date();
        let kind = match date.weekday() {
            _ if is_holiday(date) => DayKind::Rest,
            Weekday::Sunday => DayKind::Rest,
            Weekday::Saturday => DayKind::Saturday,
            _ => DayKind::Work,
        };
        Self {
            hour: f64::from(local.hour()) + f64::from(local.minute()) / 60.0,
            kind,
            weekday: date.weekday(),
            year_day: date.day_of_year(),
            date,
        }
    }
}

fn is_holiday(date: Date) -> bool {
    let fixed = HOLIDAYS.contains(&(date.month(), date.day()));
    let is_early_francis = (date.month(), date.day()) == (10, 4) && date.year() < FRANCIS_YEAR_MIN;
    (fixed && !is_early_francis) || is_easter_monday(date)
}

fn is_easter_monday(date: Date) -> bool {
    let easter = easter_of(i32::from(date.year()));
    easter.and_then(|sunday| sunday.tomorrow().ok()) == Some(date)
}

#[expect(
    clippy::many_single_char_names,
    reason = "the letters are those of the source"
)]
fn easter_of(year: i32) -> Option<Date> {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    let year = i16::try_from(year).ok()?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> LocalMoment {
        let rome = Zone::parse("Europe/Rome").unwrap();
        LocalMoment::of(Timestamp::parse(text).unwrap(), &rome)
    }

    #[test]
    fn easter_falls_where_the_calendar_says() {
        for (year, month, day) in [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2038, 4, 25)] {
            assert_eq!(
                easter_of(year),
                Date::new(i16::try_from(year).unwrap(), month, day).ok()
            );
        }
        assert_eq!(local("2026-04-06T10:00:00Z").kind, DayKind::Rest);
    }

    #[test]
    fn the_wall_clock_jumps_in_march_and_repeats_in_october() {
        let hour = |text| local(text).hour;
        assert!((hour("2026-03-29T00:45:00Z") - 1.75).abs() < 1e-9);
        assert!((hour("2026-03-29T01:00:00Z") - 3.0).abs() < 1e-9);
        assert!((hour("2026-10-25T00:30:00Z") - 2.5).abs() < 1e-9);
        assert!((hour("2026-10-25T01:30:00Z") - 2.5).abs() < 1e-9);
    }

    #[test]
    fn holidays_are_days_of_rest() {
        assert_eq!(local("2026-06-02T10:00:00Z").kind, DayKind::Rest);
        assert_eq!(local("2024-10-04T10:00:00Z").kind, DayKind::Work);
        assert_eq!(local("2026-05-02T10:00:00Z").kind, DayKind::Saturday);
    }
}
