//! Query parameters: the text after `?` comes in, checked values go out, or a problem that names
//! the parameter, what was wrong with it and what is allowed.
//!
//! # Why
//! A misspelt parameter that is ignored gives a wrong answer that looks right. So every address has
//! its closed list, and what is not on it, or stands there twice, is refused.

use std::fmt::Display;
use std::str::FromStr;

use arno_model::Timestamp;
use axum::extract::Query;
use axum::http::Uri;

use crate::problem::Problem;

/// Longest value of a parameter that is quoted back.
const QUOTE_CHARS_MAX: usize = 80;
/// A text of so many hexadecimal digits may be the address of somebody's device.
const DEVICE_DIGITS: usize = 12;
/// How to write a moment.
const TIME_FORMS: [&str; 1] = ["RFC 3339 with a zone, like 2026-05-01T08:00:00Z"];

/// The parameters of one request.
#[derive(Debug, Clone)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Reads the query of `uri`; only the names in `allowed` may stand there, each once.
    pub(crate) fn read(uri: &Uri, allowed: &[&str]) -> Result<Self, Problem> {
        let read = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let Query(pairs) = read.map_err(|_rejection| {
            Problem::malformed(
                "the text after `?` can't be read: write name=value pairs joined by &",
            )
        })?;
        for (place, (name, _)) in pairs.iter().enumerate() {
            if !allowed.contains(&name.as_str()) {
                let detail = format!("`{}` is no parameter of this address", quoted(name));
                return Err(Problem::malformed(detail)
                    .at(quoted(name))
                    .allowing(allowed.iter().copied()));
            }
            if pairs.iter().take(place).any(|(earlier, _)| earlier == name) {
                return Err(
                    Problem::malformed(format!("`{name}` stands there twice")).at(name.as_str())
                );
            }
        }
        Ok(Self { pairs })
    }

    /// What was read, in its order.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// A parameter's text; an empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(given, _)| given == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A parameter of a type that parses itself; its error says what is wrong.
    pub(crate) fn parsed<T>(&self, name: &str, allowed: &[&str]) -> Result<Option<T>, Problem>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let parsed = text.parse().map_err(|error: T::Err| {
            let problem = Problem::malformed(format!("`{name}`: {error}")).at(name);
            if allowed.is_empty() {
                problem
            } else {
                problem.allowing(allowed.iter().copied())
            }
        })?;
        Ok(Some(parsed))
    }

    /// A moment.
    pub(crate) fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        // In a query a plus stands for a space: a zone like +02:00 arrives as " 02:00".
        let mended = match text.rsplit_once(' ') {
            Some((moment, zone)) if moment.contains('T') => format!("{moment}+{zone}"),
            _ => text.to_owned(),
        };
        let parsed = Timestamp::parse(&mended);
        let parsed = parsed.map_err(|error| {
            Problem::malformed(format!("`{name}`: {error}"))
                .at(name)
                .allowing(TIME_FORMS)
        })?;
        Ok(Some(parsed))
    }

    /// How many entries at most: 1 to `max`.
    pub(crate) fn limit(&self, max: usize) -> Result<Option<usize>, Problem> {
        let Some(text) = self.text("limit") else {
            return Ok(None);
        };
        let number = text
            .parse()
            .ok()
            .filter(|number| (1..=max).contains(number));
        let number = number.ok_or_else(|| {
            let detail = format!(
                "`limit` is `{}`: it must be a whole number from 1 to {max}",
                quoted(text)
            );
            Problem::malformed(detail)
                .at("limit")
                .allowing([format!("1 to {max}")])
        })?;
        Ok(Some(number))
    }
}

/// A text from outside, cut to what may be said back: the address of a device never is.
pub(crate) fn quoted(text: &str) -> String {
    let digits = text.chars().filter(|one| !":-. ".contains(*one));
    let (count, is_hex) = digits.fold((0_usize, true), |(count, is_hex), digit| {
        (count + 1, is_hex && digit.is_ascii_hexdigit())
    });
    if is_hex && count >= DEVICE_DIGITS {
        return "…".to_owned();
    }
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(QUOTE_CHARS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Params, Problem> {
        let uri: Uri = format!("/x?{query}").parse().unwrap();
        Params::read(&uri, &["from", "limit", "open", "sep"])
    }

    #[test]
    fn unknown_and_doubled_names_are_refused() {
        read("form=2026-05-01T08:00:00Z").unwrap_err();
        read("limit=1&limit=2").unwrap_err();
        assert_eq!(read("sep=;").unwrap().text("sep"), Some(";"));
        assert_eq!(read("limit=").unwrap().limit(10).unwrap(), None);
    }

    #[test]
    fn times_may_have_a_zone_and_limits_have_an_end() {
        let moment = Timestamp::parse("2026-05-01T08:00:00Z").unwrap();
        for text in [
            "from=2026-05-01T08:00:00Z",
            "from=2026-05-01T10:00:00+02:00",
            "from=2026-05-01T10:00:00%2B02:00",
        ] {
            assert_eq!(
                read(text).unwrap().time("from").unwrap(),
                Some(moment),
                "{text}"
            );
        }
        read("from=yesterday").unwrap().time("from").unwrap_err();
        assert_eq!(read("limit=10").unwrap().limit(10).unwrap(), Some(10));
        for bad in ["limit=0", "limit=11", "limit=-1", "limit=x"] {
            read(bad).unwrap().limit(10).unwrap_err();
        }
    }
}
