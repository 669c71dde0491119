//! The registry's claims: reading, faults, places, export, keeping.

use std::collections::HashMap;
use std::sync::Mutex;

use arno_model::{Timestamp, Zone};
use async_trait::async_trait;

use super::*;
use crate::backend::{Document, Documents};
use crate::error::StoreError;

mod examples;
mod faults;
mod keeping;
mod places;
mod privacy;
mod report;
mod roundtrip;

/// Documents in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryDocuments(Mutex<HashMap<String, Document>>);

#[async_trait]
impl Documents for MemoryDocuments {
    async fn document(&self, name: &str) -> Result<Option<Document>, StoreError> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }

    async fn put_document(
        &self,
        name: &str,
        bytes: Vec<u8>,
        expected: u64,
    ) -> Result<u64, StoreError> {
        let mut kept = self.0.lock().unwrap();
        let revision = kept.get(name).map_or(0, |document| document.revision);
        if revision != expected {
            return Err(StoreError::Conflict {
                name: name.to_owned(),
            });
        }
        kept.insert(
            name.to_owned(),
            Document {
                bytes,
                revision: revision + 1,
            },
        );
        Ok(revision + 1)
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn id(text: &str) -> AreaId {
    AreaId::parse(text).unwrap()
}

fn thing_id(text: &str) -> ThingId {
    ThingId::parse(text).unwrap()
}

/// A closed square ring, as JSON.
fn square(west: f64, south: f64, size: f64) -> String {
    let (east, north) = (west + size, south + size);
    format!(
        "[[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]]"
    )
}

/// An area's feature.
fn area(id: &str, level: &str, more: &str, coordinates: Option<String>) -> String {
    let geometry = coordinates.map_or("null".to_owned(), |coordinates| {
        format!("{{\"type\":\"Polygon\",\"coordinates\":{coordinates}}}")
    });
    format!(
        "{{\"type\":\"Feature\",\"id\":\"{id}\",\"properties\":{{\"name\":\"{id}\",\"level\":\"{level}\"{more}}},\"geometry\":{geometry}}}"
    )
}

/// A thing's feature of the publisher `prato`.
fn thing(id: &str, more: &str, point: Option<(f64, f64)>) -> String {
    let geometry = point.map_or("null".to_owned(), |(lon, lat)| {
        format!("{{\"type\":\"Point\",\"coordinates\":[{lon},{lat}]}}")
    });
    format!(
        "{{\"type\":\"Feature\",\"properties\":{{\"publisher\":\"prato\",\"id\":\"{id}\"{more}}},\"geometry\":{geometry}}}"
    )
}

const PUBLISHERS: &str = "[[publisher]]\nid = \"prato\"\nname = \"Comune di Prato\"\nkind = \"municipality\"\nmunicipality = \"it-mun-100005\"\n";

/// Two neighbouring municipalities of 0.1 degrees in a province in a region, a zone in the western
/// one, and a group of both.
fn areas() -> Vec<String> {
    vec![
        area("it-reg-09", "region", "", Some(square(10.0, 43.0, 3.0))),
        area(
            "it-prov-100",
            "province",
            ",\"parents\":[\"it-reg-09\"]",
            Some(square(11.0, 43.8, 0.5)),
        ),
        area(
            "it-mun-100005",
            "municipality",
            ",\"parents\":[\"it-prov-100\"]",
            Some(square(11.0, 43.8, 0.1)),
        ),
        area(
            "it-mun-100006",
            "municipality",
            ",\"parents\":[\"it-prov-100\"]",
            Some(square(11.1, 43.8, 0.1)),
        ),
        area(
            "centro",
            "zone",
            ",\"parents\":[\"it-mun-100005\"]",
            Some(square(11.0, 43.8, 0.05)),
        ),
        area(
            "group-piana",
            "group",
            ",\"members\":[\"it-mun-100005\",{\"id\":\"it-mun-100006\",\"valid_from\":\"2026-01-01T00:00:00Z\"}]",
            None,
        ),
    ]
}

fn collection(features: &[String]) -> Vec<u8> {
    let features = features.join(",\n");
    format!("{{\"type\":\"FeatureCollection\",\"features\":[\n{features}\n]}}").into_bytes()
}

fn files(areas: &[String], things: &[String]) -> Files {
    Files {
        publishers: Some(PUBLISHERS.as_bytes().to_vec()),
        properties: None,
        areas: Some(collection(areas)),
        things: Some(collection(things)),
    }
}

fn built(areas: &[String], things: &[String]) -> (Registry, Vec<Fault>) {
    let checked = files(areas, things).check(&Bundle::default());
    let checked =
        checked.unwrap_or_else(|report| panic!("{:#?}", report.lines().collect::<Vec<_>>()));
    (checked.registry, checked.warnings)
}

fn rome() -> Zone {
    Zone::parse(bundle::ZONE_DEFAULT).unwrap()
}
