//! Arno over HTTP: a request comes in, a streamed answer or a problem that names its mend goes out.
//!
//! # Why
//! People, their scripts and the dashboards all speak to Arno here and only here: what the page
//! needs, a developer outside can get too. One module per face; what many faces share (problems,
//! formats, rights, limits) stands once, beside them.
//!
//! # Shape
//! [`ApiState`] holds the ports that `src` plugs; [`router`] is the whole face of it as an axum
//! router with the network's guards, [`router_as`] the same for a caller whose rights are known
//! otherwise; [`serve`] answers on a listener until it is told to stop.
//!
//! # Invariants
//! * Every answer is an object, a stream of rows in one of six formats, or
//!   `application/problem+json`.
//! * Answers stream: memory does not grow with them. What breaks in the middle breaks the
//!   connection, so that half an answer is never taken for a whole one.
//! * No error tells of the insides; the cause is in the log, once.

mod address;
mod admin;
mod admit;
mod body;
mod cache;
mod config;
mod docs;
mod encode;
mod format;
mod limiter;
mod live;
pub mod metric;
mod native;
mod observation;
mod openapi;
mod page;
mod params;
mod port;
mod problem;
mod product;
mod push;
mod questions;
mod respond;
mod router;
mod serve;
mod sql;
mod state;
mod status;

pub use config::{ApiConfig, ConfigError, ConfigFault, Contact};
pub use live::{LiveEvent, LiveHub};
pub use openapi::{openapi_document, openapi_document_at};
pub use page::{Page, Pages};
pub use port::{
    Authority, BookTokens, KeptRegistry, PortError, PushAnswer, PushDelivery, PushPort,
    PushProblem, PushRefused, ReadyPart, ReadyPort, RegistryPort, TokenPort,
};
pub use questions::{
    ChartSheet, ColumnSheet, LevelAsked, ObservationQuestion, ParameterSheet, ProductQuestion,
    ProductSheet, QuestionError, Questions, RowStream, Wording, shipped_sheets,
};
pub use router::{router, router_as};
pub use serve::{ServeError, serve, serve_unix};
pub use state::{ApiParts, ApiState};
