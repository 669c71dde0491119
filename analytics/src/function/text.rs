//! `a || b` with a budget: two texts come in, both in one go out, null if either is.
//!
//! # Why
//! The engine's operator has no bound on what it makes; the planner turns every `||` into this
//! function ([`crate::session::budget`] says why that matters).

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::compute::kernels::concat_elements::concat_elements_utf8;
use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, ExprSchemable as _, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::function::argument;
use crate::session::budget::{Budget, made_bytes};

#[derive(Debug)]
struct Join {
    budget: Arc<Budget>,
    signature: Signature,
}

impl PartialEq for Join {
    fn eq(&self, other: &Self) -> bool {
        self.signature == other.signature
    }
}

impl Eq for Join {}

impl Hash for Join {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.signature.hash(state);
    }
}

/// The function behind `||`.
pub(crate) fn function(budget: &Arc<Budget>) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::new_from_impl(Join {
        budget: Arc::clone(budget),
        signature,
    })
}

/// Turns `||` into the function.
pub(crate) fn planner(budget: &Arc<Budget>) -> Arc<dyn ExprPlanner> {
    Arc::new(Planner {
        function: Arc::new(function(budget)),
    })
}

#[derive(Debug)]
struct Planner {
    function: Arc<ScalarUDF>,
}

impl ExprPlanner for Planner {
    fn plan_binary_op(
        &self,
        operation: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let is_list = |kind: &DataType| matches!(kind, DataType::List(_) | DataType::LargeList(_));
        if operation.op != BinaryOperator::StringConcat
            || is_list(&operation.left.get_type(schema)?)
            || is_list(&operation.right.get_type(schema)?)
        {
            return Ok(PlannerResult::Original(operation));
        }
        let call = self.function.call(vec![operation.left, operation.right]);
        Ok(PlannerResult::Planned(call))
    }
}

impl ScalarUDFImpl for Join {
    fn name(&self) -> &'static str {
        "text_join"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        Ok(vec![DataType::Utf8; found.len()])
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = u64::try_from(call.number_rows).unwrap_or(u64::MAX).max(1);
        let bytes = call.args.iter().map(|one| made_bytes(one, rows));
        self.budget.take(bytes.fold(0, u64::saturating_add))?;
        let is_constant = call
            .args
            .iter()
            .all(|one| matches!(one, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&call.args)?;
        let arrays = arrays.iter().map(|array| cast(array, &DataType::Utf8));
        let arrays = arrays.collect::<std::result::Result<Vec<_>, _>>()?;
        let [left, right] = arrays.as_slice() else {
            return Err(argument::unexpected(&DataType::Null));
        };
        let joined = concat_elements_utf8(left.as_string::<i32>(), right.as_string::<i32>())?;
        if is_constant {
            let value = datafusion::common::ScalarValue::try_from_array(&joined, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(Arc::new(joined)))
    }
}
