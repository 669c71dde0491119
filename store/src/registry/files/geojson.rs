//! GeoJSON files: text comes in, features with their line, id, properties and geometry go out.
//!
//! # Why
//! Each feature is parsed by itself, so that a file of 60 MB never stands in memory as a tree, and
//! a feature's line is where its text begins.
//!
//! # Source
//! RFC 7946 (2016), §3.2 and §3.3.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::registry::bundle::Part;
use crate::registry::fault::{Faults, Spot, nearest, quoted};
use crate::registry::node::Value;

/// A feature, taken apart.
pub(super) struct Feature {
    /// Where it stands; the subject is its id, else its number.
    pub(super) spot: Spot,
    /// Its line.
    pub(super) line: u32,
    /// Its `id`.
    pub(super) id: Option<String>,
    /// Its properties.
    pub(super) properties: Vec<(String, u32, Value)>,
    /// Its geometry; null and absent are one.
    pub(super) geometry: Option<serde_json::Value>,
}

/// What a FeatureCollection says beside its features.
#[derive(Default)]
pub(super) struct Collection {
    /// Its `attribution`.
    pub(super) attribution: Option<String>,
    /// Whether there may be features that could not be read.
    pub(super) is_torn: bool,
}

/// Reads a FeatureCollection, feature by feature.
pub(super) fn features(
    part: Part,
    text: &str,
    faults: &mut Faults,
    mut each: impl FnMut(Feature, &mut Faults),
) -> Collection {
    let mut collection = Collection::default();
    let members: HashMap<String, &RawValue> = match serde_json::from_str(text) {
        Ok(members) => members,
        Err(cause) => {
            let line = u32::try_from(cause.line()).unwrap_or(u32::MAX);
            let problem = format!("this is not a JSON object: {cause}");
            faults.error(
                &Spot::line(part, line),
                problem,
                "write a GeoJSON FeatureCollection",
            );
            collection.is_torn = true;
            return collection;
        }
    };
    head(part, &members, faults);
    let raw: Vec<&RawValue> = match members
        .get("features")
        .map(|raw| serde_json::from_str(raw.get()))
    {
        Some(Ok(features)) => features,
        _ => {
            faults.error(
                &Spot::file(part),
                "`features` is missing or no list",
                "write \"features\": [ … ]",
            );
            collection.is_torn = true;
            Vec::new()
        }
    };
    let (mut line, mut before) = (1_u32, 0);
    for (number, raw) in (1_usize..).zip(raw) {
        let offset = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let between = text.get(before..offset).unwrap_or_default();
        let newlines = between.matches('\n').count();
        line = line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        before = offset;
        let spot = Spot {
            part,
            line: Some(line),
            subject: Some(format!("feature {number}")),
        };
        match feature(raw.get(), spot, line, faults) {
            Some(feature) => each(feature, faults),
            None => collection.is_torn = true,
        }
    }
    let attribution = members.get("attribution");
    collection.attribution =
        attribution.and_then(|attribution| serde_json::from_str(attribution.get()).ok());
    collection
}

/// Judges what stands beside the features.
fn head(part: Part, members: &HashMap<String, &RawValue>, faults: &mut Faults) {
    let file = Spot::file(part);
    let kind = members.get("type").map(|raw| raw.get().trim_matches('"'));
    if kind != Some("FeatureCollection") {
        let found = kind.map_or("missing".to_owned(), quoted);
        faults.error(
            &file,
            format!("the file's `type` is {found}"),
            "write \"type\": \"FeatureCollection\"",
        );
    }
    let known = ["type", "features", "attribution", "name", "bbox", "crs"];
    for key in members.keys().filter(|key| !known.contains(&key.as_str())) {
        let mend = nearest(key, known).map_or("remove it".to_owned(), |near| {
            format!("did you mean `{near}`?")
        });
        faults.warn(&file, format!("the key {} is unknown", quoted(key)), mend);
    }
    if members.get("crs").is_some_and(|crs| !is_wgs84(crs.get())) {
        faults.error(
            &file,
            "`crs` names another system than WGS 84",
            "transform the file to EPSG:4326, longitude first (ogr2ogr -t_srs EPSG:4326)",
        );
    }
}

/// Whether an old `crs` member (GeoJSON 2008) means what is meant without it.
fn is_wgs84(crs: &str) -> bool {
    crs.trim() == "null" || crs.contains("CRS84") || crs.contains("4326")
}

fn feature(raw: &str, mut spot: Spot, line: u32, faults: &mut Faults) -> Option<Feature> {
    let Ok(serde_json::Value::Object(mut members)) = serde_json::from_str(raw) else {
        faults.error(
            &spot,
            "this is no feature",
            "write { \"type\": \"Feature\", … }",
        );
        return None;
    };
    let mut taken = |key: &str| members.remove(key).unwrap_or_default();
    let (kind, id, properties, geometry) = (
        taken("type"),
        taken("id"),
        taken("properties"),
        taken("geometry"),
    );
    let id = match id {
        serde_json::Value::String(id) => Some(id),
        serde_json::Value::Null => None,
        other => {
            faults.error(
                &spot,
                format!("its `id` is {other}"),
                "write a text in quotes",
            );
            None
        }
    };
    if let Some(id) = &id {
        spot.subject = Some(quoted(id));
    }
    if kind != "Feature" {
        faults.error(
            &spot,
            "its `type` is not \"Feature\"",
            "write \"type\": \"Feature\"",
        );
    }
    let named = |key: &str| properties.get(key).and_then(serde_json::Value::as_str);
    if id.is_none()
        && let (Some(publisher), Some(local)) = (named("publisher"), named("id"))
    {
        spot.subject = Some(quoted(&format!("{publisher}:{local}")));
    }
    let properties = match Value::from(properties) {
        Value::Table(properties) => properties,
        Value::Null => Vec::new(),
        other => {
            faults.error(
                &spot,
                format!("its `properties` is {}", other.noun()),
                "write an object: { … }",
            );
            return None;
        }
    };
    for key in members.keys().filter(|key| *key != "bbox") {
        let problem = format!("the key {} stands beside `properties`", quoted(key));
        faults.error(&spot, problem, "move it into `properties`, or remove it");
    }
    let geometry = (!geometry.is_null()).then_some(geometry);
    Some(Feature {
        spot,
        line,
        id,
        properties,
        geometry,
    })
}
