//! What the Delta log says about a file, so that readers skip files without opening them.
//!
//! # Source
//! Delta protocol, "Per-file Statistics": times are cut to milliseconds, minima down, maxima up.

use arno_model::Timestamp;
use serde_json::{Value, json};

use crate::file::LakeFile;

/// A file's statistics as JSON.
pub(crate) fn statistics(file: &LakeFile) -> String {
    let spans = &file.spans;
    let least = |of: fn(&crate::index::Span) -> i64| spans.iter().map(of).min().unwrap_or(0);
    let most = |of: fn(&crate::index::Span) -> i64| spans.iter().map(of).max().unwrap_or(0);
    let keys = (
        spans.first().map(|span| span.key.0),
        spans.last().map(|span| span.key.0),
    );
    json!({
        "numRecords": file.row_count,
        "minValues": {
            "datastream": keys.0,
            "time": moment(least(|span| span.first_us), 0),
            "known_at": moment(least(|span| span.first_known_us), 0),
        },
        "maxValues": {
            "datastream": keys.1,
            "time": moment(most(|span| span.last_us), 999),
            "known_at": moment(most(|span| span.last_known_us), 999),
        },
        "nullCount": { "datastream": 0, "time": 0, "known_at": 0 },
    })
    .to_string()
}

fn moment(micros: i64, up_us: i64) -> Value {
    let cut = Timestamp::from_micros((micros.saturating_add(up_us)).div_euclid(1_000) * 1_000);
    Value::String(cut.to_string())
}
