//! One field of a recorded row, whatever the file's format: a typed value comes in, texts, numbers
//! and moments go out.
//!
//! # Why
//! The same column is a string in one month's file and a boolean, an integer or nothing at all in
//! the next. Formats meet here, and a mapping speaks of meanings, not of a file's types.

use std::borrow::Cow;

use jiff::civil::DateTime;

/// A field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Absent, null, or an empty text.
    Empty,
    /// A boolean.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// A broken number.
    Number(f64),
    /// A text, without blanks around it.
    Text(Cow<'a, str>),
    /// A moment with its place in the world, in microseconds since the epoch.
    Instant(i64),
    /// A wall clock's reading.
    Local(DateTime),
    /// A list, a table or bytes: of no use here.
    Other,
}

impl<'a> Cell<'a> {
    /// Of a text: blanks around it do not count, and nothing but blanks is nothing.
    pub(crate) fn of_text(text: &'a str) -> Self {
        match text.trim() {
            "" => Self::Empty,
            trimmed => Self::Text(Cow::Borrowed(trimmed)),
        }
    }

    /// Whether nothing is there.
    pub(crate) const fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// The field as text: what names, sentinels and words are compared with. Whole numbers have no
    /// decimals even where a file's type gives them some.
    pub(crate) fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Empty | Self::Other => None,
            Self::Flag(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
            Self::Whole(whole) => Some(Cow::Owned(whole.to_string())),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Instant(micros) => {
                let moment = arno_model::Timestamp::from_micros(*micros);
                Some(Cow::Owned(moment.to_string()))
            }
            Self::Local(local) => Some(Cow::Owned(local.to_string())),
        }
    }

    /// The field as a number, if it is one by its type; texts are none.
    pub(crate) const fn as_number(&self) -> Option<f64> {
        match self {
            Self::Whole(whole) => Some(float_of(*whole)),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// What kind of field it is, for messages; nothing of its content.
    pub(crate) const fn noun(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Flag(_) => "a boolean",
            Self::Whole(_) => "a whole number",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Instant(_) => "a moment",
            Self::Local(_) => "a local time",
            Self::Other => "a list, a table or bytes",
        }
    }

    /// The field as JSON, for the quarantine.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Empty | Self::Other => serde_json::Value::Null,
            Self::Flag(flag) => (*flag).into(),
            Self::Whole(whole) => (*whole).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(_) | Self::Instant(_) | Self::Local(_) => {
                self.as_text().unwrap_or_default().into_owned().into()
            }
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "admission refuses whole numbers of 2^53 and more, which is where precision ends"
)]
const fn float_of(whole: i64) -> f64 {
    whole as f64
}

/// Reads a plain decimal number: digits, a sign, a point, an exponent; no words, no grouping.
pub(crate) fn number_of(text: &str, has_decimal_comma: bool) -> Option<f64> {
    let plain = |letter: char| letter.is_ascii_digit() || "+-.eE".contains(letter);
    let pointed = if has_decimal_comma {
        // A point would be a group's separator here: "1.234,5" is refused, not read as 1.2345.
        if text.contains('.') {
            return None;
        }
        Cow::Owned(text.replacen(',', ".", 1))
    } else {
        Cow::Borrowed(text)
    };
    let number: f64 = pointed.parse().ok()?;
    (pointed.chars().all(plain) && number.is_finite()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plain_or_none() {
        assert_eq!(number_of("12", false), Some(12.0));
        assert_eq!(number_of("-1.5e1", false), Some(-15.0));
        assert_eq!(number_of("1,5", true), Some(1.5));
        for bad in [
            "", "nan", "inf", "1,5", "0x10", "1 000", "12 posti", "1.2.3",
        ] {
            assert_eq!(number_of(bad, false), None, "{bad}");
        }
        assert_eq!(number_of("1.234,5", true), None);
        assert_eq!(number_of("1e999", false), None);
    }

    #[test]
    fn drifting_types_give_one_text() {
        assert_eq!(Cell::Whole(203).as_text(), Cell::Number(203.0).as_text());
        assert_eq!(Cell::of_text(" 203 ").as_text().as_deref(), Some("203"));
        assert!(Cell::of_text("  ").is_empty());
    }
}
