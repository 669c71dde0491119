//! The one thread that writes: it takes everything that queued while the last fsync ran, makes one
//! commit of it, and answers all.
//!
//! # Why
//! Many waiting appends share one fsync, and a lone one waits for nobody: there is no timer. A thread
//! of its own, since it sleeps in fsync most of the time.
//!
//! # Invariants
//! Readers see a version only after it is durable. A group that fails leaves nothing behind.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arno_model::Timestamp;
use arno_model::observation::kept_schema;
use arno_store::{
    Append, Appended, Clock, ClockMark, ClockState, DatastreamName, Datastreams, Document,
    StoreError,
};
use arrow::array::{ArrayRef, BooleanArray, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::{concat_batches, filter_record_batch};
use arno_store_lake::Lake;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::group;
use crate::job::{Job, QUEUE_JOBS_MAX, Reply};
use crate::judge::{self, Arrivals, Kept, Tails};
use crate::log::{Commit, Log, SegmentSwap, State};
use crate::lookup::Cache;
use crate::row::{Row, RowReader};
use crate::shared::Shared;
use crate::touch::{Gather, Range};

/// Rows of one group, about: twice the largest append, so that judging and copying stay short.
const GROUP_ROWS_MAX: usize = 524_288;

/// Hot parts of the flushed size that may gather while one is being flushed; then appends wait.
const HOT_FLUSHES_MAX: usize = 2;
/// How long the writer sleeps before it looks for room again.
const ROOM_WAIT: Duration = Duration::from_millis(200);

/// The writer's own things.
#[derive(Debug)]
pub(crate) struct Writer {
    log: Arc<Log>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    tails: Tails,
    gather: Gather,
    cache: Cache,
    lake: Arc<Lake>,
    runtime: Handle,
    flush_rows: usize,
}

/// What a writer works with.
#[derive(Debug)]
pub(crate) struct Parts {
    /// The log.
    pub(crate) log: Arc<Log>,
    /// What readers see.
    pub(crate) shared: Arc<Shared>,
    /// The process's clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// The newest times of everything kept.
    pub(crate) tails: Tails,
    /// The lake, for late rows.
    pub(crate) lake: Arc<Lake>,
    /// Where the lake is read.
    pub(crate) runtime: Handle,
    /// Hot rows at which a flush is due.
    pub(crate) flush_rows: usize,
}

/// A job's answer, sent once the commit is durable.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

struct Waiting {
    append: Append,
    share: OwnedSemaphorePermit,
    reply: Reply<Appended>,
}

/// A group on its way.
struct Group {
    commit: Commit,
    arrivals: Vec<Arrivals>,
    waiting: Vec<Waiting>,
    touched: Vec<Vec<Range>>,
    datastreams: Option<Arc<Datastreams>>,
    documents: HashMap<String, u64>,
    answers: Vec<Answer>,
    close: Option<Reply<()>>,
}

impl Writer {
    /// A writer over a recovered log.
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            log: parts.log,
            shared: parts.shared,
            clock: parts.clock,
            tails: parts.tails,
            gather: Gather::default(),
            cache: Cache::default(),
            lake: parts.lake,
            runtime: parts.runtime,
            flush_rows: parts.flush_rows,
        }
    }

    /// Writes until told to close or until nobody can send any more.
    pub(crate) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut row_count = rows_of(&first);
            let mut group = vec![first];
            while row_count < GROUP_ROWS_MAX && group.len() < QUEUE_JOBS_MAX {
                let Ok(job) = jobs.try_recv() else { break };
                row_count += rows_of(&job);
                group.push(job);
            }
            if let Some(reply) = self.write(group) {
                jobs.close();
                answer(reply, Ok(()));
                break;
            }
        }
    }

    fn write(&mut self, jobs: Vec<Job>) -> Option<Reply<()>> {
        let row_count = jobs.iter().map(rows_of).sum();
        let room = self.await_room(row_count);
        let state = self.shared.read().state;
        let mut group = Group {
            commit: Commit { state, ..Commit::default() },
            arrivals: Vec::new(),
            waiting: Vec::new(),
            touched: Vec::new(),
            datastreams: None,
            documents: HashMap::new(),
            answers: Vec::new(),
            close: None,
        };
        for job in jobs {
            self.take(&mut group, job);
        }
        let has_asked = !group.waiting.is_empty() || !group.answers.is_empty();
        let is_idle = !has_asked && group.commit.trim.is_none();
        if is_idle {
            return group.close;
        }
        let prepared = room.and_then(|()| self.prepare(&mut group));
        let written = prepared.and_then(|()| self.log.commit(&group.commit));
        match written {
            Ok(state) => {
                self.publish(&mut group, state);
                succeed(group)
            }
            Err(source) => {
                self.forget(&source);
                fail(group, &source)
            }
        }
    }

    fn take(&self, group: &mut Group, job: Job) {
        match job {
            Job::Append { append, share, reply } => {
                group.waiting.push(Waiting { append, share, reply });
            }
            Job::Register { names, reply } => self.register(group, &names, reply),
            Job::Document { name, bytes, expected, reply } => {
                self.document(group, (name, bytes, expected), reply);
            }
            Job::Segments { swap, reply } => segments(group, swap, reply),
            Job::Trim { upto } => group.commit.trim = Some(group.commit.trim.unwrap_or(0).max(upto)),
            Job::Close { reply } => group.close = Some(reply),
        }
    }

    fn register(
        &self,
        group: &mut Group,
        names: &[DatastreamName],
        reply: Reply<Vec<arno_model::DatastreamKey>>,
    ) {
        let known = group
            .datastreams
            .get_or_insert_with(|| Arc::clone(&self.shared.read().datastreams));
        let datastreams = Arc::make_mut(known);
        let mut keys = Vec::with_capacity(names.len());
        for name in names {
            let count = datastreams.len();
            let key = datastreams.insert(name.clone());
            if datastreams.len() > count {
                group.commit.streams.push((key, name.clone()));
            }
            keys.push(key);
        }
        let send = move |result: Result<(), StoreError>| answer(reply, result.map(|()| keys));
        group.answers.push(Box::new(send));
    }

    fn document(
        &self,
        group: &mut Group,
        (name, bytes, expected): (String, Vec<u8>, u64),
        reply: Reply<u64>,
    ) {
        let revision = match group.documents.get(&name) {
            Some(revision) => Ok(*revision),
            None => self.log.document(&name).map(|kept| kept.map_or(0, |kept| kept.revision)),
        };
        match revision {
            Ok(revision) if revision == expected => {
                let revision = revision + 1;
                group.documents.insert(name.clone(), revision);
                group.commit.documents.push((name, Document { bytes, revision }));
                let send = move |result: Result<(), StoreError>| {
                    answer(reply, result.map(|()| revision));
                };
                group.answers.push(Box::new(send));
            }
            Ok(_other) => answer(reply, Err(StoreError::Conflict { name })),
            Err(source) => answer(reply, Err(source)),
        }
    }

    /// Stamps, judges and encodes the group's appends.
    fn prepare(&mut self, group: &mut Group) -> Result<(), StoreError> {
        for waiting in &group.waiting {
            let arrivals = self.arrive(&mut group.commit, &waiting.append)?;
            group.arrivals.push(arrivals);
        }
        let others = judge::sift(&group.arrivals, &mut self.tails);
        let kept = self.look_up(&judge::identities(&group.arrivals, &others))?;
        judge::settle(&mut group.arrivals, &others, kept);
        let mut batches = Vec::with_capacity(group.arrivals.len());
        for (arrivals, waiting) in group.arrivals.iter_mut().zip(&group.waiting) {
            let counts = &mut arrivals.ledger;
            let refused = waiting.append.quarantine.iter().map(|entry| entry.observations_count);
            counts.quarantined = refused.sum();
            counts.ignored = waiting.append.ignored_count;
            group.commit.state.ledger += *counts;
            group.touched.push(self.touched(arrivals));
            if arrivals.accepted_count() > 0 {
                batches.push(kept_batch(&waiting.append.observations, arrivals)?);
            }
        }
        if !batches.is_empty() {
            if batches.len() > 1 {
                let together = concat_batches(&kept_schema(), &batches);
                let invalid = |_source| StoreError::Invalid { reason: "columns cannot be joined" };
                batches = vec![together.map_err(invalid)?];
            }
            group.commit.state.seq += 1;
            group.commit.rows = Some(group::encode(&batches)?);
        }
        Ok(())
    }

    fn arrive(&self, commit: &mut Commit, append: &Append) -> Result<Arrivals, StoreError> {
        let state = &mut commit.state;
        let moment = match append.clock {
            ClockMark::Live => self.clock.now(),
            ClockMark::Recorded(moment) => moment,
        };
        let known_at = stamp(state, moment);
        state.known_at_us = Some(known_at.as_micros());
        tell(state, append.clock);
        for entry in &append.quarantine {
            state.quarantine_id += 1;
            commit.quarantine.push((state.quarantine_id, entry.clone()));
        }
        let view = arno_model::observation::ObservationColumns::view(&append.observations);
        let columns = view.map_err(|_source| StoreError::Invalid { reason: "another schema" })?;
        Ok(Arrivals::new(columns, known_at.as_micros()))
    }

    /// Waits while the hot part is full and a flush is on its way.
    fn await_room(&self, row_count: usize) -> Result<(), StoreError> {
        if row_count == 0 {
            return Ok(());
        }
        loop {
            let moment = self.shared.read();
            if moment.active.len() < self.flush_rows.saturating_mul(HOT_FLUSHES_MAX) {
                return Ok(());
            }
            if let Some(fault) = &moment.lake_fault {
                let source = fault.clone().into();
                return Err(StoreError::Unavailable { action: "flush into the lake", source });
            }
            drop(moment);
            self.shared.flush_due.notify_one();
            self.shared.await_room(ROOM_WAIT);
        }
    }

    /// The versions kept under some identities, which ascend: the lake's, then the hot part's.
    fn look_up(&mut self, identities: &[judge::Identity]) -> Result<Kept, StoreError> {
        let mut kept = Kept::with_capacity(identities.len());
        if identities.is_empty() {
            return Ok(kept);
        }
        let mut in_hot: Vec<Vec<Row>> = Vec::with_capacity(identities.len());
        let moment = self.shared.read();
        let files = Arc::clone(&moment.files);
        for (key, time_us) in identities {
            let mut found = Vec::new();
            if let Some(flushing) = &moment.flushing {
                flushing.versions(*key, *time_us, &mut found);
            }
            moment.active.versions(*key, *time_us, &mut found);
            in_hot.push(found);
        }
        drop(moment);
        self.cache.forget(&files);
        let looking = self.cache.versions(&self.lake, &files, identities, |identity, row| {
            judge::keep(&mut kept, identity, &[row]);
        });
        self.runtime.block_on(looking)?;
        for (identity, rows) in identities.iter().zip(in_hot) {
            judge::keep(&mut kept, *identity, &rows);
        }
        Ok(kept)
    }

    fn touched(&mut self, arrivals: &Arrivals) -> Vec<Range> {
        let reader = RowReader::new(&arrivals.columns);
        for index in 0..arrivals.columns.len() {
            if arrivals.is_accepted(index) {
                self.gather.add(reader.datastream(index), reader.time(index));
            }
        }
        self.gather.take()
    }

    /// Shows a durable group to the readers.
    fn publish(&self, group: &mut Group, state: State) {
        let mut moment = self.shared.write();
        if moment.active.len() == 0 && !group.arrivals.is_empty() {
            moment.active_since_us = Some(self.clock.now().as_micros());
        }
        for arrivals in &group.arrivals {
            let reader = RowReader::new(&arrivals.columns);
            for index in 0..arrivals.columns.len() {
                if arrivals.is_accepted(index) {
                    let row = reader.row(index, arrivals.known_at_us);
                    moment.active.insert(reader.datastream(index), row);
                }
            }
        }
        for (arrivals, ranges) in group.arrivals.iter().zip(group.touched.drain(..)) {
            moment.recent.add(arrivals.known_at_us, ranges);
        }
        if let Some(datastreams) = group.datastreams.take() {
            moment.datastreams = datastreams;
        }
        moment.state = state;
        moment.fault = None;
        if moment.active.len() >= self.flush_rows {
            self.shared.flush_due.notify_one();
        }
    }

    /// After a failed commit: the newest times may include rows that were not kept. A tail too new
    /// only costs lookups, so it stays.
    fn forget(&self, source: &StoreError) {
        tracing::error!(error = source as &dyn std::error::Error, "the log took no commit");
        self.shared.write().fault = Some(source.to_string());
    }
}

fn rows_of(job: &Job) -> usize {
    match job {
        Job::Append { append, .. } => append.observations.num_rows(),
        _ => 0,
    }
}

fn segments(group: &mut Group, swap: SegmentSwap, reply: Reply<()>) {
    group.commit.segments.push(swap);
    group.answers.push(Box::new(move |result| answer(reply, result)));
}

fn stamp(state: &State, moment: Timestamp) -> Timestamp {
    match state.known_at_us {
        Some(before) => Timestamp::from_micros(before).plus_us(1).max(moment),
        None => moment,
    }
}

fn tell(state: &mut State, mark: ClockMark) {
    match mark {
        ClockMark::Live => {
            state.is_live = true;
            state.clock = ClockState::Live;
        }
        ClockMark::Recorded(moment) if !state.is_live => {
            let now = match state.clock {
                ClockState::Recorded { now } => now.max(moment),
                ClockState::Live => moment,
            };
            state.clock = ClockState::Recorded { now };
        }
        ClockMark::Recorded(_moment) => {}
    }
}

/// The kept rows of an append, in the kept schema.
fn kept_batch(observations: &RecordBatch, arrivals: &Arrivals) -> Result<RecordBatch, StoreError> {
    let invalid = |_source| StoreError::Invalid { reason: "its columns do not form a batch" };
    let stamps = vec![arrivals.known_at_us; arrivals.columns.len()];
    let mut columns: Vec<ArrayRef> = observations.columns().to_vec();
    columns.push(Arc::new(TimestampMicrosecondArray::from(stamps).with_timezone("UTC")));
    let all = RecordBatch::try_new(kept_schema(), columns).map_err(invalid)?;
    match &arrivals.accepted {
        None => Ok(all),
        Some(accepted) => {
            let mask = BooleanArray::from(accepted.clone());
            filter_record_batch(&all, &mask).map_err(invalid)
        }
    }
}

fn answer<T>(reply: Reply<T>, result: Result<T, StoreError>) {
    // Who stopped waiting needs no answer.
    drop(reply.send(result));
}

fn succeed(group: Group) -> Option<Reply<()>> {
    for (waiting, arrivals) in group.waiting.into_iter().zip(&group.arrivals) {
        let appended = Appended {
            known_at: Timestamp::from_micros(arrivals.known_at_us),
            ledger: arrivals.ledger,
        };
        drop(waiting.share);
        answer(waiting.reply, Ok(appended));
    }
    for send in group.answers {
        send(Ok(()));
    }
    group.close
}

fn fail(group: Group, source: &StoreError) -> Option<Reply<()>> {
    for waiting in group.waiting {
        drop(waiting.share);
        answer(waiting.reply, Err(again(source)));
    }
    for send in group.answers {
        send(Err(again(source)));
    }
    group.close
}

/// The same error once more, for another of those who wait.
fn again(source: &StoreError) -> StoreError {
    let cause = || {
        let chain = std::error::Error::source(source);
        chain.map_or_else(|| source.to_string(), ToString::to_string).into()
    };
    match source {
        StoreError::Full { action, .. } => StoreError::Full { action, source: cause() },
        StoreError::Damaged { name, .. } => {
            StoreError::Damaged { name: name.clone(), source: cause() }
        }
        StoreError::Invalid { reason } => StoreError::Invalid { reason },
        StoreError::Closed => StoreError::Closed,
        StoreError::Unavailable { action, .. } => {
            StoreError::Unavailable { action, source: cause() }
        }
        StoreError::Held { .. } | StoreError::NewerFormat { .. } | StoreError::Conflict { .. } => {
            StoreError::Unavailable { action: "commit to the log", source: cause() }
        }
    }
}
