//! Holds the store on a real server against the oracle, with TimescaleDB and on plain PostgreSQL.
//!
//! `ARNO_TEST_DATABASE_URL` names a server to use instead; every history gets a database of its own
//! there, dropped at the end.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says loudly what went wrong"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arno_store::testkit::{Bench, Site, conform};
use arno_store::{Backend, Clock, StoreError};
use arno_store_timescale::{Edition, TimescaleStore};
use async_trait::async_trait;
use tokio_postgres::NoTls;

static DATABASES_COUNT: AtomicU64 = AtomicU64::new(0);

/// A server.
struct Server {
    url: String,
}

/// A database of its own.
struct Database {
    server: String,
    name: String,
}

/// Starts one of the servers that `scripts/test-timescale` unpacks, or finds it running.
fn start(kind: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(root.join("scripts/test-timescale"))
        .args(["up", kind])
        .output();
    let output = output.expect("scripts/test-timescale can be run");
    let text = String::from_utf8(output.stdout).unwrap();
    let problem = String::from_utf8_lossy(&output.stderr);
    text.lines()
        .last()
        .unwrap_or_else(|| panic_with(&problem))
        .to_owned()
}

#[expect(
    clippy::panic,
    reason = "a missing server fails the run, it does not skip it"
)]
fn panic_with(problem: &str) -> &'static str {
    panic!("the test server did not start (scripts/setup database): {problem}")
}

/// Runs one statement on a connection of its own.
async fn run(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let statement = client.batch_execute(sql);
    tokio::select! {
        done = statement => done.unwrap(),
        ended = connection => ended.unwrap(),
    }
}

fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = base.rsplit_once('/').unwrap();
    format!("{server}/{name}?{query}")
}

#[async_trait]
impl Bench for Server {
    async fn fresh(&self) -> Box<dyn Site> {
        let count = DATABASES_COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("arno_test_{}_{count}", std::process::id());
        run(&self.url, &format!("CREATE DATABASE {name}")).await;
        Box::new(Database {
            server: self.url.clone(),
            name,
        })
    }
}

#[async_trait]
impl Site for Database {
    async fn open(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn Backend>, StoreError> {
        let url = with_database(&self.server, &self.name);
        let store = TimescaleStore::connect(&url, clock).await;
        let store = store.map_err(|error| StoreError::Unavailable {
            action: "open the store",
            source: Box::new(error),
        })?;
        Ok(store)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let url = self.server.clone();
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // The test's runtime may be ending; a thread of its own waits for the drop.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(run(&url, &sql));
        });
        drop(dropping.join());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timescale_answers_as_the_oracle_does() {
    let asked = std::env::var("ARNO_TEST_DATABASE_URL").ok();
    let url = asked.unwrap_or_else(|| start("timescale"));
    conform(&Server { url }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_postgresql_answers_as_the_oracle_does() {
    let url = start("plain");
    conform(&Server { url: url.clone() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_edition_is_known() {
    let clock = Arc::new(arno_store::testkit::TestClock::at(
        arno_model::Timestamp::from_micros(0),
    ));
    for (kind, edition) in [("timescale", Edition::Apache), ("plain", Edition::Plain)] {
        let server = Server { url: start(kind) };
        let count = DATABASES_COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("arno_test_{}_{count}", std::process::id());
        run(&server.url, &format!("CREATE DATABASE {name}")).await;
        let database = Database {
            server: server.url,
            name,
        };
        let url = with_database(&database.server, &database.name);
        let store = TimescaleStore::connect(&url, Arc::clone(&clock) as _)
            .await
            .unwrap();
        assert_eq!(store.edition(), edition);
        arno_store::Maintenance::close(store.as_ref())
            .await
            .unwrap();
    }
}
