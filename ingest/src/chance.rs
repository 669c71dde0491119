//! A little chance for names and pauses; nothing secret depends on it.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// A random number: the standard library's hash keys are random, and differ with each call.
pub(crate) fn random_number() -> u64 {
    RandomState::new().build_hasher().finish()
}
