//! `/openapi.json`: the whole face as an OpenAPI 3.1 document.
//!
//! # Why
//! The fixed routes stand in one table ([`route`]), the schemas are those of the types that are
//! really answered (utoipa derives them), and every data product adds its own address, parameters
//! and row from its sheet. So the document can't promise what is not there.
//!
//! # Invariants
//! The error-level rules of the Italian rule set hold, whatever the products: a test checks them.
//!
//! # Source
//! OpenAPI 3.1; Italian interoperability guidelines; the rule set of the national API checker.

mod component;
mod operation;
mod parameter;
mod product;
mod route;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::info::{ContactBuilder, InfoBuilder, LicenseBuilder};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Info, OpenApiBuilder, PathsBuilder, Server};

use crate::address;
use crate::config::ApiConfig;
use crate::params::Params;
use crate::problem::Problem;
use crate::questions::ProductSheet;
use crate::state::ApiState;

/// The address that stands in a printed document when none is configured.
const SERVER_DEFAULT: &str = "http://127.0.0.1:8080";
/// The groups of addresses, in reading order.
const TAGS: [(&str, &str); 7] = [
    ("products", "Data products: regional analyses"),
    (
        "registry",
        "The registry: publishers, areas, things, properties, datastreams",
    ),
    ("observations", "Raw observations and SQL"),
    ("live", "Live events"),
    ("push", "Push of observations over HTTP"),
    ("service", "The service itself"),
    ("admin", "Administration, for operators"),
];

/// The document of a service that can't be asked: as `arno openapi` prints it.
pub fn openapi_document(products: &[ProductSheet]) -> Value {
    openapi_document_at(products, &ApiConfig::default())
}

/// The document with a configuration's contact, terms and public address.
pub fn openapi_document_at(products: &[ProductSheet], config: &ApiConfig) -> Value {
    let address = Some(config.public_url.as_str()).filter(|address| !address.is_empty());
    document(products, config, address.unwrap_or(SERVER_DEFAULT))
}

/// Shows the document.
pub(crate) async fn show(State(state): State<ApiState>, parts: Parts) -> Result<Response, Problem> {
    let uri: &Uri = &parts.uri;
    Params::read(uri, &[])?;
    let products = state.questions().products();
    let sheets: Vec<ProductSheet> = products
        .iter()
        .map(|product| product.as_ref().clone())
        .collect();
    let body = document(&sheets, state.config(), &address::own(&state, &parts));
    let mut response = body.to_string().into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=60, must-revalidate"),
    );
    Ok(response)
}

fn document(products: &[ProductSheet], config: &ApiConfig, address: &str) -> Value {
    let mut paths = PathsBuilder::new();
    for (path, item) in route::items() {
        paths = paths.path(path, item);
    }
    for sheet in products {
        paths = paths.path(product::path(sheet), product::item(sheet));
    }
    let tags =
        TAGS.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build());
    let built = OpenApiBuilder::new()
        .info(info(config))
        .servers(Some([server(address)]))
        .paths(paths)
        .components(Some(component::all(products)))
        .tags(Some(tags))
        .build();
    let mut document = serde_json::to_value(&built).unwrap_or_default();
    if let Some(members) = document.as_object_mut() {
        members.insert("openapi".to_owned(), json!("3.1.0"));
    }
    component::settle(&mut document);
    document
}

fn info(config: &ApiConfig) -> Info {
    let contact = &config.contact;
    let email = Some(contact.email.as_str()).filter(|email| !email.is_empty());
    let summary = "Dati regionali di sosta e wifi: serie, analisi ed eventi in forma aperta";
    InfoBuilder::new()
        .title("Arno")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Readings of many towns and utilities, and the regional analyses made of them: as JSON, \
             NDJSON, CSV, GeoJSON, Parquet and Arrow streams. Times are RFC 3339 in UTC. Every \
             figure carries its known share; null means that too little was known. Open data need no token.",
        ))
        .terms_of_service(Some(config.terms_url.as_str()))
        .contact(Some(
            ContactBuilder::new()
                .name(Some(contact.name.as_str()))
                .url(Some(contact.url.as_str()))
                .email(email)
                .build(),
        ))
        .license(Some(
            LicenseBuilder::new()
                .name("CC-BY-4.0")
                .url(Some("https://creativecommons.org/licenses/by/4.0/"))
                .build(),
        ))
        .extensions(Some(
            ExtensionsBuilder::new()
                .add("x-summary", summary)
                .add("x-api-id", "urn:uuid:5b0f6d2e-8a0c-4f0a-9a64-1f0f0a7c2a11")
                .build(),
        ))
        .build()
}

/// The server; one without TLS is a sandbox.
fn server(address: &str) -> Server {
    let is_sandbox = !address.starts_with("https://");
    let extensions = ExtensionsBuilder::new().add("x-sandbox", true).build();
    ServerBuilder::new()
        .url(address)
        .description(Some("This service"))
        .extensions(is_sandbox.then_some(extensions))
        .build()
}
