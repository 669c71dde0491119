//! Local time: moments and zones come in, buckets, days and hours of the week go out.
//!
//! # Why
//! The engine's `date_bin` and `date_trunc` bin the UTC instant, or merge the two hours of October.
//! [`arno_model::Bucket`] gets both changes of the clock right; SQL reaches it here.
//!
//! # Shape
//! `time_bucket(width, time[, zone])` → timestamp: the start of the bucket of width `15m`, `1h`,
//! `1d`, `1w` or `1mo`; from a day on the zone must be said. `local_day(time, zone)` → date.
//! `hour_of_week(time, zone)` → 0 (Monday 00 local) to 167.

use std::sync::Arc;

use arno_model::bucket::BASE_US;
use arno_model::observation::time_type;
use arno_model::{Bucket, TimeRange, Timestamp, Zone};
use arrow::array::{
    Array as _, ArrayRef, Date32Builder, Int32Builder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::function::argument::{self, Kind, Texts};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    BucketStart,
    LocalDay,
    HourOfWeek,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LocalTime {
    answer: Answer,
    signature: Signature,
}

/// The functions.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    [Answer::BucketStart, Answer::LocalDay, Answer::HourOfWeek]
        .map(|answer| {
            let signature = Signature::user_defined(Volatility::Immutable);
            Arc::new(ScalarUDF::new_from_impl(LocalTime { answer, signature }))
        })
        .into()
}

impl ScalarUDFImpl for LocalTime {
    fn name(&self) -> &'static str {
        match self.answer {
            Answer::BucketStart => "time_bucket",
            Answer::LocalDay => "local_day",
            Answer::HourOfWeek => "hour_of_week",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(match self.answer {
            Answer::BucketStart => time_type(),
            Answer::LocalDay => DataType::Date32,
            Answer::HourOfWeek => DataType::Int32,
        })
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        match self.answer {
            Answer::BucketStart => {
                argument::coerced(self.name(), &[Kind::Text, Kind::Time, Kind::Text], 1, found)
            }
            _ => argument::coerced(self.name(), &[Kind::Time, Kind::Text], 0, found),
        }
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = call.number_rows;
        let (width, time, zone) = match (self.answer, call.args.as_slice()) {
            (Answer::BucketStart, [width, time]) => (Some(width), time, None),
            (Answer::BucketStart, [width, time, zone]) => (Some(width), time, Some(zone)),
            (_, [time, zone]) => (None, time, Some(zone)),
            _ => return Err(argument::unexpected(&DataType::Null)),
        };
        let is_constant = call
            .args
            .iter()
            .all(|one| matches!(one, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { rows };
        let times = argument::times(time, rows)?;
        let width = width.map(|width| Texts::of(width, rows)).transpose()?;
        let zone = zone.map(|zone| Texts::of(zone, rows)).transpose()?;
        let mut clock = Clock::default();
        let mut out = Out::with_capacity(self.answer, rows);
        for row in 0..rows {
            let moment = times
                .is_valid(row)
                .then(|| Timestamp::from_micros(times.value(row)));
            let zone = match &zone {
                Some(zone) => zone.at(row).map(Some),
                None => Some(None),
            };
            let (Some(moment), Some(zone)) = (moment, zone) else {
                out.null();
                continue;
            };
            clock.set_zone(zone)?;
            match (self.answer, &width) {
                (Answer::BucketStart, Some(width)) => match width.at(row) {
                    Some(width) => out.time(clock.bucket(width, moment)?.start),
                    None => out.null(),
                },
                (Answer::LocalDay, _) => out.number(clock.day_number(moment)),
                _ => out.number(i32::from(clock.hour_of_week(moment))),
            }
        }
        let array = out.finish();
        if is_constant {
            let value = datafusion::common::ScalarValue::try_from_array(&array, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(array))
    }
}

/// A zone with what was computed last: neighbouring rows mostly ask the same.
#[derive(Debug, Default)]
struct Clock {
    zone_name: Option<String>,
    zone: Option<Zone>,
    bucket_name: String,
    bucket: Option<Bucket>,
    range: Option<TimeRange>,
    day: Option<(TimeRange, i32)>,
    hour: Option<(i64, u8)>,
}

impl Clock {
    fn set_zone(&mut self, name: Option<&str>) -> Result<()> {
        if self.zone_name.as_deref() == name {
            return Ok(());
        }
        let zone = name.map(Zone::parse).transpose();
        self.zone = zone.map_err(|error| argument::mistake("zone", error.to_string()))?;
        self.zone_name = name.map(str::to_owned);
        self.range = None;
        self.day = None;
        self.hour = None;
        Ok(())
    }

    fn bucket(&mut self, width: &str, moment: Timestamp) -> Result<TimeRange> {
        if self.bucket.is_none() || self.bucket_name != width {
            let bucket = width.parse::<Bucket>();
            self.bucket =
                Some(bucket.map_err(|error| argument::mistake("width", error.to_string()))?);
            width.clone_into(&mut self.bucket_name);
            self.range = None;
        }
        if let Some(range) = self.range.filter(|range| range.contains(moment)) {
            return Ok(range);
        }
        let bucket = self.bucket.unwrap_or(Bucket::Quarter);
        let needs_zone = !matches!(bucket, Bucket::Quarter | Bucket::Hour);
        if needs_zone && self.zone.is_none() {
            let reason = format!(
                "is missing: days depend on it; write time_bucket('{bucket}', time, 'Europe/Rome')"
            );
            return Err(argument::mistake("zone", reason));
        }
        let range = bucket.containing(moment, self.zone.as_ref().unwrap_or(&Zone::UTC));
        self.range = Some(range);
        Ok(range)
    }

    fn day_number(&mut self, moment: Timestamp) -> i32 {
        if let Some((_, number)) = self.day.filter(|(range, _)| range.contains(moment)) {
            return number;
        }
        let zone = self.zone.clone().unwrap_or(Zone::UTC);
        let range = Bucket::Day.containing(moment, &zone);
        let epoch = jiff::civil::date(1970, 1, 1);
        let days = zone
            .local(moment)
            .date()
            .since(epoch)
            .map_or(0, |span| span.get_days());
        self.day = Some((range, days));
        days
    }

    fn hour_of_week(&mut self, moment: Timestamp) -> u8 {
        // Offsets are multiples of 15 minutes, so one block lies in one local hour.
        let block = moment.as_micros().div_euclid(BASE_US);
        if let Some((_, hour)) = self.hour.filter(|(known, _)| *known == block) {
            return hour;
        }
        let hour = self
            .zone
            .as_ref()
            .unwrap_or(&Zone::UTC)
            .hour_of_week(moment);
        self.hour = Some((block, hour));
        hour
    }
}

enum Out {
    Times(TimestampMicrosecondBuilder),
    Days(Date32Builder),
    Numbers(Int32Builder),
}

impl Out {
    fn with_capacity(answer: Answer, rows: usize) -> Self {
        match answer {
            Answer::BucketStart => {
                let builder = TimestampMicrosecondBuilder::with_capacity(rows);
                Self::Times(builder.with_timezone("UTC"))
            }
            Answer::LocalDay => Self::Days(Date32Builder::with_capacity(rows)),
            Answer::HourOfWeek => Self::Numbers(Int32Builder::with_capacity(rows)),
        }
    }

    fn null(&mut self) {
        match self {
            Self::Times(builder) => builder.append_null(),
            Self::Days(builder) => builder.append_null(),
            Self::Numbers(builder) => builder.append_null(),
        }
    }

    fn time(&mut self, moment: Timestamp) {
        if let Self::Times(builder) = self {
            builder.append_value(moment.as_micros());
        }
    }

    fn number(&mut self, number: i32) {
        match self {
            Self::Times(_) => {}
            Self::Days(builder) => builder.append_value(number),
            Self::Numbers(builder) => builder.append_value(number),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Times(mut builder) => Arc::new(builder.finish()),
            Self::Days(mut builder) => Arc::new(builder.finish()),
            Self::Numbers(mut builder) => Arc::new(builder.finish()),
        }
    }
}
