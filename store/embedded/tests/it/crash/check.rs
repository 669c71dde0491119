//! What the parent knows, and whether the store knows it too.

use std::collections::HashMap;

use arno_model::observation::ObservationColumns;
use arno_model::{Observation, TimeRange};
use arno_store::{
    DatastreamRegister as _, Documents as _, ObservationReader as _, Scan, Segments as _, Streams,
    Versions,
};
use arno_store_embedded::EmbeddedStore;
use arrow::array::Int64Array;
use futures::StreamExt as _;

use super::plan::{Plan, TASKS_COUNT, names};

type Version = (i32, i64, u64);

/// Everything that children were told, and all they may have done beyond that.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Which append a version belongs to.
    owner: HashMap<Version, usize>,
    appends: Vec<Expected>,
    is_registered: bool,
    document: u64,
    generation: i64,
    last_commit_us: i64,
}

#[derive(Debug)]
struct Expected {
    name: String,
    row_count: usize,
    /// The stamp, when it was acknowledged.
    known_at_us: Option<i64>,
}

fn version(row: &Observation) -> Version {
    let bits = row.result.map_or(u64::MAX, f64::to_bits);
    (row.datastream.0, row.time.as_micros(), bits)
}

impl Known {
    /// Takes in what a child said.
    pub(super) fn hear(&mut self, seed: u64, said: &[String]) {
        let mut acknowledged: HashMap<(u64, usize), i64> = HashMap::new();
        for line in said {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<i64>().unwrap();
            match words.first().copied() {
                Some("registered") => self.is_registered = true,
                // The last line may be cut short.
                Some("append") if words.len() == 4 && words[3].len() == 16 => {
                    let (task, step) =
                        (number(1).try_into().unwrap(), number(2).try_into().unwrap());
                    acknowledged.insert((task, step), number(3));
                    self.last_commit_us = self.last_commit_us.max(number(3));
                }
                Some("document") => {
                    self.document = self.document.max(number(1).try_into().unwrap());
                }
                Some("segments") => self.generation = self.generation.max(number(1)),
                _ => {}
            }
        }
        for task in 0..TASKS_COUNT {
            let steps = acknowledged.keys().filter(|(of, _step)| *of == task);
            let last = steps.map(|(_task, step)| step + 1).max().unwrap_or(0);
            // One more may be durable without its acknowledgement having been heard.
            for (step, step_move) in Plan::new(seed, task).enumerate().take(last + 1) {
                if step_move.is_repeat {
                    continue;
                }
                let at = self.appends.len();
                for row in &step_move.rows {
                    let before = self.owner.insert(version(row), at);
                    assert!(before.is_none(), "the plan sends {row:?} twice");
                }
                self.appends.push(Expected {
                    name: format!("seed {seed}, task {task}, step {step}"),
                    row_count: step_move.rows.len(),
                    known_at_us: acknowledged.get(&(task, step)).copied(),
                });
            }
        }
    }

    /// Holds the store against it.
    pub(super) async fn check(&self, store: &EmbeddedStore) -> Result<(), String> {
        self.check_rows(store).await?;
        if self.is_registered && store.datastreams().len() != names().len() {
            return Err(format!("{} datastreams", store.datastreams().len()));
        }
        let document = store
            .document("registry")
            .await
            .map_err(|e| format!("{e:?}"))?;
        let revision = document.as_ref().map_or(0, |document| document.revision);
        let is_whole = document.is_none_or(|document| {
            document.bytes == vec![u8::try_from(revision % 251).unwrap(); 300]
        });
        if revision < self.document || !is_whole {
            return Err(format!(
                "document at {revision}, {} was acknowledged",
                self.document
            ));
        }
        self.check_segments(store).await
    }

    async fn check_segments(&self, store: &EmbeddedStore) -> Result<(), String> {
        let mark = store
            .segment_mark("rollup")
            .await
            .map_err(|e| format!("{e:?}"))?;
        let Some(mark) = mark else {
            return if self.generation == 0 {
                Ok(())
            } else {
                Err("no segments".to_owned())
            };
        };
        let generation = i64::from_le_bytes(mark.try_into().unwrap());
        if generation < self.generation {
            return Err(format!(
                "segments {generation}, {} was acknowledged",
                self.generation
            ));
        }
        for day in 0..4 {
            let batch = store
                .segment("rollup", day)
                .await
                .map_err(|e| format!("{e:?}"))?;
            let batch = batch.ok_or_else(|| format!("segment {day} is gone"))?;
            let column = batch
                .column(0)
                .as_any()
                .downcast_ref::<Int64Array>()
                .unwrap();
            if column.len() != 50 || column.values().iter().any(|value| *value != generation) {
                return Err(format!("segment {day} is not of generation {generation}"));
            }
        }
        Ok(())
    }

    async fn check_rows(&self, store: &EmbeddedStore) -> Result<(), String> {
        let scan = Scan {
            versions: Versions::All,
            ..Scan::of(Streams::All, TimeRange::ALL)
        };
        let streams = store.scan(scan).await.map_err(|e| format!("{e:?}"))?;
        let mut found: Vec<Vec<i64>> = vec![Vec::new(); self.appends.len()];
        let mut identities = 0_u64;
        let mut all = 0_u64;
        let mut before = None;
        for mut stream in streams {
            while let Some(batch) = stream.next().await {
                let batch = batch.map_err(|e| format!("{e:?}"))?;
                let view = ObservationColumns::view(&batch).unwrap();
                for index in 0..view.len() {
                    let row = view.row(index).unwrap();
                    let owner = self.owner.get(&version(&row));
                    let owner = *owner.ok_or_else(|| format!("nobody sent {row:?}"))?;
                    found[owner].push(view.known_at.as_ref().unwrap().value(index));
                    let identity = Some((row.datastream, row.time));
                    identities += u64::from(before != identity);
                    before = identity;
                    all += 1;
                }
            }
        }
        for (expected, stamps) in self.appends.iter().zip(&found) {
            let is_there = stamps.len() == expected.row_count;
            let is_one = stamps.windows(2).all(|pair| pair[0] == pair[1]);
            let is_right = match expected.known_at_us {
                Some(known_at_us) => is_there && stamps.iter().all(|stamp| *stamp == known_at_us),
                None => is_there || stamps.is_empty(),
            };
            if !is_right || !is_one {
                let Expected {
                    name,
                    row_count,
                    known_at_us,
                } = expected;
                return Err(format!(
                    "{name}: {row_count} rows known at {known_at_us:?} are there with {stamps:?}"
                ));
            }
        }
        let ledger = store.ledger();
        if ledger.stored != identities || ledger.stored + ledger.corrected != all {
            return Err(format!(
                "{ledger:?} for {identities} identities in {all} versions"
            ));
        }
        if store.last_commit().as_micros() < self.last_commit_us {
            return Err(format!("the newest commit is {}", store.last_commit()));
        }
        Ok(())
    }
}
