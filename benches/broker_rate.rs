//! The rate at which Arno's bridge drains a mosquitto, beside a bare rumqttc subscriber that
//! discards everything, in the same run; and the steps between the two, which say where time goes.
//!
//! # Why
//! Two cases matter: a session that was away and comes back to a queue, which needs no publisher
//! that shares the cores; and a live stream, as fast as publishers go. Each consumer is timed until
//! it heard the last message, or, for Arno, until the last one is stored. Consumers take turns, and
//! begin each round with another.
//!
//! # Shape
//! Every consumer has a session of the same kind, made anew: MQTT 5, QoS 1, one filter, the same
//! receive maximum. The payloads are the same but for their times, which never come twice, so that
//! the store takes every one as new.
//!
//! # Limits
//! While it has a queue, mosquitto 2.0.11 sends up to a whole receive maximum at each
//! acknowledgement, far beyond what it was told. No drain here passes the larger receive maximum:
//! it is as many as there are packet ids.
//! A drain that takes longer than [`DRAIN`] is cut off, and what was stored by then counts.
//!
//! Run it with `make bench`, or `cargo run --release -p arno-benches --bin broker-rate -- FOLDER`,
//! on a quiet machine; the folder's disk is what "durable" means.

#![expect(clippy::print_stdout, reason = "a measuring program tells its figures")]

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arno_benches::broker::Broker;
use arno_benches::device::Device;
use arno_benches::disk::median;
use arno_benches::machine::{facts, processor_time, sync_median};
use arno_benches::subscriber::{Acks, Session};
use arno_benches::town::{NoStore, SystemClock, Town, topic};
use arno_ingest::{BrokerSettings, BrokerUrl};
use arno_model::Ledger;
use arno_store::{Clock as _, ObservationReader as _};
use arno_store_embedded::{EmbeddedConfig, EmbeddedStore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Messages of each drain: fewer than there are packet ids.
const MESSAGES_COUNT: u16 = 60_000;
/// Bays, each with its own connection to the broker.
const DEVICES_COUNT: u16 = 40;
/// Messages that each of them publishes, and how many of those without acknowledgement.
const DEVICE_MESSAGES_COUNT: u16 = MESSAGES_COUNT / DEVICES_COUNT;
const DEVICE_WINDOW: usize = 100;
/// Drains of each consumer; the median counts.
const ROUNDS_COUNT: usize = 5;
/// The bridge's own receive maximum, and the largest there is.
const IN_FLIGHT_COUNTS: [u16; 2] = [1_000, u16::MAX];
/// The bridge's rate over the bare subscriber's.
const RATIO_AIM: f64 = 0.8;
/// Longest drain.
const DRAIN: Duration = Duration::from_secs(10);

/// What is measured at a time.
#[derive(Clone, Copy)]
struct Case {
    is_live: bool,
    in_flight_count_max: u16,
}

/// Who drains.
enum Consumer {
    /// A rumqttc subscriber that discards.
    Bare(Acks),
    /// The bridge over nothing. Nothing can't tell what comes again, so it is left out where that
    /// happens.
    Storeless(Town, Arc<NoStore>),
    /// The bridge as it is.
    Arno(Town, Arc<EmbeddedStore>),
}

/// A consumer and what its drains showed.
struct Peer {
    name: &'static str,
    consumer: Consumer,
    drains: Vec<Drain>,
}

/// One drain; times are one message's.
#[derive(Clone, Copy)]
struct Drain {
    elapsed: Duration,
    /// Processor time of this process.
    here: Duration,
    /// Processor time of the broker.
    broker: Duration,
    /// Deliveries of what was stored already.
    repeats_count: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(std::env::args().nth(1).as_deref().unwrap_or("."))?;
    println!("Messages a second from mosquitto: Arno's bridge beside a bare subscriber");
    println!("{}", facts(folder.path())?);
    println!(
        "{ROUNDS_COUNT} rounds of {MESSAGES_COUNT} messages, QoS 1, MQTT 5; medians; processor time is one message's"
    );
    let nothing = Arc::new(NoStore::default());
    let place = folder.path().join("store");
    let clock = Arc::new(SystemClock);
    let store = EmbeddedStore::open(&place, EmbeddedConfig::default(), clock).await?;
    let devices_count = usize::from(DEVICES_COUNT);
    let nowhere = Town::start(devices_count, &nothing)?;
    let town = Town::start(devices_count, &store)?;
    let mut peers = [
        Peer::new("bare, rumqttc acknowledges", Consumer::Bare(Acks::ByClient)),
        Peer::new("bare, acknowledged by hand", Consumer::Bare(Acks::ByHand)),
        Peer::new(
            "Arno's bridge without a store",
            Consumer::Storeless(nowhere, nothing),
        ),
        Peer::new(
            "Arno's bridge, embedded store",
            Consumer::Arno(town, Arc::clone(&store)),
        ),
    ];
    // Two hours ago: every reading lies in the past, and none comes twice.
    let mut next_ms = u64::try_from(SystemClock.now().as_micros() / 1_000)? - 7_200_000;
    for is_live in [false, true] {
        for in_flight_count_max in IN_FLIGHT_COUNTS {
            let case = Case {
                is_live,
                in_flight_count_max,
            };
            measure(&mut peers, case, &mut next_ms).await?;
            println!("{}", Table(&peers, case));
        }
    }
    println!(
        "fdatasync of a 4 KiB append, afterwards: median {:.2?}",
        sync_median(folder.path())?
    );
    for peer in peers {
        if let Consumer::Arno(town, _) | Consumer::Storeless(town, _) = peer.consumer {
            town.stop().await;
        }
    }
    Ok(())
}

/// All rounds of a case, against a broker of their own.
async fn measure(peers: &mut [Peer], case: Case, next_ms: &mut u64) -> anyhow::Result<()> {
    let broker = Broker::start().await?;
    for peer in &mut *peers {
        peer.drains.clear();
    }
    for _round in 0..ROUNDS_COUNT {
        for peer in &mut *peers {
            if peer.can_tell(case) {
                let drain = peer.drain(&broker, case, *next_ms).await?;
                peer.drains.push(drain);
                *next_ms += u64::from(DEVICE_MESSAGES_COUNT) + 1;
            }
        }
        peers.rotate_left(1);
    }
    peers.rotate_right(ROUNDS_COUNT % peers.len());
    Ok(())
}

/// Publishes all messages to the broker, times from `first_ms` on, and waits for its word.
async fn fill(broker: &Broker, first_ms: u64) -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    for number in 0..usize::from(DEVICES_COUNT) {
        let client_id = format!("bay-{number}");
        let device = Device::connect(broker.address, &client_id, topic(number), first_ms);
        let mut device = device.await?;
        let count = usize::from(DEVICE_MESSAGES_COUNT);
        tasks.spawn(async move { device.publish(count, DEVICE_WINDOW).await });
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

    const fn can_tell(&self, case: Case) -> bool {
        case.in_flight_count_max >= MESSAGES_COUNT
            || !matches!(self.consumer, Consumer::Storeless(..))
    }

    /// Makes a session, and drains what is published for it.
    async fn drain(&self, broker: &Broker, case: Case, first_ms: u64) -> anyhow::Result<Drain> {
        let url = format!("mqtt://{}/?client_id=consumer&version=5", broker.address);
        let mut settings = BrokerSettings::of(BrokerUrl::parse(&url)?);
        settings.in_flight_count_max = case.in_flight_count_max;
        let session = Session {
            client_id: settings.url.client_id.clone(),
            filter: settings.topics.concat(),
            in_flight_count_max: settings.in_flight_count_max,
        };
        session.make(broker).await?;
        if !case.is_live {
            fill(broker, first_ms).await?;
        }
        let process = broker.process();
        let (here, there) = (processor_time("self")?, processor_time(&process)?);
        let publishing = async {
            if case.is_live {
                fill(broker, first_ms).await?;
            }
            Ok(())
        };
        let before = self.ledger();
        let (elapsed, ()) = tokio::try_join!(self.consume(broker, &session, settings), publishing)?;
        let after = self.ledger();
        let drained = match self.consumer {
            Consumer::Bare(_) => u32::from(MESSAGES_COUNT),
            _ => u32::try_from(after.stored - before.stored)?.max(1),
        };
        Ok(Drain {
            elapsed: elapsed / drained,
            here: processor_time("self")?.saturating_sub(here) / drained,
            broker: processor_time(&process)?.saturating_sub(there) / drained,
            repeats_count: after.repeated - before.repeated,
        })
    }

    /// Takes the session up until all is heard or stored; how long that took.
    async fn consume(
        &self,
        broker: &Broker,
        session: &Session,
        settings: BrokerSettings,
    ) -> anyhow::Result<Duration> {
        let town = match &self.consumer {
            Consumer::Bare(acks) => return session.drain(broker, *acks, MESSAGES_COUNT).await,
            Consumer::Storeless(town, _) | Consumer::Arno(town, _) => town,
        };
        let end = self.ledger().stored + u64::from(MESSAGES_COUNT);
        let started = Instant::now();
        let bridge = town.bridge(settings);
        while self.ledger().stored < end && started.elapsed() < DRAIN {
            sleep(Duration::from_millis(1)).await;
        }
        let elapsed = started.elapsed();
        bridge.stop().await;
        Ok(elapsed)
    }

    fn ledger(&self) -> Ledger {
        match &self.consumer {
            Consumer::Bare(_) => Ledger::default(),
            Consumer::Storeless(_, nothing) => nothing.ledger(),
            Consumer::Arno(_, store) => store.ledger(),
        }
    }

    /// The median of one of the drains' times, in seconds.
    fn median_s(&self, time: impl Fn(&Drain) -> Duration) -> f64 {
        let mut times: Vec<Duration> = self.drains.iter().map(time).collect();
        times.sort_unstable();
        median(&times).as_secs_f64()
    }

    fn rate(&self) -> f64 {
        self.median_s(|drain| drain.elapsed).recip()
    }
}

/// The figures of a case: the first consumer is what the others stand beside, the last has the aim.
struct Table<'a>(&'a [Peer], Case);

impl fmt::Display for Table<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(peers, case) = self;
        let source = if case.is_live {
            "a live stream"
        } else {
            "a queue"
        };
        write!(
            out,
            "{source}, receive maximum {}",
            case.in_flight_count_max
        )?;
        let bare = peers.first().map_or(f64::NAN, Peer::rate);
        for peer in peers.iter().filter(|peer| !peer.drains.is_empty()) {
            let (rate, ratio) = (peer.rate(), peer.rate() / bare);
            let here_us = peer.median_s(|drain| drain.here) * 1e6;
            let broker_us = peer.median_s(|drain| drain.broker) * 1e6;
            let repeats_count: u64 = peer.drains.iter().map(|drain| drain.repeats_count).sum();
            write!(
                out,
                "\n  {:<30} {rate:>7.0}/s   {ratio:>5.3} of bare   processor: here \
                 {here_us:>5.1} µs, broker {broker_us:>5.1} µs",
                peer.name
            )?;
            if repeats_count > 0 {
                write!(out, "; {repeats_count} came again")?;
            }
        }
        let ratio = peers.last().map_or(f64::NAN, Peer::rate) / bare;
        let verdict = if ratio >= RATIO_AIM { "met" } else { "MISSED" };
        write!(
            out,
            "\n  aim: at least {RATIO_AIM} of bare: {ratio:.3}, {verdict}"
        )
    }
}
