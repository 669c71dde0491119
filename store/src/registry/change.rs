//! What an apply changes: two bundles come in, the entries that differ go out, with their text
//! before and after.
//!
//! # Why
//! "Who changed what when" must be answered years later, without the files of that day. Each change
//! keeps the canonical text of what it touched, and nothing else.

use std::collections::BTreeMap;
use std::fmt;

use arno_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::bundle::{Bundle, Part};
use super::export;
use super::fault::Fault;

/// One entry of one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryId {
    /// The file.
    pub part: Part,
    /// The entry's id; a thing's is its global name.
    pub id: String,
}

impl fmt::Display for EntryId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.part.noun(), self.id)
    }
}

/// What became of one entry, as canonical text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryChange {
    /// Which entry.
    #[serde(flatten)]
    pub entry: EntryId,
    /// How it stood before; absent when it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// How it stands now; absent when it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A kept change: who changed what, when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRecord {
    /// The revision that it made.
    pub revision: u64,
    /// Who applied it.
    pub who: String,
    /// When.
    pub when: Timestamp,
    /// The entries that differ.
    pub entries: Vec<EntryChange>,
}

/// What an apply did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The registry's revision afterwards; unchanged when nothing differs.
    pub revision: u64,
    /// New entries.
    pub added: Vec<EntryId>,
    /// Entries that differ.
    pub changed: Vec<EntryId>,
    /// Entries that are gone.
    pub removed: Vec<EntryId>,
    /// What looks wrong without being an error.
    pub warnings: Vec<Fault>,
}

impl Change {
    /// Sorts entries by what became of them.
    pub(super) fn new(revision: u64, entries: &[EntryChange], warnings: Vec<Fault>) -> Self {
        let pick = |had: bool, has: bool| {
            let wanted = entries
                .iter()
                .filter(|change| (change.before.is_some(), change.after.is_some()) == (had, has));
            wanted.map(|change| change.entry.clone()).collect()
        };
        Self {
            revision,
            added: pick(false, true),
            changed: pick(true, true),
            removed: pick(true, false),
            warnings,
        }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// The entries that differ, by file and id.
pub(super) fn difference(before: &Bundle, after: &Bundle) -> Vec<EntryChange> {
    let (mut old, new) = (texts(before), texts(after));
    let mut changes = Vec::new();
    for (entry, text) in new {
        let earlier = old.remove(&entry);
        if earlier.as_ref() != Some(&text) {
            changes.push(EntryChange {
                entry,
                before: earlier,
                after: Some(text),
            });
        }
    }
    let gone = old.into_iter();
    changes.extend(gone.map(|(entry, text)| EntryChange {
        entry,
        before: Some(text),
        after: None,
    }));
    changes.sort_by(|left, right| left.entry.cmp(&right.entry));
    changes
}

fn texts(bundle: &Bundle) -> BTreeMap<EntryId, String> {
    let mut texts = BTreeMap::new();
    let mut add = |part, id: &str, text| {
        texts.insert(
            EntryId {
                part,
                id: id.to_owned(),
            },
            text,
        );
    };
    for (id, publisher) in &bundle.publishers {
        add(Part::Publishers, id.as_str(), export::publisher(publisher));
    }
    for (id, property) in &bundle.properties {
        add(Part::Properties, id.as_str(), export::property(property));
    }
    let groups = export::members(bundle);
    for (id, entry) in &bundle.areas {
        add(Part::Areas, id.as_str(), export::area(entry, &groups));
    }
    for (id, thing) in &bundle.things {
        add(Part::Things, id.as_str(), export::thing(thing));
    }
    texts
}
