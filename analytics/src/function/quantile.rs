//! `quantile(value, q)`: numbers and a share from 0 to 1 come in, the quantile with linear
//! interpolation goes out; null for no numbers.
//!
//! # Why
//! The engine's `percentile_cont` rounds the weight of its interpolation to a millionth, which
//! shows above the exactness that figures here have.
//!
//! # Shape
//! With n sorted values, h = q · (n − 1): value[⌊h⌋] + (h − ⌊h⌋) · (value[⌊h⌋ + 1] − value[⌊h⌋]).
//! Nulls and NaN do not count.
//!
//! # Source
//! Hyndman and Fan 1996, type 7, as R, NumPy and PostgreSQL compute it.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

use crate::function::argument::{self, Kind};

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quantile {
    signature: Signature,
}

/// The function.
pub(crate) fn function() -> AggregateUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    AggregateUDF::new_from_impl(Quantile { signature })
}

impl AggregateUDFImpl for Quantile {
    fn name(&self) -> &'static str {
        "quantile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        argument::coerced(self.name(), &[Kind::Number, Kind::Number], 0, found)
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, _arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::<Values>::default())
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let item = Field::new_list_field(DataType::Float64, true);
        let values = DataType::List(Arc::new(item));
        let field = |part: &str, kind| {
            Arc::new(Field::new(
                format_state_name(arguments.name, part),
                kind,
                true,
            ))
        };
        Ok(vec![
            field("values", values),
            field("share", DataType::Float64),
        ])
    }
}

#[derive(Debug, Default)]
struct Values {
    values: Vec<f64>,
    share: Option<f64>,
}

fn missing() -> DataFusionError {
    DataFusionError::Internal("quantile got other columns than it asked for".to_owned())
}

impl Values {
    fn set_share(&mut self, share: f64) -> Result<()> {
        if !(0.0..=1.0).contains(&share) {
            return Err(argument::mistake(
                "q",
                format!("is {share}; it must lie from 0 to 1"),
            ));
        }
        let differs = self
            .share
            .is_some_and(|known| known.to_bits() != share.to_bits());
        if differs {
            return Err(argument::mistake(
                "q",
                "must be one number for all rows of a group",
            ));
        }
        self.share = Some(share);
        Ok(())
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values, share] = values else {
            return Err(missing());
        };
        let values = values
            .as_primitive_opt::<Float64Type>()
            .ok_or_else(missing)?;
        let share = share
            .as_primitive_opt::<Float64Type>()
            .ok_or_else(missing)?;
        for share in share.iter().flatten() {
            self.set_share(share)?;
        }
        self.values
            .extend(values.iter().flatten().filter(|value| !value.is_nan()));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let share = self.share;
        let quantile = share.and_then(|share| interpolated(&mut self.values, share));
        Ok(ScalarValue::Float64(quantile))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<f64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = std::mem::take(&mut self.values);
        let values: Vec<_> = values.into_iter().map(ScalarValue::from).collect();
        let list = ScalarValue::new_list_nullable(&values, &DataType::Float64);
        Ok(vec![
            ScalarValue::List(list),
            ScalarValue::Float64(self.share),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [lists, shares] = states else {
            return Err(missing());
        };
        let lists = lists.as_list_opt::<i32>().ok_or_else(missing)?;
        let shares = shares
            .as_primitive_opt::<Float64Type>()
            .ok_or_else(missing)?;
        for share in shares.iter().flatten() {
            self.set_share(share)?;
        }
        for row in (0..lists.len()).filter(|row| lists.is_valid(*row)) {
            let list = lists.value(row);
            let list = list.as_primitive_opt::<Float64Type>().ok_or_else(missing)?;
            self.values.extend(list.iter().flatten());
        }
        Ok(())
    }
}

/// The quantile of some values; they are sorted meanwhile.
pub(crate) fn interpolated(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "fewer than 2^53 values fit in memory"
    )]
    let place = share * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 0 and the last index"
    )]
    let below = place.floor() as usize;
    let low = *values.get(below)?;
    let high = values.get(below + 1).copied().unwrap_or(low);
    Some(low + (place - place.floor()) * (high - low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_linearly() {
        let mut values = [4.0, 1.0, 3.0, 2.0];
        for (share, expected) in [(0.0, 1.0), (0.25, 1.75), (0.5, 2.5), (0.9, 3.7), (1.0, 4.0)] {
            let found = interpolated(&mut values, share).unwrap();
            assert!((found - expected).abs() < 1e-12, "{share}: {found}");
        }
        assert_eq!(interpolated(&mut [], 0.5), None);
        assert_eq!(interpolated(&mut [7.0], 0.9), Some(7.0));
    }
}
