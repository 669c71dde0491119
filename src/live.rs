//! The live loop: commits come in, changed rows go out to pages and to MQTT's live topics.
//!
//! # Why
//! A page that shows the town as it is must hear of a reading within a second, without asking. The
//! loop looks for new commits a few times a second, asks which areas they concern, and computes
//! `parking_now` for those alone, as everybody may see it.
//!
//! # Limits
//! [`LOOK_INTERVAL`]: changes in between are one event. [`IDLE_INTERVAL`]: without commits the
//! state is computed anew so often, since readings age. Rows that did not change are not sent.
//!
//! # Invariants
//! What goes out is the answer to the same public question that anybody could ask.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arno_api::{LiveEvent, LiveHub};
use arno_ingest::gateway::LiveOut;
use arno_model::{AreaId, AreaLevel, ThingId, Timestamp};
use arno_store::{Backend, Registry};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::ServiceExt as _;

use crate::system::chain;

/// How often new commits are looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// How often everything is computed anew without new commits.
const IDLE_INTERVAL: Duration = Duration::from_secs(30);
/// Areas or things beyond which a whole level is asked at once.
const NAMED_COUNT_MAX: usize = 24;
/// Longest answer of one question: a region's 100,000 things have some 40 MB of rows.
const ANSWER_BYTES_MAX: usize = 128 << 20;
/// The live product.
const PRODUCT: &str = "parking_now";
/// Members of a row that change with every look without saying anything new.
const CLOCK_MEMBERS: [&str; 2] = ["bucket_start", "age_s"];

/// What the loop needs.
#[derive(Debug)]
pub struct LiveLoop {
    /// Where commits are.
    pub backend: Arc<dyn Backend>,
    /// Where things belong.
    pub registry: watch::Receiver<Arc<Registry>>,
    /// Who answers: the public's own router.
    pub questions: Router,
    /// Pages that listen.
    pub hub: LiveHub,
    /// The gateway's live topics, when it is on.
    pub out: Option<LiveOut>,
}

/// What changed: these areas and things, or anything.
enum Changed {
    Some {
        areas: BTreeSet<AreaId>,
        things: BTreeSet<ThingId>,
    },
    All,
}

impl LiveLoop {
    /// Runs until it is dropped.
    #[expect(clippy::infinite_loop, reason = "ends when the system's stop drops it")]
    pub async fn run(mut self) {
        let mut sent: HashMap<String, Value> = HashMap::new();
        let mut since = self.backend.last_commit();
        let mut last_all: Option<Instant> = None;
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let is_due = last_all.is_none_or(|last| last.elapsed() >= IDLE_INTERVAL);
            let is_new = self.registry.has_changed().unwrap_or(false);
            let looked = if is_due || is_new {
                self.registry.mark_unchanged();
                last_all = Some(Instant::now());
                Ok(Some((Changed::All, self.backend.last_commit())))
            } else {
                self.changed(since).await
            };
            let told = match looked {
                Ok(None) => continue,
                Ok(Some((changed, until))) => {
                    since = until;
                    self.tell(&changed, &mut sent).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = told {
                tracing::warn!(
                    error = chain(error.as_ref()),
                    "the live rows could not be computed"
                );
                tokio::time::sleep(IDLE_INTERVAL / 10).await;
            }
        }
    }

    /// What the commits after `since` concern.
    async fn changed(&self, since: Timestamp) -> anyhow::Result<Option<(Changed, Timestamp)>> {
        if self.backend.last_commit() <= since {
            return Ok(None);
        }
        let touched = self.backend.touched(since).await?;
        let registry = Arc::clone(&self.registry.borrow());
        let datastreams = self.backend.datastreams();
        let (mut areas, mut things) = (BTreeSet::new(), BTreeSet::new());
        for (key, _) in &touched.ranges {
            let Some(name) = datastreams.name(*key) else {
                continue;
            };
            // A bay shows in its lot too.
            let mut thing = registry.thing(name.thing.as_str());
            while let Some(part) = thing {
                things.insert(part.id.clone());
                thing = part
                    .part_of
                    .as_ref()
                    .and_then(|whole| registry.thing(whole.as_str()));
            }
            let place = registry.place(&name.thing);
            let belongings = place.into_iter().flat_map(|place| &place.areas);
            areas.extend(belongings.map(|belonging| belonging.area.clone()));
        }
        Ok(Some((Changed::Some { areas, things }, touched.known_at)))
    }

    async fn tell(
        &self,
        changed: &Changed,
        sent: &mut HashMap<String, Value>,
    ) -> anyhow::Result<()> {
        let mut rows = Vec::new();
        for query in self.queries(changed) {
            rows.extend(self.ask(&query).await?);
        }
        for row in rows {
            let (Some(area), Some(level)) = (row["area"].as_str(), row["level"].as_str()) else {
                continue;
            };
            let key = format!(
                "{level}/{area}/{}",
                row["vehicle_kind"].as_str().unwrap_or_default()
            );
            if sent.get(&key) == Some(&without_clock(&row)) {
                continue;
            }
            sent.insert(key, without_clock(&row));
            if let Some(out) = &self.out {
                let text = Bytes::from(row.to_string());
                out.publish_live(&format!("arno/v1/live/{area}/{PRODUCT}"), &text);
            }
            let thing = (level == "thing")
                .then(|| ThingId::parse(area).ok())
                .flatten();
            let event = LiveEvent {
                product: PRODUCT.to_owned(),
                area: area.to_owned(),
                level: level.to_owned(),
                thing,
                row,
            };
            self.hub.publish(event);
        }
        Ok(())
    }
}

impl LiveLoop {
    /// The questions whose answers may have changed.
    fn queries(&self, changed: &Changed) -> Vec<String> {
        let level = |level: &str| format!("level={level}");
        match changed {
            Changed::Some { areas, things } => {
                let named = areas.iter().map(|area| format!("area={area}"));
                let is_few = things.len() <= NAMED_COUNT_MAX;
                let of_things = things
                    .iter()
                    .filter(|_| is_few)
                    .map(|thing| format!("thing={thing}"));
                let all = (!is_few).then(|| level("thing"));
                named.chain(of_things).chain(all).collect()
            }
            Changed::All => {
                let registry = self.registry.borrow();
                let levels: BTreeSet<AreaLevel> = registry.areas().map(|area| area.level).collect();
                let areas = levels.into_iter().map(|name| level(name.as_str()));
                areas.chain([level("thing")]).collect()
            }
        }
    }

    /// The rows of one public question.
    async fn ask(&self, query: &str) -> anyhow::Result<Vec<Value>> {
        let uri = format!("/api/v1/products/{PRODUCT}?{query}&format=ndjson");
        let request = Request::get(&uri)
            .header("host", "localhost")
            .body(Body::empty())?;
        let response = self.questions.clone().oneshot(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await;
        let bytes = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
        if status == http::StatusCode::NOT_FOUND {
            // A thing that does not park, or is not open.
            return Ok(Vec::new());
        }
        anyhow::ensure!(status.is_success(), "{uri}: {status}");
        let lines = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).context("read a row"))
            .collect()
    }
}

fn without_clock(row: &Value) -> Value {
    let mut row = row.clone();
    if let Some(members) = row.as_object_mut() {
        for member in CLOCK_MEMBERS {
            members.remove(member);
        }
    }
    row
}
