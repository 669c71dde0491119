//! The whole face: routes and the guards around them.
//!
//! # Shape
//! Outermost first: request id and count → compression → CORS, for what is open → plain errors to
//! problems → panics → rights and fair share → places and time → the face. [`router_as`] leaves out
//! the fair share.
//!
//! # Why
//! The guards stand in one order in one place: other sites' pages can read every refusal and even a
//! panic's problem, and a refused token still counts against its sender.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arno_store::Role;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    HeaderName, IF_NONE_MATCH, LINK, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Method, Response as HttpResponse};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};
use tower_http::cors::{Any as AnyOrigin, CorsLayer};

use crate::admit::{RATE_LIMIT, RATE_REMAINING, RATE_RESET, admit};
use crate::native::{areas, datastreams, properties, publishers, things};
use crate::problem::{PROBLEM_TYPE, Problem};
use crate::state::ApiState;
use crate::{admin, docs, live, metric, observation, openapi, page, product, push, sql, status};

/// The id of a request, in its answer and in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken over from a client.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// The router for the network: rights by Bearer token, fair shares by caller.
pub fn router(state: ApiState) -> Router {
    guarded(state)
}

/// The router for a caller whose rights are known: every request has this role, and no fair share
/// is counted. For the socket in the data folder, and for commands in the same process.
pub fn router_as(state: ApiState, role: Role) -> Router {
    guarded(state).layer(Extension(role))
}

fn guarded(state: ApiState) -> Router {
    let open = registry_routes()
        .merge(service_routes())
        .fallback(page::fallback);
    let open = stacked(open, &state).layer(cors());
    let not_packed = DefaultPredicate::new()
        .and(NotForContentType::const_new(
            "application/vnd.apache.parquet",
        ))
        .and(NotForContentType::const_new("application/vnd.apache.arrow"));
    let routes = open
        .merge(stacked(closed_routes(), &state))
        .layer(from_fn(watch))
        .with_state(state);
    // Around the whole: only there does a 405 know which methods its address takes.
    Router::new()
        .fallback_service(routes)
        .layer(from_fn(say_problems))
        .layer(CompressionLayer::new().compress_when(not_packed))
}

/// The guards that hold for every address.
fn stacked(routes: Router<ApiState>, state: &ApiState) -> Router<ApiState> {
    routes
        .layer(from_fn_with_state(state.clone(), bounded))
        .layer(from_fn_with_state(state.clone(), admit))
        .layer(CatchPanicLayer::custom(panicked))
}

fn registry_routes() -> Router<ApiState> {
    Router::new()
        .route("/api/v1/publishers", get(publishers::list))
        .route("/api/v1/publishers/{id}", get(publishers::show))
        .route("/api/v1/areas", get(areas::list))
        .route("/api/v1/areas/{id}", get(areas::show))
        .route("/api/v1/things", get(things::list))
        .route("/api/v1/things/{id}", get(things::show))
        .route("/api/v1/things/{id}/observations", get(observation::list))
        .route("/api/v1/properties", get(properties::list))
        .route("/api/v1/properties/{id}", get(properties::show))
        .route("/api/v1/datastreams", get(datastreams::list))
        .route("/api/v1/datastreams/{*id}", get(datastreams::show))
}

fn service_routes() -> Router<ApiState> {
    Router::new()
        .route("/status", get(status::status))
        .route("/ready", get(status::ready))
        .route("/metrics", get(metric::show))
        .route("/openapi.json", get(openapi::show))
        .route("/docs", get(docs::show))
        .route("/docs/{asset}", get(docs::asset))
        .route("/api/v1/products", get(product::list))
        .route("/api/v1/products/{product}", get(product::rows))
        .route("/api/v1/sql", post(sql::query))
        .route("/api/v1/live", get(live::listen))
}

/// What only a token opens; no other site's page may call it.
fn closed_routes() -> Router<ApiState> {
    Router::new()
        .route("/api/v1/push/{route}", post(push::push))
        .route("/api/v1/admin/quarantine", get(admin::quarantine::list))
        .route("/api/v1/admin/ledger", get(admin::ledger::show))
        .route("/api/v1/admin/publishers", get(admin::publishers::list))
        .route(
            "/api/v1/admin/tokens",
            get(admin::tokens::list).post(admin::tokens::create),
        )
        .route("/api/v1/admin/tokens/{id}", delete(admin::tokens::revoke))
        .route("/api/v1/admin/registry/check", post(admin::registry::check))
        .route("/api/v1/admin/registry/apply", post(admin::registry::apply))
        .route(
            "/api/v1/admin/registry/export",
            get(admin::registry::export),
        )
        .route("/api/v1/admin/registry/history", get(admin::history::list))
}

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AnyOrigin)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([
            ACCEPT,
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_NONE_MATCH,
            HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([
            CONTENT_DISPOSITION,
            ETAG,
            LINK,
            RETRY_AFTER,
            RATE_LIMIT,
            RATE_REMAINING,
            RATE_RESET,
            REQUEST_ID,
        ])
}

/// Gives a request a place and its time; refuses it when there is none.
async fn bounded(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let Ok(place) = Arc::clone(state.requests()).try_acquire_owned() else {
        metrics::counter!("arno_api_refused_total", "reason" => "busy").increment(1);
        return Problem::unavailable(
            "too many requests are being answered; ask again a little later",
        )
        .into_response();
    };
    let answered = tokio::time::timeout(state.config().request_time_max, next.run(request)).await;
    drop(place);
    answered.unwrap_or_else(|_elapsed| {
        metrics::counter!("arno_api_refused_total", "reason" => "time").increment(1);
        Problem::unavailable("the answer took longer than it may; ask for less, or later")
            .into_response()
    })
}

/// Turns the framework's plain errors into problems.
async fn say_problems(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let is_said = kind
        .is_some_and(|kind| kind.starts_with(PROBLEM_TYPE) || kind.starts_with("application/json"));
    if is_said || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let problem = Problem::of_plain(status, response.headers().get(ALLOW));
    let mut plain = response.into_parts().0.headers;
    let mut said = problem.into_response();
    plain.remove(CONTENT_TYPE);
    plain.remove(CONTENT_LENGTH);
    for (name, value) in &plain {
        if !said.headers().contains_key(name) {
            said.headers_mut().append(name, value.clone());
        }
    }
    said
}

/// Gives a request its id, and counts its answer.
async fn watch(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let span = tracing::debug_span!("request", id = id.to_str().unwrap_or_default(), method);
    let mut response = tracing::Instrument::instrument(next.run(request), span).await;
    let route = path.unwrap_or_else(|| "other".to_owned());
    let status = response.status().as_u16();
    let class = match status / 100 {
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    metrics::counter!("arno_api_requests_total", "route" => route.clone(), "method" => method, "status" => class)
        .increment(1);
    metrics::histogram!("arno_api_request_seconds", "route" => route)
        .record(started.elapsed().as_secs_f64());
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The client's own id where it is plain, else a new one.
fn request_id(request: &Request) -> HeaderValue {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let given = request.headers().get(REQUEST_ID);
    let is_plain = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        !bytes.is_empty() && bytes.len() <= REQUEST_ID_BYTES_MAX && bytes.iter().all(is_plain)
    };
    given.filter(is_plain).cloned().unwrap_or_else(|| {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{:x}-{number:x}", std::process::id()))
            .unwrap_or_else(|_cause| HeaderValue::from_static("none"))
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over so")]
fn panicked(cause: Box<dyn Any + Send + 'static>) -> HttpResponse<Body> {
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text
        .or_else(|| cause.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(cause = text, "a handler panicked");
    metrics::counter!("arno_api_panics_total").increment(1);
    Problem::internal().into_response()
}
