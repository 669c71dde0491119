//! Migrations: a database in any earlier state comes in, one in today's goes out.
//!
//! # Why
//! Several processes may start at once on an empty database. A session's advisory lock lets one
//! migrate while the others wait; each step is one transaction with the note that it was done.
//!
//! # Invariants
//! A schema newer than this binary is refused, never touched.

use arno_store::StoreError;
use tokio_postgres::Client;

use crate::edition::Edition;
use crate::error::failed;

/// Key of the advisory lock under which a database is migrated ("arno" and a one).
const MIGRATION_LOCK: i64 = 0x6172_6e6f_0001;
/// The steps, in order; the schema's version is how many were taken.
const MIGRATIONS: [&str; 1] = [include_str!("../migrations/0001_observations.sql")];
/// Width of a chunk. A region's 90,000 bays and 12,500 access points make some 20 million rows a
/// day,
/// 1.2 GB with their index: a day of them fits in the memory of a small server, and a village's
/// chunk is a page.
const CHUNK_INTERVAL: &str = "1 day";

/// Brings the schema up to date.
pub(crate) async fn migrate(client: &mut Client, edition: Edition) -> Result<(), StoreError> {
    let fail = failed("bring the database's schema up to date");
    client
        .execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK])
        .await
        .map_err(fail)?;
    let migrated = take_steps(client, edition).await;
    let unlocked = client
        .execute("SELECT pg_advisory_unlock($1)", &[&MIGRATION_LOCK])
        .await;
    migrated?;
    unlocked.map_err(fail)?;
    Ok(())
}

async fn take_steps(client: &mut Client, edition: Edition) -> Result<(), StoreError> {
    let fail = failed("bring the database's schema up to date");
    client
        .batch_execute(
            "CREATE SCHEMA IF NOT EXISTS arno;
             CREATE TABLE IF NOT EXISTS arno.migrations (
                 step integer PRIMARY KEY, taken timestamptz NOT NULL DEFAULT now());",
        )
        .await
        .map_err(fail)?;
    let row = client
        .query_one("SELECT coalesce(max(step), 0) FROM arno.migrations", &[])
        .await
        .map_err(fail)?;
    let taken = usize::try_from(row.get::<_, i32>(0)).unwrap_or(usize::MAX);
    if taken > MIGRATIONS.len() {
        return Err(StoreError::NewerFormat {
            name: "the database's schema".to_owned(),
            found: u32::try_from(taken).unwrap_or(u32::MAX),
            supported: u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX),
        });
    }
    for (step, sql) in (1_i32..).zip(MIGRATIONS).skip(taken) {
        let transaction = client.transaction().await.map_err(fail)?;
        transaction.batch_execute(sql).await.map_err(fail)?;
        if step == 1 && edition.has_hypertables() {
            let sql = format!(
                "SELECT create_hypertable('arno.observations', 'time', \
                 chunk_time_interval => INTERVAL '{CHUNK_INTERVAL}', create_default_indexes => false)"
            );
            transaction.batch_execute(&sql).await.map_err(fail)?;
        }
        transaction
            .execute("INSERT INTO arno.migrations (step) VALUES ($1)", &[&step])
            .await
            .map_err(fail)?;
        transaction.commit().await.map_err(fail)?;
        tracing::info!(step, "the database's schema was brought up to date");
    }
    Ok(())
}
