//! What questions over time share: a range, and pages by cursor.
//!
//! # Shape
//! A cursor says how many rows were given already. Rows of one question have one order, and closed
//! buckets do not move, so pages join; whoever needs them to join exactly asks with `as_of`.

use arno_model::Timestamp;
use axum::http::request::Parts;

use crate::address;
use crate::params::Params;
use crate::problem::Problem;
use crate::respond::PageOf;
use crate::state::ApiState;

/// What a cursor begins with.
const CURSOR_PREFIX: &str = "after-";
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

/// How many rows a cursor skips.
pub(crate) fn skip(params: &Params) -> Result<usize, Problem> {
    let Some(text) = params.text("cursor") else {
        return Ok(0);
    };
    let number = text
        .strip_prefix(CURSOR_PREFIX)
        .and_then(|digits| digits.parse().ok());
    number.filter(|rows| *rows <= SKIP_ROWS_MAX).ok_or_else(|| {
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
    let cursor = format!("{CURSOR_PREFIX}{}", skip.saturating_add(limit));
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
