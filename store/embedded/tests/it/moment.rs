//! Every answer is of one moment, whatever is appended and flushed meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arno_store::{Maintenance as _, ObservationReader as _};
use arno_store_embedded::EmbeddedConfig;
use tokio_util::task::TaskTracker;

use crate::place::{STREAMS_COUNT, append, config, minutes, open, rows};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scans_see_whole_appends_and_never_fewer_than_before() {
    let dir = tempfile::tempdir().unwrap();
    let config = EmbeddedConfig {
        flush_rows: 400,
        ..config()
    };
    let store = open(dir.path(), config).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let tasks = TaskTracker::new();
    for writer in 0..3_i64 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for step in 0..120 {
                // Every third append is late, into another month.
                let minute = if step % 3 == 0 {
                    -60_000 - step * 3
                } else {
                    step * 3
                } + writer;
                append(&store, &rows([minute])).await.unwrap();
            }
        });
    }
    let flushing = TaskTracker::new();
    {
        let (store, is_over) = (Arc::clone(&store), Arc::clone(&is_over));
        flushing.spawn(async move {
            while !is_over.load(Ordering::Acquire) {
                store.maintain().await.unwrap();
            }
        });
    }
    tasks.close();
    let mut before = 0;
    let mut scans = 0;
    while !tasks.is_empty() {
        let stored = store.ledger().stored;
        let found = minutes(&store).await.unwrap();
        let mut streams: BTreeMap<i64, i32> = BTreeMap::new();
        for (_stream, minute) in &found {
            *streams.entry(*minute).or_default() += 1;
        }
        let torn: Vec<_> = streams
            .iter()
            .filter(|(_, count)| **count != STREAMS_COUNT)
            .collect();
        assert!(torn.is_empty(), "parts of appends: {torn:?}");
        assert!(found.len() >= before, "{} rows after {before}", found.len());
        assert!(u64::try_from(found.len()).unwrap() >= stored);
        before = found.len();
        scans += 1;
    }
    is_over.store(true, Ordering::Release);
    flushing.close();
    flushing.wait().await;
    assert_eq!(
        minutes(&store).await.unwrap().len(),
        3 * 120 * usize::try_from(STREAMS_COUNT).unwrap()
    );
    assert!(scans > 0);
}
