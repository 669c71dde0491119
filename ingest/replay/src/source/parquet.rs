//! Parquet files, GeoParquet included: only the columns that the mapping names are read.

use std::fs::File;
use std::path::Path;

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::cell::Cell;
use crate::error::ReplayError;
use crate::mapping::{Format, Mapping};
use crate::source::column::Column;
use crate::source::{BATCH_ROWS, Row, Take, malformed, unreadable};

fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, ReplayError> {
    let file = File::open(path).map_err(unreadable(path))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(malformed(path, Format::Parquet))
}

/// The columns' names.
pub(super) fn header(path: &Path) -> Result<Vec<String>, ReplayError> {
    let builder = open(path)?;
    let fields = builder.schema().fields();
    Ok(fields.iter().map(|field| field.name().clone()).collect())
}

/// Reads every row.
pub(super) fn read(path: &Path, mapping: &Mapping, take: Take<'_>) -> Result<(), ReplayError> {
    let builder = open(path)?;
    let is_named = |name: &str| mapping.columns.iter().any(|column| column.name == name);
    let fields = builder.schema().fields().iter().enumerate();
    let named = fields.filter(|(_place, field)| is_named(field.name()));
    let roots: Vec<usize> = named.map(|(place, _field)| place).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let reader = builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(malformed(path, Format::Parquet))?;
    for batch in reader {
        let batch = batch.map_err(malformed(path, Format::Parquet))?;
        let mut columns = Vec::with_capacity(mapping.columns.len());
        for column in &mapping.columns {
            let array = batch.column_by_name(&column.name);
            let read = Column::of(array).map_err(malformed(path, Format::Parquet))?;
            columns.push(read);
        }
        for row in 0..batch.num_rows() {
            let cells: Vec<Cell<'_>> = columns.iter().map(|column| column.cell(row)).collect();
            take(Row::Cells(&cells))?;
        }
    }
    Ok(())
}
