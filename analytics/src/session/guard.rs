//! The gate before planning: a text from outside comes in, one statement that only reads goes out.
//!
//! # Why
//! Refusing by the text's own structure, before any table is touched, gives a message that names
//! the mend, and keeps texts away from the planner whose plans explode: a chain of common table
//! expressions that each name the last one twice is short to write and endless to plan.
//!
//! # Limits
//! [`QUERY_BYTES_MAX`], [`TOKENS_COUNT_MAX`], [`RELATIONS_COUNT_MAX`] → refused.
//!
//! # Invariants
//! What passes is a single `SELECT`, `WITH … SELECT`, `VALUES` or `TABLE`, or `EXPLAIN` of one.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    ObjectName, Query, Statement as SqlStatement, Visit as _, Visitor, visit_relations,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::AnalyticsError;

/// Longest query text in bytes: far more than a person writes.
pub const QUERY_BYTES_MAX: usize = 32_768;
/// Most words and signs of a query: bounds how deep an expression can nest, and so the stack.
pub const TOKENS_COUNT_MAX: usize = 4_096;
/// Most tables a query may name once common table expressions are written out.
pub const RELATIONS_COUNT_MAX: u64 = 128;
/// How deep queries and expressions may nest.
const NESTING_DEPTH_MAX: usize = 40;

const MEND: &str = "ask with a single SELECT, WITH … SELECT, VALUES or EXPLAIN";

/// Parses a query and refuses everything but reading.
///
/// # Errors
/// `Refused` for another kind of statement or one that is too long, `Query` for bad SQL.
pub(crate) fn parse(text: &str) -> Result<Statement, AnalyticsError> {
    if text.len() > QUERY_BYTES_MAX {
        let reason = format!("the query has more than {QUERY_BYTES_MAX} bytes");
        return Err(AnalyticsError::refused(reason, "shorten it"));
    }
    let dialect = GenericDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize();
    let tokens = tokens.map_err(|error| AnalyticsError::Query {
        message: error.to_string(),
    })?;
    let written = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Whitespace(_)));
    if written.count() > TOKENS_COUNT_MAX {
        let reason = format!("the query has more than {TOKENS_COUNT_MAX} words and signs");
        return Err(AnalyticsError::refused(reason, "shorten it"));
    }
    let parser = DFParserBuilder::new(text)
        .with_dialect(&dialect)
        .with_recursion_limit(NESTING_DEPTH_MAX)
        .build();
    let statements = parser.and_then(|mut parser| parser.parse_statements());
    let mut statements = statements.map_err(AnalyticsError::of_engine)?;
    if statements.len() > 1 {
        let reason = "the text holds more than one statement".to_owned();
        return Err(AnalyticsError::refused(reason, MEND));
    }
    let Some(statement) = statements.pop_front() else {
        return Err(AnalyticsError::refused("the query is empty", MEND));
    };
    check_reads(&statement)?;
    Ok(statement)
}

fn check_reads(statement: &Statement) -> Result<(), AnalyticsError> {
    match statement {
        Statement::Explain(explain) => check_reads(&explain.statement),
        Statement::Statement(inner) => check_sql(inner),
        Statement::CreateExternalTable(_) => Err(refuse("CREATE EXTERNAL TABLE")),
        Statement::CopyTo(_) => Err(refuse("COPY")),
        Statement::Reset(_) => Err(refuse("RESET")),
    }
}

fn check_sql(statement: &SqlStatement) -> Result<(), AnalyticsError> {
    match statement {
        SqlStatement::Query(query) => check_query(query),
        SqlStatement::Explain {
            statement: inner, ..
        } => check_sql(inner),
        other => {
            let text = other.to_string();
            let words = text.split_whitespace().take(2).collect::<Vec<_>>();
            Err(refuse(
                &words.join(" ").chars().take(40).collect::<String>(),
            ))
        }
    }
}

fn refuse(what: &str) -> AnalyticsError {
    AnalyticsError::Refused {
        reason: format!("`{what}` is not offered: queries only read"),
        mend: MEND.to_owned(),
        allowed: ["SELECT", "WITH", "VALUES", "EXPLAIN"]
            .map(str::to_owned)
            .to_vec(),
    }
}

fn check_query(query: &Query) -> Result<(), AnalyticsError> {
    let mut walk = Walk::default();
    if let ControlFlow::Break(error) = query.visit(&mut walk) {
        return Err(*error);
    }
    let mut weights: HashMap<String, u64> = HashMap::new();
    // One more pass for each level that names another; the names of a query are far fewer.
    for _pass in 0..=walk.common.len() {
        let mut next = HashMap::new();
        for (name, relations) in &walk.common {
            let weight = relations
                .iter()
                .filter(|relation| *relation != name)
                .map(|relation| weights.get(relation).copied().unwrap_or(1))
                .fold(1_u64, u64::saturating_add);
            let kept = next.entry(name.clone()).or_insert(0_u64);
            *kept = (*kept).max(weight);
        }
        let is_settled = next == weights;
        weights = next;
        let all = relations_of(query);
        let total = all
            .iter()
            .map(|relation| weights.get(relation).copied().unwrap_or(1))
            .fold(0_u64, u64::saturating_add);
        if total > RELATIONS_COUNT_MAX {
            let reason = format!(
                "the query names more than {RELATIONS_COUNT_MAX} tables, common table expressions written out"
            );
            return Err(AnalyticsError::refused(reason, "name fewer"));
        }
        if is_settled {
            break;
        }
    }
    Ok(())
}

fn relations_of(query: &Query) -> Vec<String> {
    let mut names = Vec::new();
    let flow: ControlFlow<()> = visit_relations(query, |name: &ObjectName| {
        names.push(name.to_string().to_ascii_lowercase());
        ControlFlow::Continue(())
    });
    debug_assert!(flow.is_continue(), "nothing breaks it");
    names
}

/// Collects the common table expressions with the tables that each names.
#[derive(Debug, Default)]
struct Walk {
    common: Vec<(String, Vec<String>)>,
}

impl Visitor for Walk {
    type Break = Box<AnalyticsError>;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        if let Some(with) = &query.with {
            if with.recursive {
                let reason = "`WITH RECURSIVE` is not offered: it need not end".to_owned();
                let mend = "name each step as a common table expression of its own";
                return ControlFlow::Break(Box::new(AnalyticsError::refused(reason, mend)));
            }
            for common in &with.cte_tables {
                let name = common.alias.name.to_string().to_ascii_lowercase();
                self.common.push((name, relations_of(&common.query)));
            }
        }
        ControlFlow::Continue(())
    }
}
