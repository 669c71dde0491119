//! `arno demo`: a simulated region's history is stored, then the system runs and its devices live.
//!
//! # Why
//! The same binary, store and gateway as `up`: what a planner tries is what a town gets. Only the
//! history takes a short cut, from the generator straight into ingest, on the recorded clock.
//!
//! # Invariants
//! Safe to repeat: the folder remembers which region it holds and until when; a second start
//! fills the gap since, and another region needs another folder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arno_ingest::refusal::Origin;
use arno_ingest::{Ingest, IngestError, Problem, Reading};
use arno_model::time::DAY_US;
use arno_model::{TimeRange, Timestamp};
use arno_simulators::backfill::{Backfill, BackfillReport};
use arno_simulators::live::{Broker, Credentials, Live, LiveCounters};
use arno_simulators::{BackfillSink, Chunk, Generator, Region, Truth, TruthLog};
use arno_store::{ClockMark, QuarantineReason};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{start_log, up};
use crate::cli::{Common, Demo};
use crate::config::Config;
use crate::exit::Usage;
use crate::progress::Progress;
use crate::region;
use crate::system::{Service, System};

/// Where a demo lives unless told otherwise: not where a town's own data would.
const DEMO_DIR: &str = "./arno-demo";
/// The document that says which region a store holds.
const DEMO_DOCUMENT: &str = "demo";
/// Connections of the simulated devices: one a town up to this many.
const CONNECTIONS_COUNT_MAX: usize = 200;
/// How long the devices may take to stop.
const DEVICES_STOP_MAX: Duration = Duration::from_secs(3);

/// Which region a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    towns: u32,
    seed: u64,
    origin: Timestamp,
}

/// Runs the demo until SIGTERM or Ctrl-C.
pub async fn run(mut flags: Common, args: Demo) -> anyhow::Result<()> {
    let is_placed = flags.data_dir.is_some()
        || flags.config.is_some()
        || std::env::var_os("ARNO_DATA_DIR").is_some();
    if !is_placed {
        flags.data_dir = Some(PathBuf::from(DEMO_DIR));
    }
    let config = Config::load(&flags)?;
    let until = args.until.as_deref().map(Timestamp::parse).transpose();
    let until = until.map_err(|error| Usage::new(format!("--until: {error}")))?;
    let region = region::region(args.towns, args.seed)?;
    start_log(&config);
    let system = up::open(config).await?;
    let until = until.unwrap_or_else(|| system.clock().now());
    let stop = CancellationToken::new();
    let filled = tokio::select! {
        filled = fill(&system, &region, &args, until, &stop) => filled?,
        stopped = up::stopped() => {
            stopped?;
            return system.close().await;
        }
    };
    let service = Service::start(system).await?;
    up::announce(&service);
    let devices = start_devices(&service, filled, args.live, &stop)?;
    up::stopped().await?;
    tracing::info!("stopping; a second signal ends it at once");
    stop.cancel();
    if let Some(devices) = devices
        && tokio::time::timeout(DEVICES_STOP_MAX, devices)
            .await
            .is_err()
    {
        tracing::warn!("the simulated devices were late; going on without them");
    }
    up::stop(service).await
}

/// Applies the region's registry and stores its history; the generator stands at the end of it.
async fn fill(
    system: &System,
    region: &Arc<Region>,
    args: &Demo,
    until: Timestamp,
    stop: &CancellationToken,
) -> anyhow::Result<Generator> {
    let origin = until.plus_us(-i64::from(args.days) * DAY_US);
    let wanted = Held {
        towns: args.towns,
        seed: args.seed,
        origin,
    };
    let held = remember(system, wanted).await?;
    let bundle = region::bundle(region)?;
    let now = system.clock().now();
    system
        .keeper
        .apply_bundle(bundle, "demo", now)
        .await
        .context("apply the demo's registry")?;
    let mut generator = Generator::new(Arc::clone(region), held.origin);
    let ledger = system.backend.ledger();
    if ledger.received() > 0 {
        let last = system.backend.now().min(until);
        tracing::info!("the folder holds this region already; going on from {last}");
        generator.skip_to(last);
    }
    let mut truth = args
        .truth
        .is_some()
        .then(|| TruthLog::new(Arc::clone(region)));
    let mut progress = Progress::start("history", 100);
    let range = TimeRange::new(generator.now(), until);
    let mut sink = IngestSink {
        ingest: system.ingest.clone(),
        region: Arc::clone(region),
    };
    let backfill = Backfill {
        generator,
        until,
        token: stop.clone(),
        truth: truth.as_mut(),
    };
    let words = |report: &BackfillReport| {
        let whole = u64::try_from(range.length_us()).unwrap_or(1);
        let done = u64::try_from(report.range.end.since_us(range.start)).unwrap_or(0);
        progress.set(done, whole, &format!("{} readings", report.rows_count));
    };
    let (generator, report) = backfill.run(&mut sink, words).await?;
    progress.finish();
    tracing::info!(
        "history of {} readings is stored; computing rollups",
        report.rows_count
    );
    system.analytics.rollups().refresh().await?;
    system.analytics.rollups().persist().await?;
    if let (Some(log), Some(folder)) = (truth, args.truth.clone()) {
        tokio::task::spawn_blocking(move || Truth::of(&log).write(&folder, range)).await??;
    }
    Ok(generator)
}

/// Notes which region this folder holds, or compares.
async fn remember(system: &System, wanted: Held) -> anyhow::Result<Held> {
    let Some(document) = system.backend.document(DEMO_DOCUMENT).await? else {
        let text = serde_json::to_vec(&wanted)?;
        system.backend.put_document(DEMO_DOCUMENT, text, 0).await?;
        return Ok(wanted);
    };
    let held: Held = serde_json::from_slice(&document.bytes)?;
    if (held.towns, held.seed) == (wanted.towns, wanted.seed) {
        return Ok(held);
    }
    let place = system.config.data_dir.display();
    let fault = format!(
        "`{place}` holds a demo of {} towns and seed {}; ask for that, or choose another --data-dir",
        held.towns, held.seed
    );
    Err(Usage::new(fault).into())
}

/// Hands simulated history to ingest.
struct IngestSink {
    ingest: Ingest,
    region: Arc<Region>,
}

impl BackfillSink for IngestSink {
    type Error = IngestError;

    async fn accept(&mut self, chunk: Chunk) -> Result<(), IngestError> {
        let readings = chunk.rows.iter().filter_map(|row| {
            let thing = self.region.thing(row.thing)?;
            Some(Reading {
                thing: thing.id.clone(),
                property: row.property.id(),
                time: Some(row.time),
                result: row.result,
                result_time: None,
                received: row.received,
            })
        });
        let refused = chunk.garbage.iter().filter_map(|garbage| {
            let thing = self.region.thing(garbage.thing)?;
            let topic = format!("arno/v1/obs/{}/{}", thing.id.publisher(), thing.id.local());
            let publisher = thing.id.publisher();
            let received = garbage.received;
            let origin = Origin {
                topic: &topic,
                publisher: Some(&publisher),
                received,
            };
            let problem = Problem::new(QuarantineReason::Malformed, "not JSON");
            let payload = &garbage.payload;
            Some(problem.into_entry(origin, Some(payload), payload.len()))
        });
        let (readings, refused) = (readings.collect(), refused.collect());
        let clock = ClockMark::Recorded(chunk.range.end);
        self.ingest
            .deliver_readings(readings, refused, 0, clock)
            .await?;
        Ok(())
    }
}

/// Starts the devices on the gateway, unless there are to be none.
fn start_devices(
    service: &Service,
    mut generator: Generator,
    rate: Option<f64>,
    stop: &CancellationToken,
) -> anyhow::Result<Option<JoinHandle<()>>> {
    let Some(address) = service.mqtt.filter(|_| rate != Some(0.0)) else {
        return Ok(None);
    };
    if let Some(rate) = rate {
        generator
            .set_rate(rate)
            .map_err(|error| Usage::new(format!("--live: {error}")))?;
    }
    let clock = service.system().clock();
    generator.skip_to(clock.now());
    let live = Live {
        generator,
        broker: Broker {
            host: address.ip().to_string(),
            port: address.port(),
            credentials: Credentials::Anonymous,
        },
        connections_count_max: CONNECTIONS_COUNT_MAX,
        now: Arc::new(move || clock.now()),
        on_acknowledged: None,
    };
    let token = stop.clone();
    Ok(Some(service.system().tracker().spawn(async move {
        if let Err(error) = live.run(Arc::new(LiveCounters::default()), token).await {
            tracing::error!(
                error = crate::system::chain(&error),
                "the simulated devices failed"
            );
        }
    })))
}
