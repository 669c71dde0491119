//! Recordings of real feeds through the example mappings: every row is accounted for.
//!
//! `ARNO_TEST_DATA` names their folder; they are not ours to keep, so without it these tests skip,
//! loudly. Recordings of our own making are played by the system's tests.

use std::path::{Path, PathBuf};

use arno_ingest_replay::{Mapping, Played, Replay, Speed};
use arno_model::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::world::{Judge, registry, root};

fn data(below: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("ARNO_TEST_DATA") else {
        eprintln!("SKIPPED: ARNO_TEST_DATA names no folder with recordings");
        return None;
    };
    Some(Path::new(&folder).join(below))
}

async fn play(example: &str, files: Vec<PathBuf>) -> (Played, Judge) {
    let mapping = Mapping::open(&root().join("examples").join(example).join("mapping.toml"));
    let replay = Replay::read(files, mapping.unwrap()).await.unwrap();
    let mut judge = Judge::default();
    let token = CancellationToken::new();
    let played = replay
        .run(&mut judge, Speed::Max, &token, |_progress| {})
        .await
        .unwrap();
    assert_eq!(
        played.ledger.received(),
        played.counts.received(),
        "the ledger closes"
    );
    assert!(judge.moments.is_sorted());
    (played, judge)
}

#[tokio::test]
async fn trento_is_read_whole() {
    let Some(folder) = data("parking/trento") else {
        return;
    };
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_parquet = |path: &PathBuf| path.extension().is_some_and(|end| end == "geoparquet");
    // Any order will do: rows are put in the order of their polls.
    let files: Vec<PathBuf> = entries.filter(is_parquet).collect();
    assert_eq!(files.len(), 4);
    let (played, judge) = play("trento", files).await;
    // 129,438 rows, of which each has a count, a capacity and a flag, none of them twice at one
    // poll; a count is repeated where its `timestamp` is. Three columns are left where they have
    // values.
    assert_eq!(played.counts.readings, 3 * 129_438);
    assert_eq!((played.counts.refused, played.ledger.corrected), (0, 0));
    let repeated = 129_438 - judge.ledger_of("free");
    assert_eq!(played.ledger.repeated, repeated);
    assert_eq!(judge.ledger_of("capacity"), 129_438);
    assert_eq!(judge.ledger_of("online"), 129_438);
    assert_eq!(judge.by_stream.len(), 3 * 18);
    let end = Timestamp::parse("2025-06-30T23:49:01Z").unwrap();
    let last = judge.moments.last().unwrap();
    assert!((0..1_000_000).contains(&last.since_us(end)), "{last}");
}

#[tokio::test]
async fn birmingham_is_read_whole() {
    let Some(file) = data("parking/birmingham-2016.csv") else {
        return;
    };
    let (played, judge) = play("birmingham", vec![file]).await;
    assert_eq!(played.counts.readings, 2 * 35_717);
    assert_eq!((played.counts.refused, played.counts.ignored), (0, 0));
    assert_eq!(
        played.ledger.repeated,
        2 * 216,
        "exact duplicates, in both properties"
    );
    assert_eq!(played.ledger.corrected, 0);
    assert_eq!(judge.by_stream.len(), 2 * 30);
    // 16:30 by the clocks of the winter, which are UTC's.
    let first = judge.moments.first().unwrap().to_string();
    assert!(
        first.starts_with("2016-10-04T06:5"),
        "07:5x by the summer's clocks: {first}"
    );
}

#[test]
fn the_example_registries_are_good_and_know_every_thing() {
    for (example, things_count) in [("trento", 19), ("birmingham", 30)] {
        let folder = root().join("examples").join(example);
        let registry = registry(&folder);
        assert_eq!(registry.things().count(), things_count, "{example}");
        let mapping = Mapping::open(&folder.join("mapping.toml")).unwrap();
        assert!(registry.publisher(mapping.publisher().as_str()).is_some());
        assert!(
            mapping
                .properties()
                .all(|id| registry.property(id.as_str()).is_some())
        );
        for thing in registry.things() {
            let reads = |id: &arno_model::PropertyId| mapping.properties().any(|read| read == id);
            assert!(thing.properties.iter().all(reads), "{}", thing.id);
        }
    }
}

#[test]
fn a_file_that_a_mapping_does_not_fit_is_refused_before_anything_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("one.csv");
    let text = "SystemCodeNumber,Capacity,Occupancy,LastUpdated\n\
                BHMBCCMKT01,577,61,2016-10-04 07:59:42\n";
    std::fs::write(&file, text).unwrap();
    let example: &Path = &root().join("examples/birmingham/mapping.toml");
    let text = std::fs::read_to_string(example)
        .unwrap()
        .replace("\"Occupancy\"", "\"Ocupancy\"");
    let mapping = Mapping::parse(&text).unwrap();
    let refused = Replay::read_now(&[file], &mapping).unwrap_err().to_string();
    assert!(refused.contains("did you mean `Occupancy`?"), "{refused}");
}
