//! The fixed routes, as one table.

use utoipa::openapi::path::{HttpMethod, PathItem};

use super::operation::{Access, Answer, Face, named, operation};
use super::parameter;
use crate::format::Format;

/// One fixed route.
struct Route {
    path: &'static str,
    method: HttpMethod,
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    access: Access,
    parameters: &'static [&'static str],
    body: Option<(&'static str, &'static str)>,
    answer: Answer,
    errors: &'static [u16],
}

/// What most routes are: reads that everybody may do.
const READ: Route = Route {
    path: "",
    method: HttpMethod::Get,
    id: "",
    tag: "registry",
    summary: "",
    access: Access::Open,
    parameters: &[],
    body: None,
    answer: Answer::Problem,
    errors: &[],
};

/// What an operator's routes are.
const ADMIN: Route = Route {
    tag: "admin",
    access: Access::Token,
    errors: &[401, 403],
    ..READ
};

const JSON: &str = "application/json";

const fn places(whole: &'static str) -> Answer {
    Answer::Formats {
        whole,
        formats: Format::PLACES,
    }
}

const fn rows(whole: &'static str) -> Answer {
    Answer::Formats {
        whole,
        formats: Format::ROWS,
    }
}

const ROUTES: &[Route] = &[
    Route {
        path: "/status",
        id: "status",
        tag: "service",
        summary: "Whether the service lives",
        ..READ
    },
    Route {
        path: "/ready",
        id: "readiness",
        tag: "service",
        summary: "How each part of the service is",
        answer: Answer::Json("Readiness"),
        ..READ
    },
    Route {
        path: "/metrics",
        id: "metrics",
        tag: "service",
        summary: "What every room counts, for Prometheus",
        answer: Answer::Text("text/plain"),
        errors: &[404],
        ..READ
    },
    Route {
        path: "/openapi.json",
        id: "openapi",
        tag: "service",
        summary: "This document",
        answer: Answer::Json("Payload"),
        ..READ
    },
    Route {
        path: "/docs",
        id: "docs",
        tag: "service",
        summary: "This document for people",
        answer: Answer::Text("text/html"),
        ..READ
    },
    Route {
        path: "/api/v1/publishers",
        id: "publishers",
        summary: "Who owns things and data",
        parameters: &["limit", "cursor", "format", "sep"],
        answer: rows("PublisherPage"),
        ..READ
    },
    Route {
        path: "/api/v1/publishers/{id}",
        id: "publisher",
        summary: "One publisher",
        parameters: &["{publisher}", "format"],
        answer: Answer::Json("Publisher"),
        errors: &[404],
        ..READ
    },
    Route {
        path: "/api/v1/areas",
        id: "areas",
        summary: "Territories, their hierarchy and outlines",
        parameters: &["level", "within", "limit", "cursor", "format", "sep"],
        answer: places("AreaPage"),
        errors: &[422],
        ..READ
    },
    Route {
        path: "/api/v1/areas/{id}",
        id: "area",
        summary: "One area, with what lies below it",
        parameters: &["{area}", "format"],
        answer: Answer::Formats {
            whole: "Area",
            formats: Format::ONE_PLACE,
        },
        errors: &[404],
        ..READ
    },
    Route {
        path: "/api/v1/things",
        id: "things",
        summary: "What observations are about",
        parameters: &[
            "area",
            "publisher",
            "kind",
            "limit",
            "cursor",
            "format",
            "sep",
        ],
        answer: places("ThingPage"),
        errors: &[422],
        ..READ
    },
    Route {
        path: "/api/v1/things/{id}",
        id: "thing",
        summary: "One thing",
        parameters: &["{thing}", "format"],
        answer: Answer::Formats {
            whole: "Thing",
            formats: Format::ONE_PLACE,
        },
        errors: &[404],
        ..READ
    },
    Route {
        path: "/api/v1/properties",
        id: "properties",
        summary: "What is measured, and how it behaves",
        parameters: &["limit", "cursor", "format", "sep"],
        answer: rows("ObservedPropertyPage"),
        ..READ
    },
    Route {
        path: "/api/v1/properties/{id}",
        id: "property",
        summary: "One observed property",
        parameters: &["{property}", "format"],
        answer: Answer::Json("ObservedProperty"),
        errors: &[404],
        ..READ
    },
    Route {
        path: "/api/v1/datastreams",
        id: "datastreams",
        summary: "One property of one thing each",
        parameters: &[
            "thing",
            "publisher",
            "property",
            "limit",
            "cursor",
            "format",
            "sep",
        ],
        answer: rows("DatastreamPage"),
        errors: &[404, 422],
        ..READ
    },
    Route {
        path: "/api/v1/datastreams/{id}",
        id: "datastream",
        summary: "One datastream",
        parameters: &["{datastream}", "format"],
        answer: Answer::Json("Datastream"),
        errors: &[404],
        ..READ
    },
    Route {
        path: "/api/v1/things/{id}/observations",
        id: "observations",
        tag: "observations",
        summary: "Raw observations of a thing's open properties",
        parameters: &[
            "{thing}",
            "property",
            "from",
            "to",
            "as_of",
            "rows_limit",
            "cursor",
            "format",
            "sep",
        ],
        answer: rows("ObservationPage"),
        errors: &[401, 403, 404, 422],
        ..READ
    },
    Route {
        path: "/api/v1/sql",
        method: HttpMethod::Post,
        id: "sql",
        tag: "observations",
        summary: "A read-only query over the caller's view",
        parameters: &["format", "sep"],
        body: Some((JSON, "SqlQuery")),
        answer: rows("SqlRows"),
        errors: &[413, 415, 422],
        ..READ
    },
    Route {
        path: "/api/v1/products",
        id: "products",
        tag: "products",
        summary: "The data products: levels, buckets, columns, parameters",
        parameters: &["format"],
        answer: Answer::Json("ProductSheetPage"),
        ..READ
    },
    Route {
        path: "/api/v1/live",
        id: "live",
        tag: "live",
        summary: "Changed rows as server-sent events; resumes by Last-Event-ID",
        parameters: &["area", "product", "thing"],
        answer: Answer::Text("text/event-stream"),
        errors: &[404, 422],
        ..READ
    },
    Route {
        path: "/api/v1/push/{route}",
        method: HttpMethod::Post,
        id: "push",
        tag: "push",
        summary: "Takes a payload; answers when it is durable",
        access: Access::Token,
        parameters: &["{route}", "thing"],
        body: Some((JSON, "Payload")),
        answer: Answer::Json("PushReceipt"),
        errors: &[401, 403, 404, 413, 422],
    },
    Route {
        path: "/api/v1/admin/ledger",
        id: "admin_ledger",
        summary: "The counts over the store's life",
        answer: Answer::Json("LedgerPage"),
        ..ADMIN
    },
    Route {
        path: "/api/v1/admin/quarantine",
        id: "admin_quarantine",
        summary: "What could not be stored, newest first",
        parameters: &["publisher", "reason", "limit", "cursor"],
        answer: Answer::Json("Refusals"),
        errors: &[401, 403, 422],
        ..ADMIN
    },
    Route {
        path: "/api/v1/admin/publishers",
        id: "admin_publishers",
        summary: "Publishers, with what they have here",
        answer: Answer::Json("PublisherAccounts"),
        ..ADMIN
    },
    Route {
        path: "/api/v1/admin/tokens",
        id: "admin_tokens",
        summary: "Tokens, revoked ones included",
        answer: Answer::Json("Tokens"),
        ..ADMIN
    },
    Route {
        path: "/api/v1/admin/tokens",
        method: HttpMethod::Post,
        id: "admin_token_new",
        summary: "Makes a token; its secret is shown once",
        body: Some((JSON, "TokenRequest")),
        answer: Answer::Created("TokenMade"),
        errors: &[401, 403, 415, 422],
        ..ADMIN
    },
    Route {
        path: "/api/v1/admin/tokens/{id}",
        method: HttpMethod::Delete,
        id: "admin_token_revoke",
        summary: "Revokes a token for good",
        parameters: &["{token}"],
        answer: Answer::Nothing,
        errors: &[401, 403, 404],
        ..ADMIN
    },
    Route {
        path: "/api/v1/admin/registry/check",
        method: HttpMethod::Post,
        id: "admin_registry_check",
        summary: "Says what applying registry files would do",
        body: Some((JSON, "RegistryFiles")),
        answer: Answer::Json("RegistryChange"),
        errors: &[401, 403, 413, 415, 422],
        ..ADMIN
    },
    Route {
        path: "/api/v1/admin/registry/apply",
        method: HttpMethod::Post,
        id: "admin_registry_apply",
        summary: "Applies registry files",
        parameters: &["who"],
        body: Some((JSON, "RegistryFiles")),
        answer: Answer::Json("RegistryChange"),
        errors: &[401, 403, 413, 415, 422],
        ..ADMIN
    },
    Route {
        path: "/api/v1/admin/registry/export",
        id: "admin_registry_export",
        summary: "The registry as canonical files",
        answer: Answer::Json("RegistryFiles"),
        ..ADMIN
    },
    Route {
        path: "/api/v1/admin/registry/history",
        id: "admin_registry_history",
        summary: "Who changed what in the registry, and when, newest first",
        parameters: &["entry", "id", "limit", "cursor"],
        answer: Answer::Json("RegistryHistory"),
        ..ADMIN
    },
];

/// The fixed routes as path items; several methods of a path come one after another.
pub(super) fn items() -> impl Iterator<Item = (&'static str, PathItem)> {
    ROUTES.iter().map(|route| {
        let parameters = route.parameters.iter().filter_map(|name| match *name {
            "rows_limit" => parameter::rows_limit(),
            name => named(&[name]).pop(),
        });
        let built = operation(Face {
            id: route.id,
            tag: route.tag,
            summary: route.summary,
            description: route.summary,
            access: route.access,
            parameters: parameters.collect(),
            body: route.body,
            answer: route.answer,
            errors: route.errors,
        });
        (route.path, PathItem::new(route.method.clone(), built))
    })
}
