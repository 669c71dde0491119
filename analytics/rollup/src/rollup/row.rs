//! The rows that are kept: one stream or one cell in one 15-minute bucket; and what they merge to.
//!
//! # Shape
//! A row that says nothing (no reading, nothing known) is not kept: what it would say follows from
//! the plan and the capacity's timeline. Both kinds of row are 96 bytes.
//!
//! # Invariants
//! Rows merge exactly: integrals of whole numbers are integers, held within ±2⁶³ (a load of a
//! billion places over a month fits a thousand times).

use arno_model::SignalKind;
use arno_model::bucket::BASE_US;

use crate::signal::Span;
use crate::signal::state::float_us;

/// The bucket is known, by the known share of its capacity-time.
pub const FLAG_KNOWN: u8 = 1;
/// The bucket is known and saturated.
pub const FLAG_SATURATED: u8 = 2;
/// Load was above capacity at some moment.
pub const FLAG_OVER: u8 = 4;

/// A row with a place in a table.
pub trait Row: Copy {
    /// A row that says nothing, of a key or slot and the bucket that begins at `start`.
    fn blank(series: i32, start: i64) -> Self;

    /// The key or slot, and where the bucket begins.
    fn place(&self) -> (i32, i64);

    /// Whether it says nothing, beside what follows from the plan: what was expected.
    fn is_blank(&self) -> bool;

    /// Whether two rows say the same, bit for bit; when and how often they were computed aside.
    fn says_as(&self, other: &Self) -> bool;

    /// From 1, grows when late data or a correction changed it.
    fn revision(&self) -> u32;

    /// Says when it was computed, and how often with a new outcome.
    fn stamp(&mut self, revision: u32, computed_at: i64);
}

/// One datastream in one 15-minute bucket.
#[derive(Debug, Clone, Copy)]
pub struct ThingRow {
    /// The datastream.
    pub key: i32,
    /// Observations with their time in the bucket.
    pub readings: u32,
    /// Where the bucket begins.
    pub start: i64,
    /// States: known time. Counters: placed time. Deltas: covered time.
    pub known_us: u32,
    /// States: arrivals. Gauges, deltas, distinct: samples. Counters: resets.
    pub count: u32,
    /// States: Σ value · µs in whole numbers.
    pub whole: i64,
    /// States: Σ value · µs. Gauges, deltas, distinct: Σ value. Counters: growth.
    pub real: f64,
    /// Least value, infinite without any. Counters: the unplaced amount.
    pub min: f64,
    /// Greatest value, −infinite without any.
    pub max: f64,
    /// ∫load dt, jointly known.
    pub load: i64,
    /// ∫capacity dt, jointly known.
    pub capacity: i64,
    /// ∫capacity dt over the whole bucket.
    pub expected: i64,
    /// When it was computed, by the store's clock.
    pub computed_at: i64,
    /// From 1, grows when late data or a correction changed it.
    pub revision: u32,
    /// `FLAG_…`.
    pub flags: u8,
}

impl Row for ThingRow {
    fn blank(series: i32, start: i64) -> Self {
        Self {
            key: series,
            readings: 0,
            start,
            known_us: 0,
            count: 0,
            whole: 0,
            real: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            load: 0,
            capacity: 0,
            expected: 0,
            computed_at: 0,
            revision: 1,
            flags: 0,
        }
    }

    fn is_blank(&self) -> bool {
        self.readings == 0 && self.known_us == 0 && self.count == 0
    }

    fn says_as(&self, other: &Self) -> bool {
        let floats = |row: &Self| [row.real, row.min, row.max].map(f64::to_bits);
        let wholes = |row: &Self| [row.whole, row.load, row.capacity, row.expected, row.start];
        let counts = |row: &Self| [row.readings, row.known_us, row.count, u32::from(row.flags)];
        self.key == other.key
            && floats(self) == floats(other)
            && wholes(self) == wholes(other)
            && counts(self) == counts(other)
    }

    fn place(&self) -> (i32, i64) {
        (self.key, self.start)
    }

    fn revision(&self) -> u32 {
        self.revision
    }

    fn stamp(&mut self, revision: u32, computed_at: i64) {
        self.revision = revision;
        self.computed_at = computed_at;
    }
}

/// One cell in one 15-minute bucket.
#[derive(Debug, Clone, Copy)]
pub struct AreaRow {
    /// The cell's number.
    pub slot: i32,
    /// Observations of its members with their time in the bucket.
    pub readings: u32,
    /// Where the bucket begins.
    pub start: i64,
    /// Members known for some time.
    pub reporting: u32,
    /// From 1, grows when late data or a correction changed it.
    pub revision: u32,
    /// ∫load dt, jointly known.
    pub load: i64,
    /// ∫capacity dt, jointly known.
    pub capacity: i64,
    /// ∫capacity dt over the whole bucket.
    pub expected: i64,
    /// Sum or mean over members; NaN when nothing is known or for parking.
    pub value: f64,
    /// Σ known time of members.
    pub known_us: i64,
    /// Σ expected time of members.
    pub expected_us: i64,
    /// The most at once; NaN where it is not asked for or nothing is known.
    pub peak: f64,
    /// When it was computed, by the store's clock.
    pub computed_at: i64,
    /// `FLAG_…`.
    pub flags: u8,
}

impl Row for AreaRow {
    fn blank(series: i32, start: i64) -> Self {
        Self {
            slot: series,
            readings: 0,
            start,
            reporting: 0,
            revision: 1,
            load: 0,
            capacity: 0,
            expected: 0,
            value: f64::NAN,
            known_us: 0,
            expected_us: 0,
            peak: f64::NAN,
            computed_at: 0,
            flags: 0,
        }
    }

    fn is_blank(&self) -> bool {
        self.readings == 0 && self.reporting == 0 && self.known_us == 0
    }

    fn says_as(&self, other: &Self) -> bool {
        let floats = |row: &Self| [row.value, row.peak].map(f64::to_bits);
        let wholes = |row: &Self| {
            let parking = [row.load, row.capacity, row.expected];
            (parking, [row.known_us, row.expected_us, row.start])
        };
        let counts = |row: &Self| [row.readings, row.reporting, u32::from(row.flags)];
        self.slot == other.slot
            && floats(self) == floats(other)
            && wholes(self) == wholes(other)
            && counts(self) == counts(other)
    }

    fn place(&self) -> (i32, i64) {
        (self.slot, self.start)
    }

    fn revision(&self) -> u32 {
        self.revision
    }

    fn stamp(&mut self, revision: u32, computed_at: i64) {
        self.revision = revision;
        self.computed_at = computed_at;
    }
}

/// Holds an exact integral within a column.
pub fn held(integral: i128) -> i64 {
    let bounded = integral.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    i64::try_from(bounded).unwrap_or(i64::MAX)
}

/// What rows of one stream merge to.
#[derive(Debug, Clone, Copy)]
pub struct ThingSum {
    /// Observations.
    pub readings: i64,
    /// As in the rows.
    pub known_us: i64,
    /// As in the rows.
    pub count: i64,
    /// As in the rows.
    pub whole: i128,
    /// As in the rows.
    pub real: f64,
    /// Least value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
    /// Counters: what could not be placed.
    pub unplaced: f64,
    /// As in the rows.
    pub load: i128,
    /// As in the rows.
    pub capacity: i128,
    /// ∫capacity dt over all of the bucket, rows or not; set by who knows the capacity's timeline.
    pub capacity_life: i128,
    /// 15-minute buckets that are known.
    pub buckets_known: i64,
    /// 15-minute buckets that are saturated.
    pub buckets_saturated: i64,
    /// Whether load was above capacity at some moment.
    pub is_over: bool,
    /// Changes to closed rows.
    pub changes: i64,
    /// When the youngest row was computed.
    pub computed_at: i64,
}

impl ThingSum {
    /// Of no row.
    pub const EMPTY: Self = Self {
        readings: 0,
        known_us: 0,
        count: 0,
        whole: 0,
        real: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        unplaced: 0.0,
        load: 0,
        capacity: 0,
        capacity_life: 0,
        buckets_known: 0,
        buckets_saturated: 0,
        is_over: false,
        changes: 0,
        computed_at: i64::MIN,
    };

    /// Adds a row of a stream that behaves like `signal`.
    pub fn add(&mut self, row: &ThingRow, signal: SignalKind) {
        self.readings += i64::from(row.readings);
        self.known_us += i64::from(row.known_us);
        self.count += i64::from(row.count);
        self.whole += i128::from(row.whole);
        self.real += row.real;
        if signal == SignalKind::Counter {
            self.unplaced += row.min;
        } else {
            self.min = self.min.min(row.min);
            self.max = self.max.max(row.max);
        }
        self.load += i128::from(row.load);
        self.capacity += i128::from(row.capacity);
        self.buckets_known += i64::from(row.flags & FLAG_KNOWN != 0);
        self.buckets_saturated += i64::from(row.flags & FLAG_SATURATED != 0);
        self.is_over |= row.flags & FLAG_OVER != 0;
        self.changes += i64::from(row.revision) - 1;
        self.computed_at = self.computed_at.max(row.computed_at);
    }

    /// How much of `length_us` was known.
    pub fn known_of(&self, signal: SignalKind, expected_us: Option<i64>, length_us: i64) -> i64 {
        match (signal, expected_us) {
            (SignalKind::State | SignalKind::Counter | SignalKind::Delta, _) => self.known_us,
            (SignalKind::Gauge | SignalKind::Distinct, Some(interval_us)) => {
                self.count.saturating_mul(interval_us).min(length_us)
            }
            (SignalKind::Gauge | SignalKind::Distinct, None) => {
                if self.count > 0 {
                    length_us
                } else {
                    0
                }
            }
        }
    }

    /// The stream's one figure: a state's time-weighted mean, a gauge's mean, a counter's growth, a
    /// delta's sum, a lone distinct estimate (two do not add); `None` when nothing is known.
    pub fn figure(&self, signal: SignalKind, is_whole: bool) -> Option<f64> {
        match signal {
            SignalKind::State if self.known_us > 0 => {
                let integral = if is_whole {
                    float_of(self.whole)
                } else {
                    self.real
                };
                Some(integral / float_us(self.known_us))
            }
            SignalKind::Gauge if self.count > 0 => Some(self.real / float_us(self.count)),
            SignalKind::Counter | SignalKind::Delta if self.known_us > 0 => Some(self.real),
            SignalKind::Distinct if self.count == 1 => Some(self.real),
            _ => None,
        }
    }
}

/// An exact integral as the nearest float.
#[expect(clippy::cast_precision_loss, reason = "a quotient is wanted, to 1e-9")]
pub const fn float_of(integral: i128) -> f64 {
    integral as f64
}

/// Which buckets count as known and as saturated, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// From this occupancy on a known bucket is saturated.
    pub saturation_percent: u8,
    /// From this known share on a bucket is known.
    pub known_percent: u8,
}

impl Thresholds {
    /// The flags of a 15-minute bucket.
    pub fn flags(self, load: i128, capacity: i128, expected: i128, is_over: bool) -> u8 {
        let is_known = capacity > 0 && capacity * 100 >= expected * i128::from(self.known_percent);
        let is_saturated = is_known && load * 100 >= capacity * i128::from(self.saturation_percent);
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        flag(is_known, FLAG_KNOWN) | flag(is_saturated, FLAG_SATURATED) | flag(is_over, FLAG_OVER)
    }
}

/// The bucket that begins at `start`.
pub const fn bucket_of(start: i64) -> Span {
    Span::new(start, start + BASE_US)
}
