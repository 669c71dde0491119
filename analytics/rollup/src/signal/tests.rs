//! Claims of the law about signals, by example and against the slow obvious program.

use arno_model::bucket::BASE_US;
use arno_model::time::{HOUR_US, MINUTE_US};
use proptest::prelude::*;

use super::amount::{counter, delta, samples};
use super::joint::{JointWalk, LoadBy};
use super::oracle::Told;
use super::series::Sample;
use super::state::{HOLD_UNLIMITED_US, Piece, StateWalk, offline_spans, pieces};
use super::sweep::PeakFinder;
use super::timeline::{Timeline, with_declared};
use super::{Span, bucket_ceil, bucket_floor};

const HOLD_US: i64 = 2 * HOUR_US;
const BUCKET: Span = Span::new(0, BASE_US);

fn known(minute: i64, value: f64) -> Sample {
    Sample::known(minute * MINUTE_US, value)
}

fn unknown(minute: i64) -> Sample {
    Sample::unknown(minute * MINUTE_US)
}

fn minutes(start: i64, end: i64) -> Span {
    Span::new(start * MINUTE_US, end * MINUTE_US)
}

fn spans(pieces: &[Piece]) -> Vec<(i64, i64, f64)> {
    let minutes = pieces
        .iter()
        .map(|piece| (piece.start / MINUTE_US, piece.end / MINUTE_US));
    minutes
        .zip(pieces)
        .map(|((start, end), piece)| (start, end, piece.value))
        .collect()
}

#[test]
fn a_state_holds_until_the_next_observation_and_at_most_its_hold() {
    let series = [known(0, 3.0), known(10, 4.0), unknown(200), known(210, 5.0)];
    let found = pieces(&series, HOLD_US, &[], minutes(0, 300));
    assert_eq!(
        spans(&found),
        [(0, 10, 3.0), (10, 130, 4.0), (210, 300, 5.0)]
    );
}

#[test]
fn a_declared_unknown_and_an_implausible_result_end_the_hold_before_them() {
    let found = pieces(&[known(0, 3.0), unknown(5)], HOLD_US, &[], Span::ALL);
    assert_eq!(spans(&found), [(0, 5, 3.0)]);
}

#[test]
fn an_equal_value_begins_a_new_piece() {
    let found = pieces(
        &[known(0, 3.0), known(5, 3.0)],
        HOLD_US,
        &[],
        minutes(0, 10),
    );
    assert_eq!(spans(&found), [(0, 5, 3.0), (5, 10, 3.0)]);
}

#[test]
fn offline_time_is_cut_out_and_the_value_comes_back_with_the_thing() {
    let online = [
        known(0, 1.0),
        known(10, 0.0),
        known(20, 1.0),
        known(30, 0.0),
        unknown(40),
    ];
    let offline = offline_spans(&online, HOLD_UNLIMITED_US);
    assert_eq!(offline, [minutes(10, 20), minutes(30, 40)]);
    let found = pieces(&[known(5, 7.0)], HOLD_US, &offline, minutes(0, 50));
    assert_eq!(spans(&found), [(5, 10, 7.0), (20, 30, 7.0), (40, 50, 7.0)]);
}

#[test]
fn ten_flickers_in_a_minute_do_not_outweigh_a_quiet_day() {
    let mut series = vec![known(0, 1.0)];
    for flicker in 0..10 {
        let time = 14 * MINUTE_US + flicker * 6_000_000;
        series.push(Sample::known(
            time,
            f64::from(u8::try_from(flicker % 2).unwrap()),
        ));
    }
    let found = pieces(&series, 24 * HOUR_US, &[], BUCKET);
    let tally = StateWalk::new(&found).tally(BUCKET);
    assert_eq!(tally.known_us, BASE_US);
    assert_eq!(tally.whole, i128::from(14 * MINUTE_US + 30_000_000));
}

#[test]
fn fifty_cars_known_for_five_of_fifteen_minutes_are_half_of_what_is_known() {
    let load = pieces(&[known(0, 50.0), unknown(5)], HOLD_US, &[], BUCKET);
    let capacity = pieces(
        &[known(0, 100.0), known(5, 200.0)],
        HOLD_UNLIMITED_US,
        &[],
        BUCKET,
    );
    let tally = JointWalk::new(LoadBy::Vehicles, &load, &capacity).tally(BUCKET);
    let car_minutes = |integral: i128| integral / i128::from(MINUTE_US);
    assert_eq!(car_minutes(tally.load), 250);
    assert_eq!(car_minutes(tally.capacity), 500);
    assert_eq!(car_minutes(tally.expected), 2_500);
    assert!(!tally.is_over);
}

#[test]
fn free_places_are_taken_from_the_capacity_of_every_moment() {
    let free = pieces(&[known(0, 30.0)], HOLD_US, &[], BUCKET);
    let capacity = pieces(
        &[known(0, 100.0), known(5, 40.0)],
        HOLD_UNLIMITED_US,
        &[],
        BUCKET,
    );
    let tally = JointWalk::new(LoadBy::Free, &free, &capacity).tally(BUCKET);
    assert_eq!(tally.load, i128::from(MINUTE_US) * (70 * 5 + 10 * 10));
}

#[test]
fn more_vehicles_than_places_stay_uncapped_and_are_marked() {
    let load = pieces(&[known(0, 12.0)], HOLD_US, &[], BUCKET);
    let capacity = pieces(&[known(0, 10.0)], HOLD_UNLIMITED_US, &[], BUCKET);
    let tally = JointWalk::new(LoadBy::Vehicles, &load, &capacity).tally(BUCKET);
    assert!(tally.is_over);
    assert_eq!(tally.load, 12 * i128::from(BASE_US));
}

#[test]
fn a_reported_capacity_replaces_the_declared_one_from_its_time_on() {
    let declared = [Sample::known(0, 100.0), known(60, 80.0)];
    let reported = [known(30, 90.0), known(60, 85.0)];
    let merged = with_declared(&declared, &reported);
    let timeline = Timeline::of(&merged, HOLD_UNLIMITED_US, minutes(0, 90));
    let steps: Vec<_> = timeline
        .steps()
        .map(|(start, _, places)| (start / MINUTE_US, places))
        .collect();
    assert_eq!(steps, [(0, 100), (30, 90), (60, 85)]);
}

#[test]
fn a_later_declaration_replaces_a_report() {
    let merged = with_declared(
        &[Sample::known(0, 100.0), known(60, 80.0)],
        &[known(30, 90.0)],
    );
    let timeline = Timeline::of(&merged, HOLD_UNLIMITED_US, minutes(0, 90));
    assert_eq!(
        timeline.integral(minutes(60, 61)),
        i128::from(80 * MINUTE_US)
    );
}

#[test]
fn an_arrival_needs_a_zero_that_was_still_known() {
    let count = |series: &[Sample], offline: &[Span]| {
        let found = pieces(series, 10 * MINUTE_US, offline, Span::ALL);
        StateWalk::new(&found).tally(minutes(0, 60)).arrivals
    };
    assert_eq!(count(&[known(0, 0.0), known(5, 1.0)], &[]), 1);
    assert_eq!(
        count(
            &[known(0, 0.0), known(3, 0.0), known(5, 1.0), known(6, 1.0)],
            &[]
        ),
        1
    );
    assert_eq!(
        count(&[known(0, 0.0), known(10, 1.0)], &[]),
        1,
        "known to just before"
    );
    assert_eq!(
        count(&[known(0, 0.0), known(11, 1.0)], &[]),
        0,
        "the hold was over"
    );
    assert_eq!(count(&[known(0, 0.0), unknown(4), known(5, 1.0)], &[]), 0);
    assert_eq!(
        count(&[known(0, 0.0), known(5, 1.0)], &[minutes(4, 5)]),
        0,
        "was offline"
    );
    assert_eq!(count(&[known(5, 1.0)], &[]), 0);
}

#[test]
fn a_gauge_has_samples_and_no_time() {
    let series = [known(0, 10.0), unknown(1), known(5, 20.0), known(15, 99.0)];
    let tally = samples(&series, BUCKET);
    assert_eq!(
        (tally.samples, tally.sum, tally.min, tally.max),
        (2, 30.0, 10.0, 20.0)
    );
}

#[test]
fn a_counters_growth_is_spread_over_its_gap_and_beyond_the_longest_is_unplaced() {
    let series = [
        known(10, 100.0),
        known(20, 200.0),
        known(25, 50.0),
        known(200, 70.0),
    ];
    let first = counter(&series, minutes(0, 15), HOUR_US);
    assert_eq!((first.increase, first.known_us), (50.0, 5 * MINUTE_US));
    let second = counter(&series, minutes(15, 30), HOUR_US);
    assert_eq!(
        (second.increase, second.resets, second.unplaced),
        (100.0, 1, 0.0)
    );
    assert_eq!(second.known_us, 10 * MINUTE_US);
    let late = counter(&series, minutes(195, 210), HOUR_US);
    assert_eq!(
        (late.increase, late.unplaced, late.known_us),
        (0.0, 20.0, 0)
    );
}

#[test]
fn a_delta_is_placed_over_its_period() {
    let series = [known(20, 60.0), known(30, 10.0)];
    let first = delta(&series, minutes(0, 15), Some(15 * MINUTE_US));
    assert_eq!(
        (first.sum, first.samples, first.known_us),
        (40.0, 0, 10 * MINUTE_US)
    );
    let second = delta(&series, minutes(15, 30), Some(15 * MINUTE_US));
    assert_eq!(
        (second.sum, second.samples, second.known_us),
        (30.0, 1, 15 * MINUTE_US)
    );
    let whole = delta(&series, minutes(15, 30), None);
    assert_eq!(
        (whole.sum, whole.samples, whole.known_us),
        (60.0, 1, BASE_US)
    );
}

#[test]
fn the_most_at_once_is_not_the_sum_of_each_ones_most() {
    let mut finder = PeakFinder::default();
    let first = pieces(&[known(0, 4.0), known(5, 1.0)], HOLD_US, &[], BUCKET);
    let second = pieces(&[known(5, 3.0), known(6, 2.0)], HOLD_US, &[], BUCKET);
    finder.add(&first, BUCKET);
    finder.add(&second, BUCKET);
    assert_eq!(finder.take(), Some(4.0));
    assert_eq!(finder.take(), None);
}

fn sample_series(values: std::ops::Range<i32>) -> impl Strategy<Value = Vec<Sample>> {
    let result = prop_oneof![5 => values.prop_map(Some), 1 => Just(None)];
    let sample = (-40_i64..100, 0_i64..4, result);
    prop::collection::vec(sample, 0..14).prop_map(|samples| {
        let mut series: Vec<Sample> = samples
            .into_iter()
            .map(|(minute, odd, result)| Sample {
                // Some on the minute, so that edges meet; some off it.
                time: minute * MINUTE_US + [0, 0, 1, 17_000_003][usize::try_from(odd).unwrap()],
                value: result.map(f64::from),
            })
            .collect();
        series.sort_by_key(|sample| sample.time);
        series.dedup_by_key(|sample| sample.time);
        series
    })
}

prop_compose! {
    fn told()(
        state in sample_series(0..9),
        online in sample_series(0..2),
        capacity in sample_series(0..12),
        declared in sample_series(1..12),
        hold_minutes in 1_i64..60,
        valid in prop::option::of((-20_i64..40, 40_i64..120)),
        until in 0_i64..120,
    ) -> Told {
        let declared = declared.into_iter().filter(|sample| sample.value.is_some()).take(3);
        Told {
            state,
            online,
            capacity,
            declared: declared.collect(),
            hold_us: hold_minutes * MINUTE_US,
            valid: valid.map(|(start, end)| minutes(start, end)),
            until: until * MINUTE_US,
        }
    }
}

struct Walked {
    state: Vec<Piece>,
    capacity: Vec<Piece>,
}

fn walked(told: &Told) -> Walked {
    let clip = told
        .valid
        .unwrap_or(Span::ALL)
        .intersect(Span::new(i64::MIN, told.until));
    let offline = offline_spans(&told.online, HOLD_UNLIMITED_US);
    let merged = with_declared(&told.declared, &told.capacity);
    Walked {
        state: pieces(&told.state, told.hold_us, &offline, clip),
        capacity: pieces(&merged, HOLD_UNLIMITED_US, &[], clip),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn pieces_say_what_is_true_at_every_moment(told in told()) {
        let walked = walked(&told);
        let at = |pieces: &[Piece], moment: i64| {
            let holding: Vec<f64> = pieces
                .iter()
                .filter(|piece| piece.span().contains(moment))
                .map(|piece| piece.value)
                .collect();
            assert!(holding.len() <= 1, "pieces are disjoint");
            holding.first().copied()
        };
        for (moment, length_us) in told.stretches(minutes(-60, 140)) {
            for moment in [moment, moment + length_us / 2, moment + length_us - 1] {
                prop_assert_eq!(at(&walked.state, moment), told.value(moment), "{}", moment);
                prop_assert_eq!(at(&walked.capacity, moment), told.places(moment), "{}", moment);
            }
        }
    }

    #[test]
    fn integrals_equal_the_sum_over_every_stretch_exactly(told in told(), by in 0..3_usize) {
        let by = [LoadBy::Vehicles, LoadBy::Free, LoadBy::Occupied][by];
        let walked = walked(&told);
        let mut states = StateWalk::new(&walked.state);
        let mut joints = JointWalk::new(by, &walked.state, &walked.capacity);
        for bucket in minutes(-60, 135).buckets() {
            let (mut known_us, mut whole) = (0, 0);
            let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
            let (mut load, mut capacity, mut expected, mut is_over) = (0, 0, 0, false);
            for (moment, length_us) in told.stretches(bucket) {
                let length = i128::from(length_us);
                let times = |value: f64| i128::from(super::state::whole(value)) * length;
                if let Some(value) = told.value(moment) {
                    known_us += length_us;
                    whole += times(value);
                    min = f64::min(min, value);
                    max = f64::max(max, value);
                }
                expected += told.places(moment).map_or(0, times);
                if let (Some(parked), Some(places)) = (told.load(by, moment), told.places(moment)) {
                    load += times(parked);
                    capacity += times(places);
                    is_over |= parked > places;
                }
            }
            let state = states.tally(bucket);
            prop_assert_eq!((state.known_us, state.whole), (known_us, whole));
            prop_assert_eq!((state.min, state.max), (min, max));
            let joint = joints.tally(bucket);
            prop_assert_eq!((joint.load, joint.capacity), (load, capacity));
            prop_assert_eq!((joint.expected, joint.is_over), (expected, is_over));
        }
    }

    #[test]
    fn a_walk_may_begin_anywhere(told in told(), skip in 0..8_usize) {
        let walked = walked(&told);
        let buckets: Vec<Span> = minutes(-60, 135).buckets().collect();
        let mut from_start = StateWalk::new(&walked.state);
        let all: Vec<_> = buckets.iter().map(|bucket| from_start.tally(*bucket)).collect();
        let mut later = StateWalk::new(&walked.state);
        for (bucket, tally) in buckets.iter().zip(&all).skip(skip) {
            prop_assert_eq!(&later.tally(*bucket), tally);
        }
    }

    #[test]
    fn a_timeline_is_its_pieces(told in told(), cut in -60_i64..120) {
        let merged = with_declared(&told.declared, &told.capacity);
        let clip = told.valid.unwrap_or(Span::ALL);
        let timeline = Timeline::of(&merged, HOLD_UNLIMITED_US, clip);
        let found = pieces(&merged, HOLD_UNLIMITED_US, &[], clip);
        for bucket in minutes(-60, 135).buckets() {
            let exact = JointWalk::new(LoadBy::Vehicles, &[], &found).tally(bucket).expected;
            prop_assert_eq!(timeline.integral(bucket), exact);
        }
        let kept = Timeline::from_steps(timeline.steps());
        prop_assert_eq!(&kept, &timeline);
        prop_assert_eq!(&timeline.replaced_from(cut * MINUTE_US, &timeline), &timeline);
    }

    #[test]
    fn growth_is_neither_lost_nor_doubled(series in sample_series(0..500), gap in 1_i64..60) {
        let gap_us = gap * MINUTE_US;
        let tallies = minutes(-60, 135).buckets().map(|bucket| counter(&series, bucket, gap_us));
        let (mut placed, mut unplaced, mut known_us, mut resets) = (0.0, 0.0, 0, 0);
        for tally in tallies {
            placed += tally.increase;
            unplaced += tally.unplaced;
            known_us += tally.known_us;
            resets += tally.resets;
        }
        let (mut near, mut far, mut near_us, mut drops) = (0.0, 0.0, 0, 0);
        for pair in series.windows(2) {
            let (Some(earlier), Some(later)) = (pair[0].value, pair[1].value) else { continue };
            let growth = if later < earlier { later } else { later - earlier };
            drops += u32::from(later < earlier);
            if pair[1].time - pair[0].time <= gap_us {
                near += growth;
                near_us += pair[1].time - pair[0].time;
            } else {
                far += growth;
            }
        }
        prop_assert!(f64::abs(placed - near) < 1e-9 * f64::max(1.0, near));
        prop_assert_eq!((unplaced, known_us, resets), (far, near_us, drops));
    }

    #[test]
    fn amounts_are_neither_lost_nor_doubled(series in sample_series(0..50), period in 1_i64..40) {
        let period_us = period * MINUTE_US;
        let mut sum = 0.0;
        let mut known_us = 0;
        for bucket in minutes(-90, 135).buckets() {
            let tally = delta(&series, bucket, Some(period_us));
            sum += tally.sum;
            known_us += tally.known_us;
        }
        let exact: f64 = series.iter().filter_map(|sample| sample.value).sum();
        prop_assert!(f64::abs(sum - exact) < 1e-9 * f64::max(1.0, exact));
        let mut moments: Vec<i64> = Vec::new();
        for sample in series.iter().filter(|sample| sample.value.is_some()) {
            moments.extend([sample.time - period_us, sample.time]);
        }
        moments.sort_unstable();
        let covers = |moment: i64| series.iter().any(|sample| {
            sample.value.is_some() && sample.time - period_us <= moment && moment < sample.time
        });
        let stretches = moments.windows(2).filter(|pair| covers(pair[0]));
        prop_assert_eq!(known_us, stretches.map(|pair| pair[1] - pair[0]).sum::<i64>());
    }

    #[test]
    fn a_peak_is_the_greatest_sum_at_any_moment(all in prop::collection::vec(told(), 0..5)) {
        let of_all: Vec<_> = all.iter().map(|told| walked(told).state).collect();
        let mut finder = PeakFinder::default();
        for bucket in minutes(-60, 135).buckets() {
            for pieces in &of_all {
                finder.add(pieces, bucket);
            }
            let stretches = all.iter().flat_map(|told| told.stretches(bucket));
            let moments = stretches.map(|(start, _)| start);
            let sums = moments.filter(|moment| *moment < bucket.end).map(|moment| {
                let values: Vec<f64> = all.iter().filter_map(|told| told.value(moment)).collect();
                (!values.is_empty(), values.iter().sum::<f64>())
            });
            let sums: Vec<_> = sums.collect();
            let is_known = sums.iter().any(|(is_known, _)| *is_known);
            let most = sums.iter().map(|(_, sum)| *sum).fold(f64::NEG_INFINITY, f64::max);
            let peak = finder.take();
            prop_assert_eq!(peak.is_some(), is_known);
            if let Some(peak) = peak {
                prop_assert_eq!(peak.to_bits(), f64::max(most, peak.min(0.0)).to_bits());
            }
        }
    }

    #[test]
    fn floor_and_ceiling_are_a_buckets_edges(moment in -10_000_000_000_i64..10_000_000_000) {
        let (floor, ceil) = (bucket_floor(moment), bucket_ceil(moment));
        prop_assert!(floor <= moment && moment <= ceil && ceil - floor <= BASE_US);
        prop_assert_eq!((floor % BASE_US, ceil % BASE_US), (0, 0));
    }
}
