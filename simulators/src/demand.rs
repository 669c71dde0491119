//! How much a town's places are wanted: a local moment comes in, a level per profile goes out.
//!
//! # Why
//! A typical week, a market day and a quiet August must be there to be found by the analyses. The
//! curves are drawn by hand after what car parks and hotspots of Italian towns show; their exact
//! shape does not matter, that they differ by place, day and season does.
//!
//! # Shape
//! A level is the share of a place that is taken, about 0 to 1, one per [`Profile`] and 15 minutes.
//!
//! # Source
//! Own choice: curves by eye; no feed was copied.

use std::f64::consts::TAU;

use arno_model::Timestamp;
use arno_model::bucket::BASE_US;

use crate::calendar::{DayKind, LocalMoment};
use crate::chance::Chance;
use crate::municipality::Municipality;

/// What draws people to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Shops and offices in the middle.
    Centre,
    /// Commuters by train.
    Station,
    /// A hospital: visiting hours, every day.
    Hospital,
    /// Where people live: full at night.
    Home,
    /// Sights, beaches, markets of summer.
    Leisure,
    /// People with a phone, near an access point.
    People,
}

/// How many profiles there are.
pub(crate) const PROFILES_COUNT: usize = 6;

impl Profile {
    /// The profile's place in [`Levels`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// (hour, level) points, hour ascending from 0 to 24; between them levels run straight.
type Curve = &'static [(f64, f64)];

const CENTRE_WORK: Curve = &[
    (0.0, 0.10),
    (6.0, 0.08),
    (8.0, 0.45),
    (10.0, 0.85),
    (12.5, 0.80),
    (14.0, 0.62),
    (17.0, 0.88),
    (19.5, 0.60),
    (21.0, 0.45),
    (23.0, 0.25),
    (24.0, 0.10),
];
const CENTRE_SATURDAY: Curve = &[
    (0.0, 0.18),
    (6.0, 0.08),
    (9.0, 0.45),
    (11.0, 0.90),
    (13.0, 0.65),
    (16.0, 0.80),
    (18.0, 0.95),
    (21.0, 0.75),
    (23.5, 0.45),
    (24.0, 0.25),
];
const CENTRE_REST: Curve = &[
    (0.0, 0.25),
    (6.0, 0.07),
    (10.0, 0.30),
    (12.0, 0.45),
    (15.0, 0.35),
    (18.0, 0.60),
    (22.0, 0.30),
    (24.0, 0.10),
];
const STATION_WORK: Curve = &[
    (0.0, 0.12),
    (5.5, 0.12),
    (7.0, 0.50),
    (8.5, 0.93),
    (12.0, 0.96),
    (16.5, 0.90),
    (18.5, 0.50),
    (20.0, 0.25),
    (24.0, 0.12),
];
const STATION_REST: Curve = &[
    (0.0, 0.12),
    (7.0, 0.14),
    (10.0, 0.30),
    (18.0, 0.28),
    (22.0, 0.15),
    (24.0, 0.12),
];
const HOSPITAL_DAY: Curve = &[
    (0.0, 0.15),
    (6.0, 0.20),
    (8.0, 0.75),
    (10.5, 0.92),
    (13.0, 0.80),
    (16.0, 0.70),
    (18.5, 0.55),
    (21.0, 0.25),
    (24.0, 0.15),
];
const HOME_WORK: Curve = &[
    (0.0, 0.95),
    (6.0, 0.95),
    (8.5, 0.60),
    (12.0, 0.52),
    (14.0, 0.60),
    (17.0, 0.58),
    (20.0, 0.88),
    (24.0, 0.95),
];
const HOME_REST: Curve = &[
    (0.0, 0.94),
    (8.0, 0.93),
    (11.0, 0.75),
    (13.0, 0.85),
    (16.0, 0.68),
    (20.0, 0.88),
    (24.0, 0.94),
];
const LEISURE_WORK: Curve = &[
    (0.0, 0.05),
    (8.0, 0.10),
    (11.0, 0.40),
    (16.0, 0.50),
    (19.0, 0.40),
    (24.0, 0.05),
];
const LEISURE_REST: Curve = &[
    (0.0, 0.08),
    (8.0, 0.15),
    (11.0, 0.80),
    (13.0, 0.70),
    (16.0, 0.95),
    (19.0, 0.55),
    (24.0, 0.08),
];
const PEOPLE_WORK: Curve = &[
    (0.0, 0.03),
    (6.0, 0.02),
    (8.0, 0.30),
    (10.0, 0.45),
    (13.0, 0.65),
    (15.0, 0.50),
    (18.0, 0.80),
    (20.0, 0.55),
    (22.0, 0.30),
    (24.0, 0.06),
];
const PEOPLE_REST: Curve = &[
    (0.0, 0.08),
    (7.0, 0.02),
    (10.0, 0.30),
    (12.0, 0.50),
    (15.0, 0.55),
    (18.0, 0.85),
    (21.0, 0.60),
    (24.0, 0.12),
];

/// A town's character, drawn once.
#[derive(Debug, Clone)]
pub(crate) struct TownDemand {
    seed_path: [u64; 2],
    seed: u64,
    market_day: i8,
    tourism: f64,
    bustle: f64,
}

/// The levels of a town over one quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Levels {
    /// The quarter's start.
    pub(crate) start_us: i64,
    /// Whether it is night on the wall clock: 22 to 7.
    pub(crate) is_night: bool,
    /// One per [`Profile`].
    pub(crate) of: [f64; PROFILES_COUNT],
}

impl TownDemand {
    /// Draws a town's character: market day, tourism, how busy it is.
    pub(crate) fn of(seed: u64, town: u64) -> Self {
        let mut chance = Chance::of(seed, &[town, 1]);
        Self {
            seed_path: [town, 2],
            seed,
            market_day: i8::try_from(chance.whole(0, 6)).unwrap_or(0),
            tourism: chance.unit(),
            bustle: chance.between(0.82, 1.06),
        }
    }

    /// The levels of the quarter that begins at `start`, by the clock of the town.
    pub(crate) fn levels(&self, start: Timestamp, town: &Municipality) -> Levels {
        let local = LocalMoment::of(start.plus_us(BASE_US / 2), &town.zone);
        let mut of = [0.0; PROFILES_COUNT];
        let season = (f64::from(local.year_day - 200) / 365.0 * TAU).cos();
        let is_august = local.date.month() == 8;
        let day = self.day_of(&local);
        let is_market = self.is_market(&local);
        for profile in [
            Profile::Centre,
            Profile::Station,
            Profile::Hospital,
            Profile::Home,
            Profile::Leisure,
            Profile::People,
        ] {
            let mut level = along(curve_of(profile, local.kind), local.hour) * day;
            level *= match profile {
                Profile::Centre if is_market => 1.35,
                Profile::People if is_market => 1.6,
                Profile::Station | Profile::Centre if is_august => 0.6,
                Profile::Station => 1.0 - 0.06 * season,
                Profile::Leisure => 0.65 + 0.35 * season * (0.4 + self.tourism),
                Profile::People => 0.85 + 0.3 * season * self.tourism,
                _ => 1.0,
            };
            if let Some(place) = of.get_mut(profile.index()) {
                *place = level.clamp(0.0, 1.1);
            }
        }
        Levels {
            start_us: start.as_micros(),
            is_night: local.hour < 7.0 || local.hour >= 22.0,
            of,
        }
    }

    fn is_market(&self, local: &LocalMoment) -> bool {
        let is_day = local.weekday.to_monday_zero_offset() == self.market_day;
        is_day && (7.0..14.0).contains(&local.hour)
    }

    /// How this day differs from others of its kind: weather, strikes, a fair.
    fn day_of(&self, local: &LocalMoment) -> f64 {
        let day = u64::from(local.year_day.unsigned_abs())
            + 1_000 * u64::from(local.date.year().unsigned_abs());
        let mut chance = Chance::of(self.seed, &[self.seed_path[0], self.seed_path[1], day]);
        (self.bustle + 0.05 * chance.bell()).max(0.2)
    }
}

fn curve_of(profile: Profile, kind: DayKind) -> Curve {
    match (profile, kind) {
        (Profile::Centre, DayKind::Work) => CENTRE_WORK,
        (Profile::Centre, DayKind::Saturday) => CENTRE_SATURDAY,
        (Profile::Centre, DayKind::Rest) => CENTRE_REST,
        (Profile::Station, DayKind::Work) => STATION_WORK,
        (Profile::Station, _) => STATION_REST,
        (Profile::Hospital, _) => HOSPITAL_DAY,
        (Profile::Home, DayKind::Work) => HOME_WORK,
        (Profile::Home, _) => HOME_REST,
        (Profile::Leisure, DayKind::Work) => LEISURE_WORK,
        (Profile::Leisure, _) => LEISURE_REST,
        (Profile::People, DayKind::Work) => PEOPLE_WORK,
        (Profile::People, _) => PEOPLE_REST,
    }
}

fn along(curve: Curve, hour: f64) -> f64 {
    let after = curve.partition_point(|point| point.0 <= hour);
    let from = curve.get(after.saturating_sub(1));
    match (from, curve.get(after)) {
        (Some(from), Some(to)) => from.1 + (to.1 - from.1) * (hour - from.0) / (to.0 - from.0),
        (Some(last), None) => last.1,
        (None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use arno_model::{AreaId, Zone};

    use super::*;

    fn town() -> Municipality {
        Municipality {
            id: AreaId::parse("it-mun-100005").unwrap(),
            name: "Prato".to_owned(),
            population: 195_000,
            polygons: Vec::new(),
            centre: None,
            zone: Zone::parse("Europe/Rome").unwrap(),
        }
    }

    fn level(profile: Profile, text: &str) -> f64 {
        let demand = TownDemand::of(1, 0);
        demand.levels(Timestamp::parse(text).unwrap(), &town()).of[profile.index()]
    }

    #[test]
    fn commuters_come_on_working_days_by_local_time() {
        let monday = level(Profile::Station, "2026-05-04T07:00:00Z");
        let sunday = level(Profile::Station, "2026-05-03T07:00:00Z");
        assert!(monday > 2.0 * sunday);
        let winter = level(Profile::Station, "2026-01-12T05:30:00Z");
        let summer = level(Profile::Station, "2026-07-13T05:30:00Z");
        assert!(
            summer > winter + 0.1,
            "07:30 and 06:30 on the wall: {summer} and {winter}"
        );
    }

    #[test]
    fn homes_are_full_at_night_and_the_centre_is_not() {
        assert!(level(Profile::Home, "2026-05-04T01:00:00Z") > 0.7);
        assert!(level(Profile::Centre, "2026-05-04T01:00:00Z") < 0.2);
    }

    #[test]
    fn curves_meet_their_points() {
        assert!((along(CENTRE_WORK, 0.0) - 0.10).abs() < 1e-12);
        assert!((along(CENTRE_WORK, 10.0) - 0.85).abs() < 1e-12);
        assert!((along(CENTRE_WORK, 9.0) - 0.65).abs() < 1e-12);
    }
}
