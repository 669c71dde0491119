//! Functions that lengthen what they get, held to a budget: the engine's function comes in, the
//! same function that stops in time goes out.
//!
//! # Why
//! `a || a`, forty times over, is 2⁴⁰ bytes, and the memory pool does not see it. Each question has
//! one `Budget` for all text and arrays it makes; it is never given back, so that no way of
//! nesting gets round it.
//!
//! # Limits
//! [`MADE_BYTES_MAX`] a question, [`BATCH_BYTES_MAX`] a call on one batch → the question ends with
//! `Exceeded`.
//!
//! # Invariants
//! The bound is checked before the engine's function runs: what these functions make is never
//! longer than the sum of what they get, every constant counted once a row.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::error::{AnalyticsError, Bound};
use crate::session::watch::Watch;

/// Most bytes of text and arrays that the functions of one question may make.
pub const MADE_BYTES_MAX: u64 = 1 << 30;
/// Most bytes that one call may make for one batch of rows.
pub const BATCH_BYTES_MAX: u64 = 64 << 20;

/// What a question may still make.
#[derive(Debug)]
pub(crate) struct Budget {
    left: AtomicU64,
    watch: Arc<Watch>,
}

impl Budget {
    pub(crate) fn new(watch: &Arc<Watch>) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicU64::new(MADE_BYTES_MAX),
            watch: Arc::clone(watch),
        })
    }

    /// Whether the question may go on; slow functions ask for every row.
    pub(crate) fn check_time(&self) -> Result<()> {
        Ok(self.watch.check()?)
    }

    /// Takes bytes out of the budget, before they are made.
    pub(crate) fn take(&self, bytes: u64) -> Result<()> {
        let taken = self
            .left
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes).filter(|_| bytes <= BATCH_BYTES_MAX)
            });
        taken.map(|_left| ()).map_err(|_left| {
            DataFusionError::from(AnalyticsError::Exceeded {
                bound: Bound::Text,
                mend: "its functions make more than 1 GiB of text and arrays; make less, \
                    or fetch the parts and join them yourself"
                    .to_owned(),
            })
        })
    }
}

/// A function of the engine with a budget.
pub(crate) struct Budgeted {
    inner: Arc<ScalarUDF>,
    budget: Arc<Budget>,
}

impl Budgeted {
    pub(crate) fn wrap(inner: Arc<ScalarUDF>, budget: &Arc<Budget>) -> ScalarUDF {
        ScalarUDF::new_from_impl(Self {
            inner,
            budget: Arc::clone(budget),
        })
    }
}

impl fmt::Debug for Budgeted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Budgeted")
            .field("inner", &self.inner.name())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Budgeted {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Budgeted {}

impl Hash for Budgeted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl ScalarUDFImpl for Budgeted {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.inner().return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(arguments)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = u64::try_from(arguments.number_rows)
            .unwrap_or(u64::MAX)
            .max(1);
        let bytes = arguments
            .args
            .iter()
            .map(|argument| made_bytes(argument, rows))
            .fold(0_u64, u64::saturating_add);
        self.budget.take(bytes)?;
        self.inner.invoke_with_args(arguments)
    }
}

/// How many bytes an argument adds to what is made, over all rows.
pub(crate) fn made_bytes(argument: &ColumnarValue, rows: u64) -> u64 {
    let bytes = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    match argument {
        ColumnarValue::Array(array) => written_bytes(array.as_ref()),
        ColumnarValue::Scalar(value) => {
            let own = bytes(value.size()).saturating_sub(bytes(size_of_val(value)));
            own.max(8).saturating_mul(rows)
        }
    }
}

/// Bytes of an array's values as they would be written out; views count what they show.
fn written_bytes(array: &dyn Array) -> u64 {
    let count = match array.data_type() {
        DataType::Utf8View => {
            let lengths = array.as_string_view().lengths();
            return lengths.map(u64::from).fold(0, u64::saturating_add);
        }
        DataType::BinaryView => {
            let lengths = array.as_binary_view().lengths();
            return lengths.map(u64::from).fold(0, u64::saturating_add);
        }
        _ => array.get_array_memory_size(),
    };
    u64::try_from(count).unwrap_or(u64::MAX)
}
