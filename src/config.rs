//! The configuration: file, environment and flags come in, checked settings of every room go out.
//!
//! # Why
//! A setting that is misspelt must be named at start, not missed in August; so unknown keys are
//! faults, all faults are found together, and each names its setting and its mend.
//!
//! # Shape
//! [`Config`] is the file, key by key; `arno config` prints it with what was merged in.
//! docs/configuration.md explains every key.

mod layer;
pub mod overlay;
mod section;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use arno_api::{ApiConfig, ConfigFault};
use arno_ingest::config::{PushConfig, RouteConfig};
use arno_ingest::decode::Decoders;
use arno_ingest::{BrokerSettings, GatewaySettings, IngestConfig};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::cli::{Common, LogFormat};
use crate::exit::Usage;
use layer::Layers;
pub use section::{AnalyticsSection, StoreSection};

/// Longest configuration file: far more than anybody writes by hand.
const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// All settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The data folder.
    pub data_dir: PathBuf,
    /// Where HTTP listens: an address with its port; port 0 takes a free one.
    pub http: String,
    /// Where the MQTT gateway listens, or `off`.
    pub mqtt: String,
    /// A PostgreSQL or TimescaleDB address; empty: the embedded store.
    pub database: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines: a level, or `level,target=level,…`.
    pub log: String,
    /// The gateway's limits; its address is `mqtt`.
    pub gateway: GatewaySettings,
    /// Brokers to consume from.
    pub brokers: Vec<BrokerSettings>,
    /// Topics beside the native ones, with their decoders.
    pub routes: Vec<RouteConfig>,
    /// Push routes beside those that decoders have by their own names.
    pub pushes: Vec<PushConfig>,
    /// The store's settings.
    pub store: StoreSection,
    /// What a question may cost.
    pub analytics: AnalyticsSection,
    /// The HTTP server's settings.
    pub api: ApiConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./arno-data"),
            http: "127.0.0.1:8080".to_owned(),
            mqtt: "127.0.0.1:1883".to_owned(),
            database: String::new(),
            log_format: LogFormat::Text,
            log: "warn,arno=info".to_owned(),
            gateway: GatewaySettings::default(),
            brokers: Vec::new(),
            routes: Vec::new(),
            pushes: Vec::new(),
            store: StoreSection::default(),
            analytics: AnalyticsSection::default(),
            api: ApiConfig::default(),
        }
    }
}

impl Config {
    /// Merges default, file, environment and flags.
    ///
    /// # Errors
    /// [`Usage`], one line with every fault found.
    pub fn load(flags: &Common) -> anyhow::Result<Self> {
        let mut layers = Layers::new(default_table()?);
        if let Some(path) = &flags.config {
            layers.add(read_file(path)?, &format!("in `{}`", path.display()))?;
        }
        let environment = overlay::from_environment(std::env::vars());
        layers.add(environment, "in the environment")?;
        layers.add(flag_table(flags), "among the flags")?;
        if let Some(broker) = &flags.broker {
            layers.push("brokers", broker_entry(broker), "among the flags")?;
        }
        let (table, mut faults) = layers.finish();
        let config = Self::deserialize(table)?;
        faults.extend(config.faults());
        if faults.is_empty() {
            return Ok(config);
        }
        Err(Usage::new(faults.join("; ")).into())
    }

    /// What the types alone do not catch, each with its setting and mend.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.data_dir.as_os_str().is_empty() {
            faults.push("`data_dir` is empty; name a folder, like `./arno-data`".to_owned());
        }
        if self.http.parse::<SocketAddr>().is_err() {
            faults.push(not_an_address("http", &self.http, ""));
        }
        if self.mqtt != "off" && self.mqtt.parse::<SocketAddr>().is_err() {
            faults.push(not_an_address("mqtt", &self.mqtt, " or `off`"));
        }
        if !self.database.is_empty() && !is_database(&self.database) {
            faults.push("`database` is no `postgres://user@host/name` address".to_owned());
        }
        if let Err(error) = self.ingest().build(&Decoders::shipped()) {
            faults.extend(error.faults.iter().map(ToString::to_string));
        }
        faults.extend(crate::log::fault(&self.log));
        faults.extend(self.store.faults());
        faults.extend(self.analytics.faults());
        if let Err(error) = self.api.check() {
            let named = |fault: &ConfigFault| format!("`api.{}` {}", fault.key, fault.problem);
            faults.extend(error.faults.iter().map(named));
        }
        faults
    }

    /// As ingest takes it.
    pub fn ingest(&self) -> IngestConfig {
        IngestConfig {
            mqtt: GatewaySettings {
                listen: self.mqtt.clone(),
                ..self.gateway.clone()
            },
            routes: self.routes.clone(),
            pushes: self.pushes.clone(),
            brokers: self.brokers.clone(),
        }
    }

    /// The HTTP address.
    pub fn http_address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.http.parse()?)
    }

    /// The file that would say the same, with passwords in addresses masked.
    pub fn to_toml(&self) -> anyhow::Result<String> {
        let mut masked = self.clone();
        masked.database = section::mask(&masked.database);
        let mut table = Table::try_from(masked)?;
        hide_gateway_address(&mut table);
        let brokers = table.get_mut("brokers").and_then(Value::as_array_mut);
        for broker in brokers.into_iter().flatten() {
            if let Some(Value::String(url)) = broker.get_mut("url") {
                *url = section::mask(url);
            }
        }
        Ok(toml::to_string_pretty(&table)?)
    }
}

fn is_database(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

/// The gateway's address has one name, `mqtt`.
fn hide_gateway_address(table: &mut Table) {
    if let Some(Value::Table(gateway)) = table.get_mut("gateway") {
        gateway.remove("listen");
    }
}

fn not_an_address(key: &str, text: &str, or_else: &str) -> String {
    format!(
        "`{key}` = `{text}` is no address with a port; write one like `127.0.0.1:8080`{or_else}"
    )
}

fn default_table() -> anyhow::Result<Table> {
    let mut table = Table::try_from(Config::default())?;
    hide_gateway_address(&mut table);
    Ok(table)
}

fn read_file(path: &Path) -> anyhow::Result<Table> {
    let name = path.display();
    let length = std::fs::metadata(path)
        .map_err(|error| Usage::new(format!("--config `{name}` can't be read: {error}")))?
        .len();
    if length > CONFIG_BYTES_MAX {
        return Err(Usage::new(format!("--config `{name}` is longer than 1 MiB")).into());
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| Usage::new(format!("--config `{name}` can't be read: {error}")))?;
    let parsed = text.parse::<Table>();
    Ok(parsed.map_err(|error| {
        let line = error.span().map_or(1, |span| {
            1 + text
                .bytes()
                .take(span.start)
                .filter(|byte| *byte == b'\n')
                .count()
        });
        let what = error.message().replace('\n', ", ");
        Usage::new(format!("`{name}`, line {line}, is not TOML: {what}"))
    })?)
}

fn broker_entry(url: &str) -> Value {
    let mut entry = Table::new();
    entry.insert("url".to_owned(), Value::String(url.to_owned()));
    Value::Table(entry)
}

fn flag_table(flags: &Common) -> Table {
    let mut table = Table::new();
    let mut set = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            table.insert(key.to_owned(), Value::String(value));
        }
    };
    set(
        "data_dir",
        flags
            .data_dir
            .as_ref()
            .map(|path| path.display().to_string()),
    );
    set("http", flags.http.clone());
    set("mqtt", flags.mqtt.clone());
    set("database", flags.database.clone());
    set(
        "log_format",
        flags.log_format.map(|format| match format {
            LogFormat::Text => "text".to_owned(),
            LogFormat::Json => "json".to_owned(),
        }),
    );
    table
}
