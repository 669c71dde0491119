//! The leaf of every plan here: what a table was asked comes in, its partitions' streams go out.
//!
//! # Why
//! One node for all tables: `EXPLAIN` shows what was pushed into it, the order of rows and the
//! limit, and nothing is read before the plan runs.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::stream::BoxStream;

/// Batches of one partition, in the leaf's schema.
pub(crate) type Batches = BoxStream<'static, Result<RecordBatch>>;

/// Opens a partition's stream.
pub(crate) trait Source: fmt::Debug + Send + Sync {
    /// The stream of a partition; called once for each.
    fn open(&self, partition: usize) -> Batches;
}

/// What a leaf is made of.
#[derive(Debug)]
pub(crate) struct LeafParts {
    /// The table.
    pub(crate) table: &'static str,
    /// What was pushed down, for `EXPLAIN`.
    pub(crate) pushed: Vec<String>,
    /// The columns that come out.
    pub(crate) schema: SchemaRef,
    /// Columns by which every partition is sorted; those that are not in the schema end it.
    pub(crate) sorted_by: Vec<&'static str>,
    /// How many partitions there are.
    pub(crate) partitions: usize,
    /// Where rows come from.
    pub(crate) source: Arc<dyn Source>,
}

/// The node.
#[derive(Debug)]
pub(crate) struct Leaf {
    parts: LeafParts,
    properties: Arc<PlanProperties>,
}

impl Leaf {
    pub(crate) fn plan(parts: LeafParts) -> Arc<dyn ExecutionPlan> {
        let sorted = parts.sorted_by.iter().map_while(|name| {
            let index = parts.schema.index_of(name).ok()?;
            Some(PhysicalSortExpr::new_default(Arc::new(Column::new(
                name, index,
            ))))
        });
        let orderings = LexOrdering::new(sorted.collect::<Vec<_>>());
        let equivalence =
            EquivalenceProperties::new_with_orderings(Arc::clone(&parts.schema), orderings);
        let properties = PlanProperties::new(
            equivalence,
            Partitioning::UnknownPartitioning(parts.partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let properties = properties.with_scheduling_type(SchedulingType::Cooperative);
        Arc::new(Self {
            parts,
            properties: Arc::new(properties),
        })
    }
}

impl DisplayAs for Leaf {
    fn fmt_as(&self, _kind: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = self
            .parts
            .schema
            .fields()
            .iter()
            .map(|field| field.name())
            .collect();
        write!(
            formatter,
            "TableScan: {}, columns={columns:?}, pushed=[{}], partitions={}",
            self.parts.table,
            self.parts.pushed.join(", "),
            self.parts.partitions,
        )?;
        if self.parts.sorted_by.is_empty() {
            return Ok(());
        }
        write!(formatter, ", sorted_by={:?}", self.parts.sorted_by)
    }
}

impl ExecutionPlan for Leaf {
    fn name(&self) -> &'static str {
        "TableScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() {
            return Ok(self);
        }
        Err(DataFusionError::Internal("a table has no input".to_owned()))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn execute(
        &self,
        partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let batches = self.parts.source.open(partition);
        let schema = Arc::clone(&self.parts.schema);
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(
            schema, batches,
        ))))
    }
}
