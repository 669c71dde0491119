//! Formats: an `Accept` header or `format=` comes in, one of the six formats goes out, or 406 with
//! the list of those allowed.

use std::fmt;

use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};

use crate::params::{Params, quoted};
use crate::problem::Problem;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    /// One object; rows under `items`.
    Json,
    /// One object a line.
    NdJson,
    /// A header line, then one line a row; RFC 4180.
    Csv,
    /// A feature collection; RFC 7946.
    GeoJson,
    /// Apache Parquet.
    Parquet,
    /// An Apache Arrow IPC stream.
    Arrow,
}

impl Format {
    /// What lists of rows without a place can be.
    pub(crate) const ROWS: &[Self] = &[
        Self::Json,
        Self::NdJson,
        Self::Csv,
        Self::Parquet,
        Self::Arrow,
    ];
    /// What rows with a place can be.
    pub(crate) const PLACES: &[Self] = &[
        Self::Json,
        Self::NdJson,
        Self::Csv,
        Self::GeoJson,
        Self::Parquet,
        Self::Arrow,
    ];
    /// What one object with a place can be.
    pub(crate) const ONE_PLACE: &[Self] = &[Self::Json, Self::GeoJson];
    /// What one object can be.
    pub(crate) const ONE: &[Self] = &[Self::Json];

    /// The name in `format=`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::NdJson => "ndjson",
            Self::Csv => "csv",
            Self::GeoJson => "geojson",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// The media type of answers.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::NdJson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::GeoJson => "application/geo+json",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// Media types that mean this format in `Accept`.
    const fn asked_as(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/json", "text/json"],
            Self::NdJson => &[
                "application/x-ndjson",
                "application/ndjson",
                "application/jsonl",
            ],
            Self::Csv => &["text/csv", "application/csv"],
            Self::GeoJson => &["application/geo+json", "application/vnd.geo+json"],
            Self::Parquet => &["application/vnd.apache.parquet", "application/x-parquet"],
            Self::Arrow => &["application/vnd.apache.arrow.stream"],
        }
    }

    /// Chooses among `offered`: `format=` wins, then `Accept` by weight, then the first offered.
    pub(crate) fn choose(
        headers: &HeaderMap,
        params: &Params,
        offered: &[Self],
    ) -> Result<Self, Problem> {
        if let Some(name) = params.text("format") {
            let found = offered
                .iter()
                .copied()
                .find(|format| format.as_str() == name);
            return found.ok_or_else(|| {
                let detail = format!("`{}` is no format of this address", quoted(name));
                not_acceptable(detail, offered).at("format")
            });
        }
        let lists: Vec<&str> = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        if lists.is_empty() {
            return offered.first().copied().ok_or_else(Problem::internal);
        }
        let ranges: Vec<Range<'_>> = lists
            .iter()
            .flat_map(|list| list.split(','))
            .map(Range::read)
            .collect();
        let weighed = offered
            .iter()
            .rev()
            .map(|format| (weight(&ranges, *format), *format));
        match weighed.max_by_key(|(weight, _)| *weight) {
            Some((weight, format)) if weight > 0 => Ok(format),
            _ => Err(not_acceptable(
                "no format in `Accept` is offered here".to_owned(),
                offered,
            )),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

fn not_acceptable(detail: String, offered: &[Format]) -> Problem {
    Problem::new(StatusCode::NOT_ACCEPTABLE, detail)
        .allowing(offered.iter().map(|format| format.as_str()))
}

/// One media range and its weight in thousandths.
#[derive(Debug, Clone, Copy)]
struct Range<'a> {
    media: &'a str,
    weight: u16,
}

impl<'a> Range<'a> {
    fn read(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let weight = parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(1_000, |(_, value)| thousandths(value.trim()));
        Self { media, weight }
    }

    /// How exactly the range names this format: 0 not at all, 3 by name.
    fn names(self, format: Format) -> u16 {
        let is_same = |known: &&str| known.eq_ignore_ascii_case(self.media);
        if format.asked_as().iter().any(is_same) {
            return 3;
        }
        match self.media {
            "*/*" | "*" => 1,
            "application/*" if format != Format::Csv => 2,
            "text/*" if format == Format::Csv => 2,
            _ => 0,
        }
    }
}

/// A weight as RFC 9110 writes it: 0 to 1, at most three decimals. What can't be read counts as 0.
fn thousandths(text: &str) -> u16 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = decimals.chars().chain("000".chars()).take(3).collect();
    let parsed = whole.parse::<u16>().ok().zip(digits.parse::<u16>().ok());
    parsed.map_or(0, |(whole, decimals)| {
        whole
            .saturating_mul(1_000)
            .saturating_add(decimals)
            .min(1_000)
    })
}

/// The weight that the most exact range gives a format; among equals the more exact name wins.
fn weight(ranges: &[Range<'_>], format: Format) -> u32 {
    let most_exact = ranges
        .iter()
        .map(|range| (range.names(format), range.weight))
        .max();
    match most_exact {
        Some((exactness, weight)) if exactness > 0 && weight > 0 => {
            u32::from(weight) * 4 + u32::from(exactness)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(accept: &str, query: &str) -> Result<Format, u16> {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(ACCEPT, accept.parse().unwrap());
        }
        let uri = format!("/x?{query}").parse().unwrap();
        let params = Params::read(&uri, &["format"]).unwrap();
        Format::choose(&headers, &params, Format::ROWS).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn the_parameter_wins_then_the_heaviest_accepted_type() {
        assert_eq!(choose("", ""), Ok(Format::Json));
        assert_eq!(choose("*/*", ""), Ok(Format::Json));
        assert_eq!(choose("text/csv", "format=arrow"), Ok(Format::Arrow));
        assert_eq!(choose("text/csv", ""), Ok(Format::Csv));
        assert_eq!(
            choose("application/json;q=0.5, text/csv;q=0.9", ""),
            Ok(Format::Csv)
        );
        assert_eq!(
            choose("application/vnd.apache.parquet, */*;q=0.1", ""),
            Ok(Format::Parquet)
        );
        assert_eq!(
            choose("text/html,application/xhtml+xml,*/*;q=0.8", ""),
            Ok(Format::Json)
        );
        assert_eq!(choose("text/*", ""), Ok(Format::Csv));
        assert_eq!(choose("*/*, application/json;q=0", ""), Ok(Format::NdJson));
    }

    #[test]
    fn what_is_not_offered_is_not_acceptable() {
        assert_eq!(choose("application/xml", ""), Err(406));
        assert_eq!(choose("", "format=xml"), Err(406));
        assert_eq!(choose("", "format=geojson"), Err(406));
        assert_eq!(choose("application/json;q=0", ""), Err(406));
    }
}
