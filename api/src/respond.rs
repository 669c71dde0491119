//! Streamed answers: rows on their way and a plan to write them come in, an HTTP answer goes out.
//!
//! # Why
//! An error before the first row is a problem with its status; after it the status is sent already,
//! so the connection is broken off: a reader must never take half an answer for a whole one.
//!
//! # Shape
//! A short answer is written whole, with its length. A longer one is written by a task that hands
//! over piece by piece and waits for the reader: [`PIECES_COUNT_MAX`] pieces at most lie in
//! between.
//!
//! # Limits
//! `answer_time_max` for the whole, `stall_time_max` for a reader that takes nothing: then the task
//! ends, with the query behind it, and the connection breaks off.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arno_store::Role;
use arrow::array::RecordBatch;
use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LINK};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, future, stream};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_stream::wrappers::ReceiverStream;

use crate::encode::{EncodeError, Encoder, Envelope, Geometries, Plan};
use crate::format::Format;
use crate::params::{Params, quoted};
use crate::problem::{Chain, Problem};
use crate::questions::{QuestionError, RowStream};
use crate::state::ApiState;

/// Pieces between the writer and the reader of an answer: one being read, one ready.
const PIECES_COUNT_MAX: usize = 2;
/// Answers up to so many rows are written whole; longer ones are streamed.
const WHOLE_ROWS_MAX: usize = 8_192;
/// Batches above so many rows are encoded on a blocking thread: about half a millisecond's work.
const INLINE_ROWS_MAX: usize = 512;
/// Most rows of a page that is asked for with `limit`: a page is held as columns, to know what
/// follows, at some 15 MB for this many rows.
pub(crate) const PAGE_ROWS_MAX: usize = 100_000;

/// How the client wants to see an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    /// The format.
    pub(crate) format: Format,
    /// What parts the fields of CSV.
    pub(crate) separator: u8,
}

impl Shown {
    /// Reads `Accept`, `format` and `sep`.
    pub(crate) fn read(
        headers: &HeaderMap,
        params: &Params,
        offered: &[Format],
    ) -> Result<Self, Problem> {
        let format = Format::choose(headers, params, offered)?;
        let separator = match params.text("sep") {
            None | Some(",") => b',',
            Some(";") => b';',
            Some("tab") => b'\t',
            Some(text) => {
                let detail = format!("`sep` is `{}`", quoted(text));
                return Err(Problem::malformed(detail)
                    .at("sep")
                    .allowing([",", ";", "tab"]));
            }
        };
        if params.text("sep").is_some() && format != Format::Csv {
            let detail = format!("`sep` goes with format=csv, not with {format}");
            return Err(Problem::malformed(detail)
                .at("sep")
                .allowing(["format=csv"]));
        }
        Ok(Self { format, separator })
    }
}

/// A page of rows that was asked for with `limit`.
#[derive(Debug, Clone)]
pub(crate) struct PageOf {
    /// Rows of the page; one more was asked of the stream.
    pub(crate) rows_max: usize,
    /// The next page's address, if there is one.
    pub(crate) next: String,
}

/// What is to be answered with.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The rows.
    pub(crate) rows: RowStream,
    /// How they are shown.
    pub(crate) shown: Shown,
    /// What goes around them.
    pub(crate) envelope: Envelope,
    /// A page of them, or all.
    pub(crate) page: Option<PageOf>,
    /// Their geometries.
    pub(crate) geometries: Option<Geometries>,
    /// What a file of them would be called, without its ending.
    pub(crate) name: String,
}

/// Answers with rows.
pub(crate) async fn rows(
    state: &ApiState,
    role: &Role,
    answer: Answer,
) -> Result<Response, Problem> {
    let Answer {
        rows,
        shown,
        mut envelope,
        page,
        geometries,
        name,
    } = answer;
    let RowStream {
        schema,
        mut batches,
    } = rows;
    let held_rows_max = page.as_ref().map_or(WHOLE_ROWS_MAX, |page| page.rows_max);
    let mut held = VecDeque::new();
    let mut held_rows = 0;
    let mut is_whole = true;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| error.into_problem(role))?;
        held_rows += batch.num_rows();
        held.push_back(batch);
        if held_rows > held_rows_max {
            is_whole = false;
            break;
        }
    }
    let mut link = None;
    if let Some(page) = page {
        if held_rows > page.rows_max {
            cut(&mut held, held_rows - page.rows_max);
            link = HeaderValue::try_from(format!("<{}>; rel=\"next\"", page.next)).ok();
            envelope.next = Some(page.next);
        }
        // The page is here; only its text is still to be made.
        batches = Box::pin(stream::empty());
        is_whole = held_rows <= WHOLE_ROWS_MAX;
    }
    let Shown { format, separator } = shown;
    let plan = Plan {
        format,
        envelope,
        separator,
        geometries,
    };
    let encoder = plan.encoder(&schema).map_err(|error| failed(&error))?;
    let body = if is_whole {
        Body::from(whole(encoder, held).await?)
    } else {
        let (sender, receiver) = mpsc::channel(PIECES_COUNT_MAX);
        let outlet = Outlet {
            pieces: sender,
            is_whole: Arc::new(AtomicBool::new(false)),
            bounds: Bounds::of(state),
        };
        let is_whole = Arc::clone(&outlet.is_whole);
        let rows = RowStream { schema, batches };
        state.tracker().spawn(pump(encoder, held, rows, outlet));
        Body::from_stream(pieces(receiver, is_whole))
    };
    Ok(head(body, format, &name, link))
}

/// The headers of an answer.
pub(crate) fn head(body: Body, format: Format, name: &str, link: Option<HeaderValue>) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    if let Some(link) = link {
        headers.insert(LINK, link);
    }
    let is_file = matches!(format, Format::Csv | Format::Parquet | Format::Arrow);
    let name: String = name
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .collect();
    let disposition = format!("attachment; filename=\"{name}.{format}\"");
    if let Some(value) = HeaderValue::try_from(disposition).ok().filter(|_| is_file) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    response
}

/// Takes so many rows off the end.
fn cut(held: &mut VecDeque<RecordBatch>, mut surplus: usize) {
    while surplus > 0 {
        let Some(last) = held.pop_back() else { return };
        let kept = last.num_rows().saturating_sub(surplus);
        surplus = surplus.saturating_sub(last.num_rows());
        if kept > 0 {
            held.push_back(last.slice(0, kept));
        }
    }
}

async fn whole(encoder: Box<dyn Encoder>, held: VecDeque<RecordBatch>) -> Result<Vec<u8>, Problem> {
    let rows: usize = held.iter().map(RecordBatch::num_rows).sum();
    let write = move || {
        let mut encoder = encoder;
        let mut out = Vec::new();
        encoder.head(&mut out)?;
        for batch in &held {
            encoder.rows(batch, &mut out)?;
        }
        encoder.tail(&mut out)?;
        Ok::<_, EncodeError>(out)
    };
    let written = if rows > INLINE_ROWS_MAX {
        spawn_blocking(write)
            .await
            .map_err(|_panicked| Problem::internal())?
    } else {
        write()
    };
    written.map_err(|error| failed(&error))
}

fn failed(error: &EncodeError) -> Problem {
    Problem::fault("write an answer", arno_store::Retry::Never, error)
}

/// How long an answer may take.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    ends: Instant,
    stall: Duration,
}

impl Bounds {
    fn of(state: &ApiState) -> Self {
        let config = state.config();
        Self {
            ends: Instant::now() + config.answer_time_max,
            stall: config.stall_time_max,
        }
    }
}

/// Why an answer broke off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the rows did not come")]
    Rows(#[source] QuestionError),
    #[error("the rows could not be written")]
    Write(#[source] EncodeError),
    #[error("a writer stopped")]
    Stopped,
    #[error("the answer took longer than it may")]
    TooLong,
    #[error("the reader took nothing for too long")]
    Stalled,
    #[error("the reader went away")]
    Left,
}

/// Where the writer of a long answer puts it.
#[derive(Debug)]
struct Outlet {
    pieces: mpsc::Sender<Bytes>,
    /// Set after the last piece: an end without it is an answer that broke off.
    is_whole: Arc<AtomicBool>,
    bounds: Bounds,
}

/// The pieces as the reader gets them: after the last one an error, unless the answer is whole.
fn pieces(
    receiver: mpsc::Receiver<Bytes>,
    is_whole: Arc<AtomicBool>,
) -> impl Stream<Item = io::Result<Bytes>> {
    let end = stream::once(async move {
        let is_whole = is_whole.load(Ordering::Acquire);
        (!is_whole).then(|| Err(io::Error::other("the answer broke off")))
    });
    ReceiverStream::new(receiver)
        .map(Ok)
        .chain(end.filter_map(future::ready))
}

/// Writes a long answer, piece by piece.
async fn pump(
    encoder: Box<dyn Encoder>,
    held: VecDeque<RecordBatch>,
    rows: RowStream,
    outlet: Outlet,
) {
    match write_all(encoder, held, rows, &outlet).await {
        Ok(()) => outlet.is_whole.store(true, Ordering::Release),
        Err(Broken::Left) => {}
        Err(broken) => {
            let is_ours = matches!(
                broken,
                Broken::Rows(QuestionError::Failed { .. }) | Broken::Write(_) | Broken::Stopped
            );
            if is_ours {
                tracing::error!(cause = %Chain(&broken), "an answer broke off");
            } else {
                tracing::info!(cause = %Chain(&broken), "an answer broke off");
            }
            metrics::counter!("arno_api_answers_broken_total").increment(1);
        }
    }
}

async fn write_all(
    mut encoder: Box<dyn Encoder>,
    mut held: VecDeque<RecordBatch>,
    mut rows: RowStream,
    outlet: &Outlet,
) -> Result<(), Broken> {
    let mut out = Vec::new();
    encoder.head(&mut out).map_err(Broken::Write)?;
    loop {
        let batch = match held.pop_front() {
            Some(batch) => Some(batch),
            None => {
                let next = timeout_at(outlet.bounds.ends, rows.batches.next()).await;
                next.map_err(|_elapsed| Broken::TooLong)?
                    .transpose()
                    .map_err(Broken::Rows)?
            }
        };
        let Some(batch) = batch else { break };
        if batch.num_rows() > INLINE_ROWS_MAX {
            let task = spawn_blocking(move || {
                let written = encoder.rows(&batch, &mut out);
                (encoder, out, written)
            });
            let written;
            (encoder, out, written) = task.await.map_err(|_panicked| Broken::Stopped)?;
            written.map_err(Broken::Write)?;
        } else {
            encoder.rows(&batch, &mut out).map_err(Broken::Write)?;
        }
        send(outlet, &mut out).await?;
    }
    encoder.tail(&mut out).map_err(Broken::Write)?;
    send(outlet, &mut out).await
}

async fn send(outlet: &Outlet, out: &mut Vec<u8>) -> Result<(), Broken> {
    if out.is_empty() {
        return Ok(());
    }
    let piece = Bytes::from(std::mem::take(out));
    match timeout(outlet.bounds.stall, outlet.pieces.send(piece)).await {
        Ok(sent) => sent.map_err(|_closed| Broken::Left),
        Err(_elapsed) => Err(Broken::Stalled),
    }
}
