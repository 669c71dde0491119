//! What is kept, as one consistent whole: readers take it and never see a refresh half done.
//!
//! # Limits
//! Days live in memory up to the configured bytes; beyond, the least recently used days that are
//! written already leave, and are read back from the store's segments when asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arno_model::time::DAY_US;
use arno_store::{Backend, Registry};

use crate::error::{RollupError, store_error};
use crate::layout::{CellKey, Layout};
use crate::rollup::codec::{DayTables, decode};
use crate::rollup::engine::aside;
use crate::signal::timeline::Timeline;
use crate::signal::{Span, bucket_ceil};

/// The kind of the segments.
pub const KIND: &str = "rollups";

/// One UTC day's rows, in memory or not.
#[derive(Debug)]
pub struct Day {
    /// Days since 1970-01-01.
    pub number: i32,
    /// Whether the store's segment is older than this.
    pub is_dirty: bool,
    tables: Mutex<Option<DayTables>>,
    used: AtomicU64,
}

impl Day {
    /// A day whose rows are in memory and not yet written.
    pub fn fresh(number: i32, tables: DayTables) -> Arc<Self> {
        Arc::new(Self {
            number,
            is_dirty: true,
            tables: Mutex::new(Some(tables)),
            used: AtomicU64::new(0),
        })
    }

    /// A day whose rows are written; in memory when given.
    pub fn written(number: i32, tables: Option<DayTables>) -> Arc<Self> {
        Arc::new(Self {
            number,
            is_dirty: false,
            tables: Mutex::new(tables),
            used: AtomicU64::new(0),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<DayTables>> {
        // A panic while the lock was held can't leave half an assignment behind.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows, if they are in memory.
    pub fn in_memory(&self) -> Option<DayTables> {
        self.lock().clone()
    }

    /// The rows, read from the store when they are not in memory; `tick` orders uses.
    ///
    /// # Errors
    /// [`RollupError::Store`] or [`RollupError::Damaged`].
    pub async fn tables(
        &self,
        backend: &Arc<dyn Backend>,
        tick: u64,
    ) -> Result<DayTables, RollupError> {
        self.used.store(tick, Ordering::Relaxed);
        if let Some(tables) = self.in_memory() {
            return Ok(tables);
        }
        let read = backend.segment(KIND, self.number).await;
        let batch = read.map_err(store_error("read kept rollups"))?;
        let name = format!("{KIND} of day {}", self.number);
        let Some(batch) = batch else {
            return Err(RollupError::Damaged { name });
        };
        let tables = aside(move || decode(&batch, &name)).await?;
        *self.lock() = Some(tables.clone());
        Ok(tables)
    }

    /// Bytes in memory, about.
    pub fn bytes(&self) -> usize {
        self.lock().as_ref().map_or(0, DayTables::bytes)
    }

    fn evict(&self) -> usize {
        let tables = self.lock().take();
        tables.map_or(0, |tables| tables.bytes())
    }
}

/// Numbers of cells, never reused.
#[derive(Debug, Clone, Default)]
pub struct Slots {
    keys: Vec<CellKey>,
    by_key: HashMap<CellKey, i32>,
}

impl Slots {
    /// From keys in the order of their slots.
    pub fn of(keys: Vec<CellKey>) -> Self {
        let mut slots = Self::default();
        for key in keys {
            slots.slot(&key);
        }
        slots
    }

    /// The slot of a cell; a new cell gets the next.
    pub fn slot(&mut self, key: &CellKey) -> i32 {
        if let Some(slot) = self.by_key.get(key) {
            return *slot;
        }
        let place = i32::try_from(self.keys.len()).unwrap_or(i32::MAX - 1);
        let slot = -1 - place;
        self.keys.push(key.clone());
        self.by_key.insert(key.clone(), slot);
        slot
    }

    /// All keys, by slot.
    pub fn keys(&self) -> &[CellKey] {
        &self.keys
    }
}

/// Fingerprints and capacities of a plan that another one follows.
#[derive(Debug, Default)]
pub struct PlanBefore {
    /// Of things; the capacity is absent where only the registry knows it.
    pub things: HashMap<String, (u64, Option<Arc<Timeline>>)>,
    /// Of cells.
    pub cells: HashMap<CellKey, u64>,
}

impl PlanBefore {
    /// Of a view's plan.
    pub fn of(view: &View) -> Self {
        let things = view.layout.things().iter().zip(view.thing_prints.iter());
        let things = things
            .zip(view.timelines.iter())
            .map(|((thing, print), timeline)| {
                (
                    thing.id.as_str().to_owned(),
                    (*print, Some(Arc::clone(timeline))),
                )
            });
        let cells = view.layout.cells().iter().zip(view.cell_prints.iter());
        Self {
            things: things.collect(),
            cells: cells
                .map(|(cell, print)| (cell.key.clone(), *print))
                .collect(),
        }
    }
}

/// Everything that is kept, at one moment.
#[derive(Debug, Clone)]
pub struct View {
    /// The registry it was computed by.
    pub registry: Arc<Registry>,
    /// After a restart: what the kept rows were computed by, until the first refresh compares.
    pub before: Option<Arc<PlanBefore>>,
    /// The plan it was computed by.
    pub layout: Arc<Layout>,
    /// The slots of the plan's cells, in their order.
    pub cell_slots: Arc<Vec<i32>>,
    /// Fingerprints of the plan's cells, in their order.
    pub cell_prints: Arc<Vec<u64>>,
    /// Fingerprints of the plan's things, in their order.
    pub thing_prints: Arc<Vec<u64>>,
    /// Capacity of the plan's things, in their order.
    pub timelines: Arc<Vec<Arc<Timeline>>>,
    /// All slots ever given.
    pub slots: Arc<Slots>,
    /// The newest commit included.
    pub known_at: i64,
    /// Where closed buckets end.
    pub frontier: i64,
    /// Where the first bucket with an observation begins; absent before the first one.
    pub begin: Option<i64>,
    /// The days that have rows.
    pub days: BTreeMap<i32, Arc<Day>>,
    /// Days whose written segment is to be removed.
    pub gone: Vec<i32>,
}

impl View {
    /// Of nothing.
    pub fn empty() -> Self {
        Self {
            registry: Arc::default(),
            before: Some(Arc::default()),
            layout: Arc::default(),
            cell_slots: Arc::default(),
            cell_prints: Arc::default(),
            thing_prints: Arc::default(),
            timelines: Arc::default(),
            slots: Arc::default(),
            known_at: arno_model::Timestamp::MIN.as_micros(),
            frontier: arno_model::Timestamp::MIN.as_micros(),
            begin: None,
            days: BTreeMap::new(),
            gone: Vec::new(),
        }
    }

    /// Where the first bucket begins that can say anything: a delta reaches back over its period.
    pub fn first(&self) -> Option<i64> {
        let reach_us = bucket_ceil(self.layout.reach_us());
        self.begin.map(|begin| begin - reach_us)
    }

    /// Bytes of days in memory: all, and those not yet written.
    pub fn bytes(&self) -> (usize, usize) {
        let days = self.days.values().map(|day| (day.bytes(), day.is_dirty));
        days.fold((0, 0), |(all, dirty), (bytes, is_dirty)| {
            (all + bytes, dirty + if is_dirty { bytes } else { 0 })
        })
    }

    /// Lets written days leave memory, least recently used first, until `bytes_max` is kept.
    pub fn evict(&self, bytes_max: usize) {
        let (mut bytes, _) = self.bytes();
        if bytes <= bytes_max {
            return;
        }
        let mut written: Vec<_> = self.days.values().filter(|day| !day.is_dirty).collect();
        written.sort_by_key(|day| (day.used.load(Ordering::Relaxed), day.number));
        for day in written {
            if bytes <= bytes_max {
                return;
            }
            bytes = bytes.saturating_sub(day.evict());
        }
    }
}

/// The UTC day of a moment.
pub fn day_of(moment: i64) -> i32 {
    i32::try_from(moment.div_euclid(DAY_US)).unwrap_or(0)
}

/// When a UTC day is.
pub fn day_span(day: i32) -> Span {
    let start = i64::from(day) * DAY_US;
    Span::new(start, start + DAY_US)
}

/// The UTC days that a span meets, each with its part of the span.
pub fn days_of(span: Span) -> impl Iterator<Item = (i32, Span)> {
    let last = if span.is_empty() {
        i32::MIN
    } else {
        day_of(span.end - 1)
    };
    let first = if span.is_empty() {
        i32::MAX
    } else {
        day_of(span.start)
    };
    (first..=last).map(move |day| (day, day_span(day).intersect(span)))
}
