//! `arno simulate`: the simulated devices alone, against any MQTT broker.

use std::sync::Arc;
use std::time::Duration;

use arno_simulators::Generator;
use arno_simulators::live::{Broker, Live, LiveCounters};
use arno_store::Clock as _;
use arno_store::registry;
use tokio_util::sync::CancellationToken;

use super::{start_log, up};
use crate::cli::{Common, Simulate};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::exit::Usage;
use crate::region;

/// Connections of the devices: one a town up to this many.
const CONNECTIONS_COUNT_MAX: usize = 200;

/// Plays until a signal, or for so many seconds.
pub async fn run(flags: &Common, args: &Simulate) -> anyhow::Result<()> {
    let region = region::region(args.towns, args.seed)?;
    if let Some(folder) = &args.registry {
        registry::export(&region::bundle(&region)?).write_folder(folder)?;
        if flags.broker.is_none() {
            return Ok(());
        }
    }
    let Some(url) = &flags.broker else {
        let line = "simulate needs --broker URL, like --broker mqtt://127.0.0.1:1883";
        return Err(Usage::new(line).into());
    };
    let broker = Broker::parse(url).map_err(|error| Usage::new(format!("--broker: {error}")))?;
    start_log(&Config::load(&Common {
        broker: None,
        ..flags.clone()
    })?);
    let mut generator = Generator::new(Arc::clone(&region), SystemClock.now());
    if let Some(rate) = args.rate {
        generator
            .set_rate(rate)
            .map_err(|error| Usage::new(format!("--rate: {error}")))?;
    }
    let stop = CancellationToken::new();
    let counters = Arc::new(LiveCounters::default());
    let live = Live {
        generator,
        broker,
        connections_count_max: CONNECTIONS_COUNT_MAX,
        now: Arc::new(|| SystemClock.now()),
        on_acknowledged: None,
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "awaited below, before the command ends"
    )]
    let playing = tokio::task::spawn(live.run(Arc::clone(&counters), stop.clone()));
    let limit = args.seconds.map_or(Duration::MAX, Duration::from_secs);
    // Cancel-safe: a signal or a deadline that is not waited for is lost on purpose.
    tokio::select! {
        stopped = up::stopped() => stopped?,
        () = tokio::time::sleep(limit) => {}
        () = tell(&counters) => {}
    }
    stop.cancel();
    let report = playing.await??;
    tracing::info!(
        "{} messages sent, {} acknowledged ({} observations), {} lost",
        report.sent,
        report.acknowledged,
        report.observations_acknowledged,
        report.lost
    );
    Ok(())
}

/// Says every ten seconds how it goes.
#[expect(clippy::infinite_loop, reason = "ends when the command drops it")]
async fn tell(counters: &LiveCounters) {
    loop {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let report = counters.report();
        tracing::info!(
            "{} connections, {} messages acknowledged",
            report.connected,
            report.acknowledged
        );
    }
}
