//! `/api/v1/admin/registry/history`: who changed what in the registry, and when, newest first.
//!
//! # Shape
//! A change lists the entries that it touched. Asked for one entry (`entry` its kind, and `id`), it
//! carries that entry's canonical text before and after, and changes of others are left out.
//!
//! # Limits
//! [`PAGE_CHANGES_MAX`] changes a page, [`PASSED_CHANGES_MAX`] looked through for it; one record is
//! in memory at a time, without the text of what is not asked for.

use arno_model::Timestamp;
use arno_store::registry::{ChangeRecord, EntryChange, Part};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::private;
use crate::address;
use crate::admit::Caller;
use crate::params::{Params, quoted};
use crate::problem::Problem;
use crate::state::ApiState;

/// Changes of a page when nobody says how many.
const PAGE_CHANGES_DEFAULT: usize = 20;
/// Most changes of a page: the first one of a region names some ten thousand entries.
const PAGE_CHANGES_MAX: usize = 100;
/// Most changes that are looked through for a page: an entry may have changed long ago.
const PASSED_CHANGES_MAX: usize = 1_000;

/// What became of one entry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryItem {
    /// `publisher`, `property`, `area` or `thing`.
    kind: &'static str,
    /// Its id; a thing's is its global name.
    id: String,
    /// `added`, `changed` or `removed`.
    #[serde(rename = "change")]
    what: &'static str,
    /// How it stood before, as canonical text; where this entry was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// How it stands since; where this entry was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// One change of the registry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangeItem {
    /// The revision that it made.
    #[schema(value_type = i64)]
    revision: u64,
    /// Who applied it, in their own words.
    who: String,
    #[schema(value_type = String, format = DateTime)]
    when: Timestamp,
    entries: Vec<EntryItem>,
}

/// A page of changes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RegistryHistory {
    items: Vec<ChangeItem>,
    /// The address of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The entry that is asked for.
struct Asked<'a> {
    part: Option<Part>,
    id: Option<&'a str>,
}

impl Asked<'_> {
    fn includes(&self, change: &EntryChange) -> bool {
        self.part.is_none_or(|part| part == change.entry.part)
            && self.id.is_none_or(|id| id == change.entry.id)
    }

    /// The change as far as it is asked for; `None` when nothing of it is.
    fn item(&self, record: ChangeRecord) -> Option<ChangeItem> {
        let asked = record.entries.into_iter();
        let asked = asked.filter(|change| self.includes(change));
        let entries: Vec<EntryItem> = asked.map(|change| self.entry(change)).collect();
        (!entries.is_empty()).then_some(ChangeItem {
            revision: record.revision,
            who: record.who,
            when: record.when,
            entries,
        })
    }

    fn entry(&self, change: EntryChange) -> EntryItem {
        let what = match (&change.before, &change.after) {
            (None, _) => "added",
            (Some(_), None) => "removed",
            (Some(_), Some(_)) => "changed",
        };
        let is_named = self.id.is_some();
        EntryItem {
            kind: change.entry.part.noun(),
            id: change.entry.id,
            what,
            before: change.before.filter(|_| is_named),
            after: change.after.filter(|_| is_named),
        }
    }
}

/// Lists changes.
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    parts: Parts,
) -> Result<Response, Problem> {
    caller.must_operate()?;
    let params = Params::read(&parts.uri, &["entry", "id", "limit", "cursor"])?;
    let limit = params
        .limit(PAGE_CHANGES_MAX)?
        .unwrap_or(PAGE_CHANGES_DEFAULT);
    let asked = Asked {
        part: part(&params)?,
        id: params.text("id"),
    };
    let mut until: Option<u64> = params.parsed("cursor", &["the cursor in `next`"])?;
    let (mut items, mut passed_count) = (Vec::new(), 0);
    let mut rest = None;
    loop {
        let found = state.registry_port().history(until, 1).await;
        let found = found.map_err(|error| {
            Problem::fault("read the registry's history", error.retry(), &error)
        })?;
        let Some(record) = found.into_iter().next() else {
            break;
        };
        if items.len() == limit || passed_count == PASSED_CHANGES_MAX {
            rest = Some(record.revision.to_string());
            break;
        }
        passed_count += 1;
        until = Some(record.revision.saturating_sub(1));
        items.extend(asked.item(record));
    }
    let own = address::own(&state, &parts);
    let next = rest.map(|cursor| address::next(&own, &parts.uri, params.pairs(), &cursor));
    Ok(private(StatusCode::OK, &RegistryHistory { items, next }))
}

fn part(params: &Params) -> Result<Option<Part>, Problem> {
    let Some(text) = params.text("entry") else {
        return Ok(None);
    };
    let known = Part::ALL.into_iter().find(|part| part.noun() == text);
    known.map(Some).ok_or_else(|| {
        Problem::malformed(format!("`entry` is `{}`", quoted(text)))
            .at("entry")
            .allowing(Part::ALL.into_iter().map(Part::noun))
    })
}
