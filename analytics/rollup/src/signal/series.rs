//! Series: columns of observations come in, sorted samples of one datastream go out.
//!
//! # Shape
//! 24 bytes a sample. A declared unknown and an implausible result are samples without a value:
//! they end the hold of the value before them.

use arno_model::observation::Quality;
use arno_model::{ObservationError, Timestamp};
use arrow::array::{Array as _, Float64Array, Int32Array, RecordBatch, TimestampMicrosecondArray};
use arrow::array::{ArrayRef, UInt8Array};

/// One winning observation as the signals see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Phenomenon time, microseconds since the epoch.
    pub time: i64,
    /// The result; absent when it is a declared unknown or implausible.
    pub value: Option<f64>,
}

impl Sample {
    /// A sample with a value.
    pub const fn known(time: i64, value: f64) -> Self {
        Self {
            time,
            value: Some(value),
        }
    }

    /// A sample that says nothing is known from its time on.
    pub const fn unknown(time: i64) -> Self {
        Self { time, value: None }
    }
}

/// The columns of a scan that signals need: `datastream`, `time`, `result`, `quality`.
pub const COLUMNS: [usize; 4] = [0, 1, 2, 3];

/// A typed view of a batch scanned with [`COLUMNS`] (or more).
#[derive(Debug)]
pub struct SampleColumns<'a> {
    datastream: &'a Int32Array,
    time: &'a TimestampMicrosecondArray,
    result: &'a Float64Array,
    quality: &'a UInt8Array,
}

impl<'a> SampleColumns<'a> {
    /// Views a batch.
    ///
    /// # Errors
    /// [`ObservationError::Column`] when a column is missing or of another type.
    pub fn view(batch: &'a RecordBatch) -> Result<Self, ObservationError> {
        Ok(Self {
            datastream: column(batch, "datastream")?,
            time: column(batch, "time")?,
            result: column(batch, "result")?,
            quality: column(batch, "quality")?,
        })
    }

    /// Rows that follow each other with one datastream: its key and their places.
    pub fn runs(&self) -> impl Iterator<Item = (i32, std::ops::Range<usize>)> + '_ {
        let keys = self.datastream.values();
        let mut start = 0;
        std::iter::from_fn(move || {
            let key = *keys.get(start)?;
            let rest = keys.get(start..)?;
            let end = start + rest.partition_point(|other| *other == key);
            let run = start..end;
            start = end;
            Some((key, run))
        })
    }

    /// The sample at a place.
    pub fn sample(&self, place: usize) -> Sample {
        let is_known =
            self.result.is_valid(place) && self.quality.value(place) != Quality::Implausible.code();
        Sample {
            time: self.time.value(place),
            value: is_known.then(|| self.result.value(place)),
        }
    }
}

fn column<'a, T: 'static>(
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a T, ObservationError> {
    let array: Option<&ArrayRef> = batch.column_by_name(name);
    array
        .and_then(|array| array.as_any().downcast_ref::<T>())
        .ok_or(ObservationError::Column { column: name })
}

/// The last sample at or before a moment.
pub fn last_at(series: &[Sample], moment: i64) -> Option<&Sample> {
    let count = series.partition_point(|sample| sample.time <= moment);
    series.get(count.checked_sub(1)?)
}

/// The samples with `from <= time < to`.
pub fn within(series: &[Sample], from: i64, to: i64) -> &[Sample] {
    let start = series.partition_point(|sample| sample.time < from);
    let end = series.partition_point(|sample| sample.time < to).max(start);
    series.get(start..end).unwrap_or(&[])
}

/// Microseconds of a moment.
pub const fn micros(moment: Timestamp) -> i64 {
    moment.as_micros()
}
