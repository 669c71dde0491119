//! Wide buckets against the narrow ones inside them: a shown mean of a day and the shown hours come
//! in, whether they tell a hidden hour goes out.
//!
//! # Why
//! A day's mean is the mean of its hours. With the other hours shown, it can give the hidden one
//! back. Rounding mostly hides it in a day's slack of 24 · 5; where it does not, the day is
//! withheld.
//!
//! # Shape
//! Hours are weighted by their length, as if all were known throughout: that is the most an
//! attacker could hope for.

use super::{ROUNDING_STEP, Rule, Shown};

/// Sums of floats are compared with this slack.
const SLACK: f64 = 1e-9;

/// Whether a shown wide bucket bounds a hidden narrow one within it. `parts` are the narrow ones
/// with their share of the wide one's length.
pub(crate) fn tells(wide: Shown, parts: &[(Shown, f64)], rule: &Rule) -> bool {
    let half = f64::from(ROUNDING_STEP) / 2.0;
    let least = rule.people_count_min;
    let interval = |shown: Shown| match shown {
        Shown::Nobody => (0.0, 0.0),
        Shown::Rounded { mean, .. } => ((mean - half).max(0.0), mean + half),
        // The worst case: that every hidden cell is known to be a small one.
        Shown::Hidden => (0.0, least),
        Shown::Unknown => (0.0, f64::INFINITY),
    };
    if matches!(wide, Shown::Hidden | Shown::Unknown) {
        return false;
    }
    let (low, high) = interval(wide);
    let weighted = |pick: fn((f64, f64)) -> f64| -> f64 {
        parts
            .iter()
            .map(|(shown, share)| pick(interval(*shown)) * share)
            .sum()
    };
    let (lows, highs) = (weighted(|(low, _)| low), weighted(|(_, high)| high));
    let mut hidden = parts
        .iter()
        .filter(|(shown, share)| *shown == Shown::Hidden && *share > 0.0);
    hidden.any(|(_, share)| {
        let most = (high - lows) / share;
        let others = if highs.is_finite() {
            highs - least * share
        } else {
            f64::INFINITY
        };
        let fewest = (low - others) / share;
        most < least - SLACK || fewest > SLACK
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(hours: &[Shown]) -> Vec<(Shown, f64)> {
        hours.iter().map(|shown| (*shown, 1.0 / 24.0)).collect()
    }

    #[test]
    fn rounding_mostly_hides_an_hour_in_its_day() {
        let mut hours = vec![
            Shown::Rounded {
                mean: 20.0,
                peak: 25.0
            };
            23
        ];
        hours.push(Shown::Hidden);
        let wide = Shown::Rounded {
            mean: 20.0,
            peak: 25.0,
        };
        assert!(!tells(wide, &day(&hours), &Rule::new(5)));
    }

    #[test]
    fn a_day_that_bounds_an_hour_is_noticed() {
        // Hours of 2.5 each, rounded up, in a day of 2.49, rounded down: 60 − 23 · 2.5 = 2.5.
        let mut hours = vec![
            Shown::Rounded {
                mean: 5.0,
                peak: 5.0
            };
            23
        ];
        hours.push(Shown::Hidden);
        let wide = Shown::Rounded {
            mean: 0.0,
            peak: 5.0,
        };
        assert!(tells(wide, &day(&hours), &Rule::new(5)));
        assert!(!tells(Shown::Hidden, &day(&hours), &Rule::new(5)));
        hours[0] = Shown::Unknown;
        assert!(!tells(
            Shown::Rounded {
                mean: 5.0,
                peak: 5.0
            },
            &day(&hours),
            &Rule::new(5)
        ));
    }

    #[test]
    fn nothing_is_told_where_nothing_is_hidden() {
        let hours = vec![Shown::Nobody; 24];
        assert!(!tells(Shown::Nobody, &day(&hours), &Rule::new(5)));
    }
}
