//! Claims about tables, segments and marks.

use std::collections::BTreeMap;
use std::sync::Arc;

use arno_model::bucket::BASE_US;
use arno_model::{AreaId, ThingId};
use proptest::prelude::*;

use super::codec::{DayTables, FORMAT, decode, encode};
use super::mark::{Mark, ThingMark};
use super::row::{AreaRow, FLAG_KNOWN, FLAG_SATURATED, Row as _, ThingRow, Thresholds};
use super::table::{Stamp, Stretch, Table};
use crate::layout::CellKey;
use crate::signal::Span;

const STAMP: Stamp = Stamp {
    computed_at: 9,
    closed_before: 50 * BASE_US,
};

fn row(key: i32, bucket: i64, readings: u32) -> ThingRow {
    ThingRow {
        readings,
        ..ThingRow::blank(key, bucket * BASE_US)
    }
}

fn said(table: &Table<ThingRow>) -> Vec<(i32, i64, u32, u32)> {
    let rows = table.rows().iter();
    rows.map(|row| (row.key, row.start / BASE_US, row.readings, row.revision))
        .collect()
}

fn stretch(series: i32, from: i64, to: i64) -> Stretch {
    Stretch {
        series,
        span: Span::new(from * BASE_US, to * BASE_US),
    }
}

#[test]
fn what_says_the_same_stays_and_what_differs_gets_a_revision() {
    let table = Table::of(vec![row(1, 3, 5), row(1, 4, 6), row(2, 3, 7)]);
    let fresh = [row(1, 3, 5), row(1, 4, 8), row(1, 5, 1)];
    let (table, changed) = table.replaced(&[stretch(1, 3, 6)], &fresh, STAMP);
    assert_eq!(
        said(&table),
        [(1, 3, 5, 1), (1, 4, 8, 2), (1, 5, 1, 2), (2, 3, 7, 1)]
    );
    assert_eq!(changed, [(1, 4 * BASE_US), (1, 5 * BASE_US)]);
}

#[test]
fn a_row_that_closes_for_the_first_time_has_the_first_revision() {
    let (table, _) = Table::default().replaced(&[stretch(1, 50, 52)], &[row(1, 51, 4)], STAMP);
    assert_eq!(said(&table), [(1, 51, 4, 1)]);
}

#[test]
fn a_row_that_says_nothing_any_more_remembers_that_it_changed() {
    let table = Table::of(vec![row(1, 3, 5)]);
    let (table, _) = table.replaced(&[stretch(1, 3, 4)], &[], STAMP);
    assert_eq!(said(&table), [(1, 3, 0, 2)]);
    assert!(table.rows()[0].is_blank());
    let (again, changed) = table.replaced(&[stretch(1, 3, 4)], &[], STAMP);
    assert_eq!((said(&again), changed.len()), (said(&table), 0));
    let (back, _) = table.replaced(&[stretch(1, 3, 4)], &[row(1, 3, 5)], STAMP);
    assert_eq!(said(&back), [(1, 3, 5, 3)]);
}

#[test]
fn a_bucket_is_known_from_half_and_saturated_from_85_percent_of_what_is_known() {
    let thresholds = Thresholds {
        saturation_percent: 85,
        known_percent: 50,
    };
    assert_eq!(thresholds.flags(0, 0, 100, false), 0);
    assert_eq!(thresholds.flags(40, 49, 100, false), 0);
    assert_eq!(thresholds.flags(42, 50, 100, false), FLAG_KNOWN);
    assert_eq!(
        thresholds.flags(85, 100, 100, false),
        FLAG_KNOWN | FLAG_SATURATED
    );
    assert_eq!(thresholds.flags(84, 100, 100, false), FLAG_KNOWN);
}

#[test]
fn a_mark_reads_back_and_another_format_or_threshold_begins_anew() {
    let thresholds = Thresholds {
        saturation_percent: 85,
        known_percent: 50,
    };
    let kept = ThingMark {
        fingerprint: u64::MAX,
        capacity: Some(vec![(i64::MIN, 5, 100)]),
    };
    let cell = CellKey {
        area: AreaId::parse("it-mun-1").unwrap(),
        property: None,
        vehicle_kind: Some(arno_model::VehicleKind::Car),
    };
    let mark = Mark {
        format: FORMAT,
        known_at: 1,
        frontier: 2,
        begin: 3,
        known_percent: 50,
        saturation_percent: 85,
        slots: vec![cell],
        cells: BTreeMap::from([(-1, 7)]),
        things: BTreeMap::from([(ThingId::parse("prato:lot").unwrap(), kept)]),
    };
    let bytes = mark.encode().unwrap();
    assert_eq!(
        Mark::decode(&bytes, thresholds).unwrap(),
        Some(mark.clone())
    );
    let other = Thresholds {
        known_percent: 60,
        ..thresholds
    };
    assert_eq!(Mark::decode(&bytes, other).unwrap(), None);
    let newer = Mark {
        format: FORMAT + 1,
        ..mark
    };
    assert_eq!(
        Mark::decode(&newer.encode().unwrap(), thresholds).unwrap(),
        None
    );
    Mark::decode(b"{}", thresholds).unwrap_err();
}

/// Rows of random places, sorted, one a place.
fn rows() -> impl Strategy<Value = Vec<ThingRow>> {
    prop::collection::btree_map((1..4_i32, 0..12_i64), 1..9_u32, 0..20).prop_map(|places| {
        let rows = places.into_iter();
        rows.map(|((key, bucket), readings)| row(key, bucket, readings))
            .collect()
    })
}

proptest! {
    #[test]
    fn a_replaced_stretch_holds_what_was_computed_and_the_rest_what_was(
        old in rows(), fresh in rows(), from in 0..12_i64, to in 0..12_i64, key in 1..4_i32,
    ) {
        let span = stretch(key, from, to.max(from));
        let inside = |row: &ThingRow| row.key == key && span.span.contains(row.start);
        let new: Vec<ThingRow> = fresh.into_iter().filter(inside).collect();
        let (table, changed) = Table::of(old.clone()).replaced(&[span], &new, STAMP);
        let mut expected: Vec<(i32, i64, u32)> = old.iter().filter(|row| !inside(row)).chain(&new)
            .map(|row| (row.key, row.start, row.readings)).collect();
        expected.sort_unstable();
        let said = table.rows().iter().filter(|row| !row.is_blank());
        let said: Vec<_> = said.map(|row| (row.key, row.start, row.readings)).collect();
        prop_assert_eq!(said, expected);
        prop_assert!(changed.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_day_reads_back_from_its_batch(things in rows(), cells in rows()) {
        let cells = cells.iter().map(|row| AreaRow {
            readings: row.readings,
            reporting: 3,
            value: 0.5,
            ..AreaRow::blank(-row.key, row.start)
        });
        let mut cells: Vec<AreaRow> = cells.collect();
        cells.sort_unstable_by_key(AreaRow::place);
        let day = DayTables {
            things: Arc::new(Table::of(things)),
            cells: Arc::new(Table::of(cells)),
        };
        let batch = encode(&day).unwrap();
        let back = decode(&batch, "day").unwrap();
        let same = |left: &DayTables, right: &DayTables| {
            let things = left.things.rows().iter().zip(right.things.rows());
            let cells = left.cells.rows().iter().zip(right.cells.rows());
            left.things.rows().len() == right.things.rows().len()
                && left.cells.rows().len() == right.cells.rows().len()
                && things.into_iter().all(|(left, right)| left.says_as(right))
                && cells.into_iter().all(|(left, right)| left.says_as(right))
        };
        prop_assert!(same(&day, &back));
        prop_assert!(decode(&batch.project(&[0, 1]).unwrap(), "day").is_err());
    }
}
