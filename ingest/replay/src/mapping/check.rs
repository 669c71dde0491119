//! Reads a whole mapping: every table is taken apart and every fault noted before anything is said.

use std::cell::RefCell;

use arno_model::{PropertyId, PublisherId};

use crate::error::MappingFaults;
use crate::mapping::keys::{Faults, Keys, shown};
use crate::mapping::moment::MomentRule;
use crate::mapping::thing::ThingRule;
use crate::mapping::value::ValueRule;
use crate::mapping::{Column, Format, KeepRule, Mapping, PROPERTIES_COUNT_MAX, PropertyRule};

/// The columns that a mapping names, each once.
#[derive(Debug, Default)]
pub(super) struct Columns(Vec<Column>);

impl Columns {
    /// The place of a column; one that somebody needs is needed.
    pub(super) fn place(&mut self, name: String, is_optional: bool) -> usize {
        let known = self.0.iter().position(|column| column.name == name);
        if let Some(column) = known.and_then(|place| self.0.get_mut(place)) {
            column.is_optional &= is_optional;
        }
        known.unwrap_or_else(|| {
            self.0.push(Column { name, is_optional });
            self.0.len() - 1
        })
    }
}

/// Reads and checks a mapping's text.
pub(super) fn read(text: &str) -> Result<Mapping, MappingFaults> {
    let faults: Faults = RefCell::default();
    let mapping = read_keys(Keys::parse(text, &faults));
    let faults = faults.into_inner();
    match mapping {
        Some(mapping) if faults.is_empty() => Ok(mapping),
        _ => Err(MappingFaults(faults)),
    }
}

fn read_keys(mut keys: Keys<'_>) -> Option<Mapping> {
    let mut columns = Columns::default();
    let format = format(&mut keys);
    let publisher = publisher(&mut keys);
    let may_identify_people = keys.flag("people");
    let separator = separator(&mut keys, format);
    let thing = match keys.table("thing") {
        Some(table) => ThingRule::read(table, publisher.clone(), &mut columns),
        None => {
            keys.fault(
                keys.line(),
                "thing",
                "is missing",
                "write [thing] with its column",
            );
            None
        }
    };
    let received = keys.table("received");
    let has_received = received.is_some();
    let received = received.and_then(|table| MomentRule::read(table, &mut columns, false));
    let time = keys.table("time");
    let has_time = time.is_some();
    let time = time.and_then(|table| MomentRule::read(table, &mut columns, false));
    let keep = keys
        .tables("keep")
        .into_iter()
        .filter_map(|table| keep(table, &mut columns));
    let keep: Vec<KeepRule> = keep.collect();
    let properties = properties(&mut keys, format, (has_time, time.as_ref()), &mut columns);
    let ignore = keys
        .texts("ignore")
        .map(|found| found.1)
        .unwrap_or_default();
    let ignore = ignore
        .into_iter()
        .map(|name| columns.place(name, true))
        .collect();
    keys.finish();
    Some(Mapping {
        format: format?,
        publisher: publisher?,
        may_identify_people,
        separator: separator?,
        columns: columns.0,
        thing: thing?,
        received: if has_received { Some(received?) } else { None },
        keep,
        properties,
        ignore,
    })
}

/// Every `[[property]]`, each property once.
fn properties(
    keys: &mut Keys<'_>,
    format: Option<Format>,
    common_time: (bool, Option<&MomentRule>),
    columns: &mut Columns,
) -> Vec<PropertyRule> {
    let tables = keys.tables("property");
    if tables.is_empty() || tables.len() > PROPERTIES_COUNT_MAX {
        let problem = format!("stands there {} times", tables.len());
        let mend = format!("write [[property]] for each of 1 to {PROPERTIES_COUNT_MAX} columns");
        keys.fault(keys.line(), "property", problem, mend);
    }
    let mut properties: Vec<PropertyRule> = Vec::new();
    for table in tables {
        let line = table.line();
        let rule = property(table, format, common_time, columns);
        let twice = rule
            .as_ref()
            .filter(|rule| properties.iter().any(|known| known.id == rule.id));
        if let Some(rule) = twice {
            let problem = format!("reads `{}` from two columns", rule.id);
            keys.fault(
                line,
                "property",
                problem,
                "a thing has one value of a property at a time",
            );
        }
        properties.extend(rule);
    }
    properties
}

fn format(keys: &mut Keys<'_>) -> Option<Format> {
    let (line, text) = keys.required_text("format", "write csv, ndjson or parquet")?;
    let known = [Format::Csv, Format::Ndjson, Format::Parquet];
    let found = known.into_iter().find(|format| format.as_str() == text);
    if found.is_none() {
        let problem = format!("is `{}`", shown(&text));
        keys.fault(line, "format", problem, "write csv, ndjson or parquet");
    }
    found
}

fn publisher(keys: &mut Keys<'_>) -> Option<PublisherId> {
    let (line, text) = keys.required_text("publisher", "name the things' publisher")?;
    let parsed = PublisherId::parse(&text);
    if let Err(cause) = &parsed {
        keys.fault(
            line,
            "publisher",
            format!("is wrong: {cause}"),
            "name it as the registry does",
        );
    }
    parsed.ok()
}

fn separator(keys: &mut Keys<'_>, format: Option<Format>) -> Option<u8> {
    let Some(mut table) = keys.table("csv") else {
        return Some(b',');
    };
    if format.is_some_and(|format| format != Format::Csv) {
        keys.fault(
            table.line(),
            "csv",
            "means nothing for this format",
            "remove it",
        );
    }
    let text = table.text("separator");
    let separator = match text {
        None => Some(b','),
        Some((line, text)) => match text.as_bytes() {
            [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && *byte != b'"' => {
                Some(*byte)
            }
            _ => {
                let problem = format!("is `{}`", shown(&text));
                table.fault(
                    line,
                    "separator",
                    problem,
                    "write one character, like \";\" or \"\\t\"",
                );
                None
            }
        },
    };
    table.finish();
    separator
}

fn keep(mut keys: Keys<'_>, columns: &mut Columns) -> Option<KeepRule> {
    let column = keys.required_text("column", "name the column that decides");
    let values = keys.texts("values");
    if values.as_ref().is_none_or(|values| values.1.is_empty()) {
        let mend = "list the values of the rows to read, like [\"park\", \"bike\"]";
        keys.fault(keys.line(), "values", "is missing or empty", mend);
    }
    keys.finish();
    Some(KeepRule {
        cell: columns.place(column?.1, false),
        values: values?.1,
    })
}

fn property(
    mut keys: Keys<'_>,
    format: Option<Format>,
    (has_common_time, common_time): (bool, Option<&MomentRule>),
    columns: &mut Columns,
) -> Option<PropertyRule> {
    let id = keys.required_text("id", "name the observed property, like \"vehicles\"");
    let id = id.and_then(|(line, text)| {
        let parsed = PropertyId::parse(&text);
        if let Err(cause) = &parsed {
            let mend = "name it as the registry does";
            keys.fault(line, "id", format!("is wrong: {cause}"), mend);
        }
        parsed.ok()
    });
    let column = keys.required_text("column", "name the column that holds its results");
    let is_optional = keys.flag("optional");
    let own_time = keys.table("time");
    if own_time.is_none() && !has_common_time {
        let mend = "write time = { column = …, format = …, zone = … } here, or [time] for all";
        keys.fault(keys.line(), "time", "is missing", mend);
    }
    let time = match own_time {
        Some(table) => MomentRule::read(table, columns, is_optional),
        None => common_time.cloned(),
    };
    let value = ValueRule::read(&mut keys, format);
    keys.finish();
    Some(PropertyRule {
        id: id?,
        cell: columns.place(column?.1, is_optional),
        time: time?,
        value,
    })
}
