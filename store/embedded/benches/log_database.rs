//! Which database holds the log: fjall, redb (also with its quick repair), or a bare file as the
//! limit.
//!
//! `cargo bench -p arno-store-embedded --features compare --bench log_database -- [folder]`
//!
//! # Shape
//! For each candidate: one small commit in flight; 200 waiting ones as one commit; bulk commits of
//! 7,000 rows, trimmed every 150 commits; bytes on disk; time to open again after the process left
//! without closing.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    clippy::mem_forget,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "a benchmark prints and may fail loudly"
)]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use redb::ReadableDatabase as _;

const STATE: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("state");
const LOG: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("log");

/// One way to keep a log.
trait Candidate {
    fn commit(&mut self, seq: u64, entry: &[u8], state: &[u8]);
    fn trim(&mut self, upto: u64);
    fn count(&self) -> u64;
    fn leave(self: Box<Self>);
}

struct Bare(File);
impl Candidate for Bare {
    fn commit(&mut self, _seq: u64, entry: &[u8], state: &[u8]) {
        self.0.write_all(entry).unwrap();
        self.0.write_all(state).unwrap();
        self.0.sync_data().unwrap();
    }
    fn trim(&mut self, _upto: u64) {}
    fn count(&self) -> u64 {
        0
    }
    fn leave(self: Box<Self>) {}
}

struct Redb(redb::Database, bool);
impl Candidate for Redb {
    fn commit(&mut self, seq: u64, entry: &[u8], state: &[u8]) {
        let mut write = self.0.begin_write().unwrap();
        write.set_quick_repair(self.1);
        write.open_table(LOG).unwrap().insert(seq, entry).unwrap();
        write
            .open_table(STATE)
            .unwrap()
            .insert("state", state)
            .unwrap();
        write.commit().unwrap();
    }
    fn trim(&mut self, upto: u64) {
        let write = self.0.begin_write().unwrap();
        write
            .open_table(LOG)
            .unwrap()
            .retain_in(..=upto, |_, _| false)
            .unwrap();
        write.commit().unwrap();
    }
    fn count(&self) -> u64 {
        use redb::ReadableTableMetadata as _;
        self.0
            .begin_read()
            .unwrap()
            .open_table(LOG)
            .unwrap()
            .len()
            .unwrap()
    }
    fn leave(self: Box<Self>) {
        std::mem::forget(self);
    }
}

struct Fjall {
    db: fjall::Database,
    log: fjall::Keyspace,
    state: fjall::Keyspace,
}
impl Candidate for Fjall {
    fn commit(&mut self, seq: u64, entry: &[u8], state: &[u8]) {
        let mut batch = self
            .db
            .batch()
            .durability(Some(fjall::PersistMode::SyncData));
        batch.insert(&self.log, seq.to_be_bytes(), entry);
        batch.insert(&self.state, "state", state);
        batch.commit().unwrap();
    }
    fn trim(&mut self, upto: u64) {
        let keys: Vec<_> = self
            .log
            .range(..=upto.to_be_bytes())
            .map(|guard| guard.key().unwrap())
            .collect();
        let mut batch = self
            .db
            .batch()
            .durability(Some(fjall::PersistMode::SyncData));
        for key in keys {
            batch.remove(&self.log, key);
        }
        batch.commit().unwrap();
    }
    fn count(&self) -> u64 {
        self.log.len().unwrap() as u64
    }
    fn leave(self: Box<Self>) {}
}

fn open(kind: &str, dir: &Path) -> Box<dyn Candidate> {
    match kind {
        "bare" => Box::new(Bare(
            File::options()
                .create(true)
                .append(true)
                .open(dir.join("log"))
                .unwrap(),
        )),
        "redb" => Box::new(Redb(
            redb::Database::create(dir.join("log.redb")).unwrap(),
            false,
        )),
        "redb-quick" => Box::new(Redb(
            redb::Database::create(dir.join("log.redb")).unwrap(),
            true,
        )),
        "fjall" => {
            let db = fjall::Database::builder(dir.join("log.fjall"))
                .open()
                .unwrap();
            let options = || {
                fjall::KeyspaceCreateOptions::default()
                    .with_kv_separation(Some(fjall::KvSeparationOptions::default()))
            };
            let log = db.keyspace("log", options).unwrap();
            let state = db
                .keyspace("state", fjall::KeyspaceCreateOptions::default)
                .unwrap();
            Box::new(Fjall { db, log, state })
        }
        other => panic!("no candidate {other}"),
    }
}

fn bytes_of(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let mut total = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        total += if meta.is_dir() {
            bytes_of(&entry.path())
        } else {
            meta.blocks() * 512
        };
    }
    total
}

fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

fn run(kind: &str, root: &Path) {
    let dir = root.join(kind);
    fs::create_dir_all(&dir).unwrap();
    let mut log = open(kind, &dir);
    let state = noise(120, 7);
    let mut seq = 0;
    for (name, entry_bytes, seconds) in [
        ("1 row", 1_200, 3),
        ("200 rows", 10_500, 3),
        ("7000 rows", 7_000 * 48, 3),
    ] {
        let entry = noise(entry_bytes, 3);
        let began = Instant::now();
        let mut commits = 0_u64;
        let mut worst = Duration::ZERO;
        while began.elapsed() < Duration::from_secs(seconds) {
            seq += 1;
            let each = Instant::now();
            log.commit(seq, &entry, &state);
            worst = worst.max(each.elapsed());
            commits += 1;
            if commits.is_multiple_of(150) {
                log.trim(seq - 10);
            }
        }
        let took = began.elapsed().as_secs_f64();
        println!(
            "{kind:10} {name:10} {:9.0} commits/s  {:8.1} MB/s  worst {:6.1} ms  on disk {:7.1} MB",
            commits as f64 / took,
            (commits as usize * entry_bytes) as f64 / took / 1e6,
            worst.as_secs_f64() * 1e3,
            bytes_of(&dir) as f64 / 1e6
        );
    }
    log.trim(seq);
    for _ in 0..300 {
        seq += 1;
        log.commit(seq, &noise(336_000, 3), &state);
    }
    println!(
        "{kind:10} 100 MB kept after a trim: on disk {:.1} MB",
        bytes_of(&dir) as f64 / 1e6
    );
    log.leave();
    if kind == "bare" {
        return;
    }
    if kind.starts_with("redb") {
        // The forgotten handle still locks the file: a copy is what a killed process leaves.
        fs::copy(dir.join("log.redb"), root.join("copy.redb")).unwrap();
        let began = Instant::now();
        let db = redb::Database::create(root.join("copy.redb")).unwrap();
        let again = Redb(db, false);
        println!(
            "{kind:10} opens again in {:.1} ms with {} entries",
            began.elapsed().as_secs_f64() * 1e3,
            again.count()
        );
        return;
    }
    let began = Instant::now();
    let again = open(kind, &dir);
    println!(
        "{kind:10} opens again in {:.1} ms with {} entries",
        began.elapsed().as_secs_f64() * 1e3,
        again.count()
    );
}

fn main() {
    let root = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let root = root.unwrap_or_else(|| ".".to_owned());
    let root = Path::new(&root).join("log_choice.tmp");
    fs::create_dir_all(&root).unwrap();
    for kind in ["bare", "fjall", "redb", "redb-quick"] {
        run(kind, &root);
        fs::remove_dir_all(root.join(kind)).unwrap();
    }
    fs::remove_dir_all(&root).unwrap();
}
