//! The writer: appends queue here, one task makes each group of them one transaction.
//!
//! # Why
//! A commit costs a disk write at the server however small it is. There is no timer: when idle an
//! append commits at once, and what queued meanwhile is the next group.
//!
//! # Shape
//! lock → stamp → kept versions of the group's identities → judge → `COPY BINARY` → counts →
//! commit.
//!
//! # Limits
//! [`QUEUE_ROWS_MAX`] rows may wait; more wait outside. [`GROUP_ROWS_MAX`] rows form a group.

use std::collections::HashMap;
use std::sync::Arc;

use arno_model::observation::{ObservationColumns, arrival_schema};
use arno_model::{DatastreamKey, Ledger, Quality, Timestamp, Version};
use arno_store::append::APPEND_ROWS_MAX;
use arno_store::{Append, Appended, Clock, ClockMark, QuarantineEntry, StoreError};
use bytes::{Bytes, BytesMut};
use deadpool_postgres::Transaction;
use futures::SinkExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_postgres::types::ToSql;
use tokio_util::sync::CancellationToken;

use crate::binary::{COLUMNS, KeptRow, put_header, put_row, put_trailer};
use crate::error::failed;
use crate::group::{Identity, identities, judge_group};
use crate::store::Shared;

/// Rows that may wait for the database: four of the largest appends.
pub const QUEUE_ROWS_MAX: usize = 4 * APPEND_ROWS_MAX;
/// Rows of one transaction: larger ones hold the lock for longer than a device waits.
const GROUP_ROWS_MAX: usize = APPEND_ROWS_MAX;
/// Appends that may wait, whatever their size.
const QUEUE_APPENDS_MAX: usize = 4_096;
/// Key of the advisory lock under which commits get their stamps ("arno" and a two).
const COMMIT_LOCK: i64 = 0x6172_6e6f_0002;
/// Bytes sent to the server at once.
const COPY_CHUNK_BYTES: usize = 64 << 10;

/// The server's timestamps are microseconds from 2000; `to_timestamp` on text would round.
fn server_time(moment: Timestamp) -> std::time::SystemTime {
    let micros = moment.as_micros();
    let size = std::time::Duration::from_micros(micros.unsigned_abs());
    if micros < 0 {
        std::time::UNIX_EPOCH - size
    } else {
        std::time::UNIX_EPOCH + size
    }
}

/// An append with its way back.
#[derive(Debug)]
struct Job {
    append: Append,
    columns: ObservationColumns,
    answer: oneshot::Sender<Result<Appended, StoreError>>,
    _room: OwnedSemaphorePermit,
}

/// The way to the writer.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
}

impl Writer {
    /// Queues an append and waits until it is durable.
    pub(crate) async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let rows_count = append.observations.num_rows();
        if rows_count > APPEND_ROWS_MAX {
            return Err(StoreError::Invalid {
                reason: "an append of too many rows",
            });
        }
        if append.observations.schema() != arrival_schema() {
            return Err(StoreError::Invalid {
                reason: "a batch of another schema",
            });
        }
        let columns = ObservationColumns::view(&append.observations).map_err(|_cause| {
            StoreError::Invalid {
                reason: "a batch of another schema",
            }
        })?;
        let has_nonsense = columns
            .result
            .iter()
            .flatten()
            .any(|number| !number.is_finite());
        let has_unknown = columns
            .quality
            .values()
            .iter()
            .any(|code| Quality::from_code(*code).is_none());
        if has_nonsense || has_unknown {
            return Err(StoreError::Invalid {
                reason: "a result or quality that is none",
            });
        }
        let permits = u32::try_from(rows_count.max(1)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(permits).await;
        let room = room.map_err(|_closed| StoreError::Closed)?;
        let (answer, outcome) = oneshot::channel();
        let job = Job {
            append,
            columns,
            answer,
            _room: room,
        };
        self.jobs
            .send(job)
            .await
            .map_err(|_closed| StoreError::Closed)?;
        outcome.await.map_err(|_dropped| StoreError::Closed)?
    }

    /// Refuses further appends; what is queued is still committed.
    pub(crate) fn close(&self) {
        self.room.close();
    }
}

/// Makes the writer and the task that it feeds.
pub(crate) fn writer(
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    token: CancellationToken,
) -> (Writer, impl Future<Output = ()> + Send) {
    let (jobs, queue) = mpsc::channel(QUEUE_APPENDS_MAX);
    let writer = Writer {
        jobs,
        room: Arc::new(Semaphore::new(QUEUE_ROWS_MAX)),
    };
    (writer, run(shared, clock, queue, token))
}

async fn run(
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    mut queue: mpsc::Receiver<Job>,
    token: CancellationToken,
) {
    let mut held = None;
    loop {
        let first = match held.take() {
            Some(job) => job,
            // Cancel-safe: `recv` loses nothing, and what is queued is taken before the end.
            None => tokio::select! {
                biased;
                job = queue.recv() => match job { Some(job) => job, None => return },
                () = token.cancelled() => return,
            },
        };
        let mut group = vec![first];
        let mut rows_count = group[0].append.observations.num_rows();
        while let Ok(job) = queue.try_recv() {
            rows_count += job.append.observations.num_rows();
            if rows_count > GROUP_ROWS_MAX {
                held = Some(job);
                break;
            }
            group.push(job);
        }
        let (appends, rest): (Vec<_>, Vec<_>) = group
            .into_iter()
            .map(|job| (job.append, (job.columns, job.answer)))
            .unzip();
        let (columns, answers): (Vec<_>, Vec<_>) = rest.into_iter().unzip();
        let committed = commit(&shared, clock.now(), &appends, &columns).await;
        answer(committed, answers);
    }
}

fn answer(
    committed: Result<Vec<Appended>, StoreError>,
    answers: Vec<oneshot::Sender<Result<Appended, StoreError>>>,
) {
    match committed {
        Ok(appended) => {
            for (sender, appended) in answers.into_iter().zip(appended) {
                // Who stopped waiting may send again: it will be a repeat.
                drop(sender.send(Ok(appended)));
            }
        }
        Err(error) => {
            let text = error.to_string();
            for sender in answers {
                let again = StoreError::Unavailable {
                    action: "commit to the database",
                    source: text.clone().into(),
                };
                drop(sender.send(Err(again)));
            }
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a commit failed; nothing of it was kept"
            );
        }
    }
}

async fn commit(
    shared: &Shared,
    now: Timestamp,
    appends: &[Append],
    columns: &[ObservationColumns],
) -> Result<Vec<Appended>, StoreError> {
    let fail = failed("commit to the database");
    let mut client = shared.client().await?;
    let transaction = client.transaction().await.map_err(fail)?;
    transaction
        .execute("SELECT pg_advisory_xact_lock($1)", &[&COMMIT_LOCK])
        .await
        .map_err(fail)?;
    let moment = moment_of(appends, now);
    let row = transaction
        .query_one(
            "UPDATE arno.state SET last_commit = greatest(last_commit + interval '1 microsecond', $1) \
             RETURNING last_commit",
            &[&server_time(moment)],
        )
        .await
        .map_err(fail)?;
    let known_at = Shared::read_time(&row, 0);
    let wanted = identities(columns);
    let kept = kept_versions(&transaction, &wanted).await?;
    let judged = judge_group(appends, columns, kept, known_at)?;
    copy_rows(&transaction, &judged.rows).await?;
    for append in appends {
        put_quarantine(&transaction, &append.quarantine).await?;
    }
    let mut total = Ledger::default();
    for ledger in &judged.ledgers {
        total += *ledger;
    }
    let state = count(&transaction, total, appends).await?;
    transaction.commit().await.map_err(fail)?;
    shared.learn(&state);
    let appended = |ledger| Appended { known_at, ledger };
    Ok(judged.ledgers.into_iter().map(appended).collect())
}

/// The moment on the group's own clock: live appends beat recorded ones.
fn moment_of(appends: &[Append], now: Timestamp) -> Timestamp {
    let recorded = appends.iter().map(|append| match append.clock {
        ClockMark::Live => None,
        ClockMark::Recorded(moment) => Some(moment),
    });
    let moments: Option<Vec<Timestamp>> = recorded.collect();
    moments
        .and_then(|moments| moments.into_iter().max())
        .unwrap_or(now)
}

async fn kept_versions(
    transaction: &Transaction<'_>,
    wanted: &[Identity],
) -> Result<HashMap<Identity, Vec<Version>>, StoreError> {
    let fail = failed("look kept versions up");
    let mut kept: HashMap<Identity, Vec<Version>> = HashMap::new();
    if wanted.is_empty() {
        return Ok(kept);
    }
    let keys: Vec<i32> = wanted.iter().map(|(key, _)| key.0).collect();
    let times: Vec<std::time::SystemTime> =
        wanted.iter().map(|(_, time)| server_time(*time)).collect();
    // The bounds let the planner leave chunks out.
    let first = times.iter().min().copied();
    let last = times.iter().max().copied();
    let rows = transaction
        .query(
            "SELECT kept.datastream, kept.time, kept.result, kept.result_time, kept.received, kept.known_at \
             FROM unnest($1::int4[], $2::timestamptz[]) AS wanted(datastream, time) \
             JOIN arno.observations AS kept USING (datastream, time) \
             WHERE kept.time BETWEEN $3 AND $4 ORDER BY kept.known_at, kept.place",
            &[&keys, &times, &first, &last],
        )
        .await
        .map_err(fail)?;
    for row in rows {
        let moment = |place: usize| {
            let time: Option<std::time::SystemTime> = row.get(place);
            time.map(Shared::timestamp)
        };
        let (Some(time), Some(received), Some(known_at)) = (moment(1), moment(4), moment(5)) else {
            continue;
        };
        let version = Version {
            result: row.get(2),
            result_time: moment(3),
            received,
            known_at,
        };
        kept.entry((DatastreamKey(row.get(0)), time))
            .or_default()
            .push(version);
    }
    Ok(kept)
}

async fn copy_rows(transaction: &Transaction<'_>, rows: &[KeptRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let fail = failed("copy rows into the database");
    let sql = format!("COPY arno.observations ({COLUMNS}) FROM STDIN BINARY");
    let sink = transaction.copy_in::<_, Bytes>(&sql).await.map_err(fail)?;
    let mut sink = std::pin::pin!(sink);
    let mut buffer = BytesMut::with_capacity(COPY_CHUNK_BYTES + 128);
    put_header(&mut buffer);
    for row in rows {
        put_row(&mut buffer, row);
        if buffer.len() >= COPY_CHUNK_BYTES {
            sink.send(buffer.split().freeze()).await.map_err(fail)?;
        }
    }
    put_trailer(&mut buffer);
    sink.send(buffer.freeze()).await.map_err(fail)?;
    sink.as_mut().finish().await.map_err(fail)?;
    Ok(())
}

async fn put_quarantine(
    transaction: &Transaction<'_>,
    entries: &[QuarantineEntry],
) -> Result<(), StoreError> {
    for entry in entries {
        let text = serde_json::to_string(entry).map_err(|error| StoreError::Unavailable {
            action: "write a refusal down",
            source: Box::new(error),
        })?;
        let publisher = entry
            .publisher
            .as_ref()
            .map(|publisher| publisher.as_str().to_owned());
        let parameters: [&(dyn ToSql + Sync); 3] = [&entry.reason.as_str(), &publisher, &text];
        transaction
            .execute(
                "INSERT INTO arno.quarantine (reason, publisher, entry) \
                 VALUES ($1, $2, $3::text::jsonb)",
                &parameters,
            )
            .await
            .map_err(failed("write a refusal down"))?;
    }
    Ok(())
}

async fn count(
    transaction: &Transaction<'_>,
    total: Ledger,
    appends: &[Append],
) -> Result<tokio_postgres::Row, StoreError> {
    let is_live = appends.iter().any(|append| append.clock == ClockMark::Live);
    let recorded = appends.iter().filter_map(|append| match append.clock {
        ClockMark::Live => None,
        ClockMark::Recorded(moment) => Some(server_time(moment)),
    });
    let recorded = recorded.max();
    let narrow = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let [stored, repeated, corrected, quarantined, ignored] =
        total.entries().map(|(_, number)| narrow(number));
    let sql = format!(
        "UPDATE arno.state SET stored = stored + $1, repeated = repeated + $2, \
         corrected = corrected + $3, quarantined = quarantined + $4, ignored = ignored + $5, \
         is_live = is_live OR $6, recorded = greatest(recorded, $7) RETURNING {}",
        crate::store::STATE_COLUMNS
    );
    let parameters: [&(dyn ToSql + Sync); 7] = [
        &stored,
        &repeated,
        &corrected,
        &quarantined,
        &ignored,
        &is_live,
        &recorded,
    ];
    transaction
        .query_one(&sql, &parameters)
        .await
        .map_err(failed("count what was committed"))
}
