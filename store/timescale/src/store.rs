//! The store itself: a pool, what is known of the newest commit, and the capabilities that need
//! both.
//!
//! # Limits
//! [`CONNECTIONS_COUNT_MAX`] connections; a call beyond them waits [`CONNECT_TIME_MAX`].
//! [`STATEMENT_TIME_MAX`] ends a statement at the server.

use std::str::FromStr as _;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arno_model::observation::{ObservationColumns, arrival_schema};
use arno_model::{DatastreamKey, Ledger, Timestamp};
use arno_store::{
    Append, Appended, BatchStream, Clock, ClockState, DatastreamName, DatastreamRegister,
    Datastreams, Maintenance, ObservationReader, ObservationWriter, Scan, StoreError, StoreHealth,
    Touched,
};
use async_trait::async_trait;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls, Row};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::edition::Edition;
use crate::error::{TimescaleError, failed, no_connection};
use crate::writer::{Writer, writer};
use crate::{scan, schema};

/// Connections of one process: one writes, the rest answer scans; a server of 100 serves several.
pub const CONNECTIONS_COUNT_MAX: usize = 8;
/// How long a call waits for a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the server works on one statement.
const STATEMENT_TIME_MAX: Duration = Duration::from_mins(2);
/// The oldest PostgreSQL that is supported.
const SERVER_VERSION_LEAST: i32 = 15;

/// What [`Shared::learn`] reads, in this order.
pub(crate) const STATE_COLUMNS: &str =
    "last_commit, recorded, is_live, stored, repeated, corrected, quarantined, ignored";

#[derive(Debug, Clone, Copy)]
struct State {
    last_commit: Timestamp,
    clock: ClockState,
    ledger: Ledger,
}

/// What the writer and the readers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pool: Pool,
    state: RwLock<State>,
    datastreams: RwLock<Arc<Datastreams>>,
}

impl Shared {
    /// A connection.
    pub(crate) async fn client(&self) -> Result<Object, StoreError> {
        self.pool.get().await.map_err(no_connection)
    }

    /// Takes over a row of [`STATE_COLUMNS`], unless something newer is known.
    pub(crate) fn learn(&self, row: &Row) {
        let recorded: Option<SystemTime> = row.get(1);
        let is_live: bool = row.get(2);
        let clock = match recorded.map(Self::timestamp) {
            Some(now) if !is_live => ClockState::Recorded { now },
            _ => ClockState::Live,
        };
        let wide = |place: usize| u64::try_from(row.get::<_, i64>(place)).unwrap_or(0);
        let ledger = Ledger {
            stored: wide(3),
            repeated: wide(4),
            corrected: wide(5),
            quarantined: wide(6),
            ignored: wide(7),
        };
        let state = State {
            last_commit: Self::read_time(row, 0),
            clock,
            ledger,
        };
        let mut known = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.last_commit >= known.last_commit {
            *known = state;
        }
    }

    fn state(&self) -> State {
        *self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A row's time column.
    pub(crate) fn read_time(row: &Row, place: usize) -> Timestamp {
        Self::timestamp(row.get(place))
    }

    /// From the driver's type.
    pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => micros(after),
            Err(before) => -micros(before.duration()),
        })
    }

    /// Reads the newest commit, also of other processes.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        let sql = format!("SELECT {STATE_COLUMNS} FROM arno.state");
        let client = self.client().await?;
        let row = client
            .query_one(&sql, &[])
            .await
            .map_err(failed("read the newest commit"))?;
        drop(client);
        self.learn(&row);
        Ok(())
    }

    async fn refresh_datastreams(&self) -> Result<(), StoreError> {
        let fail = failed("read the datastreams");
        let known = self.datastreams();
        let last = i32::try_from(known.len()).unwrap_or(i32::MAX);
        let client = self.client().await?;
        let rows = client
            .query(
                "SELECT thing, property FROM arno.datastreams WHERE key > $1 ORDER BY key",
                &[&last],
            )
            .await
            .map_err(fail)?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut all = Datastreams::clone(&known);
        for row in rows {
            all.insert(name_of(&row)?);
        }
        let mut newest = self
            .datastreams
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if all.len() > newest.len() {
            *newest = Arc::new(all);
        }
        Ok(())
    }

    pub(crate) fn datastreams(&self) -> Arc<Datastreams> {
        Arc::clone(
            &self
                .datastreams
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

fn name_of(row: &Row) -> Result<DatastreamName, StoreError> {
    let damaged = |error: arno_model::IdError| StoreError::Damaged {
        name: "a row of arno.datastreams".to_owned(),
        source: Box::new(error),
    };
    Ok(DatastreamName {
        thing: row.get::<_, String>(0).parse().map_err(damaged)?,
        property: row.get::<_, String>(1).parse().map_err(damaged)?,
    })
}

/// A store on a database.
#[derive(Debug)]
pub struct TimescaleStore {
    pub(crate) shared: Arc<Shared>,
    writer: Writer,
    clock: Arc<dyn Clock>,
    edition: Edition,
    tracker: TaskTracker,
    token: CancellationToken,
}

impl TimescaleStore {
    /// Connects, migrates, and starts the writer.
    ///
    /// # Errors
    /// `Address` for an address that is none or asks for TLS; `TooOld`; `Open` when the server does
    /// not answer or has a newer schema.
    pub async fn connect(url: &str, clock: Arc<dyn Clock>) -> Result<Arc<Self>, TimescaleError> {
        let pool = pool(url)?;
        let opened = |source| TimescaleError::Open { source };
        let client = pool.get().await.map_err(no_connection).map_err(opened)?;
        let fail = failed("ask the server for its version");
        let row = client
            .query_one("SHOW server_version_num", &[])
            .await
            .map_err(fail);
        let found = row
            .map_err(opened)?
            .get::<_, String>(0)
            .parse()
            .unwrap_or(0)
            / 10_000;
        if found < SERVER_VERSION_LEAST {
            return Err(TimescaleError::TooOld {
                found,
                least: SERVER_VERSION_LEAST,
            });
        }
        drop(client);
        let edition = Edition::detect(&pool).await.map_err(opened)?;
        let mut client = pool.get().await.map_err(no_connection).map_err(opened)?;
        schema::migrate(&mut client, edition)
            .await
            .map_err(opened)?;
        drop(client);
        tracing::info!(server = found, %edition, "the database is open");
        let state = State {
            last_commit: Timestamp::MIN,
            clock: ClockState::Live,
            ledger: Ledger::default(),
        };
        let shared = Arc::new(Shared {
            pool,
            state: RwLock::new(state),
            datastreams: RwLock::default(),
        });
        shared.refresh().await.map_err(opened)?;
        shared.refresh_datastreams().await.map_err(opened)?;
        let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
        let (writer, task) = writer(Arc::clone(&shared), Arc::clone(&clock), token.clone());
        tracker.spawn(task);
        Ok(Arc::new(Self {
            shared,
            writer,
            clock,
            edition,
            tracker,
            token,
        }))
    }

    /// Which server it is.
    pub const fn edition(&self) -> Edition {
        self.edition
    }
}

fn pool(url: &str) -> Result<Pool, TimescaleError> {
    let mut config = Config::from_str(url).map_err(|error| TimescaleError::Address {
        reason: format!("{error}; write one like `postgres://arno@127.0.0.1/arno`"),
    })?;
    if matches!(config.get_ssl_mode(), SslMode::Require) {
        let reason = "sslmode=require is not supported yet; use a socket, loopback or a tunnel";
        return Err(TimescaleError::Address {
            reason: reason.to_owned(),
        });
    }
    let statement_ms = STATEMENT_TIME_MAX.as_millis();
    config
        .application_name("arno")
        .connect_timeout(CONNECT_TIME_MAX)
        .options(format!(
            "-c statement_timeout={statement_ms} -c timezone=UTC"
        ));
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = Manager::from_config(config, NoTls, recycling);
    Pool::builder(manager)
        .max_size(CONNECTIONS_COUNT_MAX)
        .wait_timeout(Some(CONNECT_TIME_MAX))
        .create_timeout(Some(CONNECT_TIME_MAX))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|source| TimescaleError::Pool { source })
}

#[async_trait]
impl ObservationWriter for TimescaleStore {
    async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        if !self.has_registered(&append) {
            // Another process may have registered them.
            self.shared.refresh_datastreams().await?;
            if !self.has_registered(&append) {
                return Err(StoreError::Invalid {
                    reason: "a datastream that was never registered",
                });
            }
        }
        self.writer.append(append).await
    }
}

#[async_trait]
impl ObservationReader for TimescaleStore {
    async fn scan(&self, scan: Scan) -> Result<Vec<BatchStream>, StoreError> {
        scan::open(&self.shared, scan).await
    }

    async fn touched(&self, since: Timestamp) -> Result<Touched, StoreError> {
        self.shared.refresh().await?;
        scan::touched(&self.shared, since, self.last_commit()).await
    }

    fn last_commit(&self) -> Timestamp {
        self.shared.state().last_commit
    }

    fn clock(&self) -> ClockState {
        self.shared.state().clock
    }

    fn now(&self) -> Timestamp {
        match self.clock() {
            ClockState::Live => self.clock.now(),
            ClockState::Recorded { now } => now,
        }
    }

    fn ledger(&self) -> Ledger {
        self.shared.state().ledger
    }
}

#[async_trait]
impl DatastreamRegister for TimescaleStore {
    async fn register(&self, names: &[DatastreamName]) -> Result<Vec<DatastreamKey>, StoreError> {
        let lookup = |known: &Datastreams| {
            names
                .iter()
                .map(|name| known.key(name))
                .collect::<Option<Vec<DatastreamKey>>>()
        };
        if let Some(keys) = lookup(&self.shared.datastreams()) {
            return Ok(keys);
        }
        self.insert_names(names).await?;
        self.shared.refresh_datastreams().await?;
        lookup(&self.shared.datastreams()).ok_or(StoreError::Conflict {
            name: "the datastreams".to_owned(),
        })
    }

    fn datastreams(&self) -> Arc<Datastreams> {
        self.shared.datastreams()
    }
}

impl TimescaleStore {
    fn has_registered(&self, append: &Append) -> bool {
        let known = self.shared.datastreams();
        let columns = ObservationColumns::view(&append.observations);
        // Another schema is the writer's to refuse.
        columns.is_ok_and(|columns| {
            columns
                .datastream
                .values()
                .iter()
                .all(|key| known.name(DatastreamKey(*key)).is_some())
        }) || append.observations.schema() != arrival_schema()
    }

    /// Gives new names the next keys, without gaps: the table is locked meanwhile.
    async fn insert_names(&self, names: &[DatastreamName]) -> Result<(), StoreError> {
        let fail = failed("register datastreams");
        let things: Vec<&str> = names.iter().map(|name| name.thing.as_str()).collect();
        let properties: Vec<&str> = names.iter().map(|name| name.property.as_str()).collect();
        let mut client = self.shared.client().await?;
        let transaction = client.transaction().await.map_err(fail)?;
        transaction
            .batch_execute("LOCK TABLE arno.datastreams IN EXCLUSIVE MODE")
            .await
            .map_err(fail)?;
        transaction
            .execute(
                "INSERT INTO arno.datastreams (key, thing, property) \
                 SELECT (SELECT coalesce(max(key), 0) FROM arno.datastreams) \
                        + (row_number() OVER (ORDER BY place))::int, thing, property \
                 FROM (SELECT thing, property, min(place) AS place \
                       FROM unnest($1::text[], $2::text[]) WITH ORDINALITY \
                       AS given(thing, property, place) \
                       GROUP BY thing, property) AS wanted \
                 WHERE NOT EXISTS (SELECT 1 FROM arno.datastreams AS known \
                     WHERE known.thing = wanted.thing AND known.property = wanted.property)",
                &[&things, &properties],
            )
            .await
            .map_err(fail)?;
        transaction.commit().await.map_err(fail)
    }
}

#[async_trait]
impl Maintenance for TimescaleStore {
    async fn maintain(&self) -> Result<(), StoreError> {
        self.shared.refresh().await?;
        self.shared.refresh_datastreams().await
    }

    fn health(&self) -> StoreHealth {
        let ledger = self.ledger();
        StoreHealth {
            is_ready: !self.token.is_cancelled() && !self.shared.pool.is_closed(),
            summary: self.edition.to_string(),
            hot_rows: 0,
            rows: ledger.stored + ledger.corrected,
            bytes: None,
        }
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.writer.close();
        self.token.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        self.shared.pool.close();
        Ok(())
    }
}
