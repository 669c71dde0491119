//! Parameters by name: what each means and takes, the same at every address.

use arno_model::id::ID_BYTES_MAX;
use serde_json::Value;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

use crate::format::Format;
use crate::native::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, areas::LEVELS};

/// The pattern of local names.
const NAME: &str = "^[a-z0-9][a-z0-9._-]{0,63}$";
/// The pattern of global names of things.
const THING: &str = "^[a-z0-9][a-z0-9._-]{0,63}:[a-z0-9][a-z0-9._-]{0,63}$";

/// A parameter by its name; `{name}` for one in the path.
pub(super) fn of(name: &str) -> Option<Parameter> {
    let (schema, text) = described(name)?;
    let bare = name.trim_matches(['{', '}']);
    let is_path = name.starts_with('{');
    let bare = match bare {
        "area" | "publisher" | "thing" | "property" | "datastream" | "token" if is_path => "id",
        bare => bare,
    };
    let builder = ParameterBuilder::new()
        .name(bare)
        .parameter_in(if is_path {
            ParameterIn::Path
        } else {
            ParameterIn::Query
        })
        .required(if is_path {
            Required::True
        } else {
            Required::False
        })
        .description(Some(text))
        .schema(Some(schema));
    Some(builder.build())
}

fn described(name: &str) -> Option<(Schema, &'static str)> {
    Some(match name.trim_matches(['{', '}']) {
        "area" => (
            pattern(NAME, ID_BYTES_MAX),
            "An area: `it-mun-100005`, `it-prov-100`, `group-piana`",
        ),
        "within" => (
            pattern(NAME, ID_BYTES_MAX),
            "Only areas that lie in this one",
        ),
        "publisher" => (pattern(NAME, ID_BYTES_MAX), "A publisher"),
        "property" => (pattern(NAME, ID_BYTES_MAX), "An observed property"),
        "product" => (pattern(NAME, ID_BYTES_MAX), "A data product"),
        "route" => (
            pattern(NAME, ID_BYTES_MAX),
            "The decoder's route: `native`, `meraki`, …",
        ),
        "thing" => (
            pattern(THING, 2 * ID_BYTES_MAX + 1),
            "A thing's global name, `publisher:thing`",
        ),
        "datastream" => (text(200), "A datastream: `publisher:thing/property`"),
        "token" => (pattern("^[0-9a-f]{1,40}$", 40), "A token's number"),
        "level" => (words(&LEVELS), "Rows or areas of this level"),
        "kind" => (
            words(&["parking_lot", "parking_bay", "access_point", "sensor"]),
            "Things of this kind",
        ),
        "bucket" => (
            words(&["15m", "1h", "1d", "1w", "1mo"]),
            "The width of buckets",
        ),
        "from" => (time(), "From this moment on"),
        "to" => (time(), "Up to this moment, exclusive"),
        "as_of" => (time(), "As it was known at this moment"),
        "reason" => (
            pattern("^[a-z_]{1,40}$", 40),
            "Only refusals for this reason",
        ),
        "entry" => (
            words(&["publisher", "property", "area", "thing"]),
            "Only changes of entries of this kind",
        ),
        "id" => (
            text(200),
            "Only changes of the entry with this id, with its text before and after",
        ),
        "who" => (text(100), "Who applies it, for the history"),
        "limit" => (
            limit(PAGE_ITEMS_MAX),
            "At most so many entries; the rest stands under `next`",
        ),
        "rows_limit" => (
            limit(crate::respond::PAGE_ROWS_MAX),
            "At most so many rows; absent: all of them",
        ),
        "cursor" => (
            text(200),
            "Where the page begins: taken from `next` as it is",
        ),
        "format" => {
            let names: Vec<&str> = Format::PLACES
                .iter()
                .map(|format| format.as_str())
                .collect();
            (words(&names), "The format; it wins over `Accept`")
        }
        "sep" => (words(&[",", ";", "tab"]), "What parts the fields of CSV"),
        "asset" => (words(&["docs.js", "docs.css"]), "A file of the page"),
        _ => return None,
    })
}

/// The limit of rows, under its own name in the address.
pub(super) fn rows_limit() -> Option<Parameter> {
    let mut parameter = of("rows_limit")?;
    "limit".clone_into(&mut parameter.name);
    Some(parameter)
}

fn text(letters_max: usize) -> Schema {
    Schema::Object(
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(letters_max))
            .build(),
    )
}

fn pattern(pattern: &str, letters_max: usize) -> Schema {
    let builder = ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(letters_max));
    Schema::Object(builder.pattern(Some(pattern)).build())
}

/// One of these words.
pub(super) fn words<T: AsRef<str>>(words: &[T]) -> Schema {
    let values: Vec<Value> = words
        .iter()
        .map(|word| Value::from(word.as_ref()))
        .collect();
    Schema::Object(
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(values))
            .build(),
    )
}

/// A moment.
pub(super) fn time() -> Schema {
    let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
    let builder = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(format))
        .max_length(Some(40));
    Schema::Object(builder.build())
}

fn limit(max: usize) -> Schema {
    let format = SchemaFormat::KnownFormat(KnownFormat::Int32);
    let builder = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(format));
    let builder = builder.minimum(Some(1)).maximum(Some(max));
    let builder = if max == PAGE_ITEMS_MAX {
        builder.default(Some(Value::from(PAGE_ITEMS_DEFAULT)))
    } else {
        builder
    };
    Schema::Object(builder.build())
}
