//! Files of every format give the same cells, and what is broken in them is told.

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, NullArray, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use tempfile::TempDir;

use super::*;

fn mapping(format: &str) -> Mapping {
    let text = format!(
        "format = \"{format}\"\npublisher = \"prato\"\n[thing]\ncolumn = \"lot\"\n\
         [time]\ncolumn = \"at\"\nformat = \"rfc3339\"\n\
         [[property]]\nid = \"vehicles\"\ncolumn = \"count\"\noptional = true\n"
    );
    Mapping::parse(&text).unwrap()
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Every row as text: the columns in the mapping's order, or what is broken.
fn rows(path: &Path, format: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let take = &mut |row: Row<'_>| {
        rows.push(match row {
            Row::Cells(cells) => {
                let texts = cells
                    .iter()
                    .map(|cell| cell.as_text().unwrap_or_default().into_owned());
                texts.collect::<Vec<_>>().join("|")
            }
            Row::Broken { problem, .. } => format!("! {problem}"),
        });
        Ok(())
    };
    read(path, &mapping(format), take).unwrap();
    rows
}

#[test]
fn csv_rows_are_read_and_broken_ones_told() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        b"\xef\xbb\xbfat,lot,count\n2026-05-01T08:00:00Z,\"a, b\", 12 \n1,2\nx,\xff,3\n,c,\n";
    let path = file(&folder, "a.csv", text);
    check(std::slice::from_ref(&path), &mapping("csv")).unwrap();
    assert_eq!(
        rows(&path, "csv"),
        [
            "a, b|2026-05-01T08:00:00Z|12",
            "! line 3: the row has 2 fields, the header 3",
            "! line 4: the row is not UTF-8",
            "c||",
        ]
    );
}

#[test]
fn ndjson_rows_are_read_and_broken_ones_told() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        b"{\"lot\":7,\"at\":\"t\",\"count\":1.5}\n\n[1]\n{\"lot\":true,\"count\":null}\n{\"lot\"";
    let path = file(&folder, "a.ndjson", text);
    let rows = rows(&path, "ndjson");
    let is_broken =
        |row: &str, line: u32| row.starts_with(&format!("! line {line}: it is no JSON"));
    assert_eq!([rows[0].as_str(), rows[2].as_str()], ["7|t|1.5", "true||"]);
    assert!(
        is_broken(&rows[1], 3) && is_broken(&rows[3], 5) && rows.len() == 4,
        "{rows:?}"
    );
}

fn parquet_file(folder: &TempDir, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let path = folder.path().join(name);
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn parquet_columns_may_change_their_type_from_file_to_file() {
    let folder = tempfile::tempdir().unwrap();
    let nanos = vec![Some(1_777_622_400_000_000_000), None];
    let at: ArrayRef = Arc::new(TimestampNanosecondArray::from(nanos));
    let counts: Vec<(ArrayRef, [&str; 2])> = vec![
        (Arc::new(NullArray::new(2)), ["", ""]),
        (
            Arc::new(StringArray::from(vec![Some("12"), None])),
            ["12", ""],
        ),
        (
            Arc::new(BooleanArray::from(vec![Some(true), None])),
            ["true", ""],
        ),
        (Arc::new(Int32Array::from(vec![Some(12), None])), ["12", ""]),
        (
            Arc::new(Float64Array::from(vec![Some(12.0), Some(f64::NAN)])),
            ["12", ""],
        ),
    ];
    let lot: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    for (index, (count, [first, second])) in counts.into_iter().enumerate() {
        let columns = vec![
            ("at", Arc::clone(&at)),
            ("count", count),
            ("lot", Arc::clone(&lot)),
        ];
        let path = parquet_file(&folder, &format!("{index}.parquet"), columns);
        check(std::slice::from_ref(&path), &mapping("parquet")).unwrap();
        let wanted = [
            format!("a|2026-05-01T08:00:00|{first}"),
            format!("b||{second}"),
        ];
        assert_eq!(rows(&path, "parquet"), wanted, "file {index}");
    }
}

#[test]
fn all_missing_columns_of_all_files_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let paths = [
        file(&folder, "a.csv", b"At,lots,count\n"),
        file(&folder, "b.csv", b"at,lot\n"),
        file(&folder, "c.csv", b"count\n"),
    ];
    let ReplayError::Unfit { faults } = check(&paths, &mapping("csv")).unwrap_err() else {
        panic!("they fit");
    };
    let report = faults.to_string();
    assert_eq!(faults.0.len(), 4, "{report}");
    assert!(
        report.contains("a.csv` has no column `lot`; did you mean `lots`?"),
        "{report}"
    );
    assert!(
        report.contains("a.csv` has no column `at`; did you mean `At`?"),
        "{report}"
    );
    assert!(!report.contains("b.csv"), "count is optional: {report}");
}

#[test]
fn what_is_no_file_of_the_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "a.parquet", b"lot,at,count\n");
    assert!(matches!(
        check(&[path], &mapping("parquet")),
        Err(ReplayError::Format { .. })
    ));
    let missing = folder.path().join("missing.csv");
    assert!(matches!(
        check(&[missing], &mapping("csv")),
        Err(ReplayError::Read { .. })
    ));
    assert!(matches!(
        check(&[], &mapping("csv")),
        Err(ReplayError::NoFile)
    ));
}
