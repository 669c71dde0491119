//! `arno up`: the whole system, until it is told to stop.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::start_log;
use crate::config::Config;
use crate::system::{Brokers, Service, System};

/// Runs until SIGTERM or Ctrl-C.
pub async fn run(config: Config) -> anyhow::Result<()> {
    start_log(&config);
    let system = open(config).await?;
    let service = Service::start(system).await?;
    announce(&service);
    stopped().await?;
    tracing::info!("stopping; a second signal ends it at once");
    stop(service).await
}

/// Opens the house with metrics and brokers.
pub async fn open(config: Config) -> anyhow::Result<System> {
    let metrics = arno_api::metric::install().context("start metrics")?;
    System::open(config, Some(metrics), Brokers::Consume).await
}

/// Says where it can be reached.
pub fn announce(service: &Service) {
    let mqtt = service
        .mqtt
        .map_or_else(|| "off".to_owned(), |address| address.to_string());
    let mqtts = service.mqtts.map(tracing::field::display);
    tracing::info!(%mqtt, mqtts, "open http://{}", service.http);
}

/// Waits for SIGTERM or Ctrl-C.
pub async fn stopped() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Cancel-safe: a signal that comes meanwhile stays pending.
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Stops in order, or at once at a second signal.
pub async fn stop(service: Service) -> anyhow::Result<()> {
    tokio::select! {
        done = service.stop() => done,
        second = stopped() => {
            second?;
            anyhow::bail!("stopped at once; what was acknowledged is safe")
        }
    }
}
