//! A product's query with its values: a session, a product and parameters come in, a plan goes out.

use arno_model::{Timestamp, Zone};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result as EngineResult;
use datafusion::execution::session_state::SessionState;
use datafusion::functions::expr_fn::split_part;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, col, lit};
use datafusion::sql::parser::Statement;

use crate::error::AnalyticsError;
use crate::product::Product;

/// What the placeholders stand for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Binding {
    pub(crate) level: String,
    /// An area, a thing or `all`.
    pub(crate) within: String,
    pub(crate) bucket: String,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) zone: Zone,
}

impl Binding {
    fn values(&self, product: &Product) -> Vec<(&'static str, ScalarValue)> {
        let text = |text: &str| ScalarValue::Utf8View(Some(text.to_owned()));
        let time = |moment: Timestamp| {
            ScalarValue::TimestampMicrosecond(Some(moment.as_micros()), Some("UTC".into()))
        };
        vec![
            ("level", text(&self.level)),
            ("area", text(&self.within)),
            ("bucket", text(&self.bucket)),
            ("from", time(self.from)),
            ("to", time(self.to)),
            ("now", time(self.now)),
            ("zone", text(self.zone.name())),
            (
                "known_share_min",
                ScalarValue::Float64(Some(product.known_share_min)),
            ),
        ]
    }
}

/// The names of the placeholders.
pub(crate) const PLACEHOLDERS: &str =
    "$level, $area, $bucket, $from, $to, $now, $zone, $known_share_min";

/// Plans a product with these values; its columns come out as the product says.
///
/// # Errors
/// `Query`, when the query is not valid over the tables: a bug of a shipped product, a refusal of a
/// region's own.
pub(crate) async fn bound(
    state: &SessionState,
    product: &Product,
    binding: &Binding,
) -> Result<LogicalPlan, AnalyticsError> {
    let plan = raw(state, &product.statement, binding.values(product)).await?;
    shaped(plan, product).map_err(AnalyticsError::of_engine)
}

/// Plans a product as it is written, before its columns are cast.
///
/// # Errors
/// As [`bound`].
pub(crate) async fn checked(
    state: &SessionState,
    product: &Product,
    binding: &Binding,
) -> Result<LogicalPlan, AnalyticsError> {
    raw(state, &product.statement, binding.values(product)).await
}

async fn raw(
    state: &SessionState,
    statement: &Statement,
    values: Vec<(&'static str, ScalarValue)>,
) -> Result<LogicalPlan, AnalyticsError> {
    let plan = state.statement_to_plan(statement.clone()).await;
    let plan = plan.and_then(|plan| plan.with_param_values(values));
    plan.map_err(AnalyticsError::of_engine)
}

fn shaped(plan: LogicalPlan, product: &Product) -> EngineResult<LogicalPlan> {
    let columns = product.columns.iter().map(|column| -> Expr {
        let name = Expr::Column(datafusion::common::Column::new_unqualified(&column.name));
        let wanted: DataType = column.kind.arrow();
        let found = plan.schema().field_with_unqualified_name(&column.name);
        match found {
            Ok(field) if *field.data_type() == wanted => name,
            _ => cast(name, wanted).alias(&column.name),
        }
    });
    let columns = columns.collect::<Vec<_>>();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// Keeps the rows of one publisher's things.
///
/// # Errors
/// Never, with a plan that has the column `area`.
pub(crate) fn of_publisher(plan: LogicalPlan, publisher: &str) -> EngineResult<LogicalPlan> {
    let half = split_part(col("area"), lit(":"), lit(1_i64));
    let is_of = half.eq(lit(publisher));
    LogicalPlanBuilder::from(plan).filter(is_of)?.build()
}
