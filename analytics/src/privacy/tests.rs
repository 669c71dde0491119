//! Published cells against an independent search for what they give away.

use proptest::prelude::*;

use super::{Figures, Node, Rule, Shown};

fn node(parent: Option<usize>, mean: f64, peak: f64) -> Node {
    let figures = Figures {
        mean: Some(mean),
        peak: Some(peak),
        known_share: 1.0,
    };
    Node {
        parent,
        has_rest: false,
        figures,
    }
}

/// A total and its parts, with steady counts.
fn family(parts: &[f64]) -> Vec<Node> {
    let total = parts.iter().sum();
    let mut nodes = vec![node(None, total, total)];
    nodes.extend(parts.iter().map(|part| node(Some(0), *part, *part)));
    nodes
}

fn published(nodes: &[Node], rule: &Rule) -> Vec<Shown> {
    super::published(nodes, &[], rule)
}

fn rule() -> Rule {
    Rule::new(5)
}

#[test]
fn a_small_cell_is_hidden_and_the_others_are_rounded() {
    let shown = published(&family(&[3.0, 12.0, 23.0]), &rule());
    assert_eq!(shown[1], Shown::Hidden);
    assert_eq!(
        shown[0],
        Shown::Rounded {
            mean: 40.0,
            peak: 40.0
        }
    );
    assert_eq!(
        shown[3],
        Shown::Rounded {
            mean: 25.0,
            peak: 25.0
        }
    );
}

#[test]
fn a_lone_hidden_part_takes_the_smallest_other_with_it() {
    let shown = published(&family(&[3.0, 12.0, 23.0]), &rule());
    assert_eq!(shown[2], Shown::Hidden, "12 is the smaller of the two");
}

#[test]
fn two_hidden_parts_need_no_third_unless_they_can_be_bounded() {
    let shown = published(&family(&[3.0, 4.0, 50.0]), &rule());
    assert_eq!(
        shown[3],
        Shown::Rounded {
            mean: 50.0,
            peak: 50.0
        }
    );
}

#[test]
fn zero_shows_only_where_enough_was_known() {
    let mut nodes = family(&[0.0, 40.0]);
    assert_eq!(published(&nodes, &rule())[1], Shown::Nobody);
    nodes[1].figures.known_share = 0.4;
    assert_eq!(published(&nodes, &rule())[1], Shown::Unknown);
    nodes[1].figures = Figures {
        mean: None,
        peak: None,
        known_share: 0.0,
    };
    assert_eq!(published(&nodes, &rule())[1], Shown::Unknown);
}

#[test]
fn nobody_small_hides_behind_an_unknown_share() {
    let mut nodes = family(&[3.0]);
    nodes[1].figures.known_share = 0.1;
    assert_eq!(published(&nodes, &rule())[1], Shown::Hidden);
}

#[test]
fn k_is_never_under_three() {
    assert_eq!(published(&family(&[2.0]), &Rule::new(0))[1], Shown::Hidden);
    let shown = published(&family(&[3.0]), &Rule::new(1));
    assert_eq!(
        shown[1],
        Shown::Rounded {
            mean: 5.0,
            peak: 5.0
        }
    );
}

#[test]
fn rounding_that_points_one_way_is_defended() {
    // Both sevens round up to ten, the total down: 16.2 rounds to 15, so the hidden one is under
    // 2.5.
    let shown = published(&family(&[1.0, 7.6, 7.6]), &rule());
    let leaves = search(&family(&[1.0, 7.6, 7.6]), &shown);
    assert!(leaves[0].unwrap().1 >= 4.5, "{shown:?} leaves {leaves:?}");
}

/// What an attacker finds for each hidden leaf by trying every combination of means on a grid of
/// halves; `None` for leaves that are shown.
fn search(nodes: &[Node], shown: &[Shown]) -> Vec<Option<(f64, f64)>> {
    const STEPS: usize = 40;
    let leaves: Vec<usize> = (0..nodes.len())
        .filter(|index| !nodes.iter().any(|node| node.parent == Some(*index)))
        .collect();
    let mut found: Vec<Option<(f64, f64)>> = vec![None; leaves.len()];
    let mut steps = vec![0_usize; leaves.len()];
    loop {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let means: Vec<f64> = steps.iter().map(|step| *step as f64 / 2.0).collect();
        if is_possible(nodes, shown, &leaves, &means) {
            for (place, leaf) in leaves.iter().enumerate() {
                if shown[*leaf] == Shown::Hidden {
                    let (low, high) = found[place].unwrap_or((f64::INFINITY, 0.0));
                    found[place] = Some((low.min(means[place]), high.max(means[place])));
                }
            }
        }
        let Some(place) = steps.iter().position(|step| *step < STEPS) else {
            return found;
        };
        steps[place] += 1;
        steps[..place].fill(0);
    }
}

fn is_possible(nodes: &[Node], shown: &[Shown], leaves: &[usize], means: &[f64]) -> bool {
    let mut sums = vec![0.0; nodes.len()];
    for (leaf, mean) in leaves.iter().zip(means) {
        let mut at = Some(*leaf);
        while let Some(index) = at {
            sums[index] += mean;
            at = nodes[index].parent;
        }
    }
    sums.iter().zip(shown).all(|(sum, shown)| match shown {
        Shown::Rounded { mean, .. } => (sum - mean).abs() <= 2.5,
        Shown::Nobody => *sum <= 0.0,
        Shown::Hidden | Shown::Unknown => true,
    })
}

fn leaf_means() -> impl Strategy<Value = Vec<f64>> {
    let mean = prop_oneof![Just(0.0), 0.5..5.0_f64, 5.0..9.0_f64, 9.0..16.0_f64];
    prop::collection::vec(mean, 1..=3)
}

fn holds(nodes: &[Node]) -> Result<(), TestCaseError> {
    let shown = published(nodes, &rule());
    let leaves = (0..nodes.len())
        .filter(|index| !nodes.iter().any(|node| node.parent == Some(*index)))
        .collect::<Vec<_>>();
    let found = search(nodes, &shown);
    for (leaf, found) in leaves.iter().zip(found) {
        let mean = nodes[*leaf].figures.mean.unwrap();
        let is_small = mean > 0.0 && mean < 5.0;
        prop_assert!(!is_small || shown[*leaf] == Shown::Hidden);
        if let Some((low, high)) = found.filter(|_| is_small) {
            prop_assert!(
                low <= 0.5 && high >= 4.5,
                "{mean}: {low} to {high}, {shown:?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_is_derivable_from_a_total_and_its_parts(parts in leaf_means()) {
        holds(&family(&parts))?;
    }

    #[test]
    fn nothing_is_derivable_over_two_levels(
        near in prop::collection::vec(0.0..12.0_f64, 1..=2),
        far in 0.0..12.0_f64,
    ) {
        let near_sum: f64 = near.iter().sum();
        let all = near_sum + far;
        let mut nodes =
            vec![node(None, all, all), node(Some(0), near_sum, near_sum), node(Some(0), far, far)];
        nodes.extend(near.iter().map(|mean| node(Some(1), *mean, *mean)));
        holds(&nodes)?;
    }

    #[test]
    fn a_shown_total_never_has_one_hidden_part(
        parts in prop::collection::vec(0.0..30.0_f64, 1..=12),
    ) {
        let shown = published(&family(&parts), &rule());
        let hidden_count = shown[1..].iter().filter(|shown| **shown == Shown::Hidden).count();
        let is_total_shown = shown[0] != Shown::Hidden;
        prop_assert!(!is_total_shown || hidden_count != 1, "{shown:?}");
    }
}
