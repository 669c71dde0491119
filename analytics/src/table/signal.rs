//! The tables `state_intervals` and `rollups`: conditions come in, the rollup engine's streams go
//! out, cut to what the caller may see.
//!
//! # Why
//! Both are rows of datastreams that the engine makes; what differs is the question to it. Where a
//! caller may see other properties of its own things than of others', it is asked twice, once for
//! each partition, so that nothing has to be taken away afterwards.
//!
//! # Shape
//! `state_intervals(publisher, thing, property, valid_from, valid_to, value)`: known pieces,
//! unclipped. `rollups(…)`: the engine's columns; `bucket` is `15m` unless the query says another.
//! Partitions are sorted by thing, property and time.
//!
//! # Limits
//! `rollups` wants a lower bound on `bucket_start` or `bucket_end` → `Parameter`.

use std::collections::BTreeSet;
use std::sync::Arc;

use arno_analytics_rollup::schema::{interval_schema, rollup_schema};
use arno_analytics_rollup::{IntervalQuery, RollupQuery, RollupStream};
use arno_model::{Bucket, TimeRange};
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use futures::StreamExt as _;

use crate::error::AnalyticsError;
use crate::question::Question;
use crate::table::filter::Filters;
use crate::table::leaf::{Batches, Source};
use crate::table::provider::{Asked, Read, Reading, picked, shown};
use crate::view::{Slice, Wanted};

/// The table `state_intervals`.
#[derive(Debug)]
pub(crate) struct StateIntervals {
    question: Arc<Question>,
    schema: SchemaRef,
}

impl StateIntervals {
    pub(crate) fn new(question: &Arc<Question>) -> Self {
        Self {
            question: Arc::clone(question),
            schema: shown(&interval_schema(), Vec::new()),
        }
    }
}

impl Asked for StateIntervals {
    fn name(&self) -> &'static str {
        "state_intervals"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn exact(&self) -> &'static [&'static str] {
        &["publisher", "thing", "property"]
    }

    fn narrowing(&self) -> &'static [&'static str] {
        &["valid_from", "valid_to"]
    }

    fn read(&self, read: Read) -> Result<Reading, AnalyticsError> {
        let range = meeting(&read.filters);
        let slices = slices(&self.question, &read.filters);
        let question = Arc::clone(&self.question);
        let partitions = slices.len().max(1);
        let asks = slices
            .into_iter()
            .map(|slice| {
                Ask::Intervals(IntervalQuery {
                    things: slice.things,
                    properties: slice.properties,
                    range,
                    as_of: question.as_of,
                })
            })
            .collect();
        Ok(Reading {
            sorted_by: vec!["thing", "property", "valid_from"],
            partitions,
            source: Arc::new(Asks {
                question,
                asks,
                schema: read.schema,
            }),
        })
    }
}

/// The intervals that can meet conditions on their ends.
fn meeting(filters: &Filters) -> TimeRange {
    let (begins, ends) = (filters.range("valid_from"), filters.range("valid_to"));
    TimeRange::new(
        begins.start.max(ends.start.plus_us(-1)),
        begins.end.min(ends.end),
    )
}

/// The table `rollups`.
#[derive(Debug)]
pub(crate) struct ThingRollups {
    question: Arc<Question>,
    schema: SchemaRef,
}

impl ThingRollups {
    pub(crate) fn new(question: &Arc<Question>) -> Self {
        Self {
            question: Arc::clone(question),
            schema: shown(&rollup_schema(), Vec::new()),
        }
    }
}

impl Asked for ThingRollups {
    fn name(&self) -> &'static str {
        "rollups"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn exact(&self) -> &'static [&'static str] {
        &["publisher", "thing", "property"]
    }

    fn narrowing(&self) -> &'static [&'static str] {
        &["bucket", "bucket_start", "bucket_end"]
    }

    fn read(&self, read: Read) -> Result<Reading, AnalyticsError> {
        let range = bucket_range(&read.filters, &self.question)?;
        let buckets = buckets(&read.filters, Bucket::Quarter)?;
        let slices = slices(&self.question, &read.filters);
        let question = Arc::clone(&self.question);
        let pairs = slices
            .iter()
            .flat_map(|slice| buckets.iter().map(move |one| (slice, *one)));
        let asks: Vec<_> = pairs
            .map(|(slice, bucket)| {
                Ask::Rollups(RollupQuery {
                    things: slice.things.clone(),
                    properties: slice.properties.clone(),
                    range,
                    bucket,
                    zone: question.zone.clone(),
                    as_of: question.as_of,
                })
            })
            .collect();
        Ok(Reading {
            sorted_by: vec!["thing", "property", "bucket_start"],
            partitions: asks.len().max(1),
            source: Arc::new(Asks {
                question,
                asks,
                schema: read.schema,
            }),
        })
    }
}

/// The buckets' times that a query asks for.
///
/// # Errors
/// `Parameter`, without a lower bound.
pub(crate) fn bucket_range(
    filters: &Filters,
    question: &Question,
) -> Result<TimeRange, AnalyticsError> {
    filters.bucket_range(question.now).ok_or_else(|| {
        let reason = format!(
            "has no lower bound; add a condition like `bucket_start >= '{}'`",
            question
                .now
                .plus_us(-arno_model::time::DAY_US)
                .floor_to(arno_model::time::HOUR_US)
        );
        AnalyticsError::parameter("bucket_start", reason)
    })
}

/// The widths of buckets that a query asks for; `silent` if it says nothing.
///
/// # Errors
/// `Parameter`, for a width that does not exist.
pub(crate) fn buckets(filters: &Filters, silent: Bucket) -> Result<Vec<Bucket>, AnalyticsError> {
    let Some(names) = filters.names("bucket") else {
        return Ok(vec![silent]);
    };
    let buckets: Result<BTreeSet<Bucket>, _> = names.iter().map(|name| name.parse()).collect();
    let buckets = buckets.map_err(|error| AnalyticsError::Parameter {
        field: "bucket",
        reason: format!("is wrong: {error}"),
        allowed: Bucket::ALL.map(|bucket| bucket.to_string()).to_vec(),
    })?;
    Ok(buckets.into_iter().collect())
}

fn slices(question: &Question, filters: &Filters) -> Vec<Slice> {
    let wanted = Wanted {
        things: filters.names("thing"),
        publishers: filters.names("publisher"),
        properties: filters.names("property"),
    };
    question.view.slices(&question.registry, &wanted)
}

#[derive(Debug, Clone)]
enum Ask {
    Intervals(IntervalQuery),
    Rollups(RollupQuery),
}

#[derive(Debug)]
struct Asks {
    question: Arc<Question>,
    asks: Vec<Ask>,
    schema: SchemaRef,
}

impl Source for Asks {
    fn open(&self, partition: usize) -> Batches {
        let rollups = &self.question.rollups;
        let stream: RollupStream = match self.asks.get(partition).cloned() {
            Some(Ask::Intervals(query)) => rollups.intervals(query),
            Some(Ask::Rollups(query)) => rollups.thing_row_stream(query),
            None => return futures::stream::empty().boxed(),
        };
        let schema = Arc::clone(&self.schema);
        stream
            .map(move |batch| {
                let batch =
                    batch.map_err(|error| DataFusionError::from(AnalyticsError::from(error)))?;
                picked(&batch, &schema)
            })
            .boxed()
    }
}
