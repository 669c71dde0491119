//! The lake from outside.
#![expect(clippy::unwrap_used, reason = "tests may fail loudly")]

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use arno_model::observation::{ObservationBuilder, ObservationColumns, kept_schema};
use arno_model::{DatastreamKey, Observation, Quality, Timestamp};
use arno_store::{BatchStream, DatastreamName, Datastreams, Streams, Versions};
use arno_store_lake::merge::{Shape, Source, merge};
use arno_store_lake::{Ask, Change, Files, Lake, LakeFile, Month, Opened};
use arrow::array::{Array as _, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use futures::{StreamExt as _, stream};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// 2026-05-01T00:00:00Z.
const BEGIN_US: i64 = 1_777_593_600_000_000;
const WRITER: &str = "test";

fn names() -> Datastreams {
    let mut names = Datastreams::default();
    for stream in 1..=3 {
        names.insert(DatastreamName {
            thing: format!("prato:lot-{stream}").parse().unwrap(),
            property: "vehicles".parse().unwrap(),
        });
    }
    names
}

/// One row of each of three datastreams at each of some minutes, sorted.
fn batch(minutes: std::ops::Range<i64>, known_at_us: i64) -> RecordBatch {
    let mut builder = ObservationBuilder::default();
    for stream in 1..=3 {
        for minute in minutes.clone() {
            let row = Observation {
                datastream: DatastreamKey(stream),
                time: Timestamp::from_micros(BEGIN_US + minute * 60_000_000),
                result: (minute % 5 != 0).then_some(1.5),
                quality: Quality::Late,
                received: Timestamp::from_micros(BEGIN_US + minute * 60_000_000 + 7),
                result_time: (minute % 2 == 0).then_some(Timestamp::from_micros(BEGIN_US)),
            };
            builder.push_kept(&row, Timestamp::from_micros(known_at_us));
        }
    }
    builder.finish_kept().unwrap()
}

fn rows_of(batch: RecordBatch) -> BatchStream {
    Box::pin(stream::iter([Ok(batch)]))
}

async fn write(lake: &Lake, minutes: std::ops::Range<i64>) -> Arc<LakeFile> {
    let month = Month::of(Timestamp::from_micros(BEGIN_US));
    let written = lake
        .write(month, rows_of(batch(minutes, 5)), &names())
        .await;
    Arc::new(written.unwrap().unwrap())
}

async fn read(mut source: Source) -> RecordBatch {
    let mut batches = Vec::new();
    while let Some(batch) = source.next().await {
        batches.push(batch.unwrap());
    }
    arrow::compute::concat_batches(&kept_schema(), &batches).unwrap()
}

async fn open(place: &str) -> Opened {
    Lake::open(place, HashMap::new(), WRITER).await.unwrap()
}

async fn commit(lake: &Lake, files: &Files, change: Change) -> Files {
    lake.commit(files, change, WRITER, Timestamp::from_micros(BEGIN_US))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_and_position_come_back_from_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().display().to_string();
    let opened = open(&place).await;
    assert_eq!((opened.files.len(), opened.position), (0, None));
    let file = write(&opened.lake, 0..5_000).await;
    let change = Change {
        added: vec![file],
        removed: Vec::new(),
        position: Some(42),
    };
    commit(&opened.lake, &opened.files, change).await;

    let again = open(&place).await;
    assert_eq!((again.files.len(), again.position), (1, Some(42)));
    let file = &again.files[0];
    assert_eq!(file.row_count(), 15_000);
    assert_eq!(
        read(again.lake.source(file, &Ask::ALL).unwrap()).await,
        batch(0..5_000, 5)
    );
    let one = Ask {
        streams: Streams::of(vec![DatastreamKey(2)]),
        start_us: BEGIN_US + 100 * 60_000_000,
        end_us: BEGIN_US + 110 * 60_000_000,
        ..Ask::ALL
    };
    let found = read(again.lake.source(file, &one).unwrap()).await;
    assert_eq!(found, batch(0..5_000, 5).slice(5_100, 10));
    let later = Ask {
        after_us: 5,
        ..Ask::ALL
    };
    assert!(
        again.lake.source(file, &later).is_none(),
        "the index knows that there is none"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outsiders_read_plain_columns_with_names() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir.path().display().to_string()).await;
    let file = write(&opened.lake, 0..10).await;
    let bytes = fs::read(dir.path().join(file.path())).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
    let types: Vec<_> = reader
        .schema()
        .fields()
        .iter()
        .map(|field| field.data_type().clone())
        .collect();
    assert_eq!(types[..3], [DataType::Utf8, DataType::Utf8, DataType::Utf8]);
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    let text =
        |column: usize, row: usize| array_value_to_string(batch.column(column), row).unwrap();
    assert_eq!(
        [text(0, 12), text(1, 12), text(2, 12)],
        ["prato", "prato:lot-2", "vehicles"]
    );
    assert_eq!(text(4, 12), "2026-05-01T00:02:00Z");
    assert_eq!(batch.column(5).null_count(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replaced_files_are_read_to_the_end_and_then_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let opened = open(&dir.path().display().to_string()).await;
    let (first, second) = (
        write(&opened.lake, 0..9_000).await,
        write(&opened.lake, 9_000..9_100).await,
    );
    let change = Change {
        added: vec![first, second],
        ..Change::default()
    };
    let files = commit(&opened.lake, &opened.files, change).await;
    drop(opened.files);
    let sources = files
        .iter()
        .filter_map(|file| opened.lake.source(file, &Ask::ALL))
        .collect();
    let shape = Shape {
        versions: Versions::All,
        columns: (0..7).collect(),
        limit: usize::MAX,
    };
    let month = Month::of(Timestamp::from_micros(BEGIN_US));
    let merged = opened
        .lake
        .write(month, merge(sources, &shape), &names())
        .await
        .unwrap()
        .unwrap();
    let row_count = files[0].row_count();
    let mut reading = opened.lake.source(&files[0], &Ask::ALL).unwrap();
    let begun = reading.next().await.unwrap().unwrap();
    let change = Change {
        added: vec![Arc::new(merged)],
        removed: files.to_vec(),
        position: Some(2),
    };
    let after = commit(&opened.lake, &files, change).await;
    drop(files);
    let parquet_files = || {
        let month = fs::read_dir(dir.path().join("month=2026-05")).unwrap();
        month.count()
    };
    opened
        .lake
        .vacuum(Timestamp::from_micros(BEGIN_US), Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(
        parquet_files(),
        2,
        "the merged one and the one that is being read"
    );
    let rest = read(reading).await;
    assert_eq!(
        u64::try_from(begun.num_rows() + rest.num_rows()),
        Ok(row_count)
    );
    opened
        .lake
        .vacuum(Timestamp::from_micros(BEGIN_US), Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(parquet_files(), 1);
    let all = read(opened.lake.source(&after[0], &Ask::ALL).unwrap()).await;
    assert_eq!(all, batch(0..9_100, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_without_a_commit_are_swept_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().display().to_string();
    let opened = open(&place).await;
    let kept = write(&opened.lake, 0..10).await;
    let change = Change {
        added: vec![Arc::clone(&kept)],
        ..Change::default()
    };
    commit(&opened.lake, &opened.files, change).await;
    let lost = write(&opened.lake, 10..20).await;
    let again = open(&place).await;
    again.lake.sweep(&again.files).await.unwrap();
    assert!(dir.path().join(kept.path()).try_exists().unwrap());
    assert!(!dir.path().join(lost.path()).try_exists().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_object_store_will_do() {
    let opened = open("memory:///lake").await;
    let file = write(&opened.lake, 0..100).await;
    let change = Change {
        added: vec![file],
        removed: Vec::new(),
        position: Some(1),
    };
    let files = commit(&opened.lake, &opened.files, change).await;
    let (listed, position) = opened.lake.reload(&opened.files, WRITER).await.unwrap();
    assert_eq!((listed.len(), position), (1, Some(1)));
    let found = read(opened.lake.source(&files[0], &Ask::ALL).unwrap()).await;
    let view = ObservationColumns::view(&found).unwrap();
    assert_eq!(view.len(), 300);
}
