//! `arno config` and `arno openapi`: what is set, and what the API looks like.

use std::io::Write as _;
use std::io::stdout;

use crate::cli::{Common, ConfigArgs};
use crate::config::Config;

/// Prints the configuration.
pub fn run(flags: &Common, args: &ConfigArgs) -> anyhow::Result<()> {
    let config = if args.default {
        Config::default()
    } else {
        Config::load(flags)?
    };
    if !args.check {
        stdout().write_all(config.to_toml()?.as_bytes())?;
    }
    Ok(())
}

/// Prints the OpenAPI document of the shipped products.
pub fn openapi() -> anyhow::Result<()> {
    let document = arno_api::openapi_document(&arno_api::shipped_sheets()?);
    let mut out = stdout().lock();
    serde_json::to_writer_pretty(&mut out, &document)?;
    Ok(writeln!(out)?)
}
