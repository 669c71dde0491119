//! The tables of the configuration file, each with what a room calls its own settings.

use std::path::PathBuf;
use std::time::Duration;

use arno_analytics::AnalyticsConfig;
use arno_model::time::{format_duration, parse_duration};
use arno_store_embedded::EmbeddedConfig;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration, as text with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let refused = || de::Error::custom(format!("`{text}` is no duration; write `30s` or `2h`"));
        parse_duration(&text).map(Self).map_err(|_cause| refused())
    }
}

/// `[store]`: the embedded store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// Rows in memory at which they go to the lake.
    pub flush_rows: u32,
    /// Age of the oldest row in memory at which they go to the lake.
    pub flush_age: Span,
}

impl Default for StoreSection {
    fn default() -> Self {
        let room = EmbeddedConfig::default();
        Self {
            flush_rows: u32::try_from(room.flush_rows).unwrap_or(u32::MAX),
            flush_age: Span(room.flush_age),
        }
    }
}

impl StoreSection {
    pub(super) fn faults(&self) -> Vec<String> {
        at_least_one(&[("store.flush_rows", u64::from(self.flush_rows))])
    }

    /// As the store takes it.
    pub fn to_room(&self) -> EmbeddedConfig {
        EmbeddedConfig {
            flush_rows: usize::try_from(self.flush_rows).unwrap_or(usize::MAX),
            flush_age: self.flush_age.0,
            ..EmbeddedConfig::default()
        }
    }
}

/// `[analytics]`: what a question may cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnalyticsSection {
    /// Memory of all questions together, in bytes.
    pub memory_bytes_max: u64,
    /// Working time of one question.
    pub query_time_max: Span,
    /// Rows of one answer.
    pub rows_max: u64,
    /// Questions answered at once.
    pub concurrency_max: u32,
    /// Temporary space on disk, in bytes.
    pub spill_bytes_max: u64,
    /// A folder of a region's own products, one folder each; empty: none.
    pub products_dir: PathBuf,
    /// A published cell with fewer people at once, but not none, is suppressed; at least 3.
    pub people_count_min: u32,
}

impl Default for AnalyticsSection {
    fn default() -> Self {
        let room = AnalyticsConfig::default();
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Self {
            memory_bytes_max: wide(room.memory_bytes_max),
            query_time_max: Span(room.query_time_max),
            rows_max: wide(room.rows_max),
            concurrency_max: u32::try_from(room.concurrency_max).unwrap_or(u32::MAX),
            spill_bytes_max: room.spill_bytes_max,
            products_dir: PathBuf::new(),
            people_count_min: room.people_count_min,
        }
    }
}

impl AnalyticsSection {
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = at_least_one(&[
            ("analytics.memory_bytes_max", self.memory_bytes_max),
            ("analytics.query_time_max", self.query_time_max.0.as_secs()),
            ("analytics.rows_max", self.rows_max),
            ("analytics.concurrency_max", u64::from(self.concurrency_max)),
        ]);
        if self.people_count_min < 3 {
            faults
                .push("`analytics.people_count_min` must be 3 or more: the law's least".to_owned());
        }
        if !self.products_dir.as_os_str().is_empty() && !self.products_dir.is_dir() {
            let name = self.products_dir.display();
            faults.push(format!(
                "`analytics.products_dir` = `{name}` is no folder; make it or leave it out"
            ));
        }
        faults
    }

    /// As analytics takes it.
    pub fn to_room(&self) -> AnalyticsConfig {
        let narrow = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let has_products = !self.products_dir.as_os_str().is_empty();
        AnalyticsConfig {
            memory_bytes_max: narrow(self.memory_bytes_max),
            query_time_max: self.query_time_max.0,
            rows_max: narrow(self.rows_max),
            concurrency_max: narrow(u64::from(self.concurrency_max)),
            spill_bytes_max: self.spill_bytes_max,
            products_dir: has_products.then(|| self.products_dir.clone()),
            people_count_min: self.people_count_min,
        }
    }
}

fn at_least_one(numbers: &[(&str, u64)]) -> Vec<String> {
    let zeros = numbers.iter().filter(|(_, number)| *number == 0);
    zeros
        .map(|(key, _)| format!("`{key}` must be 1 or more"))
        .collect()
}

/// Hides the password in an address.
pub(super) fn mask(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let Some((credentials, host)) = rest.rsplit_once('@') else {
        return url.to_owned();
    };
    let user = credentials.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}:***@{host}")
}
