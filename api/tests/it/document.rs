//! The OpenAPI document: the error-level rules of the Italian rule set, and that it tells the
//! truth.

use arno_api::{openapi_document, openapi_document_at};
use serde_json::{Value, json};

use crate::bench::{Bench, sheet};

const METHODS: [&str; 4] = ["get", "post", "delete", "put"];

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                found.push((path.clone(), method.to_owned(), operation));
            }
        }
    }
    found
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(place) => document
            .pointer(place.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{place}")),
        None => value,
    }
}

/// Calls with every object in the document.
fn each_object(
    value: &Value,
    at: &str,
    look: &mut impl FnMut(&str, &serde_json::Map<String, Value>),
) {
    match value {
        Value::Object(members) => {
            look(at, members);
            for (name, member) in members {
                each_object(member, &format!("{at}/{name}"), look);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each_object(item, at, look)),
        _ => {}
    }
}

#[test]
fn the_head_of_the_document_is_complete() {
    let document = openapi_document(&[sheet()]);
    assert_eq!(document["openapi"], "3.1.0");
    let info = &document["info"];
    assert!(info["x-summary"].as_str().unwrap().len() <= 80);
    assert!(info["contact"]["url"].is_string() && info["contact"]["name"].is_string());
    assert!(info["termsOfService"].is_string() && info["license"]["url"].is_string());
    let version: Vec<u32> = info["version"]
        .as_str()
        .unwrap()
        .split('.')
        .map(|part| part.parse().unwrap())
        .collect();
    assert_eq!(version.len(), 3);
    for server in document["servers"].as_array().unwrap() {
        assert!(server["description"].is_string());
        let is_safe = server["url"].as_str().unwrap().starts_with("https://");
        assert!(is_safe || server["x-sandbox"] == json!(true));
    }
    let config = arno_api::ApiConfig {
        public_url: "https://arno.example".to_owned(),
        ..Default::default()
    };
    let public = openapi_document_at(&[], &config);
    assert_eq!(public["servers"][0]["url"], "https://arno.example");
    assert_eq!(public["servers"][0].get("x-sandbox"), None);
}

#[test]
fn errors_are_problems_with_their_headers() {
    let document = openapi_document(&[sheet()]);
    let limits = [
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
    ];
    for (path, method, operation) in operations(&document) {
        let case = format!("{method} {path}");
        let answers = operation["responses"].as_object().unwrap();
        for (status, answer) in answers {
            let answer = resolved(&document, answer);
            let kinds: Vec<&String> = answer["content"]
                .as_object()
                .map(|map| map.keys().collect())
                .unwrap_or_default();
            let is_error = status.starts_with(['4', '5']) || status == "default";
            if is_error {
                assert_eq!(kinds, ["application/problem+json"], "{case} {status}");
            }
            if status == "204" {
                assert!(kinds.is_empty(), "{case}");
            }
            for header in limits {
                let header = resolved(&document, &answer["headers"][header]);
                assert_eq!(header["schema"]["format"], "int32", "{case} {status}");
            }
            if status == "429" || status == "503" {
                assert!(
                    answer["headers"]["Retry-After"].is_object(),
                    "{case} {status}"
                );
            }
            assert!(
                answer["headers"]["Cache-Control"].is_object(),
                "{case} {status}"
            );
        }
        for always in ["400", "429", "503", "default"] {
            assert!(answers.contains_key(always), "{case} lacks {always}");
        }
    }
    let status = &document["paths"]["/status"]["get"]["responses"]["200"]["content"];
    assert!(status["application/problem+json"].is_object());
}

#[test]
fn operations_keep_the_rules() {
    let document = openapi_document(&[sheet()]);
    let mut ids = Vec::new();
    for (path, method, operation) in operations(&document) {
        let case = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(!ids.contains(&id), "{id} twice");
        ids.push(id);
        assert!(
            operation["summary"].is_string() && operation["description"].is_string(),
            "{case}"
        );
        let tags = document["tags"].as_array().unwrap();
        assert!(
            tags.iter().any(|tag| tag["name"] == operation["tags"][0]),
            "{case}"
        );
        if method == "get" {
            assert!(operation.get("requestBody").is_none(), "{case}");
        } else {
            assert!(operation["security"][0]["bearer"].is_array(), "{case}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let banned = [
                "authorization",
                "accept",
                "content-type",
                "token",
                "apikey",
                "password",
                "secret",
            ];
            assert!(
                !banned.contains(&name.to_lowercase().as_str()),
                "{case} {name}"
            );
            if parameter["in"] == "path" {
                assert!(
                    path.contains(&format!("{{{name}}}")) && parameter["required"] == json!(true),
                    "{case}"
                );
            }
        }
        let placeholders = path.matches('{').count();
        let given = operation["parameters"].as_array().into_iter().flatten();
        assert_eq!(
            given.filter(|parameter| parameter["in"] == "path").count(),
            placeholders,
            "{case}"
        );
        assert!(
            path.chars().all(|letter| !letter.is_ascii_uppercase()),
            "{case}"
        );
    }
}

#[test]
fn every_number_has_its_format_and_every_reference_a_target() {
    let document = openapi_document(&[sheet()]);
    each_object(&document, "", &mut |at, members| {
        if let Some(place) = members.get("$ref").and_then(Value::as_str) {
            assert!(
                document.pointer(place.trim_start_matches('#')).is_some(),
                "{at}: {place}"
            );
        }
        let kinds: Vec<&str> = match members.get("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if kinds.contains(&"integer") {
            assert!(
                ["int32", "int64"].contains(&members["format"].as_str().unwrap()),
                "{at}"
            );
        }
        if kinds.contains(&"number") {
            assert!(
                ["float", "double"].contains(&members["format"].as_str().unwrap()),
                "{at}"
            );
        }
    });
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        assert!(
            name.starts_with(|letter: char| letter.is_ascii_uppercase()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn every_documented_address_is_there_and_its_parameters_are_taken() {
    let bench = Bench::new().await;
    let document = bench.get("/openapi.json").await.json();
    assert_eq!(document["servers"][0]["url"], "http://arno.test");
    for (path, method, operation) in operations(&document) {
        let names = operation["parameters"].as_array().into_iter().flatten();
        let query: Vec<String> = names
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| format!("{}=", parameter["name"].as_str().unwrap()))
            .collect();
        let filled = path
            .replace("things/{id}", "things/prato:lot-1")
            .replace("areas/{id}", "areas/it-reg-09")
            .replace("publishers/{id}", "publishers/prato")
            .replace("properties/{id}", "properties/vehicles")
            .replace("datastreams/{id}", "datastreams/prato:lot-1%2Fvehicles")
            .replace("tokens/{id}", "tokens/0a")
            .replace("{route}", "native");
        let asked = format!("{filled}?{}", query.join("&"));
        if path == "/api/v1/live" {
            continue;
        }
        let reply = bench
            .operate(&method.to_uppercase(), &asked, "{\"x\":1}")
            .await;
        let is_there = !matches!(reply.status.as_u16(), 400 | 405)
            && (reply.status != 404 || path.contains("tokens"));
        assert!(
            is_there,
            "{method} {asked}: {} {}",
            reply.status,
            reply.text()
        );
        let known = operation["responses"].as_object().unwrap();
        assert!(
            known.contains_key(reply.status.as_str()),
            "{method} {asked}: {} is not documented",
            reply.status
        );
    }
}

#[test]
fn a_products_columns_become_its_row() {
    let document = openapi_document(&[sheet()]);
    let operation = &document["paths"]["/api/v1/products/parking_occupancy"]["get"];
    let names: Vec<&str> = operation["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "area",
            "level",
            "publisher",
            "thing",
            "from",
            "to",
            "bucket",
            "as_of",
            "limit",
            "cursor",
            "format",
            "sep"
        ]
    );
    assert_eq!(operation["parameters"][6]["schema"]["default"], "1h");
    let row = &document["components"]["schemas"]["ParkingOccupancyRow"]["properties"];
    assert_eq!(row["occupancy"]["type"], json!(["number", "null"]));
    assert_eq!(row["occupancy"]["description"], "occupancy [1] / occupancy");
    assert_eq!(row["bucket_start"]["format"], "date-time");
}
