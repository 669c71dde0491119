//! Chance that can be repeated: a seed and a path come in, a stream of numbers goes out.
//!
//! # Why
//! Every device draws from its own stream, named by the path (town, device, purpose). So a region's
//! rows do not depend on the order in which devices are visited, nor on how many there are, and a
//! fault drawn for one of them does not shift the others. Generators of libraries promise no fixed
//! sequence over versions; a recorded truth needs one.
//!
//! # Source
//! SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014, with
//! Stafford's mixer 13. Quality is ample for demand and faults; it is no source of secrets.

use crate::number::{float_of, unit_of};

/// The odd constant that SplitMix64 steps by: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// One repeatable stream of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The stream of a seed under a path.
    pub(crate) fn of(seed: u64, path: &[u64]) -> Self {
        let state = path.iter().fold(mix(seed), |state, part| {
            mix(state ^ mix(part.wrapping_add(STEP)))
        });
        Self(state)
    }

    /// The next 64 bits.
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        unit_of(self.word())
    }

    /// A number in `[low, high)`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number in `[low, high)`; `low` when the range is empty.
    pub(crate) fn whole(&mut self, low: i64, high: i64) -> i64 {
        let width = float_of((high - low).max(0));
        let offset = self.unit() * width;
        low + crate::number::round_of(offset.floor())
    }

    /// Whether something of this probability happens.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A waiting time with this mean.
    pub(crate) fn wait(&mut self, mean: f64) -> f64 {
        -(1.0 - self.unit()).ln() * mean
    }

    /// A number with mean 0 and deviation 1, nearly normal: the sum of four uniform ones, whose
    /// variance is 4/12.
    pub(crate) fn bell(&mut self) -> f64 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        (sum - 2.0) * 1.732_050_807_568_877_2
    }
}

/// A word for a text: FNV-1a, to put names into paths.
pub(crate) fn word_of_text(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_stream() {
        let draw = |path: &[u64]| Chance::of(7, path).word();
        assert_eq!(draw(&[1, 2]), draw(&[1, 2]));
        assert_ne!(draw(&[1, 2]), draw(&[2, 1]));
        assert_ne!(draw(&[0]), draw(&[]));
    }

    #[test]
    fn draws_have_their_means() {
        let mut chance = Chance::of(1, &[]);
        let mean = |draw: &mut dyn FnMut() -> f64| {
            (0..20_000).map(|_index| draw()).sum::<f64>() / 20_000.0
        };
        assert!((mean(&mut || chance.unit()) - 0.5).abs() < 0.01);
        assert!((mean(&mut || chance.wait(3.0)) - 3.0).abs() < 0.1);
        assert!(mean(&mut || chance.bell()).abs() < 0.03);
        assert!((0..1_000).all(|_index| (2..5).contains(&chance.whole(2, 5))));
    }
}
