//! Shares of integrals: `occupancy(load_integral, capacity_integral)` and
//! `known_share(known, expected)`; null where nothing is known or expected.
//!
//! # Why
//! Both are one division, but one that must not divide by zero, must not round whole numbers, and
//! must mean the same in every product: capacity that is known but zero gives no occupancy.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::function::argument;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Ratio {
    name: &'static str,
    most: Option<u8>,
    signature: Signature,
}

/// The functions.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    // Occupancy is uncapped: over capacity happens and must show. A share is at most 1.
    [("occupancy", None), ("known_share", Some(1))]
        .map(|(name, most)| {
            let types = vec![DataType::Float64, DataType::Float64];
            let signature = Signature::exact(types, Volatility::Immutable);
            Arc::new(ScalarUDF::new_from_impl(Ratio {
                name,
                most,
                signature,
            }))
        })
        .into()
}

impl ScalarUDFImpl for Ratio {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&call.args)?;
        let [part, whole] = arrays.as_slice() else {
            return Err(argument::unexpected(&DataType::Null));
        };
        let part = numbers(part)?;
        let whole = numbers(whole)?;
        let share = part.iter().zip(whole).map(|pair| match pair {
            (Some(part), Some(whole)) if whole > 0.0 => {
                let share = part / whole;
                Some(self.most.map_or(share, |most| share.min(f64::from(most))))
            }
            _ => None,
        });
        Ok(ColumnarValue::Array(Arc::new(
            share.collect::<Float64Array>(),
        )))
    }
}

fn numbers(array: &ArrayRef) -> Result<&Float64Array> {
    let typed = array.as_primitive_opt::<Float64Type>();
    typed.ok_or_else(|| argument::unexpected(array.data_type()))
}
