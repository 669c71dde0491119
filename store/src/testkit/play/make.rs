//! Steps become appends, scans and batches.

use std::sync::Arc;

use arno_model::observation::{ObservationBuilder, kept_schema};
use arno_model::time::{MINUTE_US, SECOND_US};
use arno_model::{DatastreamKey, Observation, PublisherId, Quality, TimeRange, Timestamp};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};

use super::{BEGIN_US, Play};
use crate::append::{Append, ClockMark, QuarantineEntry, QuarantineReason};
use crate::backend::DatastreamName;
use crate::clock::Clock as _;
use crate::scan::{Scan, Streams};
use crate::testkit::history::{RowStep, ScanStep};

impl Play<'_> {
    pub(super) fn append_of(
        &self,
        rows: &[RowStep],
        (refused, ignored): (u8, u8),
        recorded: Option<u8>,
    ) -> Append {
        let now = self.clock.now();
        let mut builder = ObservationBuilder::default();
        let rows: Vec<Observation> = rows.iter().map(|row| observation(row, now)).collect();
        let refusal = |index: u8| QuarantineEntry {
            reason: if index.is_multiple_of(2) {
                QuarantineReason::Malformed
            } else {
                QuarantineReason::Future
            },
            detail: "the `time` is no time".to_owned(),
            topic: "arno/v1/prato/obs".to_owned(),
            publisher: (index.is_multiple_of(2)).then(publisher),
            received: now,
            payload: (index.is_multiple_of(3)).then(|| vec![index, 0, 255]),
            payload_bytes: 3,
            observations_count: u64::from(index) + 1,
        };
        Append {
            observations: batch_of(&mut builder, &rows),
            quarantine: (0..refused).map(refusal).collect(),
            ignored_count: u64::from(ignored),
            clock: recorded.map_or(ClockMark::Live, |slot| {
                ClockMark::Recorded(time_of(u16::from(slot)))
            }),
        }
    }

    pub(super) fn run_of(&self, (stream, slot): (u8, u16), count: u16, step_s: u16) -> Append {
        let begin = time_of(slot);
        let row = |index: u16| Observation {
            datastream: DatastreamKey(i32::from(stream) + 1),
            time: begin.plus_us(i64::from(index) * i64::from(step_s) * SECOND_US),
            result: Some(f64::from(index % 7)),
            quality: Quality::Good,
            received: self.clock.now(),
            result_time: None,
        };
        let rows: Vec<Observation> = (0..count).map(row).collect();
        let mut append = self.append_of(&[], (0, 0), None);
        append.observations = batch_of(&mut ObservationBuilder::default(), &rows);
        append
    }

    pub(super) fn scan_of(&self, step: &ScanStep) -> Scan {
        let start = time_of(step.from);
        let streams = step.streams.as_ref().map_or(Streams::All, |streams| {
            Streams::of(
                streams
                    .iter()
                    .map(|stream| DatastreamKey(i32::from(*stream)))
                    .collect(),
            )
        });
        let all = kept_schema().fields().len();
        Scan {
            streams,
            time: TimeRange::new(start, time_of(step.from + step.slots)),
            with_lead: step.with_lead,
            as_of: step
                .as_of
                .and_then(|which| pick(&self.oracle.commits(), which).copied()),
            versions: step.versions,
            columns: step
                .columns
                .map(|bits| (0..all).filter(|index| bits >> index & 1 == 1).collect()),
            limit: step.limit.map(usize::from),
            partitions: usize::from(step.partitions),
        }
    }
}

pub(super) fn pick<T>(all: &[T], which: u8) -> Option<&T> {
    all.get(usize::from(which) * all.len() / 256)
}

/// Slots are a minute apart at first, then 36 hours.
pub(super) fn time_of(slot: u16) -> Timestamp {
    let slot = i64::from(slot);
    let offset_us = if slot < 16 {
        slot * MINUTE_US
    } else {
        (slot - 15) * 36 * 60 * MINUTE_US
    };
    Timestamp::from_micros(BEGIN_US + offset_us)
}

fn observation(row: &RowStep, now: Timestamp) -> Observation {
    let received = now.plus_us(-i64::from(row.received_ago) * MINUTE_US);
    Observation {
        datastream: DatastreamKey(i32::from(row.stream) + 1),
        time: time_of(row.slot),
        result: row.result,
        quality: Quality::from_code(row.quality).unwrap_or(Quality::Good),
        received,
        result_time: row
            .made
            .map(|minutes| received.plus_us(i64::from(minutes) * MINUTE_US)),
    }
}

pub(super) fn batch_of(builder: &mut ObservationBuilder, rows: &[Observation]) -> RecordBatch {
    for row in rows {
        builder.push(row);
    }
    builder.finish().expect("plain rows form a batch")
}

pub(super) fn name(stream: u8) -> DatastreamName {
    let thing = format!("prato:lot-{}", stream / 2)
        .parse()
        .expect("a thing's name");
    let property = if stream.is_multiple_of(2) {
        "vehicles"
    } else {
        "free"
    };
    DatastreamName {
        thing,
        property: property.parse().expect("a property's name"),
    }
}

pub(super) fn publisher() -> PublisherId {
    "prato".parse().expect("a publisher's name")
}

/// A small derived batch, of another schema than observations.
pub(super) fn derived(rows: u8) -> RecordBatch {
    let names: Vec<Option<&str>> = (0..rows)
        .map(|row| (row.is_multiple_of(2)).then_some("lot"))
        .collect();
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("name", Arc::new(StringArray::from(names)), true),
        (
            "integral",
            Arc::new((0..rows).map(i64::from).collect::<Int64Array>()),
            true,
        ),
        (
            "share",
            Arc::new((0..rows).map(f64::from).collect::<Float64Array>()),
            true,
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).expect("three columns form a batch")
}
