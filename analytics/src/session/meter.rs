//! A step of a plan that counts what passes against the memory pool: batches come in and go out.
//!
//! # Why
//! Window functions keep their whole input, and the engine does not count it: `sum(1) OVER ()` over a
//! cross join would take all memory. So every window's input passes a meter that reserves what went
//! through and gives it back when the window is done.
//!
//! # Limits
//! The session's memory pool → the question ends with `Exceeded`.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use futures::StreamExt as _;

/// Puts a meter under every window of a plan.
pub(crate) fn metered(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = plan.transform_up(|step| {
        let is_window = step.is::<WindowAggExec>() || step.is::<BoundedWindowAggExec>();
        if !is_window {
            return Ok(Transformed::no(step));
        }
        let children = step.children().into_iter();
        let metered = children
            .map(|child| Meter::over(Arc::clone(child)))
            .collect();
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        step.replace_children(metered, options)
            .map(Transformed::yes)
    })?;
    Ok(plan.data)
}

#[derive(Debug)]
struct Meter {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl Meter {
    fn over(input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        let properties = Arc::clone(input.properties());
        Arc::new(Self { input, properties })
    }
}

impl DisplayAs for Meter {
    fn fmt_as(&self, _kind: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Meter")
    }
}

impl ExecutionPlan for Meter {
    fn name(&self) -> &'static str {
        "Meter"
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
        let child = children.pop().filter(|_| children.is_empty());
        let internal = || DataFusionError::Internal("a meter has one input".to_owned());
        child.map(Self::over).ok_or_else(internal)
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
        let reservation = MemoryConsumer::new("window").register(context.memory_pool());
        let counted = input.map(move |batch| {
            let batch = batch?;
            reservation.try_grow(batch.get_array_memory_size())?;
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, counted)))
    }
}
