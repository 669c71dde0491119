//! The table `moments`: a measure and a moment come in, the state of every thing that counts then
//! goes out.
//!
//! # Why
//! "Now" is not a bucket: free places now are capacity less vehicles at this moment, with the age
//! of what is known.
//!
//! # Shape
//! The engine's columns, then `moment` and `within`. `measure` is `parking` unless the query says
//! another; `moment` is the store's now unless the query says one, and never later. `within`: an
//! area, a thing or `all`.
//!
//! # Invariants
//! Of a property that counts people a caller sees its own things alone.

use std::sync::Arc;

use arno_analytics_rollup::schema::moment_schema;
use arno_analytics_rollup::{Measure, MomentQuery};
use arno_model::{ThingId, Timestamp};
use arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result as EngineResult};
use futures::StreamExt as _;

use crate::error::AnalyticsError;
use crate::question::Question;
use crate::table::leaf::{Batches, Source};
use crate::table::provider::{Asked, Read, Reading, picked, shown, text, time};
use crate::table::scope::{self, EVERYWHERE, Within};

/// The table.
#[derive(Debug)]
pub(crate) struct Moments {
    question: Arc<Question>,
    schema: SchemaRef,
}

impl Moments {
    pub(crate) fn new(question: &Arc<Question>) -> Self {
        let more = vec![time("moment", false), text("within", false)];
        Self {
            question: Arc::clone(question),
            schema: shown(&moment_schema(), more),
        }
    }
}

impl Asked for Moments {
    fn name(&self) -> &'static str {
        "moments"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn narrowing(&self) -> &'static [&'static str] {
        &["measure", "moment", "within"]
    }

    fn read(&self, read: Read) -> Result<Reading, AnalyticsError> {
        let question = &self.question;
        let (areas, things, within) = match scope::within(&read.filters, question)? {
            Within::Everywhere => (None, None, EVERYWHERE.to_owned()),
            Within::Area(area, _) => (Some(vec![area.clone()]), None, area.to_string()),
            Within::Thing(thing) => (None, Some(vec![thing.clone()]), thing.to_string()),
        };
        let range = read.filters.range("moment");
        let at = match (read.filters.from("moment"), read.filters.before("moment")) {
            (Some(from), Some(_)) if range.length_us() == 1 => from.min(question.now),
            (None, None) => question.now,
            _ => {
                let reason = "must be one moment; write `moment = '…'`, or leave it out for now";
                return Err(AnalyticsError::parameter("moment", reason));
            }
        };
        let names = read.filters.names("measure");
        let measures = names.map_or_else(
            || vec![Measure::Parking],
            |names| {
                names
                    .iter()
                    .filter_map(|name| Measure::parse(name).ok())
                    .collect()
            },
        );
        let asks = measures
            .into_iter()
            .filter(|measure| is_known(measure, question))
            .map(|measure| MomentQuery {
                at: Some(at),
                measure,
                areas: areas.clone(),
                things: things.clone(),
                audience: question.view.audience(),
                as_of: question.as_of,
            })
            .collect();
        let question = Arc::clone(question);
        let source = MomentRows {
            question,
            asks,
            at,
            within,
            schema: read.schema,
        };
        Ok(Reading {
            sorted_by: Vec::new(),
            partitions: 1,
            source: Arc::new(source),
        })
    }
}

fn is_known(measure: &Measure, question: &Question) -> bool {
    match measure {
        Measure::Parking => true,
        Measure::Property(id) => question.registry.property(id.as_str()).is_some(),
    }
}

#[derive(Debug, Clone)]
struct MomentRows {
    question: Arc<Question>,
    asks: Vec<MomentQuery>,
    at: Timestamp,
    within: String,
    schema: SchemaRef,
}

impl Source for MomentRows {
    fn open(&self, _partition: usize) -> Batches {
        let rows = self.clone();
        let answers = futures::stream::iter(self.asks.clone()).then(move |ask| {
            let rows = rows.clone();
            async move {
                let batch = rows.question.rollups.moment(&ask).await;
                let batch =
                    batch.map_err(|error| DataFusionError::from(AnalyticsError::from(error)))?;
                rows.shaped(&batch, &ask.measure)
            }
        });
        answers.boxed()
    }
}

impl MomentRows {
    fn shaped(&self, batch: &RecordBatch, measure: &Measure) -> EngineResult<RecordBatch> {
        let counts_people = match measure {
            Measure::Parking => false,
            Measure::Property(id) => self
                .question
                .registry
                .property(id.as_str())
                .is_none_or(|property| property.counts_people),
        };
        let batch = if counts_people {
            self.own(batch)?
        } else {
            batch.clone()
        };
        let rows = batch.num_rows();
        let moments = TimestampMicrosecondArray::from(vec![self.at.as_micros(); rows]);
        let within: StringViewArray = (0..rows).map(|_row| Some(self.within.as_str())).collect();
        let mut fields: Vec<_> = batch
            .schema()
            .fields()
            .iter()
            .map(|field| field.as_ref().clone())
            .collect();
        fields.extend([time("moment", false), text("within", false)]);
        let mut columns = batch.columns().to_vec();
        columns.extend([
            Arc::new(moments.with_timezone("UTC")) as ArrayRef,
            Arc::new(within),
        ]);
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        picked(&batch, &self.schema)
    }

    fn own(&self, batch: &RecordBatch) -> EngineResult<RecordBatch> {
        let things = batch
            .column_by_name("thing")
            .and_then(|array| array.as_string_opt::<i32>());
        let things =
            things.ok_or_else(|| DataFusionError::Internal("moments without thing".to_owned()))?;
        let own: BooleanArray = things
            .iter()
            .map(|thing| {
                let thing = thing.and_then(|thing| ThingId::parse(thing).ok());
                Some(thing.is_some_and(|thing| self.question.view.owns(&thing)))
            })
            .collect();
        Ok(filter_record_batch(batch, &own)?)
    }
}
