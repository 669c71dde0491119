//! One session a question: who asks and what stands in the catalogue come in, a planned, bounded,
//! read-only query goes out.
//!
//! # Why
//! Nothing is shared between questions but threads: tables are made for the caller's view,
//! functions for the question's budget, memory and temporary space are its own share. So a question
//! can neither see nor starve another.
//!
//! # Limits
//! Memory and temporary space a question: the configuration's, divided by the questions at once.
//! The other bounds: [`guard`], `allow`, [`budget`], [`lane`].
//!
//! # Invariants
//! A query only reads: the text is checked ([`guard`]), the plan is checked (`allow`), and the
//! session has no file formats, no table factories, no object stores and no table functions.

pub mod budget;
pub mod guard;
pub mod lane;

pub(crate) mod allow;
pub(crate) mod passage;
pub(crate) mod watch;

use std::num::NonZeroUsize;
use std::sync::Arc;

use arno_model::Timestamp;
use datafusion::catalog::{CatalogProvider, CatalogProviderList as _, MemoryCatalogProviderList};
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::{LogicalPlan, ScalarUDF};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;

use crate::config::AnalyticsConfig;
use crate::error::AnalyticsError;
use crate::function;
use crate::session::budget::{Budget, Budgeted};
use crate::session::lane::Prepared;
use crate::session::watch::Watch;

/// Name of the catalogue and of its main schema.
pub(crate) const CATALOG: &str = "arno";
/// The main schema.
pub(crate) const SCHEMA: &str = "public";

/// Makes sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    memory_bytes: usize,
    spill_bytes: u64,
}

impl Sessions {
    pub(crate) fn new(config: &AnalyticsConfig) -> Self {
        let share = config.concurrency_max.max(1);
        Self {
            memory_bytes: config.memory_bytes_max / share,
            spill_bytes: config.spill_bytes_max / u64::try_from(share).unwrap_or(u64::MAX),
        }
    }

    /// A session over these tables, whose `now()` is the store's.
    ///
    /// # Errors
    /// `Broken`, when the engine can't be set up.
    pub(crate) fn open(
        &self,
        catalog: Arc<dyn CatalogProvider>,
        now: Timestamp,
        watch: &Arc<Watch>,
    ) -> Result<SessionState, AnalyticsError> {
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(CATALOG.to_owned(), catalog);
        let mut props = ExecutionProps::new();
        let start = arrow::temporal_conversions::timestamp_us_to_datetime(now.as_micros());
        if let Some(start) = start {
            props = props.with_query_execution_start_time(start.and_utc());
        }
        let mut planners = SessionStateDefaults::default_expr_planners();
        let budget = Budget::new(watch);
        planners.insert(0, function::text::planner(&budget));
        Ok(SessionStateBuilder::new()
            .with_config(config())
            .with_execution_props(props)
            .with_runtime_env(self.runtime()?)
            .with_catalog_list(Arc::new(catalogs))
            .with_expr_planners(planners)
            .with_scalar_functions(scalars(&budget))
            .with_aggregate_functions(aggregates())
            .with_window_functions(windows())
            .with_table_functions(std::collections::HashMap::new())
            .with_file_formats(Vec::new())
            .build())
    }

    fn runtime(&self) -> Result<Arc<RuntimeEnv>, AnalyticsError> {
        const TOP: NonZeroUsize = NonZeroUsize::MIN;
        let pool = TrackConsumersPool::new(FairSpillPool::new(self.memory_bytes), TOP);
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::OsTmpDirectory)
            .with_max_temp_directory_size(self.spill_bytes);
        RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(AnalyticsError::of_engine)
    }
}

fn config() -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false);
    let options = config.options_mut();
    options.execution.enable_recursive_ctes = false;
    options.execution.enforce_batch_size_in_joins = true;
    options.execution.time_zone = Some("UTC".to_owned());
    // Keep the sort's own reserve below a small share of memory: questions run with little.
    options.execution.sort_spill_reservation_bytes = 1 << 20;
    // Sorted streams stay sorted: the tables say in which order their rows come.
    options.optimizer.prefer_existing_sort = true;
    config
}

fn scalars(budget: &Arc<Budget>) -> Vec<Arc<ScalarUDF>> {
    let shipped = SessionStateDefaults::default_scalar_functions();
    let mut all: Vec<_> = shipped
        .iter()
        .filter(|function| allow::SCALARS.contains(&function.name()))
        .map(Arc::clone)
        .collect();
    let budgeted = shipped
        .into_iter()
        .filter(|one| allow::BUDGETED.contains(&one.name()));
    all.extend(budgeted.map(|inner| Arc::new(Budgeted::wrap(inner, budget))));
    all.extend(function::scalars(budget));
    all
}

fn aggregates() -> Vec<Arc<datafusion::logical_expr::AggregateUDF>> {
    let shipped = SessionStateDefaults::default_aggregate_functions().into_iter();
    let mut all: Vec<_> = shipped
        .filter(|function| allow::AGGREGATES.contains(&function.name()))
        .collect();
    all.extend(function::aggregates());
    all
}

fn windows() -> Vec<Arc<datafusion::logical_expr::WindowUDF>> {
    let shipped = SessionStateDefaults::default_window_functions().into_iter();
    shipped
        .filter(|function| allow::WINDOWS.contains(&function.name()))
        .collect()
}

/// Plans a statement that passed [`guard::parse`].
///
/// # Errors
/// `Refused` for what is not offered, `Query` for what is not valid over these tables.
pub(crate) async fn plan(
    state: &SessionState,
    statement: Statement,
) -> Result<LogicalPlan, AnalyticsError> {
    let plan = state
        .statement_to_plan(statement)
        .await
        .map_err(|error| sorted(error, state))?;
    let reading = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    reading
        .verify_plan(&plan)
        .map_err(AnalyticsError::of_engine)?;
    allow::check_plan(&plan, state)?;
    Ok(plan)
}

/// Optimises a checked plan and makes it ready to run.
///
/// # Errors
/// `Refused` for too much literal text, else what the tables and the planner say.
pub(crate) async fn prepare(
    state: &SessionState,
    plan: &LogicalPlan,
    watch: &Arc<Watch>,
) -> Result<Prepared, AnalyticsError> {
    let plan = state.optimize(plan).map_err(AnalyticsError::of_engine)?;
    allow::check_literals(&plan)?;
    let planner = Arc::clone(state.query_planner());
    let physical = planner.create_physical_plan(&plan, state).await;
    let physical = physical
        .and_then(|plan| passage::guarded(plan, watch))
        .map_err(AnalyticsError::of_engine)?;
    Ok(Prepared {
        plan: physical,
        context: state.task_ctx(),
    })
}

/// Gives the planner's commonest complaints their mend.
fn sorted(error: datafusion::error::DataFusionError, state: &SessionState) -> AnalyticsError {
    let error = AnalyticsError::of_engine(error);
    let AnalyticsError::Query { message } = &error else {
        return error;
    };
    if let Some(name) = quoted_after(message, "Invalid function '") {
        return allow::unknown_function(&name, state);
    }
    if let Some(name) = quoted_after(message, "table function '") {
        return allow::unknown_function(&name, state);
    }
    let missing_table = quoted_after(message, "table '").filter(|_| message.contains("not found"));
    if let Some(name) = missing_table {
        return unknown_table(&name, state);
    }
    error
}

fn quoted_after(message: &str, before: &str) -> Option<String> {
    let start = message.find(before)? + before.len();
    let rest = message.get(start..)?;
    rest.split('\'').next().map(str::to_owned)
}

fn unknown_table(name: &str, state: &SessionState) -> AnalyticsError {
    let short = name.strip_prefix("arno.").unwrap_or(name);
    let short = short.strip_prefix("public.").unwrap_or(short);
    let mut allowed = Vec::new();
    let catalog = state.catalog_list().catalog(CATALOG);
    for schema_name in catalog.iter().flat_map(|catalog| catalog.schema_names()) {
        let schema = catalog
            .as_ref()
            .and_then(|catalog| catalog.schema(&schema_name));
        for table in schema.iter().flat_map(|schema| schema.table_names()) {
            let is_main = schema_name == SCHEMA;
            allowed.push(if is_main {
                table
            } else {
                format!("{schema_name}.{table}")
            });
        }
    }
    allowed.sort_unstable();
    AnalyticsError::Unknown {
        kind: "table",
        name: short.chars().take(80).collect(),
        allowed,
    }
}
