//! `arno replay`: recorded files are played into the holder of the data folder, or through a
//! broker.
//!
//! # Why
//! A recording is played by whoever holds the folder. A running process is asked through its
//! socket, which only the folder's owner may use: it reads the files itself and says line by line
//! how far it is. That route is not on the network.

use std::convert::Infallible;
use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use arno_ingest::{BrokerUrl, Ingest};
use arno_ingest_replay::{
    BrokerSink, IngestSink, Mapping, Played, Progress, Replay, ReplayError, Speed,
};
use arno_model::Ledger;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::routing::post;
use futures::StreamExt as _;
use http::{Method, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Holder, answer, start_log};
use crate::cli::{Common, Replay as Args};
use crate::config::Config;
use crate::door::Door;
use crate::exit::Usage;
use crate::progress;
use crate::system::{System, chain};

/// The socket's route.
const ROUTE: &str = "/control/replay";
/// Lines that wait for a slow reader; the replay waits at it.
const LINES_COUNT_MAX: usize = 16;

/// What the socket is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    files: Vec<PathBuf>,
    mapping: PathBuf,
    speed: String,
}

/// What a running replay can reach.
#[derive(Debug, Clone)]
struct Control {
    ingest: Ingest,
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// The operator's router and what is on the socket alone.
pub fn control_router(system: &System) -> Router {
    let control = Control {
        ingest: system.ingest.clone(),
        tracker: system.tracker(),
        stop: system.stop_token(),
    };
    let replay = Router::new().route(ROUTE, post(order)).with_state(control);
    replay.fallback_service(system.operator_router())
}

/// Plays the files, and prints the ledger.
pub async fn run(mut config: Config, flags: &Common, args: Args) -> anyhow::Result<()> {
    let speed: Speed = args.speed.parse().map_err(usage)?;
    let order = Order {
        files: args
            .files
            .iter()
            .map(|file| absolute(file))
            .collect::<Result<_, _>>()?,
        mapping: absolute(&args.mapping)?,
        speed: args.speed,
    };
    start_log(&config);
    if let Some(url) = &flags.broker {
        let url =
            BrokerUrl::parse(url).map_err(|error| Usage::new(format!("--broker: {error}")))?;
        let replay = read(&order).await?;
        let mut sink = BrokerSink::new(&url);
        let mut bar = progress::Progress::start("replay", 1);
        let stop = CancellationToken::new();
        let played = replay
            .run(&mut sink, speed, &stop, |at| show(&mut bar, at))
            .await?;
        bar.finish();
        return print(&played.ledger, played.is_complete);
    }
    config.brokers.clear();
    if let Some(door) = Door::to_running(&config.data_dir).await {
        return follow(&door, &order).await;
    }
    let replay = read(&order).await?;
    let holder = Holder::find(config).await?;
    let Some(system) = &holder.own else {
        return follow(&holder.door, &order).await;
    };
    let mut sink = IngestSink::new(system.ingest.clone());
    let mut bar = progress::Progress::start("replay", 1);
    let stop = system.stop_token();
    let played = replay
        .run(&mut sink, speed, &stop, |at| show(&mut bar, at))
        .await;
    bar.finish();
    let played = match played {
        Ok(played) => {
            system.analytics.rollups().refresh().await?;
            Ok(played)
        }
        Err(error) => Err(error),
    };
    holder.leave().await?;
    let played = played.map_err(usage)?;
    print(&played.ledger, played.is_complete)
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    let name = path.display();
    std::path::absolute(path).with_context(|| format!("find `{name}`"))
}

async fn read(order: &Order) -> anyhow::Result<Replay> {
    let mapping = Mapping::open(&order.mapping).map_err(usage)?;
    Replay::read(order.files.clone(), mapping)
        .await
        .map_err(usage)
}

/// Faults of the mapping, the files and the speed are the caller's.
fn usage(error: ReplayError) -> anyhow::Error {
    let is_store = matches!(error, ReplayError::Ingest { .. } | ReplayError::Interrupted);
    if is_store {
        error.into()
    } else {
        Usage::new(chain(&error)).into()
    }
}

fn show(bar: &mut progress::Progress, at: &Progress) {
    bar.set(
        at.played,
        at.total,
        &format!("recorded clock at {}", at.moment),
    );
}

/// Prints what became of everything.
fn print(ledger: &Ledger, is_complete: bool) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "received    {}", ledger.received())?;
    for (outcome, count) in ledger.entries() {
        writeln!(out, "{:<11} {count}", outcome.as_str())?;
    }
    anyhow::ensure!(is_complete, "the replay was stopped before its end");
    let is_nothing = ledger.stored + ledger.repeated + ledger.corrected == 0;
    anyhow::ensure!(
        !is_nothing || ledger.quarantined == 0,
        "nothing of the files was taken: is the registry that they belong to applied? \
         GET /api/v1/admin/quarantine says why each was refused"
    );
    Ok(())
}

/// Asks the running process, and shows its lines.
async fn follow(door: &Door, order: &Order) -> anyhow::Result<()> {
    let body = serde_json::to_value(order)?;
    let response = answer::send(door, Method::POST, ROUTE, Some(&body)).await?;
    let mut pieces = response.into_body().into_data_stream();
    let mut bar = progress::Progress::start("replay", 1);
    let mut text: Vec<u8> = Vec::new();
    let mut last = Value::Null;
    while let Some(piece) = pieces.next().await {
        text.extend_from_slice(&piece.context("the running process went away")?);
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            last = serde_json::from_slice(&line)?;
            if let (Some(played), Some(total)) = (last["played"].as_u64(), last["total"].as_u64()) {
                let moment = last["moment"].as_str().unwrap_or_default();
                bar.set(played, total, &format!("recorded clock at {moment}"));
            }
        }
    }
    bar.finish();
    if let Some(error) = last["error"].as_str() {
        return Err(Usage::new(error).into());
    }
    let ledger: Ledger = serde_json::from_value(last["ledger"].clone())
        .context("the running process ended before the replay did")?;
    print(&ledger, last["is_complete"] == true)
}

/// Plays what the socket was asked, and streams a line a portion.
async fn order(State(control): State<Control>, body: Bytes) -> Response<Body> {
    let order: Order = match serde_json::from_slice(&body) {
        Ok(order) => order,
        Err(error) => return (http::StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let (lines, received) = mpsc::channel::<Bytes>(LINES_COUNT_MAX);
    let Control {
        ingest,
        tracker,
        stop,
    } = control;
    tracker.spawn(async move {
        let last = match play(ingest, &order, &stop, &lines).await {
            Ok(played) => json!({ "ledger": played.ledger, "is_complete": played.is_complete }),
            Err(error) => json!({ "error": format!("{error:#}") }),
        };
        // Who asked may have gone: what was played is stored all the same.
        drop(lines.send(line(&last)).await);
    });
    let pieces = futures::stream::unfold(received, |mut received| async move {
        let piece = received.recv().await?;
        Some((Ok::<_, Infallible>(piece), received))
    });
    Response::new(Body::from_stream(pieces))
}

async fn play(
    ingest: Ingest,
    order: &Order,
    stop: &CancellationToken,
    lines: &mpsc::Sender<Bytes>,
) -> anyhow::Result<Played> {
    let speed: Speed = order.speed.parse().map_err(usage)?;
    let replay = read(order).await?;
    let mut sink = IngestSink::new(ingest);
    let played = replay.run(&mut sink, speed, stop, |at| {
        let said = json!({
            "moment": at.moment.to_string(), "played": at.played, "total": at.total,
        });
        // A reader that is behind misses a line of progress, never the last one.
        drop(lines.try_send(line(&said)));
    });
    Ok(played.await?)
}

fn line(value: &Value) -> Bytes {
    Bytes::from(format!("{value}\n"))
}
