//! Checks settings layer by layer: tables as people wrote them come in, one table that certainly
//! reads and every fault with its place go out.
//!
//! # Why
//! Who mends a configuration wants the whole list at once. So a key that is no setting and a value
//! of the wrong kind are noted and left out, the default stands in, and reading goes on. Each leaf
//! is tried alone on a table of defaults, for the deserializer would stop at the first.

use toml::{Table, Value};

use serde::Deserialize as _;

use super::{Config, overlay};

/// The layers merged so far, and what was wrong with them.
pub struct Layers {
    defaults: Table,
    merged: Table,
    faults: Vec<String>,
}

impl Layers {
    /// The defaults alone.
    pub fn new(defaults: Table) -> Self {
        Self {
            merged: defaults.clone(),
            defaults,
            faults: Vec::new(),
        }
    }

    /// Lays a layer over what is there; `whence` says in words where it was written.
    ///
    /// # Errors
    /// None of the user's making: those are noted.
    pub fn add(&mut self, mut layer: Table, whence: &str) -> anyhow::Result<()> {
        let defaults = self.defaults.clone();
        self.sift(&mut layer, &defaults, &mut Vec::new(), whence)?;
        overlay::lay(&mut self.merged, layer);
        Ok(())
    }

    /// Adds one entry to a list of settings.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn push(&mut self, key: &str, entry: Value, whence: &str) -> anyhow::Result<()> {
        let mut layer = Table::new();
        layer.insert(key.to_owned(), Value::Array(vec![entry]));
        let defaults = self.defaults.clone();
        self.sift(&mut layer, &defaults, &mut Vec::new(), whence)?;
        if let (Some(Value::Array(mut added)), Some(Value::Array(listed))) =
            (layer.remove(key), self.merged.get_mut(key))
        {
            listed.append(&mut added);
        }
        Ok(())
    }

    /// The merged table, and every fault.
    pub fn finish(self) -> (Table, Vec<String>) {
        (self.merged, self.faults)
    }

    /// Takes out of a layer what can't be used.
    fn sift(
        &mut self,
        layer: &mut Table,
        known: &Table,
        path: &mut Vec<String>,
        whence: &str,
    ) -> anyhow::Result<()> {
        let keys: Vec<String> = layer.keys().cloned().collect();
        for key in keys {
            path.push(key.clone());
            let is_good = match (known.get(&key), layer.get_mut(&key)) {
                (None, _) => {
                    let allowed: Vec<&str> = known.keys().map(String::as_str).collect();
                    let (name, allowed) = (path.join("."), allowed.join(", "));
                    self.faults.push(format!(
                        "`{name}` {whence} is no setting; allowed there are {allowed}"
                    ));
                    false
                }
                (Some(Value::Table(known)), Some(Value::Table(given))) if !known.is_empty() => {
                    self.sift(given, known, path, whence)?;
                    true
                }
                (Some(Value::Array(_)), Some(Value::Array(entries))) => {
                    self.sift_list(entries, path, whence)?;
                    true
                }
                (Some(default), Some(value)) => self.try_alone(path, value, default, whence)?,
                (Some(_), None) => true,
            };
            if !is_good {
                layer.remove(&key);
            }
            path.pop();
        }
        Ok(())
    }

    /// Each entry of a list by itself.
    fn sift_list(
        &mut self,
        entries: &mut Vec<Value>,
        path: &[String],
        whence: &str,
    ) -> anyhow::Result<()> {
        let mut good = Vec::with_capacity(entries.len());
        for (place, entry) in entries.drain(..).enumerate() {
            let Some(what) = self.refusal(path, &Value::Array(vec![entry.clone()]))? else {
                good.push(entry);
                continue;
            };
            let (name, number) = (path.join("."), place + 1);
            self.faults
                .push(format!("`{name}`, entry {number}, {whence}: {what}"));
        }
        *entries = good;
        Ok(())
    }

    fn try_alone(
        &mut self,
        path: &[String],
        value: &Value,
        default: &Value,
        whence: &str,
    ) -> anyhow::Result<bool> {
        let Some(what) = self.refusal(path, value)? else {
            return Ok(true);
        };
        let (name, key) = (path.join("."), path.last().map_or("", String::as_str));
        self.faults.push(format!(
            "`{name}` {whence}: {what}; write it like its default, `{key} = {default}`"
        ));
        Ok(false)
    }

    /// Why a value can't stand at a place; `None` when it can.
    fn refusal(&self, path: &[String], value: &Value) -> anyhow::Result<Option<String>> {
        let mut alone = self.defaults.clone();
        let Some((last, tables)) = path.split_last() else {
            return Ok(None);
        };
        let mut table = &mut alone;
        for key in tables {
            let below = table.get_mut(key).and_then(Value::as_table_mut);
            table = below.ok_or_else(|| anyhow::anyhow!("`{key}` is no table of settings"))?;
        }
        table.insert(last.clone(), value.clone());
        let refused = Config::deserialize(alone).err();
        Ok(refused.map(|error| error.message().trim().replace('\n', ", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str) -> Vec<String> {
        let defaults = super::super::default_table().unwrap();
        let mut layers = Layers::new(defaults);
        layers.add(text.parse().unwrap(), "in `a.toml`").unwrap();
        let (table, faults) = layers.finish();
        Config::deserialize(table).unwrap();
        faults
    }

    #[test]
    fn every_fault_is_found_in_one_pass_and_the_rest_still_reads() {
        let faults = faults_of(
            "htp = 'x'\nlog_format = 'xml'\n[store]\nflush_rows = 'many'\nflush_age = 3\n\
             [[brokers]]\nurl = 'mqtt://a'\n[[brokers]]\nurl = 5\n[analytics]\nrows = 1",
        );
        let starts = [
            "`analytics.rows` in `a.toml` is no setting; allowed there are ",
            "`brokers`, entry 2, in `a.toml`: ",
            "`htp` in `a.toml` is no setting",
            "`log_format` in `a.toml`: ",
            "`store.flush_age` in `a.toml`: ",
            "`store.flush_rows` in `a.toml`: ",
        ];
        assert_eq!(faults.len(), starts.len(), "{faults:#?}");
        for (fault, start) in faults.iter().zip(starts) {
            assert!(fault.starts_with(start), "{fault}");
        }
        assert!(faults[5].contains("write it like its default, `flush_rows = "));
    }
}
