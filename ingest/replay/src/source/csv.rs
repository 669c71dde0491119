//! CSV files (RFC 4180 with any separator): UTF-8, a header line, texts.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};

use crate::cell::Cell;
use crate::error::ReplayError;
use crate::mapping::{Format, Mapping};
use crate::source::{ROW_BYTES_MAX, Row, Take, malformed, unreadable};

fn open(path: &Path, mapping: &Mapping) -> Result<Reader<BufReader<File>>, ReplayError> {
    let file = File::open(path).map_err(unreadable(path))?;
    let mut builder = ReaderBuilder::new();
    // Rows of another length are judged here, so that one of them does not end the file.
    builder.delimiter(mapping.separator).flexible(true);
    Ok(builder.from_reader(BufReader::new(file)))
}

/// The columns' names.
pub(super) fn header(path: &Path, mapping: &Mapping) -> Result<Vec<String>, ReplayError> {
    let mut reader = open(path, mapping)?;
    let header = reader.headers().map_err(malformed(path, Format::Csv))?;
    let names = header
        .iter()
        .map(|name| name.trim().trim_start_matches('\u{feff}').to_owned());
    Ok(names.collect())
}

/// Reads every row.
pub(super) fn read(path: &Path, mapping: &Mapping, take: Take<'_>) -> Result<(), ReplayError> {
    let known = header(path, mapping)?;
    let places: Vec<Option<usize>> = mapping
        .columns
        .iter()
        .map(|column| known.iter().position(|name| *name == column.name))
        .collect();
    let mut reader = open(path, mapping)?;
    let mut record = ByteRecord::new();
    while reader
        .read_byte_record(&mut record)
        .map_err(malformed(path, Format::Csv))?
    {
        let line = record.position().map_or(0, csv::Position::line);
        let problem = problem_of(&record, known.len());
        if let Some(problem) = problem {
            let separator = [mapping.separator];
            let fields: Vec<&[u8]> = record.iter().collect();
            let bytes = &fields.join(&separator[..]);
            let problem = format!("line {line}: {problem}");
            take(Row::Broken { bytes, problem })?;
            continue;
        }
        let cell = |place: &Option<usize>| {
            let field = place
                .and_then(|place| record.get(place))
                .unwrap_or_default();
            // Checked above to be UTF-8.
            Cell::of_text(std::str::from_utf8(field).unwrap_or_default())
        };
        let cells: Vec<Cell<'_>> = places.iter().map(cell).collect();
        take(Row::Cells(&cells))?;
    }
    Ok(())
}

fn problem_of(record: &ByteRecord, fields_count: usize) -> Option<String> {
    if record.as_slice().len() > ROW_BYTES_MAX {
        return Some(format!("the row is longer than {ROW_BYTES_MAX} bytes"));
    }
    if record.len() != fields_count {
        let found = record.len();
        return Some(format!(
            "the row has {found} fields, the header {fields_count}"
        ));
    }
    let is_text = record
        .iter()
        .all(|field| std::str::from_utf8(field).is_ok());
    (!is_text).then(|| "the row is not UTF-8".to_owned())
}
