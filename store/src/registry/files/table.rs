//! TOML files of one kind of entry: text comes in, the entries of `[[noun]]` with their lines go
//! out.

use arno_model::PropertyId;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::registry::bundle::Part;
use crate::registry::check::Lines;
use crate::registry::fault::{Faults, Spot, nearest, quoted};
use crate::registry::node::Value;

/// One `[[noun]]`: its line, and its keys with theirs.
pub(super) type Entry = (u32, Vec<(String, u32, Value)>);

/// Reads every `[[noun]]` of a file; faults of syntax and unknown sections are noted, and that
/// entries may be lost by them.
pub(super) fn entries(
    part: Part,
    text: &str,
    known: &mut Lines,
    faults: &mut Faults,
) -> Vec<Entry> {
    let before = faults.errors_count();
    let found = sections(part, text, faults);
    if faults.errors_count() > before {
        known.lose(part);
    }
    found
}

fn sections(part: Part, text: &str, faults: &mut Faults) -> Vec<Entry> {
    let lines = LineIndex::new(text);
    let (document, syntax) = DeTable::parse_recoverable(text);
    for fault in syntax {
        let line = fault.span().map_or(1, |span| lines.line(span.start));
        let problem = format!("this is not TOML: {}", fault.message());
        faults.error(
            &Spot::line(part, line),
            problem,
            "see toml.io; texts stand in quotes",
        );
    }
    let noun = part.noun();
    let mut found = Vec::new();
    for (key, value) in document.into_inner() {
        let line = lines.line(key.span().start);
        if key.get_ref() != noun {
            let near = nearest(key.get_ref(), [noun, "publisher", "property"]);
            let mend = format!(
                "write each {noun} under [[{}]]",
                near.filter(|near| *near == noun).unwrap_or(noun)
            );
            faults.error(
                &Spot::line(part, line),
                format!("{} is no section of this file", quoted(key.get_ref())),
                mend,
            );
            continue;
        }
        match value.into_inner() {
            DeValue::Array(list) => {
                for item in list {
                    let line = lines.line(item.span().start);
                    match item.into_inner() {
                        DeValue::Table(table) => found.push((line, table_of(table, &lines))),
                        _ => faults.error(
                            &Spot::line(part, line),
                            format!("`{noun}` holds something else than tables"),
                            format!("write each {noun} under [[{noun}]]"),
                        ),
                    }
                }
            }
            _ => faults.error(
                &Spot::line(part, line),
                format!("`{noun}` is one table"),
                format!("write [[{noun}]] with two brackets, once for each"),
            ),
        }
    }
    found
}

/// Prints a property's or publisher's id for messages, when there is one.
pub(super) fn subject(entries: &[(String, u32, Value)], noun: &str, number: usize) -> String {
    let id = entries.iter().find(|(key, _, _)| key == "id");
    match id {
        Some((_, _, Value::Text(id))) if PropertyId::parse(id).is_ok() => format!("`{id}`"),
        _ => format!("{noun} {number}"),
    }
}

fn table_of(table: DeTable<'_>, lines: &LineIndex) -> Vec<(String, u32, Value)> {
    let entry = |(key, value): (Spanned<_>, Spanned<DeValue<'_>>)| {
        let line = lines.line(key.span().start);
        let key: std::borrow::Cow<'_, str> = key.into_inner();
        (key.into_owned(), line, value_of(value.into_inner(), lines))
    };
    table.into_iter().map(entry).collect()
}

fn value_of(value: DeValue<'_>, lines: &LineIndex) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix())
            .map_or(Value::Number(f64::INFINITY), Value::Whole),
        DeValue::Float(number) => Value::Number(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(moment) => Value::Text(moment.to_string()),
        DeValue::Array(list) => Value::List(
            list.into_iter()
                .map(|item| value_of(item.into_inner(), lines))
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(table_of(table, lines)),
    }
}

/// Finds lines by byte offset.
struct LineIndex(Vec<usize>);

impl LineIndex {
    fn new(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(place, _)| place).collect())
    }

    fn line(&self, offset: usize) -> u32 {
        let before = self.0.partition_point(|newline| *newline < offset);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }
}
