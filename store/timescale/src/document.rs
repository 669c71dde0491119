//! Documents and the quarantine, as rows.

use arno_store::{Document, Documents, QuarantineFilter, QuarantineLog, Quarantined, StoreError};
use async_trait::async_trait;

use crate::error::failed;
use crate::store::TimescaleStore;

#[async_trait]
impl Documents for TimescaleStore {
    async fn document(&self, name: &str) -> Result<Option<Document>, StoreError> {
        let client = self.shared.client().await?;
        let row = client
            .query_opt(
                "SELECT bytes, revision FROM arno.documents WHERE name = $1",
                &[&name],
            )
            .await
            .map_err(failed("read a document"))?;
        Ok(row.map(|row| Document {
            bytes: row.get(0),
            revision: u64::try_from(row.get::<_, i64>(1)).unwrap_or(0),
        }))
    }

    async fn put_document(
        &self,
        name: &str,
        bytes: Vec<u8>,
        expected: u64,
    ) -> Result<u64, StoreError> {
        let expected = i64::try_from(expected).unwrap_or(i64::MAX);
        let client = self.shared.client().await?;
        let sql = if expected == 0 {
            "INSERT INTO arno.documents (name, bytes, revision) SELECT $1, $2, $3::bigint + 1 \
             ON CONFLICT (name) DO NOTHING RETURNING revision"
        } else {
            "UPDATE arno.documents SET bytes = $2, revision = revision + 1 \
             WHERE name = $1 AND revision = $3 RETURNING revision"
        };
        let row = client
            .query_opt(sql, &[&name, &bytes, &expected])
            .await
            .map_err(failed("write a document"))?;
        let row = row.ok_or_else(|| StoreError::Conflict {
            name: name.to_owned(),
        })?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
    }
}

#[async_trait]
impl QuarantineLog for TimescaleStore {
    async fn quarantined(&self, filter: QuarantineFilter) -> Result<Vec<Quarantined>, StoreError> {
        let publisher = filter
            .publisher
            .as_ref()
            .map(|publisher| publisher.as_str().to_owned());
        let reason = filter.reason.map(|reason| reason.as_str().to_owned());
        let before = filter
            .before_id
            .map(|id| i64::try_from(id).unwrap_or(i64::MAX));
        let limit = i64::try_from(filter.limit.max(1)).unwrap_or(i64::MAX);
        let client = self.shared.client().await?;
        let rows = client
            .query(
                "SELECT id, entry::text FROM arno.quarantine \
                 WHERE ($1::text IS NULL OR publisher = $1) AND ($2::text IS NULL OR reason = $2) \
                   AND ($3::bigint IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
                &[&publisher, &reason, &before, &limit],
            )
            .await
            .map_err(failed("list the quarantine"))?;
        let refusal = |row: &tokio_postgres::Row| {
            let id = u64::try_from(row.get::<_, i64>(0)).unwrap_or(0);
            let entry = serde_json::from_str(row.get::<_, &str>(1)).map_err(|error| {
                StoreError::Damaged {
                    name: format!("quarantine entry {id}"),
                    source: Box::new(error),
                }
            })?;
            Ok(Quarantined { id, entry })
        };
        rows.iter().map(refusal).collect()
    }
}
