//! Files: a path comes in; rows of the columns that the mapping names go out, one by one.
//!
//! # Shape
//! A row's cells stand in the order of the mapping's columns; an optional column that a file lacks
//! is empty in all its rows.
//!
//! # Limits
//! [`ROW_BYTES_MAX`]: a longer line is a broken row. Parquet is read in batches of [`BATCH_ROWS`].

mod column;
mod csv;
mod ndjson;
mod parquet;

use std::path::{Path, PathBuf};

use crate::cell::Cell;
use crate::error::{MappingFaults, ReplayError};
use crate::mapping::{Format, Mapping};

/// Longest line of a text file: a poll of a whole town's feed fits.
pub const ROW_BYTES_MAX: usize = 1 << 20;
/// Rows of a Parquet batch.
pub const BATCH_ROWS: usize = 8_192;

/// What a file gives.
#[derive(Debug)]
pub(crate) enum Row<'a> {
    /// The cells of the mapping's columns.
    Cells(&'a [Cell<'a>]),
    /// Bytes that are no row, and why.
    Broken {
        /// The bytes, where there are any.
        bytes: &'a [u8],
        /// What is wrong.
        problem: String,
    },
}

/// Takes rows.
pub(crate) type Take<'t> = &'t mut dyn FnMut(Row<'_>) -> Result<(), ReplayError>;

/// Refuses files that lack what the mapping names, all in one report.
///
/// # Errors
/// `NoFile`, `Read`, `Format`, or `Unfit` with everything that is missing.
pub fn check(paths: &[PathBuf], mapping: &Mapping) -> Result<(), ReplayError> {
    if paths.is_empty() {
        return Err(ReplayError::NoFile);
    }
    let mut faults = Vec::new();
    for path in paths {
        let known = match mapping.format() {
            Format::Csv => Some(csv::header(path, mapping)?),
            Format::Parquet => Some(parquet::header(path)?),
            // Objects need no common set of members: what a row lacks is empty there.
            Format::Ndjson => None,
        };
        if let Some(known) = known {
            faults.extend(mapping.misfits(path, &known));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(ReplayError::Unfit {
        faults: MappingFaults(faults),
    })
}

/// Reads a whole file.
pub(crate) fn read(path: &Path, mapping: &Mapping, take: Take<'_>) -> Result<(), ReplayError> {
    match mapping.format() {
        Format::Csv => csv::read(path, mapping, take),
        Format::Ndjson => ndjson::read(path, mapping, take),
        Format::Parquet => parquet::read(path, mapping, take),
    }
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> ReplayError {
    let path = path.to_owned();
    move |source| ReplayError::Read {
        path: path.clone(),
        source,
    }
}

fn malformed<E>(path: &Path, format: Format) -> impl Fn(E) -> ReplayError
where
    E: std::error::Error + Send + Sync + 'static,
{
    let path = path.to_owned();
    move |source| ReplayError::Format {
        path: path.clone(),
        format: format.as_str(),
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests;
