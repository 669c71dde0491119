//! A group on its way: jobs come in, one commit and everybody's answer go out.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use arno_model::{DatastreamKey, Timestamp};
use arno_store::{Append, Appended, DatastreamName, Datastreams, Document, StoreError};
use tokio::sync::OwnedSemaphorePermit;

use crate::job::{Job, Reply};
use crate::judge::Arrivals;
use crate::log::{Commit, Log, SegmentSwap, State};
use crate::shared::Shared;
use crate::touch::Range;

/// A job's answer, sent once the commit is durable.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// An append that waits.
pub(super) struct Waiting {
    pub(super) append: Append,
    pub(super) share: OwnedSemaphorePermit,
    pub(super) reply: Reply<Appended>,
}

/// A group on its way.
pub(super) struct Group {
    pub(super) commit: Commit,
    pub(super) arrivals: Vec<Arrivals>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) touched: Vec<Vec<Range>>,
    pub(super) datastreams: Option<Arc<Datastreams>>,
    pub(super) documents: HashMap<String, u64>,
    pub(super) answers: Vec<Answer>,
    pub(super) close: Option<Reply<()>>,
}

impl Group {
    /// An empty group that goes on from a state.
    pub(super) fn new(state: State) -> Self {
        Self {
            commit: Commit {
                state,
                ..Commit::default()
            },
            arrivals: Vec::new(),
            waiting: Vec::new(),
            touched: Vec::new(),
            datastreams: None,
            documents: HashMap::new(),
            answers: Vec::new(),
            close: None,
        }
    }

    /// Whether somebody waits for its commit.
    pub(super) fn is_awaited(&self) -> bool {
        !self.waiting.is_empty() || !self.answers.is_empty()
    }

    /// Takes a job in.
    pub(super) fn take(&mut self, job: Job, shared: &Shared, log: &Log) {
        match job {
            Job::Append {
                append,
                share,
                reply,
            } => {
                self.waiting.push(Waiting {
                    append,
                    share,
                    reply,
                });
            }
            Job::Register { names, reply } => self.register(&names, reply, shared),
            Job::Document {
                name,
                bytes,
                expected,
                reply,
            } => {
                self.document((name, bytes, expected), reply, log);
            }
            Job::Segments { swap, reply } => self.swap(swap, reply),
            Job::Trim { upto } => {
                self.commit.trim = Some(self.commit.trim.unwrap_or(0).max(upto));
            }
            Job::Probe => self.answers.push(Box::new(drop)),
            Job::Close { reply } => self.close = Some(reply),
        }
    }

    fn register(
        &mut self,
        names: &[DatastreamName],
        reply: Reply<Vec<DatastreamKey>>,
        shared: &Shared,
    ) {
        let known = &mut self.datastreams;
        let known = known.get_or_insert_with(|| Arc::clone(&shared.read().datastreams));
        let datastreams = Arc::make_mut(known);
        let mut keys = Vec::with_capacity(names.len());
        for name in names {
            let count = datastreams.len();
            let key = datastreams.insert(name.clone());
            if datastreams.len() > count {
                self.commit.streams.push((key, name.clone()));
            }
            keys.push(key);
        }
        let send = move |result: Result<(), StoreError>| answer(reply, result.map(|()| keys));
        self.answers.push(Box::new(send));
    }

    fn document(
        &mut self,
        (name, bytes, expected): (String, Vec<u8>, u64),
        reply: Reply<u64>,
        log: &Log,
    ) {
        let revision = match self.documents.get(&name) {
            Some(revision) => Ok(*revision),
            None => log
                .document(&name)
                .map(|kept| kept.map_or(0, |kept| kept.revision)),
        };
        match revision {
            Ok(revision) if revision == expected => {
                let revision = revision + 1;
                self.documents.insert(name.clone(), revision);
                self.commit
                    .documents
                    .push((name, Document { bytes, revision }));
                let send = move |result: Result<(), StoreError>| {
                    answer(reply, result.map(|()| revision));
                };
                self.answers.push(Box::new(send));
            }
            Ok(_other) => answer(reply, Err(StoreError::Conflict { name })),
            Err(source) => answer(reply, Err(source)),
        }
    }

    fn swap(&mut self, swap: SegmentSwap, reply: Reply<()>) {
        self.commit.segments.push(swap);
        self.answers
            .push(Box::new(move |result| answer(reply, result)));
    }

    /// Answers everybody that it is durable; returns who asked to close.
    pub(super) fn succeed(self) -> Option<Reply<()>> {
        for (waiting, arrivals) in self.waiting.into_iter().zip(&self.arrivals) {
            let appended = Appended {
                known_at: Timestamp::from_micros(arrivals.known_at_us),
                ledger: arrivals.ledger,
            };
            drop(waiting.share);
            answer(waiting.reply, Ok(appended));
        }
        for send in self.answers {
            send(Ok(()));
        }
        self.close
    }

    /// Answers everybody that nothing was kept; returns who asked to close.
    pub(super) fn fail(self, source: &StoreError) -> Option<Reply<()>> {
        for waiting in self.waiting {
            drop(waiting.share);
            answer(waiting.reply, Err(again(source)));
        }
        for send in self.answers {
            send(Err(again(source)));
        }
        self.close
    }
}

/// Answers one who waits.
pub(super) fn answer<T>(reply: Reply<T>, result: Result<T, StoreError>) {
    // Who stopped waiting needs no answer.
    drop(reply.send(result));
}

/// The same error once more, for another of those who wait.
fn again(source: &StoreError) -> StoreError {
    let cause = || {
        let chain = Error::source(source);
        chain
            .map_or_else(|| source.to_string(), ToString::to_string)
            .into()
    };
    match source {
        StoreError::Full { action, .. } => StoreError::Full {
            action,
            source: cause(),
        },
        StoreError::Damaged { name, .. } => StoreError::Damaged {
            name: name.clone(),
            source: cause(),
        },
        StoreError::Invalid { reason } => StoreError::Invalid { reason },
        StoreError::Closed => StoreError::Closed,
        StoreError::Unavailable { action, .. } => StoreError::Unavailable {
            action,
            source: cause(),
        },
        StoreError::Held { .. } | StoreError::NewerFormat { .. } | StoreError::Conflict { .. } => {
            StoreError::Unavailable {
                action: "commit to the log",
                source: cause(),
            }
        }
    }
}
