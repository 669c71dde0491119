//! A child process that works on a store is killed at random moments; then everything that it was
//! told is durable must be there, once.
//!
//! # Shape
//! This test binary starts itself again as the child, which writes a line for every
//! acknowledgement. Parent and child make the same [`plan`] from the seed, so that the parent knows
//! what each acknowledged append held. `ARNO_TEST_SEED` replays the plans and the moments of death,
//! `ARNO_TEST_ROUNDS` sets how often the child dies.

mod check;
mod child;
mod plan;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use arno_model::Timestamp;
use arno_store::testkit::{TestClock, seed_from_environment};
use arno_store::{Clock, Maintenance as _};
use arno_store_embedded::{EmbeddedConfig, EmbeddedStore};

use self::check::Known;
use self::plan::Chance;

const DIR: &str = "ARNO_CRASH_DIR";
const SEED: &str = "ARNO_CRASH_SEED";
/// Deaths when `ARNO_TEST_ROUNDS` says nothing.
const ROUNDS_COUNT: u64 = 50;
/// Rounds on one folder before a new one begins.
const FOLDER_ROUNDS: u64 = 10;

fn config() -> EmbeddedConfig {
    EmbeddedConfig {
        flush_rows: 1_500,
        flush_age: Duration::ZERO,
        vacuum_age: Duration::ZERO,
        ..EmbeddedConfig::default()
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(TestClock::at(Timestamp::from_micros(plan::BEGIN_US)))
}

/// Runs a child until it is killed after `life`, and returns what it said.
fn run_child(dir: &Path, seed: u64, life: Duration) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "crash::child::works_until_it_is_killed",
            "--nocapture",
        ])
        .env(DIR, dir)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    let listening = thread::spawn(move || {
        let lines = said.split(b'\n').map_while(Result::ok);
        lines
            .filter_map(|line| String::from_utf8(line).ok())
            .collect::<Vec<_>>()
    });
    // How long it lives is the test itself, not a wait for something.
    let deadline = std::time::Instant::now() + life;
    while std::time::Instant::now() < deadline && child.try_wait().unwrap().is_none() {
        thread::park_timeout(Duration::from_millis(1));
    }
    let ended = child.try_wait().unwrap();
    assert!(ended.is_none(), "the child ended by itself: {ended:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    listening.join().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let seed = seed_from_environment();
    let rounds = std::env::var("ARNO_TEST_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let rounds: u64 = rounds.unwrap_or(ROUNDS_COUNT);
    let mut chance = Chance::new(seed);
    let mut dir = tempfile::tempdir().unwrap();
    let mut known = Known::default();
    let mut acknowledged = 0;
    for round in 0..rounds {
        if round > 0 && round % FOLDER_ROUNDS == 0 {
            dir = tempfile::tempdir().unwrap();
            known = Known::default();
        }
        let child_seed = chance.next();
        let life = Duration::from_millis(30 + chance.below(450));
        let said = run_child(dir.path(), child_seed, life);
        known.hear(child_seed, &said);
        acknowledged += said.len();
        let store = EmbeddedStore::open(dir.path(), config(), clock()).await;
        let store =
            store.unwrap_or_else(|why| panic!("ARNO_TEST_SEED={seed}, round {round}: {why:?}"));
        if let Err(why) = known.check(&store).await {
            panic!(
                "ARNO_TEST_SEED={seed}, round {round}: {why}; kept in {}",
                dir.keep().display()
            );
        }
        store.close().await.unwrap();
    }
    println!("ARNO_TEST_SEED={seed}: {rounds} deaths, {acknowledged} lines heard, nothing lost");
}
