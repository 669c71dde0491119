//! What every table does: the engine's question comes in, sorted into filters and columns, and the
//! table's own part of the work is called.
//!
//! # Why
//! A table here says three things: its columns, which conditions it meets exactly, and how it
//! reads. Projection, casting to the declared types and the plan's leaf are the same for all.

use std::fmt::Debug;
use std::sync::Arc;

use arno_model::observation::time_type;
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::error::AnalyticsError;
use crate::table::filter::{self, Filters};
use crate::table::leaf::{Leaf, LeafParts, Source};

/// What the engine asks of a table.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    /// The conditions that were understood.
    pub(crate) filters: Filters,
    /// The columns that are wanted, in the table's order.
    pub(crate) schema: SchemaRef,
    /// The same as indexes.
    pub(crate) columns: Vec<usize>,
    /// At most so many rows; absent unless every condition is met exactly.
    pub(crate) limit: Option<usize>,
    /// How many partitions are welcome.
    pub(crate) partitions: usize,
}

/// How a table answers.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Columns by which every partition is sorted.
    pub(crate) sorted_by: Vec<&'static str>,
    /// How many partitions there are.
    pub(crate) partitions: usize,
    /// Where rows come from.
    pub(crate) source: Arc<dyn Source>,
}

/// One table's own part.
pub(crate) trait Asked: Debug + Send + Sync + 'static {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Its columns.
    fn schema(&self) -> SchemaRef;

    /// Columns whose understood conditions [`Self::read`] meets exactly.
    fn exact(&self) -> &'static [&'static str] {
        &[]
    }

    /// Columns whose understood conditions narrow what is read.
    fn narrowing(&self) -> &'static [&'static str] {
        &[]
    }

    /// Prepares to read.
    ///
    /// # Errors
    /// `Parameter` or `Unknown`, when a condition is missing or names what is not there.
    fn read(&self, read: Read) -> Result<Reading, AnalyticsError>;
}

/// A table as the engine knows it.
#[derive(Debug)]
pub(crate) struct Provider<T> {
    asked: T,
}

impl<T: Asked> Provider<T> {
    pub(crate) fn table(asked: T) -> Arc<dyn TableProvider> {
        Arc::new(Self { asked })
    }
}

#[async_trait]
impl<T: Asked> TableProvider for Provider<T> {
    fn schema(&self) -> SchemaRef {
        self.asked.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        conditions: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = conditions.iter().map(|condition| {
            if filter::is_understood(condition, self.asked.exact()) {
                TableProviderFilterPushDown::Exact
            } else if filter::is_understood(condition, self.asked.narrowing()) {
                TableProviderFilterPushDown::Inexact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        });
        Ok(support.collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        conditions: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let whole = self.asked.schema();
        let columns = projection.cloned();
        let columns = columns.unwrap_or_else(|| (0..whole.fields().len()).collect());
        let schema: SchemaRef = Arc::new(whole.project(&columns)?);
        let filters = Filters::of(conditions);
        let mut pushed = filters.describe();
        pushed.extend(limit.map(|limit| format!("limit={limit}")));
        let reading = self.asked.read(Read {
            filters,
            schema: Arc::clone(&schema),
            columns,
            limit,
            partitions: state.config().target_partitions(),
        })?;
        Ok(Leaf::plan(LeafParts {
            table: self.asked.name(),
            pushed,
            schema,
            sorted_by: reading.sorted_by,
            partitions: reading.partitions,
            source: reading.source,
        }))
    }
}

/// A column of text.
pub(crate) fn text(name: &str, is_nullable: bool) -> Field {
    Field::new(name, DataType::Utf8View, is_nullable)
}

/// A column of times.
pub(crate) fn time(name: &str, is_nullable: bool) -> Field {
    Field::new(name, time_type(), is_nullable)
}

/// The schema of an engine's answer as tables show it: names as text views, more columns after
/// them.
pub(crate) fn shown(schema: &Schema, more: Vec<Field>) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Dictionary(..) | DataType::Utf8 => text(field.name(), field.is_nullable()),
        _ => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.chain(more).collect::<Vec<_>>()))
}

/// Picks a schema's columns out of a batch by name, and casts them to its types.
pub(crate) fn picked(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|field| {
        let column = batch.column_by_name(field.name()).ok_or_else(|| {
            DataFusionError::Internal(format!("a batch lacks the column `{}`", field.name()))
        })?;
        if column.data_type() == field.data_type() {
            return Ok(Arc::clone(column));
        }
        cast(column, field.data_type()).map_err(DataFusionError::from)
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    assembled(schema, columns, batch.num_rows())
}

/// A batch of some rows, with no columns if none are wanted.
pub(crate) fn assembled(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}
