//! The attack on published cells, and its defence: judged cells come in, more of them are hidden
//! until nothing can be derived.
//!
//! # Why
//! "A second part goes with a lone suppressed one" is necessary and not enough: with two visible
//! siblings whose rounding errors point the same way, a total bounds the hidden part below k. So
//! the bounds that an attacker can compute are computed here, from the rounded figures alone, over
//! the whole tree.
//!
//! # Shape
//! Means add up over parts. Most at once lies between the greatest part and the sum of the parts.
//! Both give intervals that are narrowed up and down the tree until they rest; on a tree of sums
//! that finds all that can be found.
//!
//! # Invariants
//! Ends: each round hides at least one more cell. It assumes the worst: that the attacker knows
//! which hidden cells are small and which were hidden to protect them.

use super::{Node, ROUNDING_STEP, Rule, Shown};

/// Sums of floats are compared with this slack.
const SLACK: f64 = 1e-9;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Interval {
    low: f64,
    high: f64,
}

impl Interval {
    const ANY: Self = Self {
        low: 0.0,
        high: f64::INFINITY,
    };

    fn narrow(&mut self, low: f64, high: f64) -> bool {
        let next = Self {
            low: self.low.max(low),
            high: self.high.min(high),
        };
        let is_narrower = next.low > self.low + SLACK || next.high < self.high - SLACK;
        *self = next;
        is_narrower
    }
}

/// What an attacker knows of a cell.
#[derive(Debug, Clone, Copy)]
struct Knowledge {
    mean: Interval,
    peak: Interval,
}

impl Knowledge {
    fn of(shown: Shown, is_small: bool, rule: &Rule) -> Self {
        let half = f64::from(ROUNDING_STEP) / 2.0;
        let least = rule.people_count_min;
        match shown {
            Shown::Nobody => {
                let none = Interval {
                    low: 0.0,
                    high: 0.0,
                };
                Self {
                    mean: none,
                    peak: none,
                }
            }
            Shown::Rounded { mean, peak } => Self {
                mean: Interval {
                    low: (mean - half).max(0.0),
                    high: mean + half,
                },
                // Most at once is a whole number, and shown only from the least one on.
                peak: Interval {
                    low: (peak - half).ceil().max(least),
                    high: (peak + half).floor(),
                },
            },
            Shown::Hidden if is_small => {
                let small = Interval {
                    low: 0.0,
                    high: least,
                };
                Self {
                    mean: small,
                    peak: small,
                }
            }
            Shown::Hidden | Shown::Unknown => Self {
                mean: Interval::ANY,
                peak: Interval::ANY,
            },
        }
    }
}

struct Tree<'a> {
    nodes: &'a [Node],
    parts: Vec<Vec<usize>>,
}

impl<'a> Tree<'a> {
    fn of(nodes: &'a [Node]) -> Self {
        let mut parts = vec![Vec::new(); nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            if let Some(of_parent) = node.parent.and_then(|parent| parts.get_mut(parent)) {
                of_parent.push(index);
            }
        }
        Self { nodes, parts }
    }

    fn parts(&self, index: usize) -> &[usize] {
        self.parts.get(index).map_or(&[], Vec::as_slice)
    }

    fn has_rest(&self, index: usize) -> bool {
        self.nodes.get(index).is_some_and(|node| node.has_rest)
    }

    fn parent(&self, index: usize) -> Option<usize> {
        self.nodes.get(index)?.parent
    }

    fn below(&self, index: usize) -> Vec<usize> {
        let mut found = self.parts(index).to_vec();
        let mut next = 0;
        while let Some(one) = found.get(next).copied() {
            found.extend(self.parts(one));
            next += 1;
        }
        found
    }
}

/// Hides cells until no hidden one can be derived. `is_small` tells which are hidden for their own
/// sake, and not for another's.
pub(super) fn hide_what_is_derivable(
    nodes: &[Node],
    is_small: &[bool],
    rule: &Rule,
    shown: &mut [Shown],
) {
    if !shown.contains(&Shown::Hidden) {
        return;
    }
    let tree = Tree::of(nodes);
    loop {
        let lone = (0..nodes.len()).find_map(|total| second_of_lone(&tree, total, shown));
        let next = lone.or_else(|| {
            let known = derived(&tree, is_small, rule, shown);
            let exposed = (0..nodes.len()).filter(|index| {
                shown.get(*index) == Some(&Shown::Hidden)
                    && is_exposed(known.get(*index), is_small.get(*index) == Some(&true), rule)
            });
            exposed
                .into_iter()
                .find_map(|index| shield_of(&tree, index, shown))
        });
        let Some(cell) = next.and_then(|index| shown.get_mut(index)) else {
            return;
        };
        *cell = Shown::Hidden;
    }
}

/// The part that goes with the only hidden part of a shown total.
fn second_of_lone(tree: &Tree<'_>, total: usize, shown: &[Shown]) -> Option<usize> {
    let is_shown = matches!(
        shown.get(total),
        Some(Shown::Rounded { .. } | Shown::Nobody)
    );
    if !is_shown || tree.has_rest(total) {
        return None;
    }
    let parts = tree.parts(total);
    let is_open = |part: &&usize| matches!(shown.get(**part), Some(Shown::Hidden | Shown::Unknown));
    let open_count = parts.iter().filter(is_open).count();
    let has_hidden = parts
        .iter()
        .any(|part| shown.get(*part) == Some(&Shown::Hidden));
    if open_count != 1 || !has_hidden {
        return None;
    }
    smallest(parts, shown)
}

/// The smallest shown cell, one with people before one without.
fn smallest(candidates: &[usize], shown: &[Shown]) -> Option<usize> {
    let size = |index: usize| match shown.get(index) {
        Some(Shown::Rounded { mean, .. }) => Some(*mean),
        Some(Shown::Nobody) => Some(f64::INFINITY),
        _ => None,
    };
    let sized = candidates
        .iter()
        .filter_map(|index| Some((size(*index)?, *index)));
    sized
        .min_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, index)| index)
}

/// What to hide next for the sake of an exposed cell.
fn shield_of(tree: &Tree<'_>, exposed: usize, shown: &[Shown]) -> Option<usize> {
    let mut at = Some(exposed);
    while let Some(index) = at {
        let parent = tree.parent(index)?;
        let siblings: Vec<_> = tree
            .parts(parent)
            .iter()
            .copied()
            .filter(|part| *part != index)
            .collect();
        if let Some(found) = smallest(&siblings, shown) {
            return Some(found);
        }
        let deeper: Vec<_> = siblings
            .iter()
            .flat_map(|sibling| tree.below(*sibling))
            .collect();
        if let Some(found) = smallest(&deeper, shown) {
            return Some(found);
        }
        if matches!(
            shown.get(parent),
            Some(Shown::Rounded { .. } | Shown::Nobody)
        ) {
            return Some(parent);
        }
        at = Some(parent);
    }
    None
}

/// Whether the interval left for a hidden cell is narrower than the rule allows.
fn is_exposed(known: Option<&Knowledge>, is_small: bool, rule: &Rule) -> bool {
    let Some(known) = known else {
        return false;
    };
    let least = rule.people_count_min;
    if !is_small {
        let is_narrow = |interval: Interval| interval.high - interval.low < least - SLACK;
        return is_narrow(known.mean) || is_narrow(known.peak);
    }
    // Everybody may know of a small cell that it is not empty; nothing more.
    let mean = known.mean.low > SLACK || known.mean.high < least - SLACK;
    let peak = known.peak.low > 1.0 + SLACK || known.peak.high < least - 1.0 - SLACK;
    mean || peak
}

/// All that can be derived.
fn derived(tree: &Tree<'_>, is_small: &[bool], rule: &Rule, shown: &[Shown]) -> Vec<Knowledge> {
    /// A tree rests after going once up and once down; rounding slack may ask for a little more.
    const ROUNDS_COUNT_MAX: usize = 16;
    let cells = shown.iter().zip(is_small);
    let mut known: Vec<_> = cells
        .map(|(shown, is_small)| Knowledge::of(*shown, *is_small, rule))
        .collect();
    for _round in 0..ROUNDS_COUNT_MAX {
        let mut is_narrower = false;
        for total in 0..known.len() {
            is_narrower |= relate(tree, total, &mut known);
        }
        if !is_narrower {
            break;
        }
    }
    known
}

/// A sum of which one part can be taken out again, infinite ones too.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    finite: f64,
    infinite_count: usize,
}

impl Sum {
    fn of(parts: impl Iterator<Item = f64>) -> Self {
        let mut sum = Self::default();
        for part in parts {
            if part.is_finite() {
                sum.finite += part;
            } else {
                sum.infinite_count += 1;
            }
        }
        sum
    }

    fn value(self) -> f64 {
        if self.infinite_count > 0 {
            f64::INFINITY
        } else {
            self.finite
        }
    }

    fn without(self, part: f64) -> f64 {
        let rest = if part.is_finite() {
            Self {
                finite: self.finite - part,
                ..self
            }
        } else {
            Self {
                infinite_count: self.infinite_count.saturating_sub(1),
                ..self
            }
        };
        rest.value()
    }
}

/// Narrows a total by its parts and the parts by their total.
fn relate(tree: &Tree<'_>, total: usize, known: &mut [Knowledge]) -> bool {
    let parts = tree.parts(total);
    let Some(mut of_total) = known.get(total).copied().filter(|_| !parts.is_empty()) else {
        return false;
    };
    let of_parts: Vec<_> = parts
        .iter()
        .filter_map(|part| known.get(*part).copied())
        .collect();
    let rest = if tree.has_rest(total) {
        f64::INFINITY
    } else {
        0.0
    };
    let mean_lows = Sum::of(of_parts.iter().map(|part| part.mean.low));
    let mean_highs = Sum::of(of_parts.iter().map(|part| part.mean.high).chain([rest]));
    let peak_highs = Sum::of(of_parts.iter().map(|part| part.peak.high).chain([rest]));
    let greatest = of_parts
        .iter()
        .map(|part| part.peak.low)
        .fold(0.0, f64::max);
    let mut is_narrower = of_total.mean.narrow(mean_lows.value(), mean_highs.value());
    is_narrower |= of_total.peak.narrow(greatest, peak_highs.value());
    for (part, before) in parts.iter().zip(&of_parts) {
        let Some(of_part) = known.get_mut(*part) else {
            continue;
        };
        let low = of_total.mean.low - mean_highs.without(before.mean.high);
        let high = of_total.mean.high - mean_lows.without(before.mean.low);
        is_narrower |= of_part.mean.narrow(low, high);
        let low = of_total.peak.low - peak_highs.without(before.peak.high);
        is_narrower |= of_part.peak.narrow(low, of_total.peak.high);
        // As many at once as there are on average, at least.
        let (mean, peak) = (of_part.mean, of_part.peak);
        is_narrower |= of_part.peak.narrow(mean.low, f64::INFINITY);
        is_narrower |= of_part.mean.narrow(0.0, peak.high);
    }
    if let Some(kept) = known.get_mut(total) {
        *kept = of_total;
    }
    is_narrower
}
