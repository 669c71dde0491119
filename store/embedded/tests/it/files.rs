//! Files and log stay few and small, however many small flushes there are.

use std::fs;
use std::path::Path;

use arno_model::Timestamp;
use arno_store::{Maintenance as _, ObservationReader as _};

use crate::place::{append, config, expected, minutes, open, rows};

fn files_of(dir: &Path, month: &str) -> usize {
    fs::read_dir(dir.join("lake").join(month)).unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_of_small_flushes_has_a_handful_of_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), config()).await;
    for minute in 0..150 {
        append(&store, &rows([minute])).await.unwrap();
        store.maintain().await.unwrap();
    }
    assert_eq!(store.health().hot_rows, 0);
    let files = files_of(dir.path(), "month=2026-03");
    assert!(files <= 6, "{files} files");
    assert_eq!(minutes(&store).await.unwrap(), expected(0..150));
    store.close().await.unwrap();
    let log_bytes = fs::metadata(dir.path().join("log.redb")).unwrap().len();
    assert!(log_bytes < 1 << 20, "the log has {log_bytes} bytes");
    let store = open(dir.path(), config()).await;
    assert_eq!(minutes(&store).await.unwrap(), expected(0..150));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_flush_touched_is_told_exactly_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), config()).await;
    append(&store, &rows(0..1_000)).await.unwrap();
    store.maintain().await.unwrap();
    let mark = store.last_commit();
    append(&store, &rows(2_000..2_002)).await.unwrap();
    store.maintain().await.unwrap();
    store.close().await.unwrap();
    let store = open(dir.path(), config()).await;
    let touched = store.touched(mark).await.unwrap();
    let moments: Vec<_> = rows([2_000, 2_001]).iter().map(|row| row.time).collect();
    let (first, last) = (*moments.first().unwrap(), *moments.last().unwrap());
    for (_key, range) in &touched.ranges {
        assert_eq!((range.start, range.end), (first, last.plus_us(1)));
    }
    assert_eq!(touched.ranges.len(), 4);
    assert_eq!(store.touched(Timestamp::MIN).await.unwrap().ranges.len(), 8);
}
