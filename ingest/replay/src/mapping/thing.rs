//! Which thing a row is about: a field and the mapping's word on it come in, a global name goes
//! out.

use std::collections::HashMap;

use arno_model::{LocalId, PublisherId, ThingId};

use crate::cell::Cell;
use crate::mapping::NAMES_COUNT_MAX;
use crate::mapping::check::Columns;
use crate::mapping::keys::{Keys, Node};

/// What a row's thing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// A thing.
    Thing(ThingId),
    /// One that the mapping says to leave.
    Ignored,
    /// None; with what would be right.
    Refused(&'static str),
}

/// What happens to what the table of names lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    Keep,
    Refuse,
    Ignore,
}

/// How a thing is named.
#[derive(Debug, Clone)]
pub(crate) struct ThingRule {
    pub(crate) cell: usize,
    publisher: Option<PublisherId>,
    names: HashMap<String, LocalId>,
    others: Others,
    is_lowercased: bool,
    replacements: Vec<(String, String)>,
    prefix: String,
}

impl ThingRule {
    /// Reads the rule from its table.
    pub(super) fn read(
        mut keys: Keys<'_>,
        publisher: Option<PublisherId>,
        columns: &mut Columns,
    ) -> Option<Self> {
        let column = keys.required_text("column", "name the column that tells the things apart");
        let names = names(&mut keys);
        let others = keys.word(
            "others",
            &[
                ("keep", Others::Keep),
                ("refuse", Others::Refuse),
                ("ignore", Others::Ignore),
            ],
        );
        let default = if names.is_empty() {
            Others::Keep
        } else {
            Others::Refuse
        };
        let rule = Self {
            cell: 0,
            publisher,
            others: others.unwrap_or(default),
            names,
            is_lowercased: keys.flag("lowercase"),
            replacements: keys.pairs("replace"),
            prefix: keys.text("prefix").map(|found| found.1).unwrap_or_default(),
        };
        keys.finish();
        Some(Self {
            cell: columns.place(column?.1, false),
            ..rule
        })
    }

    /// The thing that a row is about.
    pub(crate) fn name(&self, cells: &[Cell<'_>]) -> Named {
        let text = cells.get(self.cell).and_then(Cell::as_text);
        let Some(text) = text else {
            return Named::Refused("the field is empty");
        };
        let local = match (self.names.get(&*text), self.others) {
            (Some(local), _) => Some(local.clone()),
            (None, Others::Ignore) => return Named::Ignored,
            (None, Others::Refuse) => {
                return Named::Refused("the mapping's table of names lacks it");
            }
            (None, Others::Keep) => LocalId::parse(&self.transformed(&text)).ok(),
        };
        match (local, &self.publisher) {
            (Some(local), Some(publisher)) => Named::Thing(ThingId::new(publisher, &local)),
            _ => Named::Refused("it makes no name of a–z, 0–9, `.`, `_` and `-`"),
        }
    }

    fn transformed(&self, text: &str) -> String {
        let mut name = if self.is_lowercased {
            text.to_lowercase()
        } else {
            text.to_owned()
        };
        for (from, to) in &self.replacements {
            name = name.replace(from, to);
        }
        format!("{}{name}", self.prefix)
    }
}

fn names(keys: &mut Keys<'_>) -> HashMap<String, LocalId> {
    let Some(table) = keys.table("names") else {
        return HashMap::new();
    };
    let line = table.line();
    let entries = table.into_entries();
    if entries.len() > NAMES_COUNT_MAX {
        let mend = format!("list at most {NAMES_COUNT_MAX}, or let a transformation make them");
        keys.fault(
            line,
            "names",
            format!("has {} entries", entries.len()),
            mend,
        );
    }
    let mut names = HashMap::with_capacity(entries.len());
    for (raw, line, node) in entries {
        let Node::Text(text) = node else {
            keys.fault(
                line,
                "names",
                "holds something else than texts",
                "write 203 = \"p3\"",
            );
            continue;
        };
        match LocalId::parse(&text) {
            Ok(local) => {
                names.insert(raw, local);
            }
            Err(cause) => keys.fault(line, "names", format!("is wrong: {cause}"), "correct it"),
        }
    }
    names
}
