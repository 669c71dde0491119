//! The columns of answers: names, types and what absent means.
//!
//! # Shape
//! Times are microseconds UTC; `…_us` are microseconds; `…_integral` and `capacity_expected` are
//! value · µs. Names that repeat over many rows (`rollup_schema`, `interval_schema`) are
//! dictionaries of text.

use std::sync::{Arc, LazyLock};

use arno_model::observation::time_type;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

fn names() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn schema(fields: Vec<(&str, DataType, bool)>) -> SchemaRef {
    let fields = fields.into_iter();
    let fields: Vec<_> = fields
        .map(|(name, kind, is_nullable)| Field::new(name, kind, is_nullable))
        .collect();
    Arc::new(Schema::new(fields))
}

static ROLLUP: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Boolean, Float64, Int64};
    schema(vec![
        ("publisher", names(), false),
        ("thing", names(), false),
        ("property", names(), false),
        ("bucket", names(), false),
        ("bucket_start", time_type(), false),
        ("bucket_end", time_type(), false),
        ("readings", Int64, false),
        ("known_us", Int64, false),
        ("expected_us", Int64, false),
        ("integral", Int64, true),
        ("integral_real", Float64, true),
        ("min", Float64, true),
        ("max", Float64, true),
        ("sum", Float64, true),
        ("samples", Int64, true),
        ("increase", Float64, true),
        ("resets", Int64, true),
        ("unplaced", Float64, true),
        ("load_integral", Int64, true),
        ("capacity_integral", Int64, true),
        ("capacity_expected", Int64, true),
        ("buckets_known", Int64, true),
        ("buckets_saturated", Int64, true),
        ("over_capacity", Boolean, true),
        ("arrivals", Int64, true),
        ("arrivals_known_us", Int64, true),
        ("open", Boolean, false),
        ("computed_at", time_type(), false),
        ("revision", Int64, false),
    ])
});

static AREA: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Boolean, Float64, Int64, Utf8};
    schema(vec![
        ("area", Utf8, false),
        ("level", Utf8, false),
        ("outside", Boolean, false),
        ("measure", Utf8, false),
        ("vehicle_kind", Utf8, true),
        ("bucket", Utf8, false),
        ("bucket_start", time_type(), false),
        ("bucket_end", time_type(), false),
        ("things", Int64, false),
        ("things_reporting", Int64, true),
        ("readings", Int64, false),
        ("load_integral", Int64, true),
        ("capacity_integral", Int64, true),
        ("capacity_expected", Int64, true),
        ("buckets_known", Int64, true),
        ("buckets_saturated", Int64, true),
        ("value", Float64, true),
        ("known_us", Int64, true),
        ("expected_us", Int64, true),
        ("peak", Float64, true),
        ("over_capacity", Boolean, true),
        ("open", Boolean, false),
        ("computed_at", time_type(), false),
        ("revision", Int64, false),
    ])
});

static INTERVAL: LazyLock<SchemaRef> = LazyLock::new(|| {
    schema(vec![
        ("publisher", names(), false),
        ("thing", names(), false),
        ("property", names(), false),
        ("valid_from", time_type(), false),
        ("valid_to", time_type(), false),
        ("value", DataType::Float64, false),
    ])
});

static MOMENT: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Boolean, Float64, Utf8};
    schema(vec![
        ("publisher", Utf8, false),
        ("thing", Utf8, false),
        ("measure", Utf8, false),
        ("vehicle_kind", Utf8, true),
        ("value", Float64, true),
        ("capacity", Float64, true),
        ("known", Boolean, false),
        ("observed_at", time_type(), true),
        ("is_open", Boolean, false),
        ("is_reserved", Boolean, false),
    ])
});

/// Columns of [`thing_rows`](crate::Rollups::thing_rows).
///
/// `known_us`: how long a state was known, a delta covered, a counter placed; for gauges the known
/// share times `expected_us`: how long the thing existed in the bucket, up to now. The known share
/// is their ratio. `integral` for whole-number states, `integral_real` for the others.
/// Gauges and distinct estimates have `sum`, `samples`, `min`, `max`; deltas `sum`, `samples`;
/// counters `increase`, `resets`, `unplaced`. What parks has `load_integral` … `over_capacity`
/// on the row of the property that says how much is parked (`vehicles`, else `free`, else
/// `occupied`); bays have `arrivals`. `open`: the bucket ends after now. `revision` begins at 1.
pub fn rollup_schema() -> SchemaRef {
    Arc::clone(&ROLLUP)
}

/// Columns of [`area_rows`](crate::Rollups::area_rows).
///
/// `area` holds the thing's global name with level `thing`. `outside`: the row is what lies in
/// `area` but in no area of `level`. Parking has the `…_integral` columns, `capacity_expected` and
/// `buckets_…`; every other measure `known_us` and `expected_us` (known share = their ratio), by
/// its area mode a `value` (sum or mean over things; null when nothing is known; always null for
/// the modes `capacity` and `none`), and summed states `peak`.
/// `things`: those that count at some time in the bucket; `things_reporting`: those of them known
/// for some time in it (null on parking rows wider than 15 minutes: it does not merge).
pub fn area_rollup_schema() -> SchemaRef {
    Arc::clone(&AREA)
}

/// Columns of [`intervals`](crate::Rollups::intervals), sorted by thing, property, `valid_from`.
pub fn interval_schema() -> SchemaRef {
    Arc::clone(&INTERVAL)
}

/// Columns of [`moment`](crate::Rollups::moment), sorted by thing.
///
/// `value`: vehicles for parking, else the property's; null when unknown. `capacity`: parking
/// alone, null when unknown. `known`: whether `value` is known, and for parking `capacity` too.
/// `observed_at`: phenomenon time of the last observation behind the value, however old.
pub fn moment_schema() -> SchemaRef {
    Arc::clone(&MOMENT)
}
