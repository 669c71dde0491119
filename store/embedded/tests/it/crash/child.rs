//! The child: works on the store as hard as it can and says what was acknowledged.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arno_store::{
    DatastreamRegister as _, Documents as _, Maintenance as _, ObservationWriter as _,
    Segments as _,
};
use arno_store_embedded::EmbeddedStore;
use arrow::array::{Int64Array, RecordBatch};
use tokio_util::task::TaskTracker;

use super::plan::{Plan, TASKS_COUNT, names};
use super::{DIR, SEED, clock, config};

/// One line to the parent, in one write.
fn say(line: &str) {
    std::io::stdout()
        .write_all(format!("\n{line}\n").as_bytes())
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_until_it_is_killed() {
    let (Ok(dir), Ok(seed)) = (std::env::var(DIR), std::env::var(SEED)) else {
        return;
    };
    let seed: u64 = seed.parse().unwrap();
    let store = EmbeddedStore::open(Path::new(&dir), config(), clock())
        .await
        .unwrap();
    store.register(&names()).await.unwrap();
    say("registered");
    let tasks = TaskTracker::new();
    for task in 0..TASKS_COUNT {
        tasks.spawn(append(Arc::clone(&store), seed, task));
    }
    tasks.spawn(write_documents(Arc::clone(&store)));
    tasks.spawn(swap_segments(Arc::clone(&store)));
    tasks.spawn(maintain(Arc::clone(&store)));
    tasks.close();
    tasks.wait().await;
}

async fn append(store: Arc<EmbeddedStore>, seed: u64, task: u64) {
    for (step, step_move) in Plan::new(seed, task).enumerate() {
        let appended = store.append(step_move.append()).await.unwrap();
        say(&format!(
            "append {task} {step} {}",
            appended.known_at.as_micros()
        ));
    }
}

#[expect(clippy::infinite_loop, reason = "until it is killed")]
async fn write_documents(store: Arc<EmbeddedStore>) {
    loop {
        let found = store.document("registry").await.unwrap();
        let revision = found.map_or(0, |document| document.revision);
        let bytes = vec![u8::try_from((revision + 1) % 251).unwrap(); 300];
        let revision = store
            .put_document("registry", bytes, revision)
            .await
            .unwrap();
        say(&format!("document {revision}"));
    }
}

#[expect(clippy::infinite_loop, reason = "until it is killed")]
async fn swap_segments(store: Arc<EmbeddedStore>) {
    let mark = store.segment_mark("rollup").await.unwrap();
    let mut generation = mark.map_or(0, |mark| i64::from_le_bytes(mark.try_into().unwrap()));
    loop {
        generation += 1;
        let column = Arc::new(Int64Array::from(vec![generation; 50]));
        let batch = RecordBatch::try_from_iter([("generation", column as _)]).unwrap();
        let days = (0..4).map(|day| (day, batch.clone())).collect();
        store
            .put_segments("rollup", days, generation.to_le_bytes().to_vec())
            .await
            .unwrap();
        say(&format!("segments {generation}"));
    }
}

#[expect(clippy::infinite_loop, reason = "until it is killed")]
async fn maintain(store: Arc<EmbeddedStore>) {
    loop {
        store.maintain().await.unwrap();
        tokio::task::yield_now().await;
    }
}
