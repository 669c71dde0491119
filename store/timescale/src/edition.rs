//! What the server can do beyond PostgreSQL: asked once, at connection.

use std::fmt;

use arno_store::StoreError;
use deadpool_postgres::{Object, Pool};

use crate::error::{failed, no_connection};

/// Which server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// PostgreSQL without TimescaleDB.
    Plain,
    /// TimescaleDB under the Apache licence: hypertables, no compression.
    Apache,
    /// TimescaleDB under the Timescale licence: compression too.
    Community,
}

impl Edition {
    /// Whether observations stand in a hypertable.
    pub const fn has_hypertables(self) -> bool {
        !matches!(self, Self::Plain)
    }

    /// Whether old chunks can be compressed.
    pub const fn has_compression(self) -> bool {
        matches!(self, Self::Community)
    }

    /// Asks the server; installs the extension where it may.
    pub(crate) async fn detect(pool: &Pool) -> Result<Self, StoreError> {
        let ask = failed("ask the database for its extensions");
        let client = pool.get().await.map_err(no_connection)?;
        let sql =
            "SELECT installed_version FROM pg_available_extensions WHERE name = 'timescaledb'";
        let available = client.query_opt(sql, &[]).await.map_err(ask)?;
        let Some(row) = available else {
            return Ok(Self::Plain);
        };
        if row.get::<_, Option<String>>(0).is_none() {
            // A server that has the extension but did not load it at start ends the session here.
            let created = client
                .batch_execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
                .await;
            if let Err(error) = created {
                tracing::warn!(%error, "timescaledb can't be used here; going on without");
                drop(Object::take(client));
                return Ok(Self::Plain);
            }
        }
        // The functions exist in both editions; the licence tells them apart.
        let licence = client
            .query_one("SHOW timescaledb.license", &[])
            .await
            .map_err(ask)?;
        let is_apache = licence.get::<_, String>(0) == "apache";
        Ok(if is_apache {
            Self::Apache
        } else {
            Self::Community
        })
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Plain => "plain PostgreSQL: no chunks, no compression",
            Self::Apache => "TimescaleDB, Apache edition: chunks, no compression",
            Self::Community => "TimescaleDB: chunks and compression",
        })
    }
}
