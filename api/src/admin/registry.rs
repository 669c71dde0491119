//! `/api/v1/admin/registry/…`: the registry's four files, checked, applied and given back.
//!
//! # Shape
//! An upload is a JSON object of the files' text by their names; an absent file leaves its part as
//! it is. Faults come back all at once, as a problem with `faults`.

use std::collections::BTreeMap;

use arno_store::registry::{Change, EntryId, Fault, Files, Part, RegistryError, Severity};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::private;
use crate::admit::Caller;
use crate::body;
use crate::params::{Params, quoted};
use crate::problem::Problem;
use crate::state::ApiState;

/// Longest name of whoever applies, as the history keeps it.
const WHO_CHARS_MAX: usize = 100;

/// One fault of the files.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Fault)]
pub(crate) struct FaultItem {
    /// `error` or `warning`.
    #[schema(value_type = String)]
    severity: Severity,
    /// The file's name.
    file: String,
    /// The line in it, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    line: Option<u32>,
    /// The entry or feature.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// What is wrong.
    problem: String,
    /// What to do about it.
    mend: String,
}

impl From<Fault> for FaultItem {
    fn from(fault: Fault) -> Self {
        let Fault {
            severity,
            file,
            line,
            subject,
            problem,
            mend,
        } = fault;
        Self {
            severity,
            file,
            line,
            subject,
            problem,
            mend,
        }
    }
}

/// What an apply did, or would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RegistryChange {
    /// The registry's revision afterwards; after a check, the present one.
    #[schema(value_type = i64)]
    revision: u64,
    /// New entries by kind: `publisher`, `property`, `area`, `thing`.
    added: BTreeMap<String, Vec<String>>,
    /// Entries that differ.
    changed: BTreeMap<String, Vec<String>>,
    /// Entries that are gone.
    removed: BTreeMap<String, Vec<String>>,
    /// What looks wrong without being an error.
    warnings: Vec<FaultItem>,
}

impl From<Change> for RegistryChange {
    fn from(change: Change) -> Self {
        let by_kind = |entries: Vec<EntryId>| {
            let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for entry in entries {
                kinds
                    .entry(entry.part.noun().to_owned())
                    .or_default()
                    .push(entry.id);
            }
            kinds
        };
        Self {
            revision: change.revision,
            added: by_kind(change.added),
            changed: by_kind(change.changed),
            removed: by_kind(change.removed),
            warnings: change.warnings.into_iter().map(FaultItem::from).collect(),
        }
    }
}

/// The registry's files as text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RegistryFiles {
    #[serde(rename = "publishers.toml", skip_serializing_if = "Option::is_none")]
    publishers: Option<String>,
    #[serde(rename = "properties.toml", skip_serializing_if = "Option::is_none")]
    properties: Option<String>,
    #[serde(rename = "areas.geojson", skip_serializing_if = "Option::is_none")]
    areas: Option<String>,
    #[serde(rename = "things.geojson", skip_serializing_if = "Option::is_none")]
    things: Option<String>,
}

/// Says what applying files would do.
pub(crate) async fn check(
    State(state): State<ApiState>,
    caller: Caller,
    request: Request<Body>,
) -> Result<Response, Problem> {
    caller.must_operate()?;
    let (_, files) = upload(&state, request, &[]).await?;
    let change = state
        .registry_port()
        .check(files)
        .await
        .map_err(problem_of)?;
    Ok(private(StatusCode::OK, &RegistryChange::from(change)))
}

/// Applies files.
pub(crate) async fn apply(
    State(state): State<ApiState>,
    caller: Caller,
    request: Request<Body>,
) -> Result<Response, Problem> {
    caller.must_operate()?;
    let (params, files) = upload(&state, request, &["who"]).await?;
    let who = params.text("who").unwrap_or("operator");
    let who: String = quoted(who).chars().take(WHO_CHARS_MAX).collect();
    let change = state
        .registry_port()
        .apply(files, &who)
        .await
        .map_err(problem_of)?;
    Ok(private(StatusCode::OK, &RegistryChange::from(change)))
}

/// Gives the canonical files.
pub(crate) async fn export(
    State(state): State<ApiState>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.must_operate()?;
    Params::read(&uri, &[])?;
    let files = state.registry_port().export().await.map_err(problem_of)?;
    let text = |bytes: Option<Vec<u8>>| {
        let bytes = bytes?;
        String::from_utf8(bytes).ok()
    };
    let files = RegistryFiles {
        publishers: text(files.publishers),
        properties: text(files.properties),
        areas: text(files.areas),
        things: text(files.things),
    };
    Ok(private(StatusCode::OK, &files))
}

async fn upload(
    state: &ApiState,
    request: Request<Body>,
    allowed: &[&str],
) -> Result<(Params, Files), Problem> {
    let (parts, body) = request.into_parts();
    let params = Params::read(&parts.uri, allowed)?;
    let bytes_max = state.config().upload_bytes_max;
    let given: Map<String, Value> = body::read_json(&parts.headers, body, bytes_max).await?;
    let mut files = Files::default();
    for (name, value) in given {
        let part = Part::ALL.into_iter().find(|part| part.file_name() == name);
        let names = || Part::ALL.into_iter().map(Part::file_name);
        let Some(part) = part else {
            let detail = format!("`{}` is no file of the registry", quoted(&name));
            return Err(Problem::wrong(detail).at(quoted(&name)).allowing(names()));
        };
        let Value::String(text) = value else {
            return Err(Problem::wrong(format!("`{name}` must be the file's text"))
                .at(name)
                .allowing(["text"]));
        };
        files.set(part, text.into_bytes());
    }
    if files == Files::default() {
        let names = Part::ALL.into_iter().map(Part::file_name);
        return Err(Problem::wrong("the upload holds no file").allowing(names));
    }
    Ok((params, files))
}

fn problem_of(error: RegistryError) -> Problem {
    match error {
        RegistryError::Faults(report) => {
            let detail = report.to_string();
            let faults: Vec<FaultItem> = report.faults.into_iter().map(FaultItem::from).collect();
            Problem::wrong(detail)
                .with("faults", json!(faults))
                .with("errors_count", json!(report.errors_count))
                .with("omitted_count", json!(report.omitted_count))
        }
        error => Problem::fault("change the registry", error.retry(), &error),
    }
}
