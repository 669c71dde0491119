//! What each command does; [`run`] picks one.

mod answer;
mod config;
mod demo;
mod doctor;
mod query;
mod registry;
mod replay;
mod simulate;
mod token;
mod up;

use axum::Router;

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::door::Door;
use crate::log;
use crate::system::{Brokers, System};

pub use replay::control_router;

/// Runs the command that was asked for.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let flags = cli.common;
    match cli.command {
        Command::Config(args) => config::run(&flags, &args),
        Command::Openapi => config::openapi(),
        Command::Doctor => doctor::run(&flags).await,
        Command::Up => up::run(Config::load(&flags)?).await,
        Command::Demo(args) => demo::run(flags, args).await,
        Command::Simulate(args) => simulate::run(&flags, &args).await,
        Command::Replay(args) => replay::run(Config::load(&flags)?, &flags, args).await,
        Command::Registry { action } => registry::run(&flags, action).await,
        Command::Token { action } => token::run(Config::load(&flags)?, action).await,
        Command::Query(args) => query::run(Config::load(&flags)?, args).await,
    }
}

/// The holder of the data folder: who runs on it, or this process.
struct Holder {
    door: Door,
    own: Option<System>,
}

impl Holder {
    /// Finds the running process, or opens the folder here.
    async fn find(config: Config) -> anyhow::Result<Self> {
        if let Some(door) = Door::to_running(&config.data_dir).await {
            return Ok(Self { door, own: None });
        }
        let system = System::open(config, None, Brokers::Leave).await?;
        let router: Router = system.operator_router();
        Ok(Self {
            door: Door::Own(router),
            own: Some(system),
        })
    }

    /// Closes what was opened here.
    async fn leave(self) -> anyhow::Result<()> {
        match self.own {
            Some(system) => system.close().await,
            None => Ok(()),
        }
    }
}

/// Starts logging as the configuration says.
fn start_log(config: &Config) {
    log::start(config.log_format, &config.log);
}
