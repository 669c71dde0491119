//! The power is cut: of the writes that were never synced any part may be missing.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arno_store::testkit::{TestClock, seed_from_environment};
use arno_store::{Clock, DatastreamRegister as _, ObservationReader as _, ObservationWriter as _};
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, StorageBackend};
use tokio_util::task::TaskTracker;

use super::{append_of, register, times};
use crate::config::EmbeddedConfig;
use crate::disk::Disk;
use crate::store::EmbeddedStore;

/// Power cuts of one test.
const CUTS_COUNT: u64 = 40;

/// What could be missing after a cut: places with the bytes that were there before, in order.
#[derive(Debug, Default)]
struct Unsynced {
    writes: Vec<(u64, Vec<u8>)>,
    is_cut: bool,
}

#[derive(Debug, Default)]
struct PowerDisk(Arc<Mutex<Unsynced>>);

#[derive(Debug)]
struct PowerFile(FileBackend, Arc<Mutex<Unsynced>>);

impl Disk for PowerDisk {
    fn open(&self, path: &Path) -> Result<Database, DatabaseError> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path);
        let file = file.map_err(|source| DatabaseError::Storage(redb::StorageError::Io(source)))?;
        let backend = PowerFile(FileBackend::new(file)?, Arc::clone(&self.0));
        Database::builder().create_with_backend(backend)
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

impl StorageBackend for PowerFile {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, length: u64) -> Result<(), io::Error> {
        if self.1.lock().unwrap().is_cut {
            return Ok(());
        }
        self.0.set_len(length)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut unsynced = self.1.lock().unwrap();
        if !unsynced.is_cut {
            self.0.sync_data()?;
            unsynced.writes.clear();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut unsynced = self.1.lock().unwrap();
        if unsynced.is_cut {
            return Ok(());
        }
        let length = self.0.len()?;
        let known = usize::try_from(length.saturating_sub(offset))
            .unwrap()
            .min(data.len());
        let mut before = vec![0; known];
        self.0.read(offset, &mut before)?;
        unsynced.writes.push((offset, before));
        self.0.write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.0.close()
    }
}

impl PowerDisk {
    /// Cuts the power and undoes what `is_lost` says of the unsynced writes, the newest first.
    fn cut(&self, log: &Path, mut is_lost: impl FnMut() -> bool) {
        let mut unsynced = self.0.lock().unwrap();
        unsynced.is_cut = true;
        let file = FileBackend::new(File::options().read(true).write(true).open(log).unwrap());
        let file = file.unwrap();
        for (offset, before) in unsynced.writes.drain(..).rev() {
            if is_lost() {
                file.write(offset, &before).unwrap();
            }
        }
    }
}

async fn open(dir: &Path, disk: Arc<PowerDisk>) -> Arc<EmbeddedStore> {
    let clock: Arc<dyn Clock> = Arc::new(TestClock::at(arno_model::Timestamp::from_micros(0)));
    EmbeddedStore::open_on(dir, EmbeddedConfig::default(), clock, disk)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_power_is_cut() {
    let seed = seed_from_environment();
    let mut chance = seed;
    let mut next = |bound: u64| {
        chance = chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % bound
    };
    let home = tempfile::tempdir().unwrap();
    let mut dir = home.path().join("0");
    let mut kept: Vec<i64> = Vec::new();
    let mut sent = 0;
    for cut in 1..=CUTS_COUNT {
        let disk = Arc::new(PowerDisk::default());
        let store = open(&dir, Arc::clone(&disk)).await;
        register(&store).await;
        let found = times(&store).await;
        assert_eq!(store.datastreams().len(), 1);
        assert!(
            found.starts_with(&kept),
            "ARNO_TEST_SEED={seed}, cut {cut}: {} of {}",
            found.len(),
            kept.len()
        );
        assert_eq!(store.ledger().stored, u64::try_from(found.len()).unwrap());
        kept = found;
        for _append in 0..next(12) {
            let count = i64::try_from(next(300)).unwrap() + 1;
            store.append(append_of(sent..sent + count)).await.unwrap();
            kept.extend(sent..sent + count);
            sent += count;
        }
        // One more is on its way when the power goes.
        let late = TaskTracker::new().spawn({
            let store = Arc::clone(&store);
            async move { store.append(append_of(sent..sent + 50)).await }
        });
        sent += 50;
        if next(2) == 0 {
            tokio::task::yield_now().await;
        }
        disk.cut(&dir.join("log.redb"), || next(3) > 0);
        // Its own word no longer counts: it may have been written to a disk without power.
        drop(late.await);
        let after = home.path().join(cut.to_string());
        fs::create_dir_all(&after).unwrap();
        fs::copy(dir.join("log.redb"), after.join("log.redb")).unwrap();
        fs::copy(dir.join("format"), after.join("format")).unwrap();
        drop(store);
        dir = after;
    }
}
