//! The command line: words in, checked options out. What each command does stands in `command/`.
//!
//! # Shape
//! Common flags may stand before or after the command. A flag beats the environment, which beats
//! the file, which beats the default; [`crate::config`] merges them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Arno: sensor readings in by MQTT, regional analyses out as open data.
#[derive(Debug, Parser)]
#[command(
    name = "arno",
    version,
    about,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Flags that every command takes.
    #[command(flatten)]
    pub common: Common,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Common {
    /// Configuration file (TOML)
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "ARNO_CONFIG",
        hide_env = true
    )]
    pub config: Option<PathBuf>,
    /// Data folder [default: ./arno-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// HTTP address [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDR")]
    pub http: Option<String>,
    /// MQTT address, or off [default: 127.0.0.1:1883]
    #[arg(long, global = true, value_name = "ADDR|off")]
    pub mqtt: Option<String>,
    /// Also consume from this broker, mqtt://user:password@host:port
    #[arg(long, global = true, value_name = "URL")]
    pub broker: Option<String>,
    /// Use this database instead of the data folder, postgres://…
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// Log lines as text, or as json for machines [default: text]
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
    pub log_format: Option<LogFormat>,
}

/// How log lines look.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole system: MQTT in, dashboards and open data out
    Up,
    /// Run it with a simulated region: history, then a live feed
    Demo(Demo),
    /// Only the simulated devices, against any MQTT broker
    Simulate(Simulate),
    /// Play recorded data (CSV, Parquet, NDJSON) on the recorded clock
    Replay(Replay),
    /// Check, apply or export the registry folder, and its history
    Registry {
        /// What to do with it.
        #[command(subcommand)]
        action: RegistryAction,
    },
    /// Create, list or revoke credentials
    Token {
        /// What to do with them.
        #[command(subcommand)]
        action: TokenAction,
    },
    /// Ask in SQL, read-only, with the operator's view
    Query(Query),
    /// Print the OpenAPI document
    Openapi,
    /// Print the effective configuration, secrets masked
    Config(ConfigArgs),
    /// Check the installation and say what to mend
    Doctor,
}

/// `arno demo`.
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// How many real municipalities of Tuscany
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=273))]
    pub towns: u32,
    /// Days of history
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3660))]
    pub days: u32,
    /// Where the history ends, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// The same seed gives the same region
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Live feed through real MQTT, in readings a second; 0: none [default: natural]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub live: Option<f64>,
    /// Also write what the devices really sent, and the truth behind it, to this folder
    #[arg(long, value_name = "DIR")]
    pub truth: Option<PathBuf>,
}

/// A rate: a finite number, 0 or more.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text
        .parse()
        .map_err(|_cause| "write a number of readings a second".to_owned())?;
    if rate.is_finite() && rate >= 0.0 {
        Ok(rate)
    } else {
        Err("write 0 or more".to_owned())
    }
}

/// `arno simulate`. The broker is the common flag.
#[derive(Debug, Clone, Args)]
pub struct Simulate {
    /// How many real municipalities of Tuscany
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=273))]
    pub towns: u32,
    /// The same seed gives the same region
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Readings a second [default: natural]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub rate: Option<f64>,
    /// Stop after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<u64>,
    /// Also write the devices' registry to this folder, for `arno registry apply`
    #[arg(long, value_name = "DIR")]
    pub registry: Option<PathBuf>,
}

/// `arno replay`.
#[derive(Debug, Clone, Args)]
pub struct Replay {
    /// The recorded files, in any order
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What their columns mean (docs/mappings.md)
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// Times the recorded speed, or max
    #[arg(long, value_name = "X|max", default_value = "max")]
    pub speed: String,
}

/// `arno registry …`.
#[derive(Debug, Clone, Subcommand)]
pub enum RegistryAction {
    /// Report every fault of a folder at once; changes nothing
    Check {
        /// The folder.
        path: PathBuf,
    },
    /// Check a folder and make it the registry, also while Arno runs
    Apply {
        /// The folder.
        path: PathBuf,
    },
    /// Write the registry to a folder, canonically
    Export {
        /// The folder.
        path: PathBuf,
    },
    /// Say who changed what, and when, newest first
    History {
        /// Only this entry, with its text before and after: `prato:lot-1`, `it-mun-100005`
        #[arg(value_name = "ID")]
        id: Option<String>,
        /// At most so many changes
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
        limit: u32,
    },
}

/// `arno token …`.
#[derive(Debug, Clone, Subcommand)]
pub enum TokenAction {
    /// Create one; it is shown once
    New {
        /// Whose it is.
        #[command(flatten)]
        whose: Whose,
    },
    /// List them, without their secrets
    List,
    /// Make one useless
    Revoke {
        /// Its id, from the list.
        id: String,
    },
}

/// A publisher's or an operator's.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Whose {
    /// A publisher's, by id
    #[arg(long, value_name = "ID")]
    pub publisher: Option<String>,
    /// An operator's
    #[arg(long)]
    pub operator: bool,
}

/// `arno query`.
#[derive(Debug, Clone, Args)]
pub struct Query {
    /// The question
    pub sql: String,
    /// How the answer looks
    #[arg(long, default_value = "table")]
    pub format: QueryFormat,
}

/// Formats of `arno query`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QueryFormat {
    /// For people.
    Table,
    /// RFC 4180.
    Csv,
    /// One JSON object.
    Json,
    /// One JSON object a row.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC stream.
    Arrow,
}

impl QueryFormat {
    /// The name the API knows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Table | Self::Arrow => "arrow",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// `arno config`.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// Print the defaults instead
    #[arg(long, conflicts_with = "check")]
    pub default: bool,
    /// Only check, print nothing when all is well
    #[arg(long)]
    pub check: bool,
}
