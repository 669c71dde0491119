//! Rows of areas and of counting things: cells and their base rows come in, one batch goes out.

use std::collections::BTreeSet;
use std::sync::Arc;

use arno_model::{AreaLevel, VehicleKind, Zone};
use arrow::array::{ArrayRef, RecordBatch};

use crate::error::RollupError;
use crate::layout::cell::CellMode;
use crate::query::AreaQuery;
use crate::rollup::answer::area_cells::{AnswerCell, cells};
use crate::rollup::answer::area_sum::{OutRow, Question, WindowSums};
use crate::rollup::answer::base_row::{BaseReader, Wants};
use crate::rollup::answer::columns::{floats, texts, times, truths, wholes};
use crate::rollup::answer::sight::{ANSWER_ROWS_MAX, Sight, windows};
use crate::rollup::engine::{Inner, aside};
use crate::rollup::row::held;
use crate::schema::area_rollup_schema;
use crate::signal::Span;

/// Answers in one batch.
///
/// # Errors
/// [`RollupError::TooManyRows`], unknown names, or the store's word.
pub async fn rows(inner: &Arc<Inner>, query: &AreaQuery) -> Result<RecordBatch, RollupError> {
    let sight = Sight::of(inner, query.as_of);
    let (asked, thresholds) = (query.clone(), inner.thresholds());
    let question = aside(move || {
        let (mode, cells) = cells(&sight, &asked)?;
        Ok(Arc::new(Question {
            sight,
            thresholds,
            mode,
            cells,
        }))
    });
    let question = question.await?;
    let sight = &question.sight;
    let zone = query.zone.clone().unwrap_or_else(|| zone(sight, query));
    let buckets = sight.buckets(query.range, query.bucket, &zone)?;
    if buckets.len().saturating_mul(question.cells.len()) > ANSWER_ROWS_MAX {
        return Err(RollupError::TooManyRows {
            rows_max: ANSWER_ROWS_MAX,
        });
    }
    let wants = wants(&question);
    let is_light = question.member_count() < LIGHT_MEMBERS_MAX;
    let mut rows: Vec<Vec<OutRow>> = vec![Vec::new(); question.cells.len()];
    for buckets in windows(&buckets, query.bucket) {
        let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
            continue;
        };
        let range = Span::new(first.start, last.end);
        let mut sums = WindowSums::new(Arc::clone(&question), buckets.to_vec());
        let mut reader = BaseReader::new(inner, sight, &wants, range);
        while let Some(part) = reader.next().await? {
            if is_light {
                sums.add(&part);
            } else {
                sums = aside(move || {
                    sums.add(&part);
                    Ok(sums)
                })
                .await?;
            }
        }
        let fresh = if is_light {
            sums.finish()
        } else {
            aside(|| Ok(sums.finish())).await?
        };
        for (rows, fresh) in rows.iter_mut().zip(fresh) {
            rows.extend(fresh);
        }
        inner.evict();
    }
    let query = query.clone();
    aside(move || batch(&question, &query, &rows)).await
}

/// Cells of fewer members are added up where they stand: a day of them takes some 100 µs.
const LIGHT_MEMBERS_MAX: usize = 150;

fn zone(sight: &Sight, query: &AreaQuery) -> Zone {
    let registry = &sight.view.registry;
    let asked = query.areas.as_ref().and_then(|areas| areas.first());
    let asked = asked.and_then(|area| registry.area(area.as_str()));
    let region = || {
        registry
            .areas()
            .find(|area| area.level == AreaLevel::Region)
    };
    asked
        .or_else(region)
        .map_or(Zone::UTC, |area| area.zone.clone())
}

fn wants(question: &Question) -> Wants {
    let layout = &question.sight.view.layout;
    let members = || question.cells.iter().flat_map(|cell| &cell.members);
    let things: BTreeSet<usize> = members().map(|member| member.thing).collect();
    let mut streams =
        members().filter_map(|member| layout.thing(member.thing)?.streams.get(member.stream));
    let unkept = streams.any(|stream| stream.key.is_some() && !stream.is_kept);
    let pieces = question.mode.has_peak() && question.cells.iter().any(|cell| cell.kept.is_none());
    Wants {
        things: things.into_iter().collect(),
        unkept,
        pieces,
    }
}

fn batch(
    question: &Question,
    query: &AreaQuery,
    rows: &[Vec<OutRow>],
) -> Result<RecordBatch, RollupError> {
    let (sight, mode, cells) = (&question.sight, question.mode, &question.cells);
    let flat: Vec<(&AnswerCell, &OutRow)> = cells
        .iter()
        .zip(rows)
        .flat_map(|(cell, rows)| rows.iter().map(move |row| (cell, row)))
        .collect();
    let whole = |pick: &dyn Fn(&OutRow) -> Option<i64>| -> ArrayRef {
        wholes(flat.iter().map(|(_, row)| pick(row)))
    };
    let is_parking = mode == CellMode::Parking;
    let parking = |value: i64| is_parking.then_some(value);
    let property = |value: i64| (!is_parking).then_some(value);
    let readings = |row: &OutRow| match mode {
        CellMode::Parking => row.sum.readings,
        CellMode::Property { .. } => i64::try_from(row.property.readings).unwrap_or(i64::MAX),
    };
    let columns: Vec<ArrayRef> = vec![
        texts(flat.iter().map(|(cell, _)| Some(cell.area.as_str()))),
        texts(flat.iter().map(|(cell, _)| Some(cell.level))),
        truths(flat.iter().map(|(cell, _)| Some(cell.outside))),
        texts(flat.iter().map(|_| Some(query.measure.as_str()))),
        texts(
            flat.iter()
                .map(|(cell, _)| cell.vehicle_kind.map(VehicleKind::as_str)),
        ),
        texts(flat.iter().map(|_| Some(query.bucket.as_str()))),
        times(flat.iter().map(|(_, row)| Some(row.bucket.start))),
        times(flat.iter().map(|(_, row)| Some(row.bucket.end))),
        whole(&|row| Some(i64::from(row.things))),
        whole(&|row| row.reporting.map(i64::from)),
        whole(&|row| Some(readings(row))),
        whole(&|row| parking(held(row.sum.load))),
        whole(&|row| parking(held(row.sum.capacity))),
        whole(&|row| parking(held(row.sum.expected))),
        whole(&|row| parking(row.sum.buckets_known)),
        whole(&|row| parking(row.sum.buckets_saturated)),
        floats(flat.iter().map(|(_, row)| row.property.value(mode))),
        whole(&|row| property(row.property.known_us)),
        whole(&|row| property(row.property.expected_us)),
        floats(flat.iter().map(|(_, row)| row.sum.peak)),
        truths(
            flat.iter()
                .map(|(_, row)| is_parking.then_some(row.sum.is_over)),
        ),
        truths(flat.iter().map(|(_, row)| Some(sight.is_open(row.bucket)))),
        times(flat.iter().map(|(_, row)| row.sum.computed_at)),
        whole(&|row| Some(row.sum.changes + 1)),
    ];
    Ok(RecordBatch::try_new(area_rollup_schema(), columns)?)
}
