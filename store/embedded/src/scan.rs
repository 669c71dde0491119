//! A question becomes sorted sources of one moment, and those become merged streams.
//!
//! # Why
//! The hot chunks and the list of lake files are taken under one lock, so that an answer is of one
//! moment however long it streams; files that leave the lake meanwhile stay readable.
//!
//! # Limits
//! A stream per [`PARTITION_ROWS_MIN`] rows at most: smaller ones cost more than they save.

use std::collections::BTreeMap;
use std::sync::Arc;

use arno_model::observation::kept_schema;
use arno_model::{DatastreamKey, Timestamp};
use arno_store::{BatchStream, Scan, StoreError, Streams};
use arno_store_lake::merge::{Shape, Source, merge};
use arno_store_lake::{Ask, Files, Lake, LakeFile};

use crate::hot::Hot;
use crate::lookup::{LeadAsk, leads};
use crate::row::Row;
use crate::shared::Shared;
use crate::view::HotView;

/// Rows that are worth a stream of their own.
const PARTITION_ROWS_MIN: usize = 131_072;

/// One moment's part that a scan is about.
struct Picked {
    views: Vec<HotView>,
    files: Files,
    ask: Ask,
    leads: BTreeMap<DatastreamKey, Vec<Row>>,
}

/// Answers a scan.
pub(crate) async fn scan(
    shared: &Shared,
    lake: &Lake,
    scan: &Scan,
) -> Result<Vec<BatchStream>, StoreError> {
    let shape = shape(scan)?;
    let picked = pick(shared, scan)?;
    let lead = if scan.with_lead {
        lead_view(lake, scan, &picked).await?
    } else {
        None
    };
    let mut streams = Vec::new();
    for part in partitions(scan, &picked) {
        let mut sources: Vec<Source> = Vec::new();
        if let Some(lead) = &lead {
            sources.push(lead.only(&part).into_source());
        }
        if !scan.time.is_empty() {
            let ask = Ask {
                streams: part.clone(),
                ..picked.ask.clone()
            };
            sources.extend(
                picked
                    .files
                    .iter()
                    .filter_map(|file| lake.source(file, &ask)),
            );
            sources.extend(
                picked
                    .views
                    .iter()
                    .map(|view| view.only(&part).into_source()),
            );
        }
        streams.push(merge(sources, &shape));
    }
    Ok(streams)
}

fn shape(scan: &Scan) -> Result<Shape, StoreError> {
    let all = kept_schema().fields().len();
    let columns = scan.columns.clone().unwrap_or_else(|| (0..all).collect());
    let is_ascending = columns.windows(2).all(|pair| pair[0] < pair[1]);
    if !is_ascending || columns.last().is_some_and(|last| *last >= all) {
        return Err(StoreError::Invalid {
            reason: "columns must ascend within the kept schema",
        });
    }
    Ok(Shape {
        versions: scan.versions,
        columns,
        limit: scan.limit.unwrap_or(usize::MAX),
    })
}

fn pick(shared: &Shared, scan: &Scan) -> Result<Picked, StoreError> {
    let ask = Ask {
        streams: scan.streams.clone(),
        start_us: scan.time.start.as_micros(),
        end_us: scan.time.end.as_micros(),
        after_us: i64::MIN,
        as_of_us: scan.as_of.map_or(i64::MAX, Timestamp::as_micros),
    };
    let moment = shared.read();
    if moment.is_closed {
        return Err(StoreError::Closed);
    }
    let files = Arc::clone(&moment.files);
    let parts: Vec<&Hot> = moment
        .flushing
        .as_deref()
        .into_iter()
        .chain([&moment.active])
        .collect();
    let leads = if scan.with_lead {
        hot_leads(&parts, &files, &ask)
    } else {
        BTreeMap::new()
    };
    let window = |part: &&Hot| part.view(&ask.streams, ask.start_us, ask.end_us);
    let mut views: Vec<HotView> = if scan.time.is_empty() {
        Vec::new()
    } else {
        parts.iter().map(window).collect()
    };
    drop(moment);
    for view in &mut views {
        view.cut(ask.start_us, ask.end_us, ask.as_of_us);
    }
    Ok(Picked {
        views,
        files,
        ask,
        leads,
    })
}

/// The hot part's candidates for leads: an entry for every asked datastream, also without any.
fn hot_leads(parts: &[&Hot], files: &Files, ask: &Ask) -> BTreeMap<DatastreamKey, Vec<Row>> {
    let keys: Vec<DatastreamKey> = match &ask.streams {
        Streams::Some(keys) => keys.to_vec(),
        Streams::All => {
            let hot = parts.iter().map(|part| part.key_count()).max().unwrap_or(0);
            let last = |file: &Arc<LakeFile>| file.spans().last().map_or(0, |span| span.key.0);
            let most = files.iter().map(last).max().unwrap_or(0).max(hot);
            (1..=most).map(DatastreamKey).collect()
        }
    };
    let of = |key: DatastreamKey| {
        let mut found = Vec::new();
        for part in parts {
            part.lead(key, ask.start_us, ask.as_of_us, &mut found);
        }
        (key, found)
    };
    keys.into_iter().map(of).collect()
}

/// Each stream's last winning row before the start.
async fn lead_view(
    lake: &Lake,
    scan: &Scan,
    picked: &Picked,
) -> Result<Option<HotView>, StoreError> {
    let newest = |rows: &[Row]| rows.iter().map(|row| row.time).max();
    let known = picked
        .leads
        .iter()
        .map(|(key, rows)| (*key, newest(rows)))
        .collect();
    let ask = LeadAsk {
        start_us: scan.time.start.as_micros(),
        as_of_us: picked.ask.as_of_us,
    };
    let mut in_lake = leads(lake, &picked.files, known, ask).await?;
    let mut rows = Vec::new();
    for (key, hot) in &picked.leads {
        let mut all = in_lake.remove(key).unwrap_or_default();
        all.extend_from_slice(hot);
        let time = newest(&all);
        let versions = all.iter().filter(|row| Some(row.time) == time);
        if let Some(winner) = versions.max_by_key(|row| row.order()) {
            rows.push((*key, *winner));
        }
    }
    Ok((!rows.is_empty()).then(|| HotView::of_rows(rows)))
}

/// Cuts the asked datastreams into ranges of about as many rows each.
fn partitions(scan: &Scan, picked: &Picked) -> Vec<Streams> {
    if scan.partitions <= 1 || scan.limit.is_some() {
        return vec![scan.streams.clone()];
    }
    let mut counts: BTreeMap<DatastreamKey, usize> = BTreeMap::new();
    let hot = picked.views.iter().flat_map(HotView::counts);
    let spans = picked.files.iter().flat_map(|file| file.spans());
    let asked = spans.filter(|span| picked.ask.meets(span));
    let lake = asked.map(|span| (span.key, usize::try_from(span.row_count).unwrap_or(0)));
    for (key, count) in hot.chain(lake) {
        *counts.entry(key).or_default() += count;
    }
    for (key, rows) in &picked.leads {
        if !counts.contains_key(key) && !rows.is_empty() {
            counts.insert(*key, 1);
        }
    }
    let total: usize = counts.values().sum();
    let parts = scan.partitions.min(total / PARTITION_ROWS_MIN).max(1);
    if parts == 1 {
        return vec![scan.streams.clone()];
    }
    let share = total.div_ceil(parts);
    let mut bounds = Vec::new();
    let mut seen = 0;
    for (key, count) in counts {
        seen += count;
        if seen >= share * (bounds.len() + 1) && bounds.len() + 1 < parts {
            bounds.push(key);
        }
    }
    cut_streams(scan, picked, &bounds)
}

/// The asked datastreams up to each bound, and those after the last.
fn cut_streams(scan: &Scan, picked: &Picked, bounds: &[DatastreamKey]) -> Vec<Streams> {
    let keys: Vec<DatastreamKey> = match &scan.streams {
        Streams::Some(keys) => keys.to_vec(),
        Streams::All => {
            let hot = picked
                .views
                .iter()
                .flat_map(|view| view.streams.iter().map(|(key, _)| *key));
            let lake = picked
                .files
                .iter()
                .flat_map(|file| file.spans().iter().map(|span| span.key));
            let mut keys: Vec<_> = hot
                .chain(lake)
                .chain(picked.leads.keys().copied())
                .collect();
            keys.sort_unstable();
            keys.dedup();
            keys
        }
    };
    let mut parts = Vec::with_capacity(bounds.len() + 1);
    let mut rest = keys.as_slice();
    for bound in bounds {
        let (part, after) = rest.split_at(rest.partition_point(|key| key <= bound));
        parts.push(Streams::Some(Arc::from(part)));
        rest = after;
    }
    parts.push(Streams::Some(Arc::from(rest)));
    parts
}
