//! The configuration of ingest: tables of the file come in, a checked build or all faults go out.
//!
//! # Shape
//! `[mqtt]`, `[[routes]]` (topic filter → decoder), `[[pushes]]` (named push route → decoder),
//! `[[brokers]]` (external brokers to consume from). Durations are text with a unit.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use arno_model::PublisherId;
use serde::{Deserialize, Serialize};

use crate::bridge::BrokerSettings;
use crate::decode::{Decoder, Decoders};
use crate::gateway::GatewaySettings;
use crate::route::{ROUTES_COUNT_MAX, Routes, TopicFilter, TopicRoute};

/// All of ingest's settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestConfig {
    /// The embedded gateway.
    pub mqtt: GatewaySettings,
    /// Topics that speak other formats.
    pub routes: Vec<RouteConfig>,
    /// Push routes beside those that each decoder without options has by its own name.
    pub pushes: Vec<PushConfig>,
    /// External brokers to consume from.
    pub brokers: Vec<BrokerSettings>,
}

/// One topic route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// Which topics, as an MQTT topic filter.
    pub filter: String,
    /// Which decoder, by name.
    pub decoder: String,
    /// Whose data they are. Absent: operators alone may publish here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<PublisherId>,
    /// The decoder's own options.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub options: toml::Table,
}

/// One push route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushConfig {
    /// Its name in the address.
    pub name: String,
    /// Which decoder, by name.
    pub decoder: String,
    /// The decoder's own options.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub options: toml::Table,
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key's path: `brokers[0].url`.
    pub key: String,
    /// What is wrong, or what would be right.
    pub mend: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`: {}", self.key, self.mend)
    }
}

/// The configuration is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration of ingest is not valid: {}", list(faults))]
pub struct ConfigError {
    /// All that is wrong.
    pub faults: Vec<Fault>,
}

fn list(faults: &[Fault]) -> String {
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

impl IngestConfig {
    /// Checks everything and builds the routes.
    ///
    /// # Errors
    /// [`ConfigError`] with all faults together.
    pub fn build(&self, decoders: &Decoders) -> Result<Routes, ConfigError> {
        let mut faults = self.mqtt.faults("mqtt");
        for (index, broker) in self.brokers.iter().enumerate() {
            faults.extend(broker.faults(&format!("brokers[{index}]")));
        }
        if self.routes.len() > ROUTES_COUNT_MAX {
            let mend = format!("{} routes; at most {ROUTES_COUNT_MAX}", self.routes.len());
            faults.push(Fault {
                key: "routes".to_owned(),
                mend,
            });
        }
        let topics = self.topic_routes(decoders, &mut faults);
        let pushes = self.push_routes(decoders, &mut faults);
        let routes = Routes::new(decoders, topics, pushes).map_err(|error| {
            let fault = Fault {
                key: "routes".to_owned(),
                mend: error.to_string(),
            };
            ConfigError {
                faults: vec![fault],
            }
        })?;
        if faults.is_empty() {
            Ok(routes)
        } else {
            Err(ConfigError { faults })
        }
    }

    fn topic_routes(&self, decoders: &Decoders, faults: &mut Vec<Fault>) -> Vec<TopicRoute> {
        let mut topics = Vec::with_capacity(self.routes.len());
        for (index, route) in self.routes.iter().enumerate() {
            let mut fault = |key: &str, mend: String| {
                faults.push(Fault {
                    key: format!("routes[{index}].{key}"),
                    mend,
                });
            };
            let filter = TopicFilter::parse(&route.filter)
                .map_err(|error| fault("filter", error.to_string()));
            let decoder = decoders
                .build(&route.decoder, &route.options)
                .map_err(|error| fault("decoder", error.to_string()));
            if let (Ok(filter), Ok(decoder)) = (filter, decoder) {
                topics.push(TopicRoute {
                    filter,
                    decoder,
                    publisher: route.publisher.clone(),
                });
            }
        }
        topics
    }

    fn push_routes(
        &self,
        decoders: &Decoders,
        faults: &mut Vec<Fault>,
    ) -> BTreeMap<String, Arc<dyn Decoder>> {
        let mut pushes = BTreeMap::new();
        let mut names = HashSet::new();
        for (index, push) in self.pushes.iter().enumerate() {
            let mut fault = |key: &str, mend: String| {
                faults.push(Fault {
                    key: format!("pushes[{index}].{key}"),
                    mend,
                });
            };
            if let Err(error) = arno_model::id::check_name(&push.name) {
                fault("name", error.to_string());
            }
            if !names.insert(push.name.as_str()) {
                fault("name", format!("`{}` stands there twice", push.name));
            }
            match decoders.build(&push.decoder, &push.options) {
                Ok(decoder) => drop(pushes.insert(push.name.clone(), decoder)),
                Err(error) => fault("decoder", error.to_string()),
            }
        }
        pushes
    }
}

#[cfg(test)]
mod tests;
