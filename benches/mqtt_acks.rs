//! Durable acknowledgements a second through the embedded gateway: over one connection with one
//! message in flight (beside `fdatasync`), over one with many, and over 200; each also without a
//! store.
//!
//! Run it with `make bench`, or `cargo run --release -p arno-benches --bin mqtt-acks -- FOLDER`, on
//! a quiet machine; the folder's disk is what "durable" means.

#![expect(clippy::print_stdout, reason = "a measuring program tells its figures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use arno_benches::device::Device;
use arno_benches::disk::median;
use arno_benches::machine::{facts, sync_median};
use arno_benches::town::{NoStore, SystemClock, Town, topic};
use arno_store::{Clock as _, ObservationReader as _};
use arno_store_embedded::{EmbeddedConfig, EmbeddedStore};
use tokio::task::JoinSet;

/// Bays, and connections in the widest run.
const CONNECTIONS_COUNT: usize = 200;

struct Run {
    name: &'static str,
    connections_count: usize,
    window: usize,
    messages_count: usize,
    aim: Option<Aim>,
}

/// What a run over the embedded store must reach.
#[derive(Clone, Copy)]
enum Aim {
    /// At least so many acknowledgements a second.
    Rate(f64),
    /// The median latency in `fdatasync`s, at most.
    Syncs(f64),
}

/// The widest run sends as many messages as the narrow ones take together in time.
const RUNS: [Run; 4] = [
    Run {
        name: "1 connection, 1 in flight",
        connections_count: 1,
        window: 1,
        messages_count: 3_000,
        aim: Some(Aim::Syncs(2.0)),
    },
    Run {
        name: "1 connection, 100 in flight",
        connections_count: 1,
        window: 100,
        messages_count: 60_000,
        aim: Some(Aim::Rate(2_000.0)),
    },
    Run {
        name: "200 connections, 1 in flight each",
        connections_count: 200,
        window: 1,
        messages_count: 500,
        aim: None,
    },
    Run {
        name: "200 connections, 20 in flight each",
        connections_count: 200,
        window: 20,
        messages_count: 2_500,
        aim: Some(Aim::Rate(50_000.0)),
    },
];

/// What a run showed.
struct Figure {
    acks_count: usize,
    rate: f64,
    latency: Duration,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(std::env::args().nth(1).as_deref().unwrap_or("."))?;
    println!("Durable acknowledgements a second through the embedded gateway");
    println!("{}", facts(folder.path())?);
    println!("without a store");
    let town = Town::start(CONNECTIONS_COUNT, &Arc::new(NoStore::default()))?;
    measure(town).await?;
    let clock = Arc::new(SystemClock);
    let place = folder.path().join("store");
    let store = EmbeddedStore::open(&place, EmbeddedConfig::default(), clock).await?;
    println!("embedded store");
    let before = sync_median(folder.path())?;
    let figures = measure(Town::start(CONNECTIONS_COUNT, &store)?).await?;
    let after = sync_median(folder.path())?;
    println!("fdatasync of a 4 KiB append, afterwards: median {after:.2?}");
    let acks_count: usize = figures.iter().map(|figure| figure.acks_count).sum();
    let stored = usize::try_from(store.ledger().stored)?;
    ensure!(
        stored == acks_count,
        "{acks_count} acknowledgements, {stored} stored"
    );
    println!("every acknowledged message is stored once: {stored}");
    let sync = (before + after) / 2;
    for (run, figure) in RUNS.iter().zip(&figures) {
        if let Some(aim) = run.aim {
            println!("  aim of {}: {}", run.name, verdict(aim, figure, sync));
        }
    }
    Ok(())
}

fn verdict(aim: Aim, figure: &Figure, sync: Duration) -> String {
    let (text, is_met) = match aim {
        Aim::Rate(rate) => (
            format!("at least {rate:.0} acks/s: {:.0}", figure.rate),
            figure.rate >= rate,
        ),
        Aim::Syncs(count) => {
            let syncs = figure.latency.div_duration_f64(sync);
            (
                format!("at most {count:.1} fdatasyncs: {syncs:.2} of {sync:.2?}"),
                syncs <= count,
            )
        }
    };
    format!("{text}, {}", if is_met { "met" } else { "MISSED" })
}

/// Plays all runs.
async fn measure(town: Town) -> anyhow::Result<Vec<Figure>> {
    let gateway = town.gateway()?;
    let mut figures = Vec::new();
    // Half an hour ago: every reading of the runs lies in the past, and none twice.
    let mut first_ms = u64::try_from(SystemClock.now().as_micros() / 1_000)? - 1_800_000;
    for run in &RUNS {
        let mut devices = Vec::new();
        for number in 0..run.connections_count {
            let client_id = format!("bay-{number}");
            let device = Device::connect(gateway.address(), &client_id, topic(number), first_ms);
            devices.push(device.await?);
        }
        first_ms += u64::try_from(run.messages_count)? + 1;
        figures.push(play(run, devices).await?);
    }
    gateway.stop().await?;
    town.stop().await;
    Ok(figures)
}

/// Lets all devices publish at once, and prints what they saw.
async fn play(run: &Run, devices: Vec<Device>) -> anyhow::Result<Figure> {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    let (messages_count, window) = (run.messages_count, run.window);
    for mut device in devices {
        tasks.spawn(async move { device.publish(messages_count, window).await });
    }
    let mut latencies = Vec::new();
    while let Some(seen) = tasks.join_next().await {
        latencies.extend(seen??.latencies);
    }
    let elapsed = started.elapsed();
    latencies.sort_unstable();
    let figure = Figure {
        acks_count: latencies.len(),
        rate: f64::from(u32::try_from(latencies.len())?) / elapsed.as_secs_f64(),
        latency: median(&latencies),
    };
    let slow = latencies.get(latencies.len() * 99 / 100);
    println!(
        "  {:<36} {:>7.0} acks/s   latency median {:.1?}, 99 % {:.1?}",
        run.name,
        figure.rate,
        figure.latency,
        slow.copied().unwrap_or_default()
    );
    Ok(figure)
}
