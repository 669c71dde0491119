//! What a field's value means: a field and the mapping's word on it come in; a number, an unknown,
//! or nothing goes out.
//!
//! # Invariants
//! Texts are numbers only where the mapping says so (in CSV everything is text), booleans are never
//! numbers, and a word that is not listed is refused.

use crate::cell::{Cell, number_of};
use crate::mapping::Format;
use crate::mapping::keys::Keys;

/// What a field is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Worth {
    /// Nothing was observed.
    Nothing,
    /// The source says that it does not know.
    Unknown,
    /// A result.
    Result(f64),
}

/// How a value is read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueRule {
    kind: Kind,
    unknown: Vec<String>,
    is_empty_unknown: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Number {
        takes_text: bool,
        has_decimal_comma: bool,
        scale: f64,
        offset: f64,
    },
    Boolean {
        true_words: Vec<String>,
        false_words: Vec<String>,
        is_inverted: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KindWord {
    Number,
    Boolean,
}

impl ValueRule {
    /// Reads the rule's keys from a property's table.
    pub(super) fn read(keys: &mut Keys<'_>, format: Option<Format>) -> Self {
        let words = [("number", KindWord::Number), ("boolean", KindWord::Boolean)];
        let kind = keys.word("kind", &words).unwrap_or(KindWord::Number);
        let unknown = keys
            .texts("unknown")
            .map(|found| found.1)
            .unwrap_or_default();
        let is_empty_unknown = keys
            .word("empty", &[("skip", false), ("unknown", true)])
            .unwrap_or(false);
        let kind = match kind {
            KindWord::Number => number(keys, format),
            KindWord::Boolean => boolean(keys),
        };
        Self {
            kind,
            unknown,
            is_empty_unknown,
        }
    }

    /// What a field is worth; `Err` says what would be right.
    pub(crate) fn worth(&self, cell: &Cell<'_>) -> Result<Worth, &'static str> {
        if cell.is_empty() {
            return Ok(if self.is_empty_unknown {
                Worth::Unknown
            } else {
                Worth::Nothing
            });
        }
        if self.is_sentinel(cell) {
            return Ok(Worth::Unknown);
        }
        let result = match &self.kind {
            Kind::Number {
                takes_text,
                has_decimal_comma,
                scale,
                offset,
            } => {
                let number = match cell {
                    Cell::Text(text) if *takes_text => number_of(text, *has_decimal_comma),
                    other => other.as_number(),
                };
                number
                    .map(|number| number * scale + offset)
                    .ok_or("a number is needed")?
            }
            Kind::Boolean {
                true_words,
                false_words,
                is_inverted,
            } => {
                let is_true = truth(cell, true_words, false_words)
                    .ok_or("one of the mapping's words for true and false is needed")?;
                if is_true == *is_inverted { 0.0 } else { 1.0 }
            }
        };
        Ok(Worth::Result(result))
    }

    /// Whether the field holds a declared unknown: the same text, or the same number.
    fn is_sentinel(&self, cell: &Cell<'_>) -> bool {
        let Some(text) = cell.as_text() else {
            return false;
        };
        let number = number_of(&text, false);
        self.unknown.iter().any(|unknown| {
            **unknown == *text
                || number.is_some_and(|number| number_of(unknown, false) == Some(number))
        })
    }
}

fn truth(cell: &Cell<'_>, true_words: &[String], false_words: &[String]) -> Option<bool> {
    let text = cell.as_text()?;
    let is_in = |words: &[String]| words.iter().any(|word| **word == *text);
    match cell {
        _ if is_in(true_words) => Some(true),
        _ if is_in(false_words) => Some(false),
        Cell::Flag(flag) => Some(*flag),
        _ => None,
    }
}

fn number(keys: &mut Keys<'_>, format: Option<Format>) -> Kind {
    let takes_text = keys.flag("text");
    let has_decimal_comma = keys
        .word("decimal", &[("point", false), ("comma", true)])
        .unwrap_or(false);
    let scale = keys.number("scale");
    if let Some((line, scale)) = scale
        && scale.abs() <= 0.0
    {
        keys.fault(
            line,
            "scale",
            "is 0",
            "write the factor that makes the property's unit",
        );
    }
    Kind::Number {
        takes_text: takes_text || format == Some(Format::Csv),
        has_decimal_comma,
        scale: scale.map_or(1.0, |found| found.1),
        offset: keys.number("offset").map_or(0.0, |found| found.1),
    }
}

fn boolean(keys: &mut Keys<'_>) -> Kind {
    let true_words = keys.texts("true").map(|found| found.1).unwrap_or_default();
    let false_words = keys.texts("false").map(|found| found.1).unwrap_or_default();
    if let Some(both) = true_words.iter().find(|word| false_words.contains(word)) {
        let problem = format!("and `false` both list `{}`", super::keys::shown(both));
        keys.fault(keys.line(), "true", problem, "let each word mean one thing");
    }
    Kind::Boolean {
        true_words,
        false_words,
        is_inverted: keys.flag("invert"),
    }
}
