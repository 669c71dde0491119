//! `/api/v1/live`: product rows as they change, as server-sent events.
//!
//! # Shape
//! `id:` a number that only grows, also over restarts; `event:` the product; `data:` one object
//! `{product, area, level, row}`. Besides: `hello` first, `gap` when events since `Last-Event-ID`
//! are gone from memory (fetch the present state anew), `dropped` before a reader that is too slow
//! is let go.
//!
//! # Limits
//! See [`hub`](self::hub) for the ring; a comment every [`HEARTBEAT`] keeps proxies from closing.
//!
//! # Invariants
//! What is published here is fit for everybody: the live loop publishes the public's rows.

mod hub;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arno_model::{AreaId, ThingId, Timestamp};
use arno_store::Registry;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use serde_json::json;

pub use hub::{LiveEvent, LiveHub};

use crate::admit::Caller;
use crate::native::{areas, things};
use crate::params::{Params, quoted};
use crate::problem::Problem;
use crate::state::ApiState;
use hub::{Notice, Numbered};

/// A comment goes out after so long a silence: proxies close after 30 to 60 seconds.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The browser waits so long before it comes again.
const RETRY: Duration = Duration::from_secs(3);
/// The header that names the last event a reader has.
const LAST_EVENT_ID: &str = "last-event-id";

/// What a reader wants to hear of.
#[derive(Debug)]
struct Filter {
    area: Option<AreaId>,
    product: Option<String>,
    thing: Option<ThingId>,
}

impl Filter {
    /// Whether an event is wanted: rows of the area itself, of areas below it and of things in it.
    fn wants(&self, registry: &Registry, now: Timestamp, event: &LiveEvent) -> bool {
        let is_product = self
            .product
            .as_ref()
            .is_none_or(|product| *product == event.product);
        let is_thing = self
            .thing
            .as_ref()
            .is_none_or(|thing| event.thing.as_ref() == Some(thing));
        is_product
            && is_thing
            && self
                .area
                .as_ref()
                .is_none_or(|area| concerns(registry, now, area, event))
    }
}

fn concerns(registry: &Registry, now: Timestamp, asked: &AreaId, event: &LiveEvent) -> bool {
    if event.area == asked.as_str() {
        return true;
    }
    if let Some(thing) = &event.thing {
        let place = registry.place(thing);
        return place.is_some_and(|place| {
            place
                .areas
                .iter()
                .any(|belonging| belonging.area == *asked && belonging.valid.contains(now))
        });
    }
    let area = registry.area(&event.area);
    area.is_some_and(|area| areas::is_within(registry, area, asked, now))
}

/// Streams live events.
pub(crate) async fn listen(
    State(state): State<ApiState>,
    caller: Caller,
    parts: Parts,
) -> Result<Response, Problem> {
    let params = Params::read(&parts.uri, &["area", "product", "thing"])?;
    let registry = state.registry();
    let thing = params
        .text("thing")
        .map(|id| things::known(&registry, &caller.0, id))
        .transpose()?;
    let filter = Filter {
        area: areas::known(&registry, &params, "area")?,
        product: known_product(&state, &params)?,
        thing: thing.map(|thing| thing.id.clone()),
    };
    let last = last_event(&parts.headers)?;
    let permit = Arc::clone(state.listeners())
        .try_acquire_owned()
        .map_err(|_full| {
            Problem::unavailable("as many listen as can; ask again a little later").retry_after(30)
        })?;
    let hello = Event::default().event("hello").retry(RETRY).data(
        json!({"now": state.backend().now(), "last_event_id": state.live().newest()}).to_string(),
    );
    let stop = state.token().clone();
    let feed = state.live().listen(last);
    let events = feed
        .filter_map(move |notice| {
            let event = event_of(&state, &filter, notice);
            futures::future::ready(event)
        })
        .map(move |event| {
            // The place is taken for as long as the stream lives.
            let _held = &permit;
            event
        });
    let events = futures::stream::iter([hello])
        .chain(events)
        .take_until(stop.cancelled_owned())
        .map(Ok::<_, Infallible>);
    let keep_alive = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would otherwise hold events back until its buffer is full.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn known_product(state: &ApiState, params: &Params) -> Result<Option<String>, Problem> {
    let Some(name) = params.text("product") else {
        return Ok(None);
    };
    let products: BTreeSet<String> = state
        .questions()
        .products()
        .iter()
        .map(|product| product.id.clone())
        .collect();
    if products.contains(name) {
        return Ok(Some(name.to_owned()));
    }
    let detail = format!("there is no product `{}`", quoted(name));
    Err(Problem::wrong(detail).at("product").allowing(products))
}

fn last_event(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse().map_err(|_cause| {
        Problem::malformed(
            "`Last-Event-ID` is no id of an event: repeat the number of the last one you got",
        )
        .at("Last-Event-ID")
    })?;
    Ok(Some(number))
}

fn event_of(state: &ApiState, filter: &Filter, notice: Notice) -> Option<Event> {
    match notice {
        Notice::Event(numbered) => {
            let Numbered { id, event, data } = numbered.as_ref();
            let is_wanted = filter.wants(&state.registry(), state.backend().now(), event);
            is_wanted.then(|| Event::default().id(id.to_string()).event(&event.product).data(data))
        }
        Notice::Gap => Some(Event::default().event("gap").data(
            json!({"detail": "events since your last one are gone; fetch the present state anew"}).to_string(),
        )),
        Notice::Dropped => Some(Event::default().event("dropped").data(
            json!({"detail": "you read more slowly than events come; connect again"}).to_string(),
        )),
    }
}
