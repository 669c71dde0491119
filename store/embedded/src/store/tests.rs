//! The store on a disk that fails.

mod power;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use arno_model::observation::{ObservationBuilder, ObservationColumns};
use arno_model::{DatastreamKey, Observation, Quality, TimeRange, Timestamp};
use arno_store::testkit::TestClock;
use arno_store::{
    Append, Clock, ClockMark, DatastreamName, DatastreamRegister as _, Maintenance as _,
    ObservationReader as _, ObservationWriter as _, Scan, StoreError, Streams,
};
use futures::StreamExt as _;
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, StorageBackend};

use super::EmbeddedStore;
use crate::config::EmbeddedConfig;
use crate::disk::Disk;

/// What goes wrong, set while the store runs.
#[derive(Debug, Default)]
struct Faults {
    /// Bytes that may still be written before the disk is full; negative: any number.
    room_bytes: AtomicI64,
    /// Whether syncing fails, after the bytes were written.
    is_sync_broken: AtomicBool,
    /// Whether only a part of each write is written, and then an error given.
    is_torn: AtomicBool,
    free_bytes: AtomicU64,
}

#[derive(Debug)]
struct FailingDisk(Arc<Faults>);

#[derive(Debug)]
struct FailingFile(FileBackend, Arc<Faults>);

impl Disk for FailingDisk {
    fn open(&self, path: &Path) -> Result<Database, DatabaseError> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path);
        let file = file.map_err(|source| DatabaseError::Storage(redb::StorageError::Io(source)))?;
        let backend = FailingFile(FileBackend::new(file)?, Arc::clone(&self.0));
        Database::builder().create_with_backend(backend)
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(self.0.free_bytes.load(Ordering::Acquire))
    }
}

impl StorageBackend for FailingFile {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, length: u64) -> Result<(), io::Error> {
        self.0.set_len(length)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.sync_data()?;
        if self.1.is_sync_broken.load(Ordering::Acquire) {
            return Err(io::Error::other("the disk does not answer"));
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        if self.1.is_torn.load(Ordering::Acquire) {
            self.0.write(offset, &data[..data.len() / 2])?;
            return Err(io::Error::other("the write was cut short"));
        }
        let room = self.1.room_bytes.load(Ordering::Acquire);
        if room >= 0 {
            let left = room - i64::try_from(data.len()).unwrap();
            self.1.room_bytes.store(left.max(0), Ordering::Release);
            if left < 0 {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
        }
        self.0.write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.0.close()
    }
}

fn faults() -> Arc<Faults> {
    let faults = Faults::default();
    faults.room_bytes.store(-1, Ordering::Release);
    faults.free_bytes.store(u64::MAX, Ordering::Release);
    Arc::new(faults)
}

async fn open(dir: &Path, faults: &Arc<Faults>) -> Arc<EmbeddedStore> {
    let clock: Arc<dyn Clock> = Arc::new(TestClock::at(Timestamp::from_micros(0)));
    let disk = Arc::new(FailingDisk(Arc::clone(faults)));
    let store = EmbeddedStore::open_on(dir, EmbeddedConfig::default(), clock, disk).await;
    store.unwrap()
}

async fn register(store: &EmbeddedStore) {
    let thing = "prato:lot-1".parse().unwrap();
    let name = DatastreamName {
        thing,
        property: "vehicles".parse().unwrap(),
    };
    store.register(&[name]).await.unwrap();
}

fn append_of(times: std::ops::Range<i64>) -> Append {
    let mut builder = ObservationBuilder::default();
    for time in times {
        builder.push(&Observation {
            datastream: DatastreamKey(1),
            time: Timestamp::from_micros(time),
            result: Some(1.0),
            quality: Quality::Good,
            received: Timestamp::from_micros(time),
            result_time: None,
        });
    }
    let observations = builder.finish().unwrap();
    Append {
        observations,
        quarantine: Vec::new(),
        ignored_count: 0,
        clock: ClockMark::Live,
    }
}

async fn times(store: &EmbeddedStore) -> Vec<i64> {
    let mut times = Vec::new();
    for mut stream in store
        .scan(Scan::of(Streams::All, TimeRange::ALL))
        .await
        .unwrap()
    {
        while let Some(batch) = stream.next().await {
            let view = ObservationColumns::view(&batch.unwrap()).unwrap();
            times.extend(view.time.values());
        }
    }
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_keeps_what_it_has_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let faults = faults();
    let store = open(dir.path(), &faults).await;
    register(&store).await;
    store.append(append_of(0..10)).await.unwrap();
    faults.room_bytes.store(100_000, Ordering::Release);
    let mut kept = 10;
    let refused = loop {
        match store.append(append_of(kept..kept + 500)).await {
            Ok(_appended) => kept += 500,
            Err(source) => break source,
        }
    };
    assert!(matches!(refused, StoreError::Full { .. }), "{refused:?}");
    assert!(!store.health().is_ready);
    assert_eq!(times(&store).await, (0..kept).collect::<Vec<_>>());
    let again = store.append(append_of(kept..kept + 500)).await;
    assert!(matches!(again, Err(StoreError::Full { .. })), "{again:?}");
    faults.room_bytes.store(-1, Ordering::Release);
    store.append(append_of(kept..kept + 500)).await.unwrap();
    assert!(store.health().is_ready);
    assert_eq!(store.ledger().stored, u64::try_from(kept + 500).unwrap());
    store.close().await.unwrap();
    let store = open(dir.path(), &faults).await;
    assert_eq!(times(&store).await, (0..kept + 500).collect::<Vec<_>>());
    assert_eq!(store.ledger().stored, u64::try_from(kept + 500).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_is_kept_for_flushing() {
    let dir = tempfile::tempdir().unwrap();
    let faults = faults();
    let store = open(dir.path(), &faults).await;
    register(&store).await;
    faults.free_bytes.store(1_000, Ordering::Release);
    let refused = store.append(append_of(0..10)).await;
    assert!(
        matches!(refused, Err(StoreError::Full { .. })),
        "{refused:?}"
    );
    assert!(!store.health().is_ready);
    faults.free_bytes.store(u64::MAX, Ordering::Release);
    store.append(append_of(0..10)).await.unwrap();
    assert!(store.health().is_ready);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_disk_does_exactly_the_acknowledged_is_kept() {
    let seed = arno_store::testkit::seed_from_environment();
    let mut chance = seed;
    let mut next = |bound: u64| {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % bound
    };
    let dir = tempfile::tempdir().unwrap();
    let faults = faults();
    let mut store = open(dir.path(), &faults).await;
    register(&store).await;
    let mut kept = Vec::new();
    for round in 0..120_i64 {
        match next(6) {
            0 => faults.is_sync_broken.store(true, Ordering::Release),
            1 => faults.is_torn.store(true, Ordering::Release),
            2 => faults
                .room_bytes
                .store(i64::try_from(next(30_000)).unwrap(), Ordering::Release),
            3 => {
                store.close().await.unwrap();
                store = open(dir.path(), &faults).await;
            }
            _ => {}
        }
        let count = i64::try_from(next(200)).unwrap() + 1;
        let times_sent = round * 1_000..round * 1_000 + count;
        if store.append(append_of(times_sent.clone())).await.is_ok() {
            kept.extend(times_sent);
        }
        faults.is_sync_broken.store(false, Ordering::Release);
        faults.is_torn.store(false, Ordering::Release);
        faults.room_bytes.store(-1, Ordering::Release);
        if next(4) == 0 {
            let found = times(&store).await;
            assert!(
                found == kept,
                "ARNO_TEST_SEED={seed}, round {round}: {}",
                found.len()
            );
        }
    }
    store.close().await.unwrap();
    let store = open(dir.path(), &faults).await;
    assert!(times(&store).await == kept, "ARNO_TEST_SEED={seed}");
    assert_eq!(
        store.ledger().stored,
        u64::try_from(kept.len()).unwrap(),
        "ARNO_TEST_SEED={seed}"
    );
}
