//! A page of the registry: what is listed comes in, an answer in any format goes out.

use arno_store::{ClockState, Retry};
use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::address;
use crate::admit::Caller;
use crate::cache::{Freshness, Validity};
use crate::encode::Envelope;
use crate::format::Format;
use crate::params::Params;
use crate::problem::Problem;
use crate::questions::RowStream;
use crate::respond::{self, Answer, Shown};
use crate::state::ApiState;

use super::table::{Column, batch};

/// Items of a page when nobody says how many.
pub(crate) const PAGE_ITEMS_DEFAULT: usize = 1_000;
/// Most items of a page: all things of a large region in a few pages.
pub(crate) const PAGE_ITEMS_MAX: usize = 10_000;

/// The parameters that every list takes.
pub(crate) const COMMON: [&str; 4] = ["limit", "cursor", "format", "sep"];

/// A list as it was asked for.
pub(crate) struct Listing<'a> {
    state: &'a ApiState,
    caller: &'a Caller,
    parts: &'a Parts,
    /// The parameters.
    pub(crate) params: Params,
    shown: Shown,
    validity: Validity,
    items_max: usize,
    /// Members of the answer beside those of every list.
    pub(crate) more: Map<String, Value>,
}

/// What a list is made of.
pub(crate) struct Items<T> {
    /// The items after the cursor, in the order of their names.
    pub(crate) items: Vec<T>,
    /// The cursor of the page after, if there is one.
    pub(crate) next: Option<String>,
}

impl<'a> Listing<'a> {
    /// Reads what every list takes; `allowed` names the parameters of this one beside them.
    pub(crate) fn read(
        state: &'a ApiState,
        caller: &'a Caller,
        parts: &'a Parts,
        allowed: &[&str],
        offered: &[Format],
    ) -> Result<Self, Problem> {
        let names: Vec<&str> = allowed.iter().copied().chain(COMMON).collect();
        let params = Params::read(&parts.uri, &names)?;
        let shown = Shown::read(&parts.headers, &params, offered)?;
        let is_name = |text: &str| text.chars().all(|one| !one.is_control());
        if params.text("cursor").is_some_and(|text| !is_name(text)) {
            let detail = "`cursor` is no name; take it from the page before, or leave it out";
            return Err(Problem::malformed(detail).at("cursor"));
        }
        let items_max = params.limit(PAGE_ITEMS_MAX)?.unwrap_or(PAGE_ITEMS_DEFAULT);
        let revision = state.revision(&state.registry());
        let validity = Validity::new(caller, shown.format, Freshness::Revision, revision);
        Ok(Self {
            state,
            caller,
            parts,
            params,
            shown,
            validity,
            items_max,
            more: Map::new(),
        })
    }

    /// 304, if the client has this page already.
    pub(crate) fn unchanged(&self) -> Option<Response> {
        self.validity.unchanged(&self.parts.headers)
    }

    /// Takes a page of named items, which come in the order of their names.
    pub(crate) fn page<T>(&self, named: impl Iterator<Item = (String, T)>) -> Items<T> {
        let after = self.params.text("cursor").map(rank);
        let mut rest = named.filter(|(name, _)| after.is_none_or(|after| rank(name) > after));
        let mut items = Vec::new();
        let mut last = None;
        for (name, item) in rest.by_ref().take(self.items_max) {
            items.push(item);
            last = Some(name);
        }
        let next = last.filter(|_| rest.next().is_some());
        Items { items, next }
    }

    /// Answers with a page. `columns` are its members in the formats of columns; `geometry` finds
    /// an item's place.
    pub(crate) async fn answer<T: Serialize>(
        self,
        items: Items<T>,
        columns: &[Column],
        geometry: impl Fn(&T) -> Option<String>,
    ) -> Result<Response, Problem> {
        let own = address::own(self.state, self.parts);
        let next = items.next.as_deref();
        let next =
            next.map(|cursor| address::next(&own, &self.parts.uri, self.params.pairs(), cursor));
        let values = items
            .items
            .iter()
            .map(object)
            .collect::<Result<Vec<_>, Problem>>()?;
        let members = self.members();
        let format = self.shown.format;
        let response = match format {
            Format::Json => {
                let mut body = members;
                body.insert("items".to_owned(), Value::from_iter(values));
                body.extend(next.map(|next| ("next".to_owned(), Value::from(next))));
                text(format, &Value::Object(body))
            }
            Format::GeoJson => features(members, &items.items, values, next.as_deref(), geometry),
            Format::NdJson => {
                let mut body = String::new();
                for value in values {
                    body.extend([Value::Object(value).to_string().as_str(), "\n"]);
                }
                respond::head(body.into(), format, "list", link(next.as_deref()))
            }
            Format::Csv | Format::Parquet | Format::Arrow => {
                let batch = batch(columns, &values).map_err(|error| {
                    Problem::fault("make a table of the registry", Retry::Never, &error)
                })?;
                let schema = batch.schema();
                let batches = Box::pin(futures::stream::iter([Ok(batch)]));
                let answer = Answer {
                    rows: RowStream { schema, batches },
                    shown: self.shown,
                    envelope: Envelope::default(),
                    page: None,
                    geometries: None,
                    name: self
                        .parts
                        .uri
                        .path()
                        .rsplit('/')
                        .next()
                        .unwrap_or_default()
                        .to_owned(),
                };
                let mut response = respond::rows(self.state, &self.caller.0, answer).await?;
                if let Some(link) = link(next.as_deref()) {
                    response.headers_mut().insert(LINK, link);
                }
                response
            }
        };
        Ok(self.validity.mark(response))
    }

    fn members(&self) -> Map<String, Value> {
        let mut members = clock_members(self.state);
        members.extend(self.more.clone());
        members
    }
}

/// The members that say whose now it is.
pub(crate) fn clock_members(state: &ApiState) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("now".to_owned(), json!(state.backend().now()));
    members.insert("clock".to_owned(), json!(clock_word(state)));
    members
}

/// `live`, or `recorded`.
pub(crate) fn clock_word(state: &ApiState) -> &'static str {
    match state.backend().clock() {
        ClockState::Live => "live",
        ClockState::Recorded { .. } => "recorded",
    }
}

/// A request for one item, and who asks.
pub(crate) struct Asked<'a> {
    pub(crate) state: &'a ApiState,
    pub(crate) caller: &'a Caller,
    pub(crate) parts: &'a Parts,
}

/// Answers with one item, in JSON or as a feature.
pub(crate) fn one<T: Serialize>(
    asked: &Asked<'_>,
    offered: &[Format],
    item: &T,
    geometry: impl FnOnce() -> Option<String>,
) -> Result<Response, Problem> {
    let Asked {
        state,
        caller,
        parts,
    } = *asked;
    let params = Params::read(&parts.uri, &["format"])?;
    let format = Format::choose(&parts.headers, &params, offered)?;
    let revision = state.revision(&state.registry());
    let validity = Validity::new(caller, format, Freshness::Revision, revision);
    if let Some(response) = validity.unchanged(&parts.headers) {
        return Ok(response);
    }
    let value = object(item)?;
    let response = if format == Format::GeoJson {
        let body = feature(&value, geometry().as_deref());
        respond::head(body.into(), format, "feature", None)
    } else {
        text(format, &Value::Object(value))
    };
    Ok(validity.mark(response))
}

/// Answers with a value.
pub(crate) fn text(format: Format, value: &Value) -> Response {
    respond::head(value.to_string().into(), format, "list", None)
}

fn object<T: Serialize>(item: &T) -> Result<Map<String, Value>, Problem> {
    match serde_json::to_value(item) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Problem::internal()),
    }
}

/// What names are ordered by: a datastream's by its thing, then its property.
fn rank(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or((name, ""))
}

fn link(next: Option<&str>) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("<{}>; rel=\"next\"", next?)).ok()
}

fn feature(value: &Map<String, Value>, geometry: Option<&str>) -> String {
    let properties = Value::Object(value.clone());
    let geometry = geometry.unwrap_or("null");
    format!("{{\"type\":\"Feature\",\"geometry\":{geometry},\"properties\":{properties}}}")
}

fn features<T>(
    members: Map<String, Value>,
    items: &[T],
    values: Vec<Map<String, Value>>,
    next: Option<&str>,
    geometry: impl Fn(&T) -> Option<String>,
) -> Response {
    let mut body = String::from("{\"type\":\"FeatureCollection\"");
    let mut members = members;
    members.extend(next.map(|next| ("next".to_owned(), Value::from(next))));
    for (name, value) in members {
        body.extend([",", &Value::from(name).to_string(), ":", &value.to_string()]);
    }
    body.push_str(",\"features\":[");
    for (place, (item, value)) in items.iter().zip(values).enumerate() {
        if place > 0 {
            body.push(',');
        }
        body.push_str(&feature(&value, geometry(item).as_deref()));
    }
    body.push_str("]}");
    respond::head(body.into(), Format::GeoJson, "features", link(next))
}
