//! NDJSON files: a JSON object a line; columns are its members, `a.b` a member of a member.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use serde_json::{Map, Value};

use crate::cell::Cell;
use crate::error::ReplayError;
use crate::mapping::Mapping;
use crate::source::{ROW_BYTES_MAX, Row, Take, unreadable};

/// Reads every line.
pub(super) fn read(path: &Path, mapping: &Mapping, take: Take<'_>) -> Result<(), ReplayError> {
    let file = File::open(path).map_err(unreadable(path))?;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        let most = u64::try_from(ROW_BYTES_MAX).unwrap_or(u64::MAX) + 1;
        let read_bytes = (&mut reader)
            .take(most)
            .read_until(b'\n', &mut line)
            .map_err(unreadable(path))?;
        if read_bytes == 0 {
            return Ok(());
        }
        number += 1;
        let is_whole = line.len() <= ROW_BYTES_MAX;
        if !is_whole {
            reader.skip_until(b'\n').map_err(unreadable(path))?;
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        let broken = |problem: String| Row::Broken {
            bytes: text,
            problem: format!("line {number}: {problem}"),
        };
        if !is_whole {
            take(broken(format!("it is longer than {ROW_BYTES_MAX} bytes")))?;
            continue;
        }
        match serde_json::from_slice::<Map<String, Value>>(text) {
            Ok(object) => {
                let cells: Vec<Cell<'_>> = mapping
                    .columns
                    .iter()
                    .map(|column| cell_of(member(&object, &column.name)))
                    .collect();
                take(Row::Cells(&cells))?;
            }
            Err(cause) => {
                let place = cause.column();
                take(broken(format!(
                    "it is no JSON object (at character {place})"
                )))?;
            }
        }
    }
}

/// A member by its name, or by the path that the name is.
fn member<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    if let Some(value) = object.get(name) {
        return Some(value);
    }
    let mut steps = name.split('.');
    let mut value = object.get(steps.next()?)?;
    for step in steps {
        value = value.get(step)?;
    }
    Some(value)
}

fn cell_of(value: Option<&Value>) -> Cell<'_> {
    match value {
        None | Some(Value::Null) => Cell::Empty,
        Some(Value::Bool(flag)) => Cell::Flag(*flag),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(whole) => Cell::Whole(whole),
            None => number.as_f64().map_or(Cell::Other, Cell::Number),
        },
        Some(Value::String(text)) => match Cell::of_text(text) {
            Cell::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
            other => other,
        },
        Some(Value::Array(_) | Value::Object(_)) => Cell::Other,
    }
}
