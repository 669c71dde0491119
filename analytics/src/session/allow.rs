//! What a query may call: the engine's functions by name, ours, and nothing else.
//!
//! # Why
//! The engine's memory pool does not see what functions allocate: `repeat('x', 2000000000)` and
//! `range(0, 5000000000)` would end the process. So functions are listed, not forbidden: what a
//! later engine adds is not callable until somebody looked at it. Those that make text from text
//! are wrapped with a budget ([`super::budget`]); those that tell about the machine or make rows or
//! arrays out of nothing are absent.
//!
//! # Invariants
//! Every function in a plan, however it came there (operators and literals become functions too),
//! is one of the session's: [`check_plan`] walks the whole plan.

use std::collections::HashSet;

use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, WindowFunctionDefinition};

use crate::error::AnalyticsError;

/// Scalar functions of the engine that are offered as they are.
pub(crate) const SCALARS: &[&str] = &[
    "nullif",
    "nvl",
    "nvl2",
    "coalesce",
    "greatest",
    "least",
    "arrow_typeof",
    "arrow_cast",
    "arrow_try_cast",
    "cast_to_type",
    "try_cast_to_type",
    "get_field",
    "current_date",
    "current_time",
    "date_bin",
    "date_part",
    "date_trunc",
    "from_unixtime",
    "make_date",
    "make_time",
    "to_char",
    "to_date",
    "to_local_time",
    "to_time",
    "to_unixtime",
    "to_timestamp",
    "to_timestamp_seconds",
    "to_timestamp_millis",
    "to_timestamp_micros",
    "to_timestamp_nanos",
    "now",
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cbrt",
    "ceil",
    "cos",
    "cosh",
    "cot",
    "degrees",
    "exp",
    "floor",
    "gcd",
    "isnan",
    "iszero",
    "lcm",
    "ln",
    "log",
    "log2",
    "log10",
    "nanvl",
    "pi",
    "power",
    "radians",
    "random",
    "round",
    "signum",
    "sin",
    "sinh",
    "sqrt",
    "tan",
    "tanh",
    "trunc",
    "regexp_count",
    "regexp_like",
    "regexp_instr",
    "character_length",
    "find_in_set",
    "initcap",
    "left",
    "reverse",
    "right",
    "strpos",
    "substr",
    "substr_index",
    "ascii",
    "bit_length",
    "btrim",
    "chr",
    "ends_with",
    "lower",
    "ltrim",
    "octet_length",
    "rtrim",
    "split_part",
    "starts_with",
    "to_hex",
    "upper",
    "contains",
    "array_length",
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_element",
    "cardinality",
    "array_min",
    "array_max",
    "array_sort",
    "array_distinct",
];

/// Scalar functions of the engine that make something longer than what they get: offered with a
/// budget.
pub(crate) const BUDGETED: &[&str] = &["concat", "make_array"];

/// Aggregate functions of the engine.
pub(crate) const AGGREGATES: &[&str] = &[
    "any_value",
    "array_agg",
    "first_value",
    "last_value",
    "covar_samp",
    "covar_pop",
    "corr",
    "sum",
    "max",
    "min",
    "median",
    "count",
    "regr_slope",
    "regr_intercept",
    "regr_count",
    "regr_r2",
    "regr_avgx",
    "regr_avgy",
    "regr_sxx",
    "regr_syy",
    "regr_sxy",
    "var",
    "var_pop",
    "stddev",
    "stddev_pop",
    "approx_median",
    "approx_distinct",
    "approx_percentile_cont",
    "percentile_cont",
    "string_agg",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "avg",
    "grouping",
];

/// Window functions of the engine.
pub(crate) const WINDOWS: &[&str] = &[
    "cume_dist",
    "row_number",
    "lead",
    "lag",
    "rank",
    "dense_rank",
    "percent_rank",
    "ntile",
    "first_value",
    "last_value",
    "nth_value",
];

/// Most bytes of literals in a planned query: a literal is written out once a row of a batch.
pub(crate) const LITERALS_BYTES_MAX: usize = 16_384;
/// Most columns of any step of a plan.
pub(crate) const COLUMNS_COUNT_MAX: usize = 256;
/// Most steps of a plan.
pub(crate) const STEPS_COUNT_MAX: usize = 1_000;

/// Refuses a plan that calls what the session does not offer, or holds an open placeholder.
///
/// # Errors
/// `Refused`, with the functions that are offered where one is not.
pub(crate) fn check_plan(plan: &LogicalPlan, state: &SessionState) -> Result<(), AnalyticsError> {
    let mut check = Check {
        state,
        steps: 0,
        found: None,
    };
    let walked = plan.apply_with_subqueries(|step| check.step(step));
    match (check.found, walked) {
        (Some(refusal), _) => Err(refusal),
        (None, Err(error)) => Err(AnalyticsError::of_engine(error)),
        (None, Ok(_)) => Ok(()),
    }
}

struct Check<'a> {
    state: &'a SessionState,
    steps: usize,
    found: Option<AnalyticsError>,
}

impl Check<'_> {
    fn step(&mut self, step: &LogicalPlan) -> Result<TreeNodeRecursion, DataFusionError> {
        self.steps += 1;
        let refusal = match step {
            _ if self.steps > STEPS_COUNT_MAX => Some(AnalyticsError::refused(
                format!("the query takes more than {STEPS_COUNT_MAX} steps"),
                "split it",
            )),
            LogicalPlan::Ddl(_)
            | LogicalPlan::Dml(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::Statement(_)
            | LogicalPlan::DescribeTable(_)
            | LogicalPlan::Extension(_) => Some(AnalyticsError::refused(
                "the query does something else than reading",
                "ask with a single SELECT",
            )),
            LogicalPlan::RecursiveQuery(_) => Some(AnalyticsError::refused(
                "recursive queries are not offered",
                "name each step as a common table expression of its own",
            )),
            _ if step.schema().fields().len() > COLUMNS_COUNT_MAX => Some(AnalyticsError::refused(
                format!("a step of the query has more than {COLUMNS_COUNT_MAX} columns"),
                "select fewer",
            )),
            _ => None,
        };
        if refusal.is_some() {
            self.found = refusal;
            return Ok(TreeNodeRecursion::Stop);
        }
        step.apply_expressions(|expression| {
            expression.apply(|part| {
                let refusal = self.refusal(part);
                if refusal.is_some() {
                    self.found = refusal;
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    }

    fn refusal(&self, part: &Expr) -> Option<AnalyticsError> {
        let aggregates = self.state.aggregate_functions();
        let (name, is_offered) = match part {
            Expr::ScalarFunction(call) => (
                call.name(),
                self.state.scalar_functions().contains_key(call.name()),
            ),
            Expr::AggregateFunction(call) => {
                (call.func.name(), aggregates.contains_key(call.func.name()))
            }
            Expr::WindowFunction(call) => match &call.fun {
                WindowFunctionDefinition::AggregateUDF(function) => {
                    (function.name(), aggregates.contains_key(function.name()))
                }
                WindowFunctionDefinition::WindowUDF(function) => {
                    let windows = self.state.window_functions();
                    (function.name(), windows.contains_key(function.name()))
                }
            },
            Expr::Placeholder(placeholder) => {
                return Some(AnalyticsError::refused(
                    format!("`{}` has no value", placeholder.id),
                    "write the value itself",
                ));
            }
            Expr::ScalarVariable(..) => {
                return Some(AnalyticsError::refused(
                    "variables are not offered",
                    "write the value",
                ));
            }
            Expr::HigherOrderFunction(_) | Expr::Lambda(_) => {
                return Some(AnalyticsError::refused(
                    "lambdas are not offered",
                    "use unnest",
                ));
            }
            _ => return None,
        };
        (!is_offered).then(|| unknown_function(name, self.state))
    }
}

/// The refusal of a function that is not offered.
pub(crate) fn unknown_function(name: &str, state: &SessionState) -> AnalyticsError {
    let name = name.chars().take(60).collect::<String>();
    let mend = match name.as_str() {
        "repeat" | "lpad" | "rpad" | "array_repeat" | "array_resize" => {
            "functions that make text or arrays out of nothing are left out"
        }
        "range" | "generate_series" => "join a table that has the rows, or write VALUES",
        "replace" | "regexp_replace" | "overlay" => "use split_part, substr or translate",
        "version" | "input_file_name" | "file_row_index" => "nothing about the machine is told",
        _ => "use one of the offered functions",
    };
    let offered = state
        .scalar_functions()
        .keys()
        .chain(state.aggregate_functions().keys());
    let mut allowed: Vec<String> = offered
        .cloned()
        .collect::<HashSet<_>>()
        .into_iter()
        .collect();
    allowed.sort_unstable();
    AnalyticsError::Refused {
        reason: format!("the function `{name}` is not offered"),
        mend: mend.to_owned(),
        allowed,
    }
}

/// Refuses an optimised plan that holds too much literal text.
///
/// # Errors
/// `Refused`, above [`LITERALS_BYTES_MAX`].
pub(crate) fn check_literals(plan: &LogicalPlan) -> Result<(), AnalyticsError> {
    let mut bytes = 0_usize;
    let walked = plan.apply_with_subqueries(|step| {
        step.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::Literal(value, _) = part {
                    bytes = bytes.saturating_add(value.size().saturating_sub(size_of_val(value)));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    walked.map_err(AnalyticsError::of_engine)?;
    if bytes > LITERALS_BYTES_MAX {
        let reason = format!("the query holds more than {LITERALS_BYTES_MAX} bytes of literals");
        return Err(AnalyticsError::refused(
            reason,
            "write shorter texts or shorter lists",
        ));
    }
    Ok(())
}
