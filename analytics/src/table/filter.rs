//! What a query's conditions say about a table's columns: expressions come in, sets of names and
//! ranges of time go out.
//!
//! # Why
//! A table that knows which things and which times are asked for reads those alone. Only conditions
//! whose meaning is certain are taken; the engine applies the others, or all of them again, above.
//!
//! # Invariants
//! [`Filters`] never excludes a row that the conditions admit; [`is_understood`] conditions are met
//! by exactly the rows that [`Filters`] admits.

use std::collections::{BTreeMap, BTreeSet};

use arno_model::{TimeRange, Timestamp};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

/// What conditions say, together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filters {
    names: BTreeMap<String, BTreeSet<String>>,
    /// Per time column the first moment inside and the first after, in microseconds.
    times: BTreeMap<String, (i64, i64)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Condition {
    Among(String, BTreeSet<String>),
    /// A time column within `[from, before)`.
    During(String, i64, i64),
}

impl Filters {
    /// Takes what it understands of some conditions, all of which must hold.
    pub(crate) fn of(conditions: &[Expr]) -> Self {
        let mut filters = Self::default();
        for condition in conditions.iter().filter_map(understood) {
            match condition {
                Condition::Among(column, names) => {
                    let kept = filters.names.get(&column);
                    let both = kept.map(|kept| kept.intersection(&names).cloned().collect());
                    filters.names.insert(column, both.unwrap_or(names));
                }
                Condition::During(column, from, before) => {
                    let kept = filters.times.entry(column).or_insert((i64::MIN, i64::MAX));
                    *kept = (kept.0.max(from), kept.1.min(before));
                }
            }
        }
        filters
    }

    /// The names a column must be among; absent: any.
    pub(crate) fn names(&self, column: &str) -> Option<&BTreeSet<String>> {
        self.names.get(column)
    }

    /// The first moment that a time column may have; absent: any.
    pub(crate) fn from(&self, column: &str) -> Option<Timestamp> {
        let from = self.times.get(column).map(|(from, _)| *from);
        from.filter(|from| *from > i64::MIN)
            .map(Timestamp::from_micros)
    }

    /// The first moment after all that a time column may have; absent: none.
    pub(crate) fn before(&self, column: &str) -> Option<Timestamp> {
        let before = self.times.get(column).map(|(_, before)| *before);
        before
            .filter(|before| *before < i64::MAX)
            .map(Timestamp::from_micros)
    }

    /// The range of a time column.
    pub(crate) fn range(&self, column: &str) -> TimeRange {
        TimeRange::new(
            self.from(column).unwrap_or(Timestamp::MIN),
            self.before(column).unwrap_or(Timestamp::MAX),
        )
    }

    /// Buckets that may meet the conditions on `bucket_start` and `bucket_end`: `None` without a
    /// lower bound; without an upper one it ends at `now`, inclusive.
    pub(crate) fn bucket_range(&self, now: Timestamp) -> Option<TimeRange> {
        let start = match (self.from("bucket_start"), self.from("bucket_end")) {
            (Some(start), Some(end)) => start.max(end.plus_us(-1)),
            (Some(start), None) => start,
            (None, Some(end)) => end.plus_us(-1),
            (None, None) => return None,
        };
        let latest = now.plus_us(1);
        let before = self.before("bucket_start").unwrap_or(latest).min(latest);
        let before = self
            .before("bucket_end")
            .map_or(before, |end| before.min(end));
        Some(TimeRange::new(start, before))
    }

    /// What was understood, for `EXPLAIN`.
    pub(crate) fn describe(&self) -> Vec<String> {
        /// A line of a plan that still fits a screen.
        const SHOWN_COUNT_MAX: usize = 4;
        let names = self.names.iter().map(|(column, names)| {
            let shown: Vec<_> = names
                .iter()
                .take(SHOWN_COUNT_MAX)
                .map(String::as_str)
                .collect();
            let more = names.len().saturating_sub(shown.len());
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            format!("{column}=[{}{more}]", shown.join(", "))
        });
        let times = self.times.keys().flat_map(|column| {
            let from = self.from(column).map(|from| format!("{column}>={from}"));
            let before = self
                .before(column)
                .map(|before| format!("{column}<{before}"));
            from.into_iter().chain(before)
        });
        names.chain(times).collect()
    }
}

/// Whether a condition is understood, and about one of these columns.
pub(crate) fn is_understood(condition: &Expr, columns: &[&str]) -> bool {
    match understood(condition) {
        Some(Condition::Among(column, _) | Condition::During(column, ..)) => {
            columns.contains(&column.as_str())
        }
        None => false,
    }
}

fn understood(condition: &Expr) -> Option<Condition> {
    match condition {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => match (understood(left)?, understood(right)?) {
            (Condition::Among(column, mut names), Condition::Among(other, more))
                if column == other =>
            {
                names.extend(more);
                Some(Condition::Among(column, names))
            }
            _ => None,
        },
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::And,
            right,
        }) => match (understood(left)?, understood(right)?) {
            (Condition::During(column, from, before), Condition::During(other, start, end))
                if column == other =>
            {
                Some(Condition::During(column, from.max(start), before.min(end)))
            }
            _ => None,
        },
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            if let (Some(column), Expr::Literal(value, _)) = (column_of(left), right.as_ref()) {
                compared(column, *op, value)
            } else if let (Expr::Literal(value, _), Some(column)) =
                (left.as_ref(), column_of(right))
            {
                compared(column, op.swap()?, value)
            } else {
                None
            }
        }
        Expr::InList(list) if !list.negated => {
            let column = column_of(&list.expr)?;
            let names = list.list.iter().map(|one| match one {
                Expr::Literal(value, _) => text_of(value),
                _ => None,
            });
            Some(Condition::Among(column, names.collect::<Option<_>>()?))
        }
        Expr::Between(between) if !between.negated => {
            let column = column_of(&between.expr)?;
            let (Expr::Literal(low, _), Expr::Literal(high, _)) =
                (between.low.as_ref(), between.high.as_ref())
            else {
                return None;
            };
            let (from, before) = (ceiling_us(low)?, floor_us(high)?.checked_add(1)?);
            Some(Condition::During(column, from, before))
        }
        _ => None,
    }
}

/// The column that an expression is, or shows as another type of time without changing it.
fn column_of(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Column(column) => Some(column.name.clone()),
        Expr::Cast(cast) if cast.field.data_type().is_temporal() => column_of(&cast.expr),
        _ => None,
    }
}

fn compared(column: String, operator: Operator, value: &ScalarValue) -> Option<Condition> {
    if let Some(text) = text_of(value) {
        let is_equal = operator == Operator::Eq;
        return is_equal.then(|| Condition::Among(column, BTreeSet::from([text])));
    }
    let (from, before) = match operator {
        Operator::GtEq => (ceiling_us(value)?, i64::MAX),
        Operator::Gt => (floor_us(value)?.checked_add(1)?, i64::MAX),
        Operator::Lt => (i64::MIN, ceiling_us(value)?),
        Operator::LtEq => (i64::MIN, floor_us(value)?.checked_add(1)?),
        Operator::Eq => (ceiling_us(value)?, floor_us(value)?.checked_add(1)?),
        _ => return None,
    };
    Some(Condition::During(column, from, before))
}

fn text_of(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text) => {
            text.clone()
        }
        ScalarValue::Dictionary(_, value) => text_of(value),
        _ => None,
    }
}

/// Microseconds of a moment, and whether it lies a little after them.
fn micros(value: &ScalarValue) -> Option<(i64, bool)> {
    match value {
        ScalarValue::TimestampMicrosecond(Some(micros), _) => Some((*micros, false)),
        ScalarValue::TimestampNanosecond(Some(nanos), _) => {
            Some((nanos.div_euclid(1_000), nanos.rem_euclid(1_000) != 0))
        }
        ScalarValue::TimestampMillisecond(Some(millis), _) => {
            Some((millis.checked_mul(1_000)?, false))
        }
        ScalarValue::TimestampSecond(Some(seconds), _) => {
            Some((seconds.checked_mul(1_000_000)?, false))
        }
        _ => None,
    }
}

fn floor_us(value: &ScalarValue) -> Option<i64> {
    micros(value).map(|(micros, _)| micros)
}

fn ceiling_us(value: &ScalarValue) -> Option<i64> {
    let (micros, is_after) = micros(value)?;
    micros.checked_add(i64::from(is_after))
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::*;

    fn at(micros: i64) -> Expr {
        lit(ScalarValue::TimestampMicrosecond(
            Some(micros),
            Some("UTC".into()),
        ))
    }

    #[test]
    fn names_and_times_are_taken_and_met_together() {
        let filters = Filters::of(&[
            col("thing").eq(lit("a:1")).or(col("thing").eq(lit("a:2"))),
            col("thing").in_list(vec![lit("a:2"), lit("a:3")], false),
            col("time").gt_eq(at(10)),
            at(20).gt_eq(col("time")),
        ]);
        assert_eq!(
            filters.names("thing").unwrap().iter().collect::<Vec<_>>(),
            ["a:2"]
        );
        assert_eq!(filters.from("time"), Some(Timestamp::from_micros(10)));
        assert_eq!(filters.before("time"), Some(Timestamp::from_micros(21)));
        assert_eq!(filters.names("property"), None);
    }

    #[test]
    fn nanoseconds_round_inwards() {
        let nanos = |nanos| lit(ScalarValue::TimestampNanosecond(Some(nanos), None));
        let filters = Filters::of(&[col("time").gt(nanos(1_500)), col("time").lt(nanos(9_500))]);
        assert_eq!(filters.from("time"), Some(Timestamp::from_micros(2)));
        assert_eq!(filters.before("time"), Some(Timestamp::from_micros(10)));
    }

    #[test]
    fn what_is_not_certain_is_left_to_the_engine() {
        for left in [
            col("thing").not_eq(lit("a")),
            col("thing").eq(lit("a")).or(col("property").eq(lit("b"))),
            col("thing").in_list(vec![lit("a")], true),
            col("thing").eq(col("property")),
            col("result").gt(lit(5.0)),
        ] {
            assert!(
                !is_understood(&left, &["thing", "property", "result"]),
                "{left}"
            );
        }
        assert!(!is_understood(&col("thing").eq(lit("a")), &["time"]));
    }
}
