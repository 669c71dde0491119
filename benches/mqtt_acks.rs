//! Durable acknowledgements a second through the embedded gateway: over one connection with one
//! message in flight (beside `fdatasync`), over one with many, and over 200; each also without a
//! store.
//!
//! Run it with `cargo run -p arno-benches --bin mqtt-acks`, on a quiet machine.

#![expect(clippy::print_stdout, reason = "a measuring program tells its figures")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use arno_benches::device::Device;
use arno_benches::disk::{median, sync_times};
use arno_benches::town::{NoStore, SystemClock, Town, topic};
use arno_store::{Clock as _, DatastreamRegister, ObservationReader as _, ObservationWriter};
use arno_store_embedded::{EmbeddedConfig, EmbeddedStore};
use tokio::task::JoinSet;

/// Bays, and connections in the widest run.
const CONNECTIONS_COUNT: usize = 200;

struct Run {
    name: &'static str,
    connections_count: usize,
    window: usize,
    messages_count: usize,
}

/// The widest run sends as many messages as the narrow ones take together in time.
const RUNS: [Run; 4] = [
    Run {
        name: "1 connection, 1 in flight",
        connections_count: 1,
        window: 1,
        messages_count: 3_000,
    },
    Run {
        name: "1 connection, 100 in flight",
        connections_count: 1,
        window: 100,
        messages_count: 60_000,
    },
    Run {
        name: "200 connections, 1 in flight each",
        connections_count: 200,
        window: 1,
        messages_count: 500,
    },
    Run {
        name: "200 connections, 20 in flight each",
        connections_count: 200,
        window: 20,
        messages_count: 2_500,
    },
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(std::env::args().nth(1).as_deref().unwrap_or("."))?;
    println!("fdatasync of 4 KiB: median {:?}", disk(folder.path())?);
    println!("without a store");
    measure(&Arc::new(NoStore::default())).await?;
    let clock = Arc::new(SystemClock);
    let place = folder.path().join("store");
    let store = EmbeddedStore::open(&place, EmbeddedConfig::default(), clock).await?;
    println!("embedded store");
    let acks_count = measure(&store).await?;
    let stored = usize::try_from(store.ledger().stored)?;
    ensure!(
        stored == acks_count,
        "{acks_count} acknowledgements, {stored} stored"
    );
    println!("fdatasync of 4 KiB: median {:?}", disk(folder.path())?);
    Ok(())
}

fn disk(folder: &Path) -> anyhow::Result<Duration> {
    Ok(median(&sync_times(folder, 500)?))
}

/// Plays all runs; how many acknowledgements came.
async fn measure<S>(store: &Arc<S>) -> anyhow::Result<usize>
where
    S: ObservationWriter + DatastreamRegister + 'static,
{
    let town = Town::start(CONNECTIONS_COUNT, store)?;
    let address = town.gateway.address();
    let mut acks_count = 0;
    // Half an hour ago: every reading of the runs lies in the past, and none twice.
    let mut first_ms = u64::try_from(SystemClock.now().as_micros() / 1_000)? - 1_800_000;
    for run in RUNS {
        let mut devices = Vec::new();
        for number in 0..run.connections_count {
            let client_id = format!("bay-{number}");
            devices.push(Device::connect(address, &client_id, topic(number), first_ms).await?);
        }
        first_ms += u64::try_from(run.messages_count)? + 1;
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for mut device in devices {
            tasks.spawn(async move { device.publish(run.messages_count, run.window).await });
        }
        let mut latencies = Vec::new();
        while let Some(seen) = tasks.join_next().await {
            latencies.extend(seen??.latencies);
        }
        let elapsed = started.elapsed();
        latencies.sort_unstable();
        let rate = f64::from(u32::try_from(latencies.len())?) / elapsed.as_secs_f64();
        acks_count += latencies.len();
        let slow = latencies
            .get(latencies.len() * 99 / 100)
            .copied()
            .unwrap_or_default();
        println!(
            "  {:<36} {rate:>9.0} acks/s   latency median {:?}, 99 % {slow:?}",
            run.name,
            median(&latencies)
        );
    }
    town.stop().await?;
    Ok(acks_count)
}
