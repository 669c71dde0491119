//! Parsed but untyped entries, alike for TOML and JSON: a table of keys with its line comes in,
//! typed values go out, and everything that does not fit becomes a fault.
//!
//! # Why
//! A deserialiser stops at the first mistake and forgets where it stood. Reading field by field
//! keeps going, knows the line, and knows which keys nobody asked for.
//!
//! # Limits
//! [`TEXT_CHARS_MAX`], [`LIST_COUNT_MAX`]: longer ones are faults.

use std::str::FromStr;
use std::time::Duration;

use arno_model::property::UnknownWord;
use arno_model::time::parse_duration;
use arno_model::{IdError, TimeRange, Timestamp, Zone};

use super::fault::{Faults, Spot, id_fault, nearest, quoted};

/// Longest name or other text: a line of a form.
pub(super) const TEXT_CHARS_MAX: usize = 300;
/// Most entries of one list (parents, aliases, capacities; a group's members have their own).
pub(super) const LIST_COUNT_MAX: usize = 1_000;
/// Longest duration: 100 years, to stay far from overflow in microseconds.
const DURATION_S_MAX: u64 = 100 * 366 * 86_400;

/// A value as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(String),
    List(Vec<Self>),
    Table(Vec<(String, u32, Self)>),
}

impl Value {
    /// What kind of value it is, for people.
    pub(super) const fn noun(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(_) => "true or false",
            Self::Whole(_) | Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "an object",
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Flag(flag),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(whole) => Self::Whole(whole),
                None => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(list) => {
                Self::List(list.into_iter().map(Self::from).collect())
            }
            serde_json::Value::Object(table) => Self::Table(
                table
                    .into_iter()
                    .map(|(key, value)| (key, 0, value.into()))
                    .collect(),
            ),
        }
    }
}

/// One entry, read field by field.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    /// The entry's first line.
    home: Spot,
    /// The line of the key that was taken last.
    spot: Spot,
    entries: Vec<(String, u32, Value)>,
    known: Vec<&'static str>,
    present: Vec<&'static str>,
    faults: &'a mut Faults,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        spot: Spot,
        entries: Vec<(String, u32, Value)>,
        faults: &'a mut Faults,
    ) -> Self {
        let (known, present) = (Vec::new(), Vec::new());
        Self {
            home: spot.clone(),
            spot,
            entries,
            known,
            present,
            faults,
        }
    }

    /// Notes a fault of the key that was taken last.
    pub(super) fn error(&mut self, problem: impl Into<String>, mend: impl Into<String>) {
        self.faults.error(&self.spot, problem, mend);
    }

    /// Notes a fault of the whole entry.
    pub(super) fn error_here(&mut self, problem: impl Into<String>, mend: impl Into<String>) {
        self.faults.error(&self.home, problem, mend);
    }

    /// Warns of the whole entry.
    pub(super) fn warn_here(&mut self, problem: impl Into<String>, mend: impl Into<String>) {
        self.faults.warn(&self.home, problem, mend);
    }

    /// Says that a needed key is missing; when it is there and wrong, that was said already.
    pub(super) fn require(&mut self, key: &'static str, is_read: bool, mend: &str) {
        if !is_read && !self.present.contains(&key) {
            self.error_here(format!("`{key}` is missing"), mend);
        }
    }

    /// Says that a value is not what its key takes.
    pub(super) fn wrong(&mut self, key: &str, found: &Value, mend: &str) {
        let found = match found {
            Value::Text(text) => quoted(text),
            Value::Whole(whole) => whole.to_string(),
            Value::Number(number) => number.to_string(),
            other => other.noun().to_owned(),
        };
        self.error(format!("`{key}` is {found}"), mend);
    }

    /// Takes a value; `None` when the key is not there or null.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        let place = self.entries.iter().position(|(name, _, _)| name == key)?;
        let (_, line, value) = self.entries.swap_remove(place);
        if line > 0 {
            self.spot.line = Some(line);
        }
        if value == Value::Null {
            return None;
        }
        self.present.push(key);
        Some(value)
    }

    /// A text within [`TEXT_CHARS_MAX`], trimmed, not empty.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.take(key)?;
        let Value::Text(text) = &value else {
            self.wrong(key, &value, "write a text in quotes");
            return None;
        };
        self.checked_text(key, text)
    }

    /// Checks a text that was already taken.
    pub(super) fn checked_text(&mut self, key: &str, text: &str) -> Option<String> {
        let text = text.trim();
        let chars_count = text.chars().count();
        if chars_count == 0 {
            self.error(format!("`{key}` is empty"), "write it, or remove the key");
        } else if chars_count > TEXT_CHARS_MAX {
            let problem = format!("`{key}` has {chars_count} characters");
            self.error(problem, format!("shorten it to {TEXT_CHARS_MAX}"));
        } else if text.chars().any(char::is_control) {
            self.error(
                format!("`{key}` holds control characters"),
                "write it on one line",
            );
        } else {
            return Some(text.to_owned());
        }
        None
    }

    /// An identifier.
    pub(super) fn id<T: FromStr<Err = IdError>>(&mut self, key: &'static str) -> Option<T> {
        let text = self.text(key)?;
        self.parsed_id(key, &text)
    }

    /// An identifier out of a text that was already taken.
    pub(super) fn parsed_id<T: FromStr<Err = IdError>>(
        &mut self,
        key: &str,
        text: &str,
    ) -> Option<T> {
        let parsed = text.parse();
        parsed
            .map_err(|fault: IdError| {
                let (problem, mend) = id_fault(&fault);
                self.error(format!("`{key}`: {problem}"), mend);
            })
            .ok()
    }

    /// A word of a closed list.
    pub(super) fn word<T: FromStr<Err = UnknownWord>>(&mut self, key: &'static str) -> Option<T> {
        let value = self.take(key)?;
        self.checked_word(key, &value)
    }

    /// Checks a value that was already taken.
    pub(super) fn checked_word<T: FromStr<Err = UnknownWord>>(
        &mut self,
        key: &str,
        value: &Value,
    ) -> Option<T> {
        let Value::Text(text) = value else {
            self.wrong(key, value, "write a word in quotes");
            return None;
        };
        match text.parse() {
            Ok(word) => Some(word),
            Err(UnknownWord { allowed, .. }) => {
                let near = nearest(text, allowed.iter().copied());
                let mend = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
                let mend = format!("{mend}allowed are {}", allowed.join(", "));
                self.error(format!("`{key}` is {}", quoted(text)), mend);
                None
            }
        }
    }

    /// `true` or `false`; `default` when absent.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        match self.take(key) {
            None => default,
            Some(Value::Flag(flag)) => flag,
            Some(other) => {
                self.wrong(key, &other, "write true or false, without quotes");
                default
            }
        }
    }

    /// A whole number from 0 to `max`.
    pub(super) fn whole(&mut self, key: &'static str, max: u64) -> Option<u64> {
        let value = self.take(key)?;
        self.checked_whole(key, &value, max)
    }

    /// Checks a value that was already taken.
    pub(super) fn checked_whole(&mut self, key: &str, value: &Value, max: u64) -> Option<u64> {
        let whole = match value {
            Value::Whole(whole) => u64::try_from(*whole).ok(),
            _ => None,
        };
        let within = whole.filter(|whole| *whole <= max);
        if within.is_none() {
            self.wrong(key, value, &format!("write a whole number from 0 to {max}"));
        }
        within
    }

    /// A finite number.
    pub(super) fn number(&mut self, key: &'static str) -> Option<f64> {
        let value = self.take(key)?;
        #[expect(
            clippy::cast_precision_loss,
            reason = "bounds of plausible results are small"
        )]
        let number = match value {
            Value::Whole(whole) => whole as f64,
            Value::Number(number) => number,
            _ => f64::NAN,
        };
        if number.is_finite() {
            return Some(number + 0.0);
        }
        self.wrong(key, &value, "write a number");
        None
    }

    /// A duration with its unit, longer than nothing.
    pub(super) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let value = self.take(key)?;
        self.checked_duration(key, &value)
    }

    /// Checks a value that was already taken.
    pub(super) fn checked_duration(&mut self, key: &str, value: &Value) -> Option<Duration> {
        let parsed = match value {
            Value::Text(text) => parse_duration(text).ok(),
            _ => None,
        };
        let within = parsed.filter(|duration| (1..=DURATION_S_MAX).contains(&duration.as_secs()));
        if within.is_none() {
            self.wrong(
                key,
                value,
                "write a duration with its unit, like \"90s\", \"15m\", \"24h\" or \"400d\"",
            );
        }
        within
    }

    /// The range from `valid_from` to `valid_to`, each open where absent.
    pub(super) fn valid(&mut self, zone: &Zone) -> TimeRange {
        let start = self.moment("valid_from", zone).unwrap_or(Timestamp::MIN);
        TimeRange::new(
            start,
            self.moment("valid_to", zone).unwrap_or(Timestamp::MAX),
        )
    }

    /// A moment: RFC 3339, or a date, which begins at midnight in `zone`.
    pub(super) fn moment(&mut self, key: &'static str, zone: &Zone) -> Option<Timestamp> {
        let value = self.take(key)?;
        self.checked_moment(key, &value, zone)
    }

    fn checked_moment(&mut self, key: &str, value: &Value, zone: &Zone) -> Option<Timestamp> {
        let found = match value {
            Value::Text(text) => {
                let date = text.trim().parse().ok().filter(|_| text.trim().len() == 10);
                date.map(|date| zone.start_of(date))
                    .or_else(|| Timestamp::parse(text).ok())
            }
            _ => None,
        };
        if found.is_none() {
            let mend = "write RFC 3339 with a zone, like \"2026-05-01T08:00:00Z\", \
                or a date like \"2026-05-01\"";
            self.wrong(key, value, mend);
        }
        found
    }

    /// A list of at most `count_max` values; empty when absent.
    pub(super) fn list(&mut self, key: &'static str, count_max: usize) -> Vec<Value> {
        match self.take(key) {
            None => Vec::new(),
            Some(Value::List(list)) if list.len() <= count_max => list,
            Some(Value::List(list)) => {
                self.error(
                    format!("`{key}` has {} entries", list.len()),
                    format!("at most {count_max} are taken"),
                );
                Vec::new()
            }
            Some(other) => {
                self.wrong(key, &other, "write a list: [ … ]");
                Vec::new()
            }
        }
    }

    /// A list of texts, ascending and without repeats.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<String> {
        let mut texts = Vec::new();
        for value in self.list(key, LIST_COUNT_MAX) {
            match &value {
                Value::Text(text) => texts.extend(self.checked_text(key, text)),
                other => self.wrong(key, other, "write texts in quotes"),
            }
        }
        texts.sort_unstable();
        texts.dedup();
        texts
    }

    /// A table under a key, as fields of its own; its faults carry this entry's name.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Vec<(String, u32, Value)>> {
        match self.take(key)? {
            Value::Table(entries) => Some(entries),
            other => {
                self.wrong(key, &other, "write an object: { … }");
                None
            }
        }
    }

    /// Reads entries that lie inside this one.
    pub(super) fn inner(&mut self, entries: Vec<(String, u32, Value)>) -> Fields<'_> {
        Fields::new(self.spot.clone(), entries, self.faults)
    }

    /// A list whose entries are an id, or an object with `id`, `valid_from` and `valid_to`.
    pub(super) fn memberships(
        &mut self,
        key: &'static str,
        count_max: usize,
        zone: &Zone,
    ) -> Vec<(String, TimeRange)> {
        let mut found = Vec::new();
        for value in self.list(key, count_max) {
            match value {
                Value::Text(id) => found.push((id, TimeRange::ALL)),
                Value::Table(entries) => {
                    let mut fields = self.inner(entries);
                    let id = fields.text("id");
                    let valid = fields.valid(zone);
                    fields.require("id", id.is_some(), "name the area");
                    fields.finish();
                    found.extend(id.map(|id| (id, valid)));
                }
                other => self.wrong(
                    key,
                    &other,
                    "write ids, or objects with id, valid_from and valid_to",
                ),
            }
        }
        found
    }

    /// Says which keys nobody knows.
    pub(super) fn finish(mut self) {
        let known = std::mem::take(&mut self.known);
        for (key, line, _) in std::mem::take(&mut self.entries) {
            self.spot.line = if line > 0 { Some(line) } else { self.home.line };
            let near = nearest(&key, known.iter().copied());
            let mend = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("remove it; known are {}", known.join(", ")),
            };
            self.error(format!("the key {} is unknown", quoted(&key)), mend);
        }
    }
}
