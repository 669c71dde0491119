//! Raw observations of one thing: a question comes in, its rows go out, marked where they exceed
//! capacity.
//!
//! # Shape
//! `property, time, result, quality, received, result_time, over_capacity`, by property and time.
//! `over_capacity` is null but for `vehicles` (more than the capacity that was known then) and
//! `free` (less than none).

use std::sync::Arc;

use arno_analytics_rollup::IntervalQuery;
use arno_model::{DatastreamKey, PropertyId, ThingId, TimeRange, Timestamp};
use arno_store::{Scan, Streams, Versions};
use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringViewArray,
};
use arrow::datatypes::{
    DataType, Field, Float64Type, Int32Type, Schema, SchemaRef, TimestampMicrosecondType,
};
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt as _, TryStreamExt as _};

use crate::error::AnalyticsError;
use crate::question::Question;
use crate::table::leaf::{Batches, Leaf, LeafParts, Source};
use crate::table::observations::qualities;
use crate::table::provider::{text, time};

/// What is asked of a thing's observations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservationQuery {
    /// Of this thing.
    pub thing: ThingId,
    /// Of these properties; absent: all that the caller may see.
    pub properties: Option<Vec<PropertyId>>,
    /// From this phenomenon time on; absent: from the first.
    pub from: Option<Timestamp>,
    /// Until then; absent: to the last.
    pub to: Option<Timestamp>,
    /// As it was known then.
    pub as_of: Option<Timestamp>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// Rows to skip.
    pub cursor: Option<u64>,
}

impl ObservationQuery {
    /// All observations of a thing.
    pub const fn of(thing: ThingId) -> Self {
        Self {
            thing,
            properties: None,
            from: None,
            to: None,
            as_of: None,
            limit: None,
            cursor: None,
        }
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("property", false),
        time("time", false),
        Field::new("result", DataType::Float64, true),
        text("quality", false),
        time("received", false),
        time("result_time", true),
        Field::new("over_capacity", DataType::Boolean, true),
    ]))
}

/// The plan of a question: one leaf, that skips and stops by itself.
pub(crate) fn plan(
    question: &Arc<Question>,
    query: &ObservationQuery,
) -> Result<Arc<dyn ExecutionPlan>, AnalyticsError> {
    let registry = &question.registry;
    let visible = registry
        .thing(query.thing.as_str())
        .is_some_and(|thing| question.view.sees_thing(thing));
    if !visible && !question.view.owns(&query.thing) {
        let name = query.thing.to_string();
        return Err(AnalyticsError::Unknown {
            kind: "thing",
            name,
            allowed: Vec::new(),
        });
    }
    for property in query.properties.iter().flatten() {
        if registry.property(property.as_str()).is_none() {
            return Err(AnalyticsError::Unknown {
                kind: "property",
                name: property.to_string(),
                allowed: registry
                    .properties()
                    .map(|property| property.id.to_string())
                    .collect(),
            });
        }
    }
    let mut streams: Vec<_> = question
        .datastreams
        .of_thing(&query.thing)
        .iter()
        .filter(|(property, _)| {
            query
                .properties
                .as_ref()
                .is_none_or(|wanted| wanted.contains(property))
                && question.view.sees_stream(registry, &query.thing, property)
        })
        .cloned()
        .collect();
    streams.sort_unstable();
    let time = TimeRange::new(
        query.from.unwrap_or(Timestamp::MIN),
        query.to.unwrap_or(Timestamp::MAX),
    );
    let source = History {
        question: Arc::clone(question),
        query: query.clone(),
        streams,
        time,
    };
    Ok(Leaf::plan(LeafParts {
        table: "history",
        pushed: Vec::new(),
        schema: schema(),
        sorted_by: Vec::new(),
        partitions: 1,
        source: Arc::new(source),
    }))
}

#[derive(Debug)]
struct History {
    question: Arc<Question>,
    query: ObservationQuery,
    streams: Vec<(PropertyId, DatastreamKey)>,
    time: TimeRange,
}

impl Source for History {
    fn open(&self, _partition: usize) -> Batches {
        let question = Arc::clone(&self.question);
        let (query, time) = (self.query.clone(), self.time);
        let skip = usize::try_from(query.cursor.unwrap_or(0)).unwrap_or(usize::MAX);
        let streams = self.streams.clone();
        let opened = async move {
            let capacity = capacities(&question, &query, time).await?;
            let capacity = Arc::new(capacity);
            let limit = query.limit.map(|limit| limit.saturating_add(skip));
            let each = futures::stream::iter(streams).then(move |(property, key)| {
                let (question, capacity) = (Arc::clone(&question), Arc::clone(&capacity));
                let scan = Scan {
                    streams: Streams::of(vec![key]),
                    time,
                    with_lead: false,
                    as_of: question.as_of,
                    versions: Versions::Winning,
                    columns: None,
                    limit,
                    partitions: 1,
                };
                async move {
                    let parts = question
                        .backend
                        .scan(scan)
                        .await
                        .map_err(AnalyticsError::from)?;
                    let rows = futures::stream::iter(parts).flatten().map(move |batch| {
                        let batch = batch.map_err(AnalyticsError::from)?;
                        shaped(&batch, &property, &capacity)
                    });
                    Ok::<_, DataFusionError>(rows)
                }
            });
            Ok::<_, DataFusionError>(each.try_flatten())
        };
        let rows = futures::stream::once(opened).try_flatten();
        cut(rows.boxed(), skip, self.query.limit)
    }
}

/// Skips rows, then lets so many through.
fn cut(rows: Batches, skip: usize, limit: Option<usize>) -> Batches {
    let state = (rows, skip, limit.unwrap_or(usize::MAX));
    futures::stream::try_unfold(state, |(mut rows, mut skip, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        while let Some(batch) = rows.try_next().await? {
            let skipped = skip.min(batch.num_rows());
            skip -= skipped;
            let taken = (batch.num_rows() - skipped).min(left);
            if taken > 0 {
                let batch = batch.slice(skipped, taken);
                return Ok(Some((batch, (rows, skip, left - taken))));
            }
        }
        Ok(None)
    })
    .boxed()
}

/// Capacity over time: when each value began and ended.
type Capacities = Vec<(TimeRange, f64)>;

async fn capacities(
    question: &Question,
    query: &ObservationQuery,
    time: TimeRange,
) -> Result<Capacities, AnalyticsError> {
    let Some(capacity) = question.registry.property("capacity") else {
        return Ok(Vec::new());
    };
    if question.registry.thing(query.thing.as_str()).is_none() {
        return Ok(Vec::new());
    }
    let mut stream = question.rollups.intervals(IntervalQuery {
        things: Some(vec![query.thing.clone()]),
        properties: Some(vec![capacity.id.clone()]),
        range: time,
        as_of: question.as_of,
    });
    let mut found = Vec::new();
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let of = |name: &str| batch.column_by_name(name).map(Arc::clone);
        let (Some(from), Some(to), Some(value)) = (of("valid_from"), of("valid_to"), of("value"))
        else {
            continue;
        };
        let from = from.as_primitive::<TimestampMicrosecondType>().values();
        let to = to.as_primitive::<TimestampMicrosecondType>().values();
        let values = value.as_primitive::<Float64Type>().values();
        for ((from, to), value) in from.iter().zip(to).zip(values) {
            let (from, to) = (Timestamp::from_micros(*from), Timestamp::from_micros(*to));
            found.push((TimeRange::new(from, to), *value));
        }
    }
    Ok(found)
}

fn shaped(
    batch: &RecordBatch,
    property: &PropertyId,
    capacity: &Capacities,
) -> EngineResult<RecordBatch> {
    let of = |name: &str| {
        let found = batch.column_by_name(name).map(Arc::clone);
        found.ok_or_else(|| DataFusionError::Internal(format!("the store gave no `{name}`")))
    };
    debug_assert!(
        of("datastream").is_ok_and(|keys| keys.as_primitive_opt::<Int32Type>().is_some())
    );
    let (times, results) = (of("time")?, of("result")?);
    let names: StringViewArray = (0..batch.num_rows())
        .map(|_row| Some(property.as_str()))
        .collect();
    let over = over_capacity(&times, &results, property, capacity);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(names),
        times,
        results,
        qualities(&of("quality")?)?,
        of("received")?,
        of("result_time")?,
        Arc::new(over),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}

fn over_capacity(
    times: &ArrayRef,
    results: &ArrayRef,
    property: &PropertyId,
    capacity: &Capacities,
) -> BooleanArray {
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let results = results.as_primitive::<Float64Type>();
    let rows = times.values().iter().enumerate();
    rows.map(|(row, micros)| {
        let result = results.is_valid(row).then(|| results.value(row))?;
        match property.as_str() {
            "free" => Some(result < 0.0),
            "vehicles" => {
                let moment = Timestamp::from_micros(*micros);
                let at = capacity.partition_point(|(valid, _)| valid.start <= moment);
                let (valid, places) = capacity.get(at.checked_sub(1)?)?;
                valid.contains(moment).then_some(result > *places)
            }
            _ => None,
        }
    })
    .collect()
}
