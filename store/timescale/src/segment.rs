//! Segments of derived batches, as rows of Arrow IPC.

use std::io::Cursor;

use arno_store::{Segments, StoreError};
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use async_trait::async_trait;

use crate::error::failed;
use crate::store::TimescaleStore;

fn encode(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema())?;
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<RecordBatch, ArrowError> {
    let reader = StreamReader::try_new(Cursor::new(bytes), None)?;
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>()?;
    concat_batches(&schema, &batches)
}

#[async_trait]
impl Segments for TimescaleStore {
    async fn put_segments(
        &self,
        kind: &str,
        segments: Vec<(i32, RecordBatch)>,
        mark: Vec<u8>,
    ) -> Result<(), StoreError> {
        let fail = failed("write segments");
        let mut client = self.shared.client().await?;
        let transaction = client.transaction().await.map_err(fail)?;
        for (day, batch) in segments {
            if batch.num_rows() == 0 {
                let sql = "DELETE FROM arno.segments WHERE kind = $1 AND day = $2";
                transaction
                    .execute(sql, &[&kind, &day])
                    .await
                    .map_err(fail)?;
                continue;
            }
            let bytes = encode(&batch).map_err(|error| StoreError::Unavailable {
                action: "write segments",
                source: Box::new(error),
            })?;
            let sql = "INSERT INTO arno.segments (kind, day, bytes) VALUES ($1, $2, $3) \
                       ON CONFLICT (kind, day) DO UPDATE SET bytes = excluded.bytes";
            transaction
                .execute(sql, &[&kind, &day, &bytes])
                .await
                .map_err(fail)?;
        }
        let sql = "INSERT INTO arno.segment_marks (kind, mark) VALUES ($1, $2) \
                   ON CONFLICT (kind) DO UPDATE SET mark = excluded.mark";
        transaction
            .execute(sql, &[&kind, &mark])
            .await
            .map_err(fail)?;
        transaction.commit().await.map_err(fail)
    }

    async fn segment(&self, kind: &str, day: i32) -> Result<Option<RecordBatch>, StoreError> {
        let client = self.shared.client().await?;
        let sql = "SELECT bytes FROM arno.segments WHERE kind = $1 AND day = $2";
        let row = client
            .query_opt(sql, &[&kind, &day])
            .await
            .map_err(failed("read a segment"))?;
        let Some(row) = row else { return Ok(None) };
        let batch = decode(row.get(0)).map_err(|error| StoreError::Damaged {
            name: format!("segment {kind} of day {day}"),
            source: Box::new(error),
        })?;
        Ok(Some(batch))
    }

    async fn segment_days(&self, kind: &str) -> Result<Vec<i32>, StoreError> {
        let client = self.shared.client().await?;
        let sql = "SELECT day FROM arno.segments WHERE kind = $1 ORDER BY day";
        let rows = client
            .query(sql, &[&kind])
            .await
            .map_err(failed("list segments"))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn segment_mark(&self, kind: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let client = self.shared.client().await?;
        let sql = "SELECT mark FROM arno.segment_marks WHERE kind = $1";
        let row = client
            .query_opt(sql, &[&kind])
            .await
            .map_err(failed("read a segment's mark"))?;
        Ok(row.map(|row| row.get(0)))
    }
}
