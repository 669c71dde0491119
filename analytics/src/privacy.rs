//! Published cells: true figures of people over a tree of areas come in, what the public may see of
//! them goes out.
//!
//! # Why
//! Counts of people are public only where nobody can be told apart. Hiding small cells is not
//! enough: a total less its other parts gives the hidden one back. So what is shown is checked as
//! somebody would attack it, and more is hidden until nothing can be derived.
//!
//! # Shape
//! One bucket of time at a time; a bucket is an hour or more and closed. A cell is first judged
//! alone (`Rule`), then together with the tree (`audit`).
//!
//! # Invariants
//! A cell with 0 < most people at once < k shows nothing. A total that is shown never has exactly
//! one hidden part. For every hidden cell the interval that all shown cells leave contains all of 0
//! to k. Property tests hold this against an independent search.
//!
//! # Limits
//! Over time an hour is held against its day, week and month (`time`), as if all of them were
//! known throughout; combinations of weeks and months that overlap are not.
//!
//! # Source
//! Own rule; complementary suppression as in Hundepool et al., Statistical Disclosure Control,
//! 2012, chapter 4.

pub(crate) mod audit;
pub(crate) mod time;
pub(crate) mod tree;

/// Least number under which a cell is suppressed, whatever the configuration says.
pub const PEOPLE_COUNT_MIN: u32 = 3;
/// Shown figures are multiples of this.
pub const ROUNDING_STEP: u32 = 5;

/// How cells are judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rule {
    /// A cell with fewer people at once than this, but not none, is suppressed.
    people_count_min: f64,
    /// Below this known share nothing is shown.
    known_share_min: f64,
}

impl Rule {
    /// The rule for a configured number; never under [`PEOPLE_COUNT_MIN`].
    pub(crate) fn new(people_count_min: u32) -> Self {
        let least = people_count_min.max(PEOPLE_COUNT_MIN);
        Self {
            people_count_min: f64::from(least),
            known_share_min: 0.5,
        }
    }
}

/// The true figures of an area in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Figures {
    /// People on average; absent: nothing was known.
    pub(crate) mean: Option<f64>,
    /// Most people at once.
    pub(crate) peak: Option<f64>,
    /// How much was known, 0 to 1.
    pub(crate) known_share: f64,
}

/// What the public sees of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shown {
    /// Suppressed: small, or hidden to protect a small one.
    Hidden,
    /// Too little was known.
    Unknown,
    /// Nobody.
    Nobody,
    /// Rounded figures.
    Rounded {
        /// People on average.
        mean: f64,
        /// Most people at once.
        peak: f64,
    },
}

/// An area in the tree of one bucket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// The node whose part this is.
    pub(crate) parent: Option<usize>,
    /// Whether something that counts lies in this area but in none of its parts.
    pub(crate) has_rest: bool,
    /// Its true figures.
    pub(crate) figures: Figures,
}

/// Rounds to the nearest multiple of [`ROUNDING_STEP`]; a half goes up.
pub(crate) fn rounded(number: f64) -> f64 {
    let step = f64::from(ROUNDING_STEP);
    (number / step).round() * step
}

/// Judges a cell by itself.
pub(crate) fn judged(figures: &Figures, rule: &Rule) -> Shown {
    let peak = figures.peak.or(figures.mean);
    let is_small = peak.is_some_and(|peak| peak > 0.0 && peak < rule.people_count_min);
    if is_small {
        return Shown::Hidden;
    }
    match (figures.mean, peak) {
        _ if figures.known_share < rule.known_share_min => Shown::Unknown,
        (Some(_), Some(peak)) if peak <= 0.0 => Shown::Nobody,
        (Some(mean), Some(peak)) => Shown::Rounded {
            mean: rounded(mean),
            peak: rounded(peak),
        },
        _ => Shown::Unknown,
    }
}

/// What the public sees of every node of a tree. Nodes in `withheld` are hidden in any case.
pub(crate) fn published(nodes: &[Node], withheld: &[bool], rule: &Rule) -> Vec<Shown> {
    let mut shown: Vec<_> = nodes
        .iter()
        .map(|node| judged(&node.figures, rule))
        .collect();
    let is_small: Vec<_> = shown.iter().map(|shown| *shown == Shown::Hidden).collect();
    for (cell, is_withheld) in shown.iter_mut().zip(withheld) {
        if *is_withheld {
            *cell = Shown::Hidden;
        }
    }
    audit::hide_what_is_derivable(nodes, &is_small, rule, &mut shown);
    shown
}

#[cfg(test)]
mod tests;
