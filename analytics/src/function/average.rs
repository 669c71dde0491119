//! `time_weighted_avg(value, valid_from, valid_to, from, to)`: intervals of a state come in, its
//! mean over the known part of `[from, to)` goes out; null when nothing of it is known.
//!
//! # Why
//! The mean of a state's events is a wrong number: ten flickers in a minute outweigh a car parked
//! all day. Over `state_intervals` this is the right one.
//!
//! # Invariants
//! Each product of a whole number and a length in microseconds below 2⁵³ is exact, and the sum is
//! compensated (Neumaier), so the order of rows does not show beyond 1e-15.

use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::{
    DataType, Field, FieldRef, Float64Type, Int64Type, TimestampMicrosecondType,
};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

use crate::function::argument::{self, Kind};

#[derive(Debug, PartialEq, Eq, Hash)]
struct TimeWeightedAverage {
    signature: Signature,
}

/// The function.
pub(crate) fn function() -> AggregateUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    AggregateUDF::new_from_impl(TimeWeightedAverage { signature })
}

impl AggregateUDFImpl for TimeWeightedAverage {
    fn name(&self) -> &'static str {
        "time_weighted_avg"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        let kinds = [Kind::Number, Kind::Time, Kind::Time, Kind::Time, Kind::Time];
        argument::coerced(self.name(), &kinds, 0, found)
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::<Weighted>::default())
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |part: &str, kind| {
            Arc::new(Field::new(
                format_state_name(arguments.name, part),
                kind,
                true,
            ))
        };
        Ok(vec![
            field("sum", DataType::Float64),
            field("lost", DataType::Float64),
            field("known_us", DataType::Int64),
        ])
    }
}

#[derive(Debug, Default)]
struct Weighted {
    sum: f64,
    lost: f64,
    known_us: i64,
}

impl Weighted {
    fn add(&mut self, amount: f64) {
        let total = self.sum + amount;
        self.lost += if self.sum.abs() >= amount.abs() {
            (self.sum - total) + amount
        } else {
            (amount - total) + self.sum
        };
        self.sum = total;
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "lengths are below 2^53 µs, 285 years"
)]
fn weight(length_us: i64) -> f64 {
    length_us as f64
}

fn missing() -> DataFusionError {
    DataFusionError::Internal("time_weighted_avg got other columns than it asked for".to_owned())
}

impl Accumulator for Weighted {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [value, times @ ..] = values else {
            return Err(missing());
        };
        let value = value
            .as_primitive_opt::<Float64Type>()
            .ok_or_else(missing)?;
        let times = times
            .iter()
            .map(|time| time.as_primitive_opt::<TimestampMicrosecondType>());
        let times = times.collect::<Option<Vec<_>>>().ok_or_else(missing)?;
        let [valid_from, valid_to, from, to] = times.as_slice() else {
            return Err(missing());
        };
        for row in 0..value.len() {
            let known = [valid_from, valid_to, from, to]
                .iter()
                .all(|time| time.is_valid(row));
            if !known || value.is_null(row) {
                continue;
            }
            let start = valid_from.value(row).max(from.value(row));
            let length_us = valid_to.value(row).min(to.value(row)).saturating_sub(start);
            if length_us > 0 {
                self.add(value.value(row) * weight(length_us));
                self.known_us = self.known_us.saturating_add(length_us);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let known = self.known_us > 0;
        let mean = known.then(|| (self.sum + self.lost) / weight(self.known_us));
        Ok(ScalarValue::Float64(mean))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            self.sum.into(),
            self.lost.into(),
            self.known_us.into(),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [sum, lost, known_us] = states else {
            return Err(missing());
        };
        let sum = sum.as_primitive_opt::<Float64Type>().ok_or_else(missing)?;
        let lost = lost.as_primitive_opt::<Float64Type>().ok_or_else(missing)?;
        let known_us = known_us
            .as_primitive_opt::<Int64Type>()
            .ok_or_else(missing)?;
        for row in (0..sum.len()).filter(|row| sum.is_valid(*row)) {
            self.add(sum.value(row));
            self.add(lost.value(row));
            self.known_us = self.known_us.saturating_add(known_us.value(row));
        }
        Ok(())
    }
}
