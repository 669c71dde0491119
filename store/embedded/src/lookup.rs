//! Kept versions in the lake: of given identities, and the newest before a moment.
//!
//! # Why
//! A late reading must be held against what is kept under its identity. Only files whose index says
//! that they may hold it are read, all identities of a group together, and what was read for one
//! late reading is kept for the next ones of the same datastream.
//!
//! # Limits
//! [`CACHE_ROWS_MAX`]: beyond it the cache starts anew; a group whose datastreams have more rows
//! than half of it is answered by streaming, without the cache.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arno_model::DatastreamKey;
use arno_model::observation::ObservationColumns;
use arno_store::{StoreError, Streams};
use arno_store_lake::merge::Source;
use arno_store_lake::{Ask, Files, Lake, LakeFile, Span};
use futures::StreamExt as _;

use crate::error::damaged;
use crate::judge::Identity;
use crate::row::{Row, RowReader};

/// Rows kept from earlier lookups: 48 MB.
const CACHE_ROWS_MAX: usize = 1_000_000;
/// Rows read from the end of a datastream's span to find its newest identity with all versions.
const TAIL_ROWS: u32 = 16;

/// Rows of datastreams that were looked up, by file.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    spans: HashMap<(String, DatastreamKey), Vec<Row>>,
    row_count: usize,
}

/// Calls `take` for every row of a source.
pub(crate) async fn each_row(
    mut source: Source,
    mut take: impl FnMut(DatastreamKey, Row),
) -> Result<(), StoreError> {
    while let Some(batch) = source.next().await {
        let view = ObservationColumns::view(&batch?)
            .map_err(|source| damaged("a batch of the lake", source))?;
        let reader = RowReader::new(&view);
        let stamps = view.known_at.as_ref();
        for index in 0..view.len() {
            let known_at = stamps.map_or(0, |stamps| stamps.value(index));
            take(reader.datastream(index), reader.row(index, known_at));
        }
    }
    Ok(())
}

impl Cache {
    /// The versions in the lake under some identities, which ascend.
    pub(crate) async fn versions(
        &mut self,
        lake: &Lake,
        files: &Files,
        identities: &[Identity],
        mut found: impl FnMut(Identity, Row) + Send,
    ) -> Result<(), StoreError> {
        for file in files.iter() {
            let asked: Vec<Identity> = identities
                .iter()
                .filter(|(key, time_us)| {
                    let span = file.span(*key);
                    span.is_some_and(|span| (span.first_us..=span.last_us).contains(time_us))
                })
                .copied()
                .collect();
            if asked.is_empty() {
                continue;
            }
            if self.load(lake, file, &asked).await? {
                for (key, time_us) in asked {
                    let rows = self.spans.get(&(file.path().to_owned(), key));
                    let rows = rows.map(Vec::as_slice).unwrap_or_default();
                    let from = rows.partition_point(|row| row.time < time_us);
                    let same = rows[from..].iter().take_while(|row| row.time == time_us);
                    same.for_each(|row| found((key, time_us), *row));
                }
            } else {
                stream_versions(lake, file, &asked, &mut found).await?;
            }
        }
        Ok(())
    }

    /// Reads the datastreams' rows of a file into the cache; `false` when they are too many.
    async fn load(
        &mut self,
        lake: &Lake,
        file: &Arc<LakeFile>,
        asked: &[Identity],
    ) -> Result<bool, StoreError> {
        let keys: BTreeSet<DatastreamKey> = asked.iter().map(|(key, _time)| *key).collect();
        let name = |key: DatastreamKey| (file.path().to_owned(), key);
        let missing: Vec<DatastreamKey> = keys
            .into_iter()
            .filter(|key| !self.spans.contains_key(&name(*key)))
            .collect();
        let counts = missing.iter().filter_map(|key| file.span(*key));
        let row_count: usize = counts
            .map(|span| usize::try_from(span.row_count).unwrap_or(usize::MAX))
            .sum();
        if row_count > CACHE_ROWS_MAX / 2 {
            return Ok(false);
        }
        if self.row_count + row_count > CACHE_ROWS_MAX {
            *self = Self::default();
            return Box::pin(self.load(lake, file, asked)).await;
        }
        let ask = Ask {
            streams: Streams::of(missing.clone()),
            ..Ask::ALL
        };
        let Some(source) = lake.source(file, &ask) else {
            return Ok(true);
        };
        let mut read: HashMap<DatastreamKey, Vec<Row>> = HashMap::new();
        each_row(source, |key, row| read.entry(key).or_default().push(row)).await?;
        for key in missing {
            let rows = read.remove(&key).unwrap_or_default();
            self.row_count += rows.len();
            self.spans.insert(name(key), rows);
        }
        Ok(true)
    }

    /// Forgets files that are no longer in the lake.
    pub(crate) fn forget(&mut self, files: &Files) {
        if self.spans.is_empty() {
            return;
        }
        let named: BTreeSet<&str> = files.iter().map(|file| file.path()).collect();
        self.spans
            .retain(|(path, _key), _rows| named.contains(path.as_str()));
        self.row_count = self.spans.values().map(Vec::len).sum();
    }
}

async fn stream_versions(
    lake: &Lake,
    file: &Arc<LakeFile>,
    asked: &[Identity],
    found: &mut (impl FnMut(Identity, Row) + Send),
) -> Result<(), StoreError> {
    let times = asked.iter().map(|(_key, time_us)| *time_us);
    let ask = Ask {
        streams: Streams::of(asked.iter().map(|(key, _time)| *key).collect()),
        start_us: times.clone().min().unwrap_or(i64::MIN),
        end_us: times
            .max()
            .map_or(i64::MAX, |last_us| last_us.saturating_add(1)),
        ..Ask::ALL
    };
    let Some(source) = lake.source(file, &ask) else {
        return Ok(());
    };
    let mut rest = asked;
    each_row(source, |key, row| {
        let identity = (key, row.time);
        let passed = rest.partition_point(|asked| *asked < identity);
        rest = &rest[passed..];
        if rest.first() == Some(&identity) {
            found(identity, row);
        }
    })
    .await
}

/// What is asked of the lake for leads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeadAsk {
    /// Before this time.
    pub(crate) start_us: i64,
    /// Committed at this moment or before.
    pub(crate) as_of_us: i64,
}

impl LeadAsk {
    /// The last time before the start that a span may hold, if it was known.
    fn reach(self, span: &Span) -> Option<i64> {
        let is_before = span.first_us < self.start_us && span.first_known_us <= self.as_of_us;
        is_before.then(|| span.last_us.min(self.start_us.saturating_sub(1)))
    }
}

/// The versions of each datastream's newest identity in the lake before a moment, if it may be as
/// new as the one given for it.
pub(crate) async fn leads(
    lake: &Lake,
    files: &Files,
    mut newest: BTreeMap<DatastreamKey, Option<i64>>,
    ask: LeadAsk,
) -> Result<BTreeMap<DatastreamKey, Vec<Row>>, StoreError> {
    let mut leads = BTreeMap::new();
    let mut months: Vec<_> = files.iter().map(|file| file.month()).collect();
    months.dedup();
    for month in months.into_iter().rev() {
        let mut here: BTreeMap<DatastreamKey, Vec<Row>> = BTreeMap::new();
        for file in files
            .iter()
            .filter(|file| file.month() == month && !file.is_damaged())
        {
            let spans = file.spans().iter().filter(|span| {
                let known = newest.get(&span.key);
                known.is_some_and(|known| ask.reach(span) >= *known && ask.reach(span).is_some())
            });
            file_leads(
                lake,
                file,
                &spans.copied().collect::<Vec<_>>(),
                ask,
                &mut here,
            )
            .await?;
        }
        for (key, rows) in here {
            newest.remove(&key);
            leads.insert(key, rows);
        }
    }
    Ok(leads)
}

async fn file_leads(
    lake: &Lake,
    file: &Arc<LakeFile>,
    spans: &[Span],
    ask: LeadAsk,
    here: &mut BTreeMap<DatastreamKey, Vec<Row>>,
) -> Result<(), StoreError> {
    let is_over = |span: &Span| span.last_us < ask.start_us && span.last_known_us <= ask.as_of_us;
    let (over, cut): (Vec<&Span>, Vec<&Span>) = spans.iter().partition(|span| is_over(span));
    let mut whole: Vec<DatastreamKey> = cut.iter().map(|span| span.key).collect();
    if !over.is_empty() {
        let keys = over.iter().map(|span| span.key).collect();
        let mut ends: BTreeMap<DatastreamKey, Vec<Row>> = BTreeMap::new();
        let source = lake.tails(file, keys, TAIL_ROWS);
        each_row(source, |key, row| ends.entry(key).or_default().push(row)).await?;
        for span in over {
            let rows = ends.remove(&span.key).unwrap_or_default();
            let is_one = rows.first().map(|row| row.time) == rows.last().map(|row| row.time);
            if is_one && span.row_count > TAIL_ROWS {
                whole.push(span.key);
            } else {
                for row in rows {
                    keep_newest(here, span.key, row);
                }
            }
        }
    }
    if whole.is_empty() {
        return Ok(());
    }
    let ask = Ask {
        streams: Streams::of(whole),
        end_us: ask.start_us,
        as_of_us: ask.as_of_us,
        ..Ask::ALL
    };
    let Some(source) = lake.source(file, &ask) else {
        return Ok(());
    };
    each_row(source, |key, row| keep_newest(here, key, row)).await
}

/// Keeps the rows of a datastream's newest time.
fn keep_newest(here: &mut BTreeMap<DatastreamKey, Vec<Row>>, key: DatastreamKey, row: Row) {
    let rows = here.entry(key).or_default();
    match rows.first().map(|kept| kept.time) {
        Some(time) if time > row.time => {}
        Some(time) if time == row.time => rows.push(row),
        _ => *rows = vec![row],
    }
}
