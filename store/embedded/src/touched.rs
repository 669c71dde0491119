//! What changed since a commit: from memory for the newest ones, else from the rows themselves.

use std::sync::Arc;

use arno_model::Timestamp;
use arno_store::{StoreError, Streams, Touched};
use arno_store_lake::{Ask, Files, Lake};

use crate::lookup::each_row;
use crate::shared::Shared;
use crate::store::newest;
use crate::touch::{Gather, Range, join};

/// Answers what the commits after `since` touched.
pub(crate) async fn touched(
    shared: &Shared,
    lake: &Lake,
    since: Timestamp,
) -> Result<Touched, StoreError> {
    let since_us = if since == Timestamp::MIN {
        i64::MIN
    } else {
        since.as_micros()
    };
    let (known_at, mut ranges, files) = {
        let moment = shared.read();
        if moment.is_closed {
            return Err(StoreError::Closed);
        }
        let known_at = newest(moment.state.known_at_us);
        if let Some(ranges) = moment.recent.since(since_us) {
            drop(moment);
            return Ok(Touched {
                ranges: join(ranges),
                known_at,
            });
        }
        let mut gather = Gather::default();
        for part in moment
            .flushing
            .as_deref()
            .into_iter()
            .chain([&moment.active])
        {
            for (key, row) in part.iter() {
                if row.known_at > since_us {
                    gather.add(key, row.time);
                }
            }
        }
        (known_at, gather.take(), Arc::clone(&moment.files))
    };
    ranges.extend(in_lake(lake, &files, since_us).await?);
    Ok(Touched {
        ranges: join(ranges),
        known_at,
    })
}

async fn in_lake(lake: &Lake, files: &Files, since_us: i64) -> Result<Vec<Range>, StoreError> {
    let mut ranges = Vec::new();
    let mut gather = Gather::default();
    for file in files.iter() {
        let mut mixed = Vec::new();
        for span in file.spans() {
            if span.first_known_us > since_us {
                let (key, first_us, last_us) = (span.key, span.first_us, span.last_us);
                ranges.push(Range {
                    key,
                    first_us,
                    last_us,
                });
            } else if span.last_known_us > since_us {
                mixed.push(span.key);
            }
        }
        if mixed.is_empty() {
            continue;
        }
        let ask = Ask {
            streams: Streams::of(mixed),
            after_us: since_us,
            ..Ask::ALL
        };
        if let Some(source) = lake.source(file, &ask) {
            each_row(source, |key, row| gather.add(key, row.time)).await?;
        }
    }
    ranges.extend(gather.take());
    Ok(ranges)
}
