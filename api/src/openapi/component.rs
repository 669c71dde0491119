//! What operations share: headers, answers to what goes wrong, schemas of the types that are
//! answered.

use serde_json::{Map, Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, Components, ComponentsBuilder, KnownFormat, ObjectBuilder,
    Schema, SchemaFormat, Type,
};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Header, Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{parameter, product};
use crate::admin::{history, ledger, publishers as accounts, quarantine, registry, tokens};
use crate::native::{areas, datastreams, properties, publishers, things};
use crate::questions::ProductSheet;
use crate::{push, sql, status};

/// Headers of every answer.
pub(super) const COMMON_HEADERS: [&str; 4] = [
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "Cache-Control",
];

/// A reference to a header.
pub(super) fn header_ref(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// Everything that is shared.
pub(super) fn all(products: &[ProductSheet]) -> Components {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A token of a publisher or of an operator; open data need none",
        ))
        .build();
    let mut builder = ComponentsBuilder::new()
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .response(
            "Refused",
            response("What was wrong, and what is allowed", &[]),
        )
        .response(
            "TooManyRequests",
            response("More requests in a minute than allowed", &["Retry-After"]),
        )
        .response(
            "Unavailable",
            response("Not at the moment; try again", &["Retry-After"]),
        )
        .response("Failed", response("Something else went wrong", &[]));
    for (name, header) in headers() {
        builder = builder.header(name, header);
    }
    for (name, schema) in schemas() {
        builder = builder.schema(name, schema);
    }
    for (name, schema) in products.iter().flat_map(product::schemas) {
        builder = builder.schema(name, schema);
    }
    builder.build()
}

fn response(text: &str, more: &[&str]) -> Response {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    let mut builder = ResponseBuilder::new()
        .description(text)
        .content(crate::problem::PROBLEM_TYPE, content);
    for name in COMMON_HEADERS.iter().chain(more) {
        builder = builder.header_ref(*name, header_ref(name));
    }
    builder.build()
}

fn headers() -> [(&'static str, Header); 7] {
    let count = |text: &str| {
        let format = SchemaFormat::KnownFormat(KnownFormat::Int32);
        let schema = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(format));
        let schema = schema.minimum(Some(0)).maximum(Some(i32::MAX));
        HeaderBuilder::new()
            .schema(Some(schema))
            .description(Some(text))
            .build()
    };
    let text = |text: &str| {
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(2_048));
        HeaderBuilder::new()
            .schema(Some(schema))
            .description(Some(text))
            .build()
    };
    [
        (
            "X-RateLimit-Limit",
            count("Requests that a caller may make in a minute"),
        ),
        ("X-RateLimit-Remaining", count("Requests left of them")),
        (
            "X-RateLimit-Reset",
            count("Seconds until they are counted anew"),
        ),
        (
            "Retry-After",
            count("Seconds after which another try is worth it"),
        ),
        (
            "Cache-Control",
            text(
                "How long the answer may be kept: `max-age=60, must-revalidate`, `no-cache` where it \
                 reaches up to now, `no-store`",
            ),
        ),
        (
            "ETag",
            text("The revision that the answer was made of: send it back in `If-None-Match`"),
        ),
        (
            "Link",
            text("The address of the next page, for formats that have no place for it"),
        ),
    ]
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut all = Vec::new();
    add::<publishers::PublisherItem>(&mut all);
    add::<areas::AreaItem>(&mut all);
    add::<things::ThingItem>(&mut all);
    add::<properties::PropertyItem>(&mut all);
    add::<datastreams::DatastreamItem>(&mut all);
    add::<ProductSheet>(&mut all);
    add::<status::Readiness>(&mut all);
    add::<sql::SqlQuery>(&mut all);
    add::<sql::SqlColumn>(&mut all);
    add::<push::PushReceipt>(&mut all);
    add::<quarantine::Refusals>(&mut all);
    add::<ledger::LedgerPage>(&mut all);
    add::<accounts::PublisherAccounts>(&mut all);
    add::<tokens::TokenRequest>(&mut all);
    add::<tokens::TokenMade>(&mut all);
    add::<tokens::Tokens>(&mut all);
    add::<registry::RegistryChange>(&mut all);
    add::<registry::RegistryFiles>(&mut all);
    add::<history::RegistryHistory>(&mut all);
    for item in [
        "Publisher",
        "Area",
        "Thing",
        "ObservedProperty",
        "Datastream",
    ] {
        all.push((format!("{item}Page"), page(item)));
    }
    all.push(("ProductSheetPage".to_owned(), page("ProductSheet")));
    all.push(("ObservationPage".to_owned(), page("Observation")));
    all.extend([
        ("Observation".to_owned(), value(observation())),
        ("SqlRows".to_owned(), value(sql_rows())),
        ("FeatureCollection".to_owned(), value(features())),
        (
            "Payload".to_owned(),
            value(anything("A payload as its route takes it")),
        ),
        ("Problem".to_owned(), value(problem())),
    ]);
    all
}

fn add<T: ToSchema + PartialSchema>(all: &mut Vec<(String, RefOr<Schema>)>) {
    all.push((T::name().into_owned(), T::schema()));
    T::schemas(all);
}

fn value(builder: ObjectBuilder) -> RefOr<Schema> {
    RefOr::T(Schema::Object(builder.build()))
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
}

fn anything(description: &str) -> ObjectBuilder {
    let open = AdditionalProperties::FreeForm(true);
    ObjectBuilder::new()
        .description(Some(description))
        .additional_properties(Some(open))
}

fn page(item: &str) -> RefOr<Schema> {
    let items = ArrayBuilder::new().items(Ref::from_schema_name(item));
    let page = ObjectBuilder::new()
        .property("items", items)
        .property(
            "next",
            text("The address of the next page; absent on the last one"),
        )
        .property("now", parameter::time())
        .property("clock", text("`live`, or `recorded`: whose now it is"))
        .required("items");
    value(page)
}

fn observation() -> ObjectBuilder {
    let double = SchemaFormat::KnownFormat(KnownFormat::Double);
    let result = ObjectBuilder::new()
        .schema_type(Type::Number)
        .format(Some(double));
    ObjectBuilder::new()
        .property("property", text("The observed property"))
        .property("time", parameter::time())
        .property(
            "result",
            result.description(Some("The result; null is a declared unknown")),
        )
        .property("quality", text("`good`, `late` or `implausible`"))
        .property("received", parameter::time())
        .property("result_time", parameter::time())
        .property(
            "over_capacity",
            ObjectBuilder::new().schema_type(Type::Boolean),
        )
}

fn sql_rows() -> ObjectBuilder {
    ObjectBuilder::new()
        .property(
            "columns",
            ArrayBuilder::new().items(Ref::from_schema_name("SqlColumn")),
        )
        .property("items", ArrayBuilder::new().items(anything("A row")))
        .required("columns")
        .required("items")
}

fn features() -> ObjectBuilder {
    let feature = anything("A feature: `type`, `geometry`, `properties` (RFC 7946)");
    ObjectBuilder::new()
        .property("type", text("`FeatureCollection`, or `Feature` for one"))
        .property("features", ArrayBuilder::new().items(feature))
        .required("type")
}

fn problem() -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int32);
    let status = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(format));
    ObjectBuilder::new()
        .property("type", text("The kind of problem, an URI reference"))
        .property("title", text("The status in words"))
        .property("status", status.minimum(Some(100)).maximum(Some(599)))
        .property("detail", text("What was wrong"))
        .property("field", text("The parameter or member at fault"))
        .property(
            "allowed",
            ArrayBuilder::new().items(text("A value that is allowed")),
        )
        .required("title")
        .required("status")
}

/// Most letters of a text where a type says no bound of its own.
const TEXT_LETTERS_MAX: u32 = 100_000;
/// Most items of a list where a type says no bound of its own.
const LIST_ITEMS_MAX: u32 = 100_000;

/// Says what the types leave open, everywhere: the format of every number, a bound of every text,
/// number and list.
pub(super) fn settle(value: &mut Value) {
    match value {
        Value::Object(members) => {
            settle_schema(members);
            members.values_mut().for_each(settle);
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        _ => {}
    }
}

fn settle_schema(members: &mut Map<String, Value>) {
    let is = |members: &Map<String, Value>, kind: &str| match members.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    };
    let default = |members: &mut Map<String, Value>, name: &str, value: Value| {
        members.entry(name.to_owned()).or_insert(value);
    };
    if is(members, "integer") {
        default(members, "format", json!("int64"));
        default(members, "minimum", json!(i64::MIN));
        default(members, "maximum", json!(i64::MAX));
    } else if is(members, "number") {
        default(members, "format", json!("double"));
        default(members, "minimum", json!(-1e15));
        default(members, "maximum", json!(1e15));
    } else if is(members, "string") && !members.contains_key("enum") {
        default(members, "maxLength", json!(TEXT_LETTERS_MAX));
        if !members.contains_key("format") {
            default(members, "pattern", json!("^[\\s\\S]*$"));
        }
    } else if is(members, "array") {
        default(members, "minItems", json!(0));
        default(members, "maxItems", json!(LIST_ITEMS_MAX));
    }
}
