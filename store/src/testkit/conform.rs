//! Runs histories, and shrinks one that fails.

use std::env;
use std::sync::Arc;

use async_trait::async_trait;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::ask::Disagreement;
use super::history::{Step, history};
use super::play::Play;
use crate::backend::Backend;
use crate::clock::Clock;
use crate::error::StoreError;

/// Histories played when `ARNO_TEST_CASES` says nothing.
const CASES_COUNT: u32 = 48;
/// Attempts to make a failing history smaller.
const SHRINKS_MAX: u32 = 400;

/// Makes places for stores of one kind.
#[async_trait]
pub trait Bench: Send + Sync {
    /// A new place where nothing is stored yet.
    async fn fresh(&self) -> Box<dyn Site>;
}

/// A place that keeps a store's data while the store is opened and closed.
#[async_trait]
pub trait Site: Send + Sync {
    /// Opens the store here.
    ///
    /// # Errors
    /// Whatever the backend says.
    async fn open(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn Backend>, StoreError>;
}

/// The seed: `ARNO_TEST_SEED`, or a new one.
pub fn seed_from_environment() -> u64 {
    let given = env::var("ARNO_TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    given.unwrap_or_else(rand::random)
}

/// Holds a backend against the oracle over many random histories.
///
/// # Panics
/// At the first disagreement, with the seed and the smallest history that shows it.
#[expect(
    clippy::future_not_send,
    reason = "proptest's trees stay on the test's own thread"
)]
#[expect(clippy::panic, reason = "a suite fails loudly")]
pub async fn conform(bench: &dyn Bench) {
    let seed = seed_from_environment();
    let cases = env::var("ARNO_TEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for case in 0..cases.unwrap_or(CASES_COUNT) {
        let tree = history().new_tree(&mut runner);
        let mut tree = tree.expect("a history can always be made");
        let Err(mut why) = play(bench, &tree.current()).await else {
            continue;
        };
        let mut smallest = tree.current();
        let mut is_smaller = tree.simplify();
        for _ in 0..SHRINKS_MAX {
            if !is_smaller {
                break;
            }
            match play(bench, &tree.current()).await {
                Err(again) => {
                    (why, smallest) = (again, tree.current());
                    is_smaller = tree.simplify();
                }
                Ok(()) => is_smaller = tree.complicate(),
            }
        }
        panic!("ARNO_TEST_SEED={seed}, history {case}: {why}\n{smallest:#?}");
    }
}

async fn play(bench: &dyn Bench, steps: &[Step]) -> Result<(), Disagreement> {
    let site = bench.fresh().await;
    let mut play = Play::begin(site.as_ref()).await?;
    for (index, step) in steps.iter().enumerate() {
        let played = play.step(step).await;
        played.map_err(|why| format!("step {index}: {why}"))?;
    }
    play.end().await
}
