//! `arno`: the command line and the wiring, the only place that knows every room.
//!
//! # Shape
//! [`cli`] reads words, [`config`] merges settings, [`command`] does what was asked, mostly by one
//! request through the [`door`]; [`system`] plugs the rooms and runs them.

#![expect(
    unreachable_pub,
    reason = "in a binary nothing is reachable; `pub` says what a module offers the others"
)]

mod cli;
mod clock;
mod command;
mod config;
mod door;
mod exit;
mod live;
mod log;
mod port;
mod progress;
mod region;
mod system;

use std::process::ExitCode;

use clap::Parser as _;
use rustls::crypto::aws_lc_rs;

#[tokio::main]
async fn main() -> ExitCode {
    // Libraries bring two implementations of TLS's arithmetic; clients that ask for none get this.
    drop(aws_lc_rs::default_provider().install_default());
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return exit::refuse(&error),
    };
    match Box::pin(command::run(cli)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}
