//! What questions over time share: a range, and pages by cursor.
//!
//! # Shape
//! A cursor says how many rows were given already, and for observations also what was known then:
//! late data do not push rows from one page to the next. Rows of one question have one order, and
//! closed buckets do not move, so pages of products join; whoever needs them to join exactly asks
//! with `as_of`.

use arno_model::Timestamp;
use axum::http::request::Parts;

use crate::address;
use crate::params::Params;
use crate::problem::Problem;
use crate::respond::PageOf;
use crate::state::ApiState;

/// What a cursor begins with.
const CURSOR_PREFIX: &str = "after-";
/// What stands before the moment of a cursor.
const KNOWN_MARK: &str = "-of-";
/// Most rows that a cursor may skip: more than any answer has.
const SKIP_ROWS_MAX: usize = 1_000_000_000;

/// `from` and `to`, in this order.
pub(crate) fn range(params: &Params) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
    let (from, to) = (params.time("from")?, params.time("to")?);
    if let Some((from, to)) = from.zip(to)
        && from >= to
    {
        let detail = format!("`from` ({from}) is not before `to` ({to})");
        return Err(Problem::malformed(detail)
            .at("from")
            .allowing([format!("a time before {to}")]));
    }
    Ok((from, to))
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    /// So many rows were given already.
    pub(crate) skip: usize,
    /// What was known then; absent: now.
    pub(crate) known_at: Option<Timestamp>,
}

/// How many rows a cursor skips.
pub(crate) fn skip(params: &Params) -> Result<usize, Problem> {
    place(params).map(|place| place.skip)
}

/// Where a cursor points to.
pub(crate) fn place(params: &Params) -> Result<Place, Problem> {
    let Some(text) = params.text("cursor") else {
        return Ok(Place::default());
    };
    let read = || {
        let text = text.strip_prefix(CURSOR_PREFIX)?;
        let (digits, known_at) = match text.split_once(KNOWN_MARK) {
            Some((digits, moment)) => (digits, Some(Timestamp::parse(moment).ok()?)),
            None => (text, None),
        };
        let skip = digits.parse().ok().filter(|rows| *rows <= SKIP_ROWS_MAX)?;
        Some(Place { skip, known_at })
    };
    read().ok_or_else(|| {
        Problem::malformed(
            "`cursor` is not one that was given out: follow the address under `next` as it is",
        )
        .at("cursor")
        .allowing(["the cursor in `next`"])
    })
}

/// A page of `limit` rows and the address of the one after.
pub(crate) fn page(
    state: &ApiState,
    parts: &Parts,
    params: &Params,
    skip: usize,
    limit: usize,
) -> PageOf {
    page_known_at(
        state,
        parts,
        params,
        Place {
            skip,
            known_at: None,
        },
        limit,
    )
}

/// As [`page`], when the pages after it show what was known at a moment.
pub(crate) fn page_known_at(
    state: &ApiState,
    parts: &Parts,
    params: &Params,
    place: Place,
    limit: usize,
) -> PageOf {
    let mut cursor = format!("{CURSOR_PREFIX}{}", place.skip.saturating_add(limit));
    if let Some(known_at) = place.known_at {
        cursor.extend([KNOWN_MARK, &known_at.to_string()]);
    }
    let next = address::next(
        &address::own(state, parts),
        &parts.uri,
        params.pairs(),
        &cursor,
    );
    PageOf {
        rows_max: limit,
        next,
    }
}
