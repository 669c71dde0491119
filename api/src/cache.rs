//! Caching: what an answer depends on comes in, `ETag` and `Cache-Control` go out.
//!
//! # Why
//! An answer follows from the store's newest commit, the registry's revision and, where it reaches
//! up to now, the moment. These are known before anything is computed, so a repeated question costs
//! nothing. Only addresses with a past `as_of` never change.
//!
//! # Invariants
//! Answers to a token are `private`. Tags are weak: the same rows may travel compressed or not.

use arno_model::Timestamp;
use arno_model::bucket::BASE_US;
use arno_model::time::SECOND_US;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::admit::Caller;
use crate::format::Format;

/// How long an answer stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Until the registry or the data change.
    Revision,
    /// It reaches into the present: ask each time, by the tag.
    Open,
    /// For ever: what was known at a moment gone by.
    Fixed,
}

impl Freshness {
    /// Of an answer over times up to `to` (absent: now), as it was known at `as_of`.
    pub(crate) fn of(
        to: Option<Timestamp>,
        as_of: Option<Timestamp>,
        now: Timestamp,
        last_commit: Timestamp,
    ) -> Self {
        if as_of.is_some_and(|moment| moment <= last_commit && moment <= now) {
            return Self::Fixed;
        }
        match to {
            Some(to) if to <= now.floor_to(BASE_US) => Self::Revision,
            _ => Self::Open,
        }
    }
}

/// An answer's tag and how long it keeps.
#[derive(Debug, Clone)]
pub(crate) struct Validity {
    tag: String,
    freshness: Freshness,
    is_private: bool,
}

impl Validity {
    /// Of an answer in `format` that follows from these revisions.
    pub(crate) fn new(
        caller: &Caller,
        format: Format,
        freshness: Freshness,
        revision: Revision,
    ) -> Self {
        let moment = match freshness {
            Freshness::Open => revision.now.floor_to(SECOND_US).as_micros() / SECOND_US,
            Freshness::Revision | Freshness::Fixed => 0,
        };
        let tag = format!(
            "W/\"{}-{:x}-{:x}-{:x}-{format}-{}\"",
            env!("CARGO_PKG_VERSION"),
            revision.commit.as_micros(),
            revision.registry,
            moment,
            caller.tag(),
        );
        Self {
            tag,
            freshness,
            is_private: caller.label() != "anonymous",
        }
    }

    /// 304, if the client has this answer already.
    pub(crate) fn unchanged(&self, headers: &HeaderMap) -> Option<Response> {
        let given = headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let own = opaque(&self.tag);
        let is_known = given
            .flat_map(|list| list.split(','))
            .any(|tag| tag.trim() == "*" || opaque(tag) == own);
        is_known.then(|| self.mark(StatusCode::NOT_MODIFIED.into_response()))
    }

    /// Puts the headers on an answer.
    pub(crate) fn mark(&self, mut response: Response) -> Response {
        let scope = if self.is_private { "private" } else { "public" };
        let control = match self.freshness {
            Freshness::Revision => format!("{scope}, max-age=60, must-revalidate"),
            Freshness::Open => format!("{scope}, no-cache"),
            Freshness::Fixed => format!("{scope}, max-age=31536000, immutable"),
        };
        let headers = response.headers_mut();
        if let (Ok(tag), Ok(control)) = (
            HeaderValue::try_from(&self.tag),
            HeaderValue::try_from(control),
        ) {
            headers.insert(ETAG, tag);
            headers.insert(CACHE_CONTROL, control);
        }
        headers.append(VARY, HeaderValue::from_static("accept, authorization"));
        response
    }
}

/// What an answer follows from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Revision {
    /// The store's newest commit.
    pub(crate) commit: Timestamp,
    /// The registry's revision.
    pub(crate) registry: u64,
    /// The store's now.
    pub(crate) now: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn only_a_past_as_of_is_for_ever() {
        let (now, commit) = (at("2026-05-01T08:20:00Z"), at("2026-05-01T08:19:59Z"));
        let of = |to: Option<&str>, as_of: Option<&str>| {
            Freshness::of(to.map(at), as_of.map(at), now, commit)
        };
        assert_eq!(of(None, None), Freshness::Open);
        assert_eq!(of(Some("2026-05-01T08:15:00Z"), None), Freshness::Revision);
        assert_eq!(of(Some("2026-05-01T08:16:00Z"), None), Freshness::Open);
        assert_eq!(of(None, Some("2026-05-01T08:00:00Z")), Freshness::Fixed);
        assert_eq!(of(None, Some("2026-05-01T08:20:00Z")), Freshness::Open);
    }
}
