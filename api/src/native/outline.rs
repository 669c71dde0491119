//! Outlines of areas as GeoJSON text: polygons come in, text goes out, kept per registry revision.
//!
//! # Shape
//! Coordinates have six decimals: a tenth of a metre, and neighbours that share a border still
//! share it. A bounding box is west, south, east, north.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use arno_model::AreaId;
use arno_store::Registry;
use geo::{LineString, MultiPolygon};

/// Decimals of a degree, as a factor.
const SCALE: f64 = 1e6;

#[derive(Debug, Default)]
struct Kept {
    revision: u64,
    texts: HashMap<AreaId, Arc<str>>,
}

/// Outlines as text, kept until the registry changes.
#[derive(Debug, Default)]
pub(crate) struct Outlines(Mutex<Kept>);

impl Outlines {
    /// An area's polygons as GeoJSON geometry; `None` for areas without.
    pub(crate) fn of(&self, registry: &Registry, area: &AreaId) -> Option<Arc<str>> {
        let shape = registry.shape(area.as_str())?;
        if let Some(text) = self.kept(registry.revision, area) {
            return Some(text);
        }
        let text: Arc<str> = Arc::from(text_of(shape));
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.revision == registry.revision {
            kept.texts.insert(area.clone(), Arc::clone(&text));
        }
        Some(text)
    }

    fn kept(&self, revision: u64, area: &AreaId) -> Option<Arc<str>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.revision < revision {
            *kept = Kept {
                revision,
                texts: HashMap::new(),
            };
        }
        let is_same = kept.revision == revision;
        kept.texts.get(area).filter(|_| is_same).map(Arc::clone)
    }
}

/// West, south, east, north.
pub(crate) fn bounding_box(shape: &MultiPolygon<f64>) -> Option<[f64; 4]> {
    let points = shape.0.iter().flat_map(|polygon| &polygon.exterior().0);
    let box_of = points.fold(None, |found: Option<[f64; 4]>, point| {
        let [west, south, east, north] = found.unwrap_or([point.x, point.y, point.x, point.y]);
        Some([
            west.min(point.x),
            south.min(point.y),
            east.max(point.x),
            north.max(point.y),
        ])
    });
    box_of.map(|corners| corners.map(rounded))
}

fn text_of(shape: &MultiPolygon<f64>) -> String {
    let mut text = String::from("{\"type\":\"MultiPolygon\",\"coordinates\":[");
    for (place, polygon) in shape.0.iter().enumerate() {
        text.push_str(if place > 0 { ",[" } else { "[" });
        ring(polygon.exterior(), &mut text);
        for interior in polygon.interiors() {
            text.push(',');
            ring(interior, &mut text);
        }
        text.push(']');
    }
    text.push_str("]}");
    text
}

fn ring(line: &LineString<f64>, text: &mut String) {
    for (place, point) in line.0.iter().enumerate() {
        let before = if place > 0 { ',' } else { '[' };
        // Writing into memory does not fail.
        write!(text, "{before}[{},{}]", rounded(point.x), rounded(point.y)).unwrap_or_default();
    }
    text.push_str(if line.0.is_empty() { "[]" } else { "]" });
}

fn rounded(degrees: f64) -> f64 {
    (degrees * SCALE).round() / SCALE
}
