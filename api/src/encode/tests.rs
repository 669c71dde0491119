//! Values of every kind a query can give, as text.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int32Array, ListArray, NullArray, RecordBatch, StringArray, StringViewArray,
    StructArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type};
use arrow::ipc::reader::StreamReader;
use proptest::num;
use proptest::prelude::*;

use super::*;

fn batch() -> RecordBatch {
    let lists = [Some(vec![Some(1), None]), None];
    let part: ArrayRef = Arc::new(Int32Array::from(vec![Some(7), None]));
    let fields = vec![Arc::new(Field::new("part", DataType::Int32, true))];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("none", Arc::new(NullArray::new(2))),
        ("wide", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        ("odd", Arc::new(Float64Array::from(vec![f64::NAN, 0.1]))),
        ("half", Arc::new(Float32Array::from(vec![0.5, -2.0]))),
        (
            "exact",
            Arc::new(
                Decimal128Array::from(vec![12_345, -5])
                    .with_precision_and_scale(9, 2)
                    .unwrap(),
            ),
        ),
        ("day", Arc::new(Date32Array::from(vec![20_574, 0]))),
        (
            "view",
            Arc::new(StringViewArray::from(vec![Some("a\"b"), None])),
        ),
        (
            "word",
            Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("à"), None])),
        ),
        (
            "zoned",
            Arc::new(
                TimestampMillisecondArray::from(vec![Some(1_777_622_400_001), None])
                    .with_timezone("+02:00"),
            ),
        ),
        (
            "local",
            Arc::new(TimestampNanosecondArray::from(vec![
                1_777_622_400_000_000_000,
                0,
            ])),
        ),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
        ),
        (
            "object",
            Arc::new(StructArray::new(fields.into(), vec![part], None)),
        ),
        (
            "bytes",
            Arc::new(BinaryArray::from(vec![&[0xca, 0xfe][..], &[]])),
        ),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn written(format: Format, batches: &[RecordBatch]) -> Vec<u8> {
    let plan = Plan {
        format,
        envelope: Envelope::default(),
        separator: b',',
        geometries: None,
    };
    let mut encoder = plan.encoder(&batches[0].schema()).unwrap();
    let mut out = Vec::new();
    encoder.head(&mut out).unwrap();
    for batch in batches {
        encoder.rows(batch, &mut out).unwrap();
    }
    encoder.tail(&mut out).unwrap();
    out
}

#[test]
fn every_kind_of_value_has_its_text() {
    let text = String::from_utf8(written(Format::NdJson, &[batch()])).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "{\"none\":null,\"wide\":18446744073709551615,\"odd\":null,\"half\":0.5,\"exact\":123.45,\
         \"day\":\"2026-05-01\",\"view\":\"a\\\"b\",\"word\":\"à\",\"zoned\":\"2026-05-01T08:00:00.001Z\",\
         \"local\":\"2026-05-01T08:00:00\",\"list\":[1,null],\"object\":{\"part\":7},\"bytes\":\"cafe\"}"
    );
    assert_eq!(
        lines[1],
        "{\"none\":null,\"wide\":0,\"odd\":0.1,\"half\":-2.0,\"exact\":-0.05,\"day\":\"1970-01-01\",\
         \"view\":null,\"word\":null,\"zoned\":null,\"local\":\"1970-01-01T00:00:00\",\"list\":null,\
         \"object\":{\"part\":null},\"bytes\":\"\"}"
    );
    let text = String::from_utf8(written(Format::Csv, &[batch()])).unwrap();
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "none,wide,odd,half,exact,day,view,word,zoned,local,list,object,bytes"
    );
    assert_eq!(
        lines[1],
        ",18446744073709551615,,0.5,123.45,2026-05-01,\"a\"\"b\",à,2026-05-01T08:00:00.001Z,\
         2026-05-01T08:00:00,\"[1,null]\",\"{\"\"part\"\":7}\",cafe"
    );
}

#[test]
fn an_answer_without_rows_is_whole_in_every_format() {
    let none = [batch().slice(0, 0)];
    assert_eq!(written(Format::Json, &none), b"{\"items\":[]}");
    assert_eq!(
        written(Format::GeoJson, &none),
        b"{\"type\":\"FeatureCollection\",\"features\":[]}"
    );
    assert!(written(Format::NdJson, &none).is_empty());
    assert!(written(Format::Csv, &none).ends_with(b"bytes\r\n"));
    let bytes = written(Format::Arrow, &none);
    let rows: usize = StreamReader::try_new(bytes.as_slice(), None)
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .sum();
    assert_eq!(rows, 0);
}

#[test]
fn batches_with_their_own_dictionaries_make_one_stream() {
    let words = |words: [&str; 2]| {
        let column: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::from_iter(words.map(Some)));
        RecordBatch::try_from_iter([("word", column)]).unwrap()
    };
    let bytes = written(Format::Arrow, &[words(["a", "b"]), words(["c", "a"])]);
    let reader = StreamReader::try_new(bytes.as_slice(), None).unwrap();
    let read: Vec<String> = reader
        .flat_map(|batch| {
            let text = String::from_utf8(written(Format::NdJson, &[batch.unwrap()])).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(
        read,
        ["a", "b", "c", "a"].map(|word| format!("{{\"word\":\"{word}\"}}"))
    );
}

proptest! {
    #[test]
    fn numbers_and_texts_read_back_as_they_were(number in num::f64::NORMAL, text in ".{0,20}") {
        let columns: [(&str, ArrayRef); 2] = [
            ("number", Arc::new(Float64Array::from(vec![number]))),
            ("text", Arc::new(StringArray::from(vec![text.as_str()]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let value: Value = serde_json::from_slice(&written(Format::NdJson, &[batch])).unwrap();
        prop_assert_eq!(value["number"].as_f64().map(f64::to_bits), Some(number.to_bits()));
        prop_assert_eq!(value["text"].as_str(), Some(text.as_str()));
    }
}
