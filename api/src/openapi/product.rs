//! Data products in the document: a sheet comes in, its address, parameters and row go out.

use serde_json::Value;
use utoipa::openapi::path::{HttpMethod, Parameter, PathItem};
use utoipa::openapi::schema::{
    ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};

use super::operation::{Access, Answer, Face, named, operation};
use super::parameter;
use crate::format::Format;
use crate::product::allowed_of;
use crate::questions::{ColumnSheet, ProductSheet};

/// The address of a product.
pub(super) fn path(sheet: &ProductSheet) -> String {
    format!("/api/v1/products/{}", sheet.id)
}

/// What a product's address takes and answers.
pub(super) fn item(sheet: &ProductSheet) -> PathItem {
    let parameters = allowed_of(sheet)
        .into_iter()
        .filter_map(|name| parameter_of(sheet, name));
    let description = format!("{}\n\n{}", sheet.description.en, sheet.description.it);
    let id = format!("product_{}", sheet.id.replace(['-', '.'], "_"));
    let answer = Answer::Formats {
        whole: "ProductRows",
        formats: Format::PLACES,
    };
    let mut built = operation(Face {
        id: &id,
        tag: "products",
        summary: &sheet.title.en,
        description: &description,
        access: Access::Open,
        parameters: parameters.collect(),
        body: None,
        answer,
        errors: &[401, 403, 404, 422],
    });
    // The page of this product's own rows stands in place of the general one.
    if let Some(RefOr::T(response)) = built.responses.responses.get_mut("200")
        && let Some(RefOr::T(content)) = response.content.get_mut("application/json")
    {
        content.schema = Some(RefOr::Ref(Ref::from_schema_name(page_name(sheet))));
    }
    PathItem::new(HttpMethod::Get, built)
}

fn parameter_of(sheet: &ProductSheet, name: &str) -> Option<Parameter> {
    let mut parameter = match name {
        "limit" => parameter::rows_limit()?,
        name => named(&[name]).pop()?,
    };
    let said = sheet
        .parameters
        .iter()
        .find(|parameter| parameter.name == name);
    let words: &[String] = match name {
        "level" => &sheet.levels,
        "bucket" => &sheet.buckets,
        _ => said.map(|said| said.allowed.as_slice()).unwrap_or_default(),
    };
    if !words.is_empty() {
        parameter.schema = Some(RefOr::T(parameter::words(words)));
    }
    if let Some(said) = said {
        if !said.description.en.is_empty() {
            parameter.description = Some(said.description.en.clone());
        }
        // A default that is a rule ("to − 24 h") is told in the text; one that is a value stands
        // here.
        if let (Some(default), Some(RefOr::T(Schema::Object(schema)))) =
            (&said.default, &mut parameter.schema)
            && words.contains(default)
        {
            schema.default = Some(Value::from(default.as_str()));
        }
    }
    Some(parameter)
}

/// The schemas of a product: its row and a page of rows.
pub(super) fn schemas(sheet: &ProductSheet) -> [(String, RefOr<Schema>); 2] {
    let mut row = ObjectBuilder::new().description(Some(sheet.title.en.as_str()));
    for column in &sheet.columns {
        row = row.property(column.name.as_str(), schema_of(column));
    }
    for always in ["area", "level", "bucket", "bucket_start"] {
        if sheet.columns.iter().any(|column| column.name == always) {
            row = row.required(always);
        }
    }
    let rows = ArrayBuilder::new().items(Ref::from_schema_name(row_name(sheet)));
    let mut page = ObjectBuilder::new()
        .property("items", rows)
        .required("items");
    for (name, text) in [
        ("product", "The product"),
        ("bucket", "The width of buckets"),
        ("level", "The level of the rows"),
        ("zone", "The time zone in which days are cut"),
        ("clock", "`live`, or `recorded`"),
        ("next", "The address of the next page"),
    ] {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(text));
        page = page.property(name, text);
    }
    page = page.property("now", parameter::time());
    [
        (row_name(sheet), RefOr::T(Schema::Object(row.build()))),
        (page_name(sheet), RefOr::T(Schema::Object(page.build()))),
    ]
}

fn schema_of(column: &ColumnSheet) -> ObjectBuilder {
    let (kind, format) = match column.kind.as_str() {
        "integer" => (Type::Integer, Some(KnownFormat::Int64)),
        "number" => (Type::Number, Some(KnownFormat::Double)),
        "boolean" => (Type::Boolean, None),
        "time" => (Type::String, Some(KnownFormat::DateTime)),
        _ => (Type::String, None),
    };
    let unit = column.unit.as_deref().filter(|unit| !unit.is_empty());
    let unit = unit.map(|unit| format!(" [{unit}]")).unwrap_or_default();
    let description = format!("{}{unit} / {}", column.title.en, column.title.it);
    // What is not known is null, in every column but those that name the row.
    let is_name = matches!(
        column.name.as_str(),
        "area" | "level" | "bucket" | "bucket_start"
    );
    let kind = if is_name || kind == Type::Boolean {
        SchemaType::Type(kind)
    } else {
        SchemaType::from_iter([kind, Type::Null])
    };
    ObjectBuilder::new()
        .schema_type(kind)
        .format(format.map(SchemaFormat::KnownFormat))
        .description(Some(description))
}

fn row_name(sheet: &ProductSheet) -> String {
    format!("{}Row", pascal(&sheet.id))
}

fn page_name(sheet: &ProductSheet) -> String {
    format!("{}Rows", pascal(&sheet.id))
}

fn pascal(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    words
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|letter| letter.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}
