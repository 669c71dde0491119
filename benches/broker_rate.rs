//! The rate at which Arno's bridge drains a mosquitto, beside a bare rumqttc subscriber that
//! discards everything, in the same run; and the steps between the two, which say where time goes.
//!
//! # Why
//! A session that was away comes back to a queue: that is when the rate matters, and it needs no
//! publisher that shares the cores. So each drain makes a session, lets it leave, fills its queue
//! at QoS 1, and times how long its consumer takes: until the last message was heard, or, for Arno,
//! until the last one is stored. The consumers take turns, and begin each round with another.
//!
//! # Shape
//! Every consumer has its own session of the same kind: MQTT 5, QoS 1, one filter, the receive
//! maximum that the bridge asks for. The queue is filled with the same payloads; their times are
//! all different, so that the store takes every one as new.
//!
//! Run it with `make bench`, or `cargo run --release -p arno-benches --bin broker-rate -- FOLDER`,
//! on a quiet machine; the folder's disk is what "durable" means.

#![expect(clippy::print_stdout, reason = "a measuring program tells its figures")]

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use arno_benches::broker::Broker;
use arno_benches::device::Device;
use arno_benches::disk::median;
use arno_benches::machine::{facts, processor_time, sync_median};
use arno_benches::subscriber::{Acks, Session};
use arno_benches::town::{NoStore, SystemClock, Town, topic};
use arno_ingest::{BrokerSettings, BrokerUrl};
use arno_store::{Clock as _, ObservationReader as _};
use arno_store_embedded::{EmbeddedConfig, EmbeddedStore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Messages of each drain.
const MESSAGES_COUNT: usize = 40_000;
/// Bays, each with its own connection to the broker while the queue is filled.
const DEVICES_COUNT: usize = 40;
/// Drains of each consumer; the median counts.
const ROUNDS_COUNT: usize = 5;
/// What the broker keeps in flight: its own default, what our documentation advises, and so many
/// that the bridge's receive maximum is the limit.
const IN_FLIGHT_COUNTS: [u16; 3] = [20, 100, 1_000];
/// The bridge's rate over the bare subscriber's.
const RATIO_AIM: f64 = 0.8;
/// Longest drain.
const DRAIN: Duration = Duration::from_mins(2);

/// Who drains.
enum Consumer {
    /// A rumqttc subscriber that discards.
    Bare(Acks),
    /// The bridge; the function tells how many rows its store has.
    Arno {
        town: Town,
        stored: Box<dyn Fn() -> u64 + Send + Sync>,
    },
}

/// A consumer and what its drains showed.
struct Peer {
    name: &'static str,
    consumer: Consumer,
    drains: Vec<Drain>,
}

/// One drain.
#[derive(Clone, Copy)]
struct Drain {
    elapsed: Duration,
    /// Processor time of this process.
    here: Duration,
    /// Processor time of the broker.
    broker: Duration,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(std::env::args().nth(1).as_deref().unwrap_or("."))?;
    println!("Messages a second from mosquitto: Arno's bridge beside a bare subscriber");
    println!("{}", facts(folder.path())?);
    println!(
        "{ROUNDS_COUNT} rounds of {MESSAGES_COUNT} queued messages, QoS 1, MQTT 5; medians; \
         processor time is a message's"
    );
    let nothing = Arc::new(NoStore::default());
    let place = folder.path().join("store");
    let clock = Arc::new(SystemClock);
    let store = EmbeddedStore::open(&place, EmbeddedConfig::default(), clock).await?;
    let mut peers = [
        Peer::new("bare, rumqttc acknowledges", Consumer::Bare(Acks::ByClient)),
        Peer::new("bare, acknowledged by hand", Consumer::Bare(Acks::ByHand)),
        Peer::new(
            "Arno's bridge without a store",
            Consumer::Arno {
                town: Town::start(DEVICES_COUNT, &nothing)?,
                stored: Box::new(move || nothing.rows_count()),
            },
        ),
        Peer::new(
            "Arno's bridge, embedded store",
            Consumer::Arno {
                town: Town::start(DEVICES_COUNT, &store)?,
                stored: Box::new({
                    let store = Arc::clone(&store);
                    move || store.ledger().stored
                }),
            },
        ),
    ];
    // Two hours ago: every reading lies in the past, and none comes twice.
    let mut next_ms = u64::try_from(SystemClock.now().as_micros() / 1_000)? - 7_200_000;
    for in_flight_count_max in IN_FLIGHT_COUNTS {
        measure(&mut peers, in_flight_count_max, &mut next_ms).await?;
        println!("{}", Table(&peers, in_flight_count_max));
    }
    let ledger = store.ledger();
    println!("{ledger:?}");
    println!(
        "every message that Arno drained is stored once: {}",
        ledger.stored
    );
    println!(
        "fdatasync of a 4 KiB append, afterwards: median {:.2?}",
        sync_median(folder.path())?
    );
    for peer in peers {
        if let Consumer::Arno { town, .. } = peer.consumer {
            town.stop().await;
        }
    }
    Ok(())
}

/// All rounds against a broker with this setting.
async fn measure(
    peers: &mut [Peer],
    in_flight_count_max: u16,
    next_ms: &mut u64,
) -> anyhow::Result<()> {
    let broker = Broker::start(in_flight_count_max).await?;
    for peer in &mut *peers {
        peer.drains.clear();
    }
    for _round in 0..ROUNDS_COUNT {
        for peer in &mut *peers {
            let drain = peer.drain(&broker, *next_ms).await?;
            peer.drains.push(drain);
            *next_ms += u64::try_from(MESSAGES_COUNT / DEVICES_COUNT)? + 1;
        }
        peers.rotate_left(1);
    }
    peers.rotate_right(ROUNDS_COUNT % peers.len());
    Ok(())
}

/// Publishes all messages to the broker, times from `first_ms` on, and waits for its word.
async fn fill(broker: &Broker, first_ms: u64) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for number in 0..DEVICES_COUNT {
        let client_id = format!("bay-{number}");
        let device = Device::connect(broker.address, &client_id, topic(number), first_ms);
        let mut device = device.await?;
        tasks.spawn(async move { device.publish(MESSAGES_COUNT / DEVICES_COUNT, 100).await });
    }
    while let Some(seen) = tasks.join_next().await {
        seen??;
    }
    Ok(())
}

impl Peer {
    const fn new(name: &'static str, consumer: Consumer) -> Self {
        Self {
            name,
            consumer,
            drains: Vec::new(),
        }
    }

    /// Fills a queue and drains it.
    async fn drain(&self, broker: &Broker, first_ms: u64) -> anyhow::Result<Drain> {
        let address = broker.address;
        let url = format!("mqtt://{address}/?client_id=consumer&version=5");
        let settings = BrokerSettings::of(BrokerUrl::parse(&url)?);
        let session = Session {
            client_id: settings.url.client_id.clone(),
            filter: settings.topics.concat(),
            in_flight_count_max: settings.in_flight_count_max,
        };
        session.make(broker).await?;
        fill(broker, first_ms).await?;
        let here = processor_time("self")?;
        let there = processor_time(&broker.process())?;
        let elapsed = match &self.consumer {
            Consumer::Bare(acks) => session.drain(broker, *acks, MESSAGES_COUNT).await?,
            Consumer::Arno { town, stored } => {
                let end = stored() + u64::try_from(MESSAGES_COUNT)?;
                let started = Instant::now();
                let bridge = town.bridge(settings);
                while stored() < end {
                    ensure!(started.elapsed() < DRAIN, "the bridge does not drain");
                    sleep(Duration::from_millis(1)).await;
                }
                let elapsed = started.elapsed();
                bridge.stop().await;
                println!("   arno {elapsed:?}");
                elapsed
            }
        };
        Ok(Drain {
            elapsed,
            here: processor_time("self")?.saturating_sub(here),
            broker: processor_time(&broker.process())?.saturating_sub(there),
        })
    }

    /// The median of one of the drains' times, of one message.
    fn message(&self, time: impl Fn(&Drain) -> Duration) -> f64 {
        let mut times: Vec<Duration> = self.drains.iter().map(time).collect();
        times.sort_unstable();
        let messages_count = u32::try_from(MESSAGES_COUNT).unwrap_or(u32::MAX);
        median(&times).as_secs_f64() / f64::from(messages_count)
    }

    fn rate(&self) -> f64 {
        self.message(|drain| drain.elapsed).recip()
    }
}

/// The figures of all consumers with one setting of the broker: the first is what the others stand
/// beside, the last has the aim.
struct Table<'a>(&'a [Peer], u16);

impl fmt::Display for Table<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(peers, in_flight_count_max) = self;
        write!(
            out,
            "mosquitto with max_inflight_messages {in_flight_count_max}"
        )?;
        let bare = peers.first().map_or(f64::NAN, Peer::rate);
        for peer in *peers {
            let (rate, ratio) = (peer.rate(), peer.rate() / bare);
            let here_us = peer.message(|drain| drain.here) * 1e6;
            let broker_us = peer.message(|drain| drain.broker) * 1e6;
            write!(
                out,
                "\n  {:<30} {rate:>7.0}/s   {ratio:.2} of bare   processor {here_us:>5.1} µs, \
                 broker {broker_us:>5.1} µs",
                peer.name
            )?;
        }
        let ratio = peers.last().map_or(f64::NAN, Peer::rate) / bare;
        let verdict = if ratio >= RATIO_AIM { "met" } else { "MISSED" };
        write!(
            out,
            "\n  aim: at least {RATIO_AIM} of bare: {ratio:.2}, {verdict}"
        )
    }
}
