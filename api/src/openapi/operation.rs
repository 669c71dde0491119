//! Operations: what a route takes and answers comes in, an OpenAPI operation goes out, with the
//! answers that every address can give.

use utoipa::openapi::content::{Content, ContentBuilder};
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Ref, RefOr, Required};

use super::{component, parameter};
use crate::format::Format;

/// Who may call an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody; a token shows more.
    Open,
    /// Who has a token.
    Token,
}

/// What an address answers when all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// A schema in these formats, rows of another in the formats of rows.
    Formats {
        /// The JSON answer.
        whole: &'static str,
        /// The formats.
        formats: &'static [Format],
    },
    /// A schema as JSON.
    Json(&'static str),
    /// A new thing, as JSON.
    Created(&'static str),
    /// `problem+json` that says that all is well.
    Problem,
    /// Text of this media type.
    Text(&'static str),
    /// Nothing.
    Nothing,
}

/// One operation.
pub(super) struct Face<'a> {
    pub(super) id: &'a str,
    pub(super) tag: &'a str,
    pub(super) summary: &'a str,
    pub(super) description: &'a str,
    pub(super) access: Access,
    pub(super) parameters: Vec<Parameter>,
    /// The request body: its media type and schema.
    pub(super) body: Option<(&'a str, &'a str)>,
    pub(super) answer: Answer,
    /// Statuses that this address can answer besides those of every address.
    pub(super) errors: &'a [u16],
}

/// Builds an operation.
pub(super) fn operation(face: Face<'_>) -> Operation {
    let (status, response) = answer(face.answer);
    let mut builder = OperationBuilder::new()
        .operation_id(Some(face.id))
        .tag(face.tag)
        .summary(Some(face.summary))
        .description(Some(face.description))
        .parameters(Some(face.parameters))
        .response(status, response);
    for error in face.errors.iter().chain(&[400, 406]) {
        builder = builder.response(error.to_string(), Ref::from_response_name("Refused"));
    }
    builder = builder
        .response("429", Ref::from_response_name("TooManyRequests"))
        .response("503", Ref::from_response_name("Unavailable"))
        .response("default", Ref::from_response_name("Failed"));
    if let Some((media, schema)) = face.body {
        let body = RequestBodyBuilder::new()
            .content(media, content(schema))
            .required(Some(Required::True));
        builder = builder.request_body(Some(body.build()));
    }
    let bearer = SecurityRequirement::new("bearer", Vec::<String>::new());
    let securities = match face.access {
        Access::Open => vec![bearer, SecurityRequirement::default()],
        Access::Token => vec![bearer],
    };
    builder.securities(Some(securities)).build()
}

/// Parameters by their names.
pub(super) fn named(names: &[&str]) -> Vec<Parameter> {
    names
        .iter()
        .filter_map(|name| parameter::of(name))
        .collect()
}

fn answer(answer: Answer) -> (&'static str, RefOr<Response>) {
    let status = match answer {
        Answer::Created(_) => "201",
        Answer::Nothing => "204",
        _ => "200",
    };
    let mut builder = ResponseBuilder::new().description(match answer {
        Answer::Nothing => "Done",
        Answer::Created(_) => "Made",
        _ => "The answer",
    });
    match answer {
        Answer::Formats { whole, formats } => {
            for format in formats {
                builder = builder.content(essence(*format), of_format(*format, whole));
            }
        }
        Answer::Json(schema) | Answer::Created(schema) => {
            builder = builder.content("application/json", content(schema));
        }
        Answer::Problem => {
            builder = builder.content(crate::problem::PROBLEM_TYPE, content("Problem"));
        }
        Answer::Text(media) => builder = builder.content(media, text_content()),
        Answer::Nothing => {}
    }
    for header in component::COMMON_HEADERS {
        builder = builder.header_ref(header, component::header_ref(header));
    }
    if matches!(answer, Answer::Formats { .. }) {
        for header in ["ETag", "Link"] {
            builder = builder.header_ref(header, component::header_ref(header));
        }
    }
    (status, RefOr::T(builder.build()))
}

/// A media type without its parameters.
fn essence(format: Format) -> &'static str {
    let whole = format.media_type();
    whole.split(';').next().unwrap_or(whole)
}

fn of_format(format: Format, whole: &str) -> Content {
    match format {
        Format::Json => content(whole),
        Format::GeoJson => content("FeatureCollection"),
        Format::NdJson | Format::Csv => text_content(),
        Format::Parquet | Format::Arrow => {
            let bytes = ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)));
            ContentBuilder::new()
                .schema(Some(Schema::Object(bytes.build())))
                .build()
        }
    }
}

fn content(schema: &str) -> Content {
    ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .build()
}

fn text_content() -> Content {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    ContentBuilder::new()
        .schema(Some(Schema::Object(text)))
        .build()
}
