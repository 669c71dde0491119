//! Passages in a plan: a finished plan comes in, the same with checks where the engine has none
//! goes out.
//!
//! # Why
//! * A join can make rows for ever out of one small batch without ever returning to the scheduler,
//!   and a join's condition can be false for ever: both ask the question's [`Watch`].
//! * Window functions keep their whole input, and the engine does not count it: what goes into a
//!   window is reserved in the memory pool until the window is done.
//!
//! # Limits
//! The question's time and its memory pool → it ends with `Exceeded`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::StreamExt as _;

use crate::session::watch::Watch;

/// Puts passages into a plan: above what multiplies rows, under what keeps them.
pub(crate) fn guarded(
    plan: Arc<dyn ExecutionPlan>,
    watch: &Arc<Watch>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = plan.transform_up(|step| {
        if step.is::<WindowAggExec>() || step.is::<BoundedWindowAggExec>() {
            let children = step.children().into_iter();
            let inputs = children.map(|child| Passage::over(Arc::clone(child), watch, true));
            let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            let inputs = inputs.collect();
            return step.replace_children(inputs, options).map(Transformed::yes);
        }
        let multiplies = step.is::<CrossJoinExec>()
            || step.is::<SortMergeJoinExec>()
            || step.is::<HashJoinExec>()
            || step.is::<NestedLoopJoinExec>()
            || step.is::<UnnestExec>();
        if !multiplies {
            return Ok(Transformed::no(step));
        }
        let step = with_watched_condition(step, watch)?;
        Ok(Transformed::yes(Passage::over(step, watch, false)))
    })?;
    Ok(plan.data)
}

fn with_watched_condition(
    step: Arc<dyn ExecutionPlan>,
    watch: &Arc<Watch>,
) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(join) = step.downcast_ref::<HashJoinExec>()
        && let Some(filter) = join.filter()
    {
        return join
            .builder()
            .with_filter(Some(watched(filter, watch)))
            .build_exec();
    }
    if let Some(join) = step.downcast_ref::<NestedLoopJoinExec>()
        && let Some(filter) = join.filter()
    {
        let (left, right) = (Arc::clone(join.left()), Arc::clone(join.right()));
        let built = NestedLoopJoinExecBuilder::new(left, right, *join.join_type())
            .with_filter(Some(watched(filter, watch)))
            .with_projection_ref(join.projection().clone())
            .build()?;
        return Ok(Arc::new(built));
    }
    Ok(step)
}

fn watched(filter: &JoinFilter, watch: &Arc<Watch>) -> JoinFilter {
    let inner = Arc::clone(filter.expression());
    let condition = Arc::new(Watched {
        inner,
        watch: Arc::clone(watch),
    });
    JoinFilter::new(
        condition,
        filter.column_indices().to_vec(),
        Arc::clone(filter.schema()),
    )
}

/// A condition that asks the watch each time.
#[derive(Debug, Clone)]
struct Watched {
    inner: Arc<dyn PhysicalExpr>,
    watch: Arc<Watch>,
}

impl fmt::Display for Watched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, formatter)
    }
}

impl PartialEq for Watched {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Eq for Watched {}

impl Hash for Watched {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl PhysicalExpr for Watched {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.inner.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.inner.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.inner.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.watch.check()?;
        self.inner.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let inner = children.pop().ok_or_else(one_input)?;
        Ok(Arc::new(Self {
            inner,
            watch: Arc::clone(&self.watch),
        }))
    }

    fn fmt_sql(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(formatter)
    }
}

fn one_input() -> DataFusionError {
    DataFusionError::Internal("a passage has one input".to_owned())
}

/// A step that lets batches through, yields, and counts.
#[derive(Debug)]
struct Passage {
    input: Arc<dyn ExecutionPlan>,
    watch: Arc<Watch>,
    reserves: bool,
    properties: Arc<PlanProperties>,
}

impl Passage {
    fn over(
        input: Arc<dyn ExecutionPlan>,
        watch: &Arc<Watch>,
        reserves: bool,
    ) -> Arc<dyn ExecutionPlan> {
        let properties = Arc::clone(input.properties());
        Arc::new(Self {
            input,
            watch: Arc::clone(watch),
            reserves,
            properties,
        })
    }
}

impl DisplayAs for Passage {
    fn fmt_as(&self, _kind: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.reserves {
            "Passage: reserves"
        } else {
            "Passage"
        })
    }
}

impl ExecutionPlan for Passage {
    fn name(&self) -> &'static str {
        "Passage"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let child = children
            .pop()
            .filter(|_| children.is_empty())
            .ok_or_else(one_input)?;
        Ok(Self::over(child, &self.watch, self.reserves))
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
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let schema = input.schema();
        let watch = Arc::clone(&self.watch);
        let reservation = MemoryConsumer::new("window").register(context.memory_pool());
        let reserves = self.reserves;
        let counted = input.map(move |batch| {
            let batch = batch?;
            watch.check()?;
            if reserves {
                reservation.try_grow(batch.get_array_memory_size())?;
            }
            Ok(batch)
        });
        let counted = Box::pin(RecordBatchStreamAdapter::new(schema, counted));
        Ok(make_cooperative(counted))
    }
}
