//! Observations as Arrow columns: the one batch type that travels from decode to every answer.
//!
//! # Shape
//! [`arrival_schema`]: what a gateway hands to the store. [`kept_schema`]: what a scan gives back,
//! the same columns and the stamp of the commit. Repeating names travel as the datastream's key.
//!
//! # Invariants
//! Times are microseconds UTC. A null `result` is a declared unknown. −0 is stored as 0, and no
//! result is NaN or infinite: [`Observation::check_result`] refuses them at the edge.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array as _, ArrayRef, Float64Array, Float64Builder, Int32Array, Int32Builder, RecordBatch,
    TimestampMicrosecondArray, TimestampMicrosecondBuilder, UInt8Array, UInt8Builder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use crate::id::DatastreamKey;
use crate::property::text_enum;
use crate::time::Timestamp;

/// How far a stored observation can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Quality {
    /// As it should be.
    Good = 0,
    /// Received after its 15-minute bucket closed.
    Late = 1,
    /// Outside the property's plausible range: its interval counts as unknown.
    Implausible = 2,
}

text_enum!(Quality { Good => "good", Late => "late", Implausible => "implausible" });

impl Quality {
    /// From its stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Good),
            1 => Some(Self::Late),
            2 => Some(Self::Implausible),
            _ => None,
        }
    }

    /// The number it is stored as.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Why something is not an observation or not a batch of them.
#[derive(Debug, thiserror::Error)]
pub enum ObservationError {
    /// NaN or infinite.
    #[error("a result must be a finite number, not {result}")]
    NotFinite {
        /// The refused result.
        result: f64,
    },
    /// A batch whose columns are not the schema's.
    #[error("the batch lacks the column `{column}` in its right type")]
    Column {
        /// The missing or mistyped column.
        column: &'static str,
    },
    /// Columns that do not form a batch.
    #[error("the columns do not form a batch")]
    Batch {
        /// What Arrow says.
        #[source]
        source: ArrowError,
    },
}

/// One observation, as a row; used at edges and in tests, not in bulk paths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Which property of which thing.
    pub datastream: DatastreamKey,
    /// Phenomenon time: when it was true.
    pub time: Timestamp,
    /// The result; `None` is a declared unknown.
    pub result: Option<f64>,
    /// How far it can be trusted.
    pub quality: Quality,
    /// When Arno received it.
    pub received: Timestamp,
    /// When the source made it, if it says so.
    pub result_time: Option<Timestamp>,
}

impl Observation {
    /// Makes a result storable: −0 becomes 0.
    ///
    /// # Errors
    /// [`ObservationError::NotFinite`] for NaN and the infinities.
    pub fn check_result(result: f64) -> Result<f64, ObservationError> {
        if result.is_finite() {
            Ok(result + 0.0)
        } else {
            Err(ObservationError::NotFinite { result })
        }
    }
}

/// The type of every time column: microseconds, UTC.
pub fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
}

static ARRIVAL: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("datastream", DataType::Int32, false),
        Field::new("time", time_type(), false),
        Field::new("result", DataType::Float64, true),
        Field::new("quality", DataType::UInt8, false),
        Field::new("received", time_type(), false),
        Field::new("result_time", time_type(), true),
    ]))
});

static KEPT: LazyLock<SchemaRef> = LazyLock::new(|| {
    let mut fields: Vec<_> = ARRIVAL.fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("known_at", time_type(), false)));
    Arc::new(Schema::new(fields))
});

/// The schema of arriving observations: `datastream, time, result, quality, received, result_time`.
pub fn arrival_schema() -> SchemaRef {
    Arc::clone(&ARRIVAL)
}

/// The schema of kept observations: the arriving one and `known_at`.
pub fn kept_schema() -> SchemaRef {
    Arc::clone(&KEPT)
}

/// Builds batches of arriving or kept observations row by row.
#[derive(Debug)]
pub struct ObservationBuilder {
    datastream: Int32Builder,
    time: TimestampMicrosecondBuilder,
    result: Float64Builder,
    quality: UInt8Builder,
    received: TimestampMicrosecondBuilder,
    result_time: TimestampMicrosecondBuilder,
    known_at: Vec<i64>,
}

impl Default for ObservationBuilder {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl ObservationBuilder {
    /// A builder with room for `row_count` rows.
    pub fn with_capacity(row_count: usize) -> Self {
        Self {
            datastream: Int32Builder::with_capacity(row_count),
            time: TimestampMicrosecondBuilder::with_capacity(row_count),
            result: Float64Builder::with_capacity(row_count),
            quality: UInt8Builder::with_capacity(row_count),
            received: TimestampMicrosecondBuilder::with_capacity(row_count),
            result_time: TimestampMicrosecondBuilder::with_capacity(row_count),
            known_at: Vec::new(),
        }
    }

    /// Adds one row.
    pub fn push(&mut self, row: &Observation) {
        self.datastream.append_value(row.datastream.0);
        self.time.append_value(row.time.as_micros());
        self.result.append_option(row.result);
        self.quality.append_value(row.quality.code());
        self.received.append_value(row.received.as_micros());
        self.result_time
            .append_option(row.result_time.map(Timestamp::as_micros));
    }

    /// Adds one kept row; a builder takes either plain or kept rows, never both.
    pub fn push_kept(&mut self, row: &Observation, known_at: Timestamp) {
        self.push(row);
        self.known_at.push(known_at.as_micros());
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.datastream.values_slice().len()
    }

    /// Whether there is no row yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batch of all rows, in [`arrival_schema`]; the builder is empty afterwards.
    ///
    /// # Errors
    /// [`ObservationError::Batch`] never happens with rows from [`Self::push`].
    pub fn finish(&mut self) -> Result<RecordBatch, ObservationError> {
        let columns = self.columns();
        let batch = RecordBatch::try_new(arrival_schema(), columns);
        batch.map_err(|source| ObservationError::Batch { source })
    }

    /// The batch of all rows, in [`kept_schema`].
    ///
    /// # Errors
    /// [`ObservationError::Batch`] when plain and kept rows were mixed.
    pub fn finish_kept(&mut self) -> Result<RecordBatch, ObservationError> {
        let known_at = std::mem::take(&mut self.known_at);
        let mut columns = self.columns();
        columns.push(Arc::new(
            TimestampMicrosecondArray::from(known_at).with_timezone("UTC"),
        ));
        let batch = RecordBatch::try_new(kept_schema(), columns);
        batch.map_err(|source| ObservationError::Batch { source })
    }

    fn columns(&mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.datastream.finish()),
            Arc::new(self.time.finish().with_timezone("UTC")),
            Arc::new(self.result.finish()),
            Arc::new(self.quality.finish()),
            Arc::new(self.received.finish().with_timezone("UTC")),
            Arc::new(self.result_time.finish().with_timezone("UTC")),
        ]
    }
}

/// A typed view of a batch in [`arrival_schema`] or [`kept_schema`], without copying.
#[derive(Debug, Clone)]
pub struct ObservationColumns {
    /// Datastream keys.
    pub datastream: Int32Array,
    /// Phenomenon times.
    pub time: TimestampMicrosecondArray,
    /// Results, null for declared unknowns.
    pub result: Float64Array,
    /// [`Quality`] codes.
    pub quality: UInt8Array,
    /// Times of receipt.
    pub received: TimestampMicrosecondArray,
    /// Result times, null where the source gave none.
    pub result_time: TimestampMicrosecondArray,
    /// Commit stamps; absent in arriving batches.
    pub known_at: Option<TimestampMicrosecondArray>,
}

impl ObservationColumns {
    /// Views a batch.
    ///
    /// # Errors
    /// [`ObservationError::Column`] when a column is missing or of another type.
    pub fn view(batch: &RecordBatch) -> Result<Self, ObservationError> {
        Ok(Self {
            datastream: column(batch, "datastream")?,
            time: column(batch, "time")?,
            result: column(batch, "result")?,
            quality: column(batch, "quality")?,
            received: column(batch, "received")?,
            result_time: column(batch, "result_time")?,
            known_at: column(batch, "known_at").ok(),
        })
    }

    /// Rows in the batch.
    pub fn len(&self) -> usize {
        self.datastream.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One row; `None` past the end or for an unknown quality code.
    pub fn row(&self, index: usize) -> Option<Observation> {
        if index >= self.len() {
            return None;
        }
        let optional = |array: &TimestampMicrosecondArray| {
            array
                .is_valid(index)
                .then(|| Timestamp::from_micros(array.value(index)))
        };
        Some(Observation {
            datastream: DatastreamKey(self.datastream.value(index)),
            time: Timestamp::from_micros(self.time.value(index)),
            result: self
                .result
                .is_valid(index)
                .then(|| self.result.value(index)),
            quality: Quality::from_code(self.quality.value(index))?,
            received: Timestamp::from_micros(self.received.value(index)),
            result_time: optional(&self.result_time),
        })
    }
}

fn column<T: Clone + 'static>(
    batch: &RecordBatch,
    name: &'static str,
) -> Result<T, ObservationError> {
    let array = batch
        .column_by_name(name)
        .and_then(|array| array.as_any().downcast_ref::<T>());
    array
        .cloned()
        .ok_or(ObservationError::Column { column: name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_went_in() {
        let row = Observation {
            datastream: DatastreamKey(7),
            time: Timestamp::from_micros(1),
            result: None,
            quality: Quality::Late,
            received: Timestamp::from_micros(2),
            result_time: Some(Timestamp::from_micros(3)),
        };
        let mut builder = ObservationBuilder::default();
        builder.push_kept(&row, Timestamp::from_micros(4));
        let batch = builder.finish_kept().unwrap();
        assert_eq!(batch.schema(), kept_schema());
        let columns = ObservationColumns::view(&batch).unwrap();
        assert_eq!(columns.row(0), Some(row));
        assert_eq!(columns.row(1), None);
    }

    #[test]
    fn results_must_be_finite_and_minus_zero_is_zero() {
        Observation::check_result(f64::NAN).unwrap_err();
        Observation::check_result(f64::INFINITY).unwrap_err();
        assert!(Observation::check_result(-0.0).unwrap().is_sign_positive());
    }
}
