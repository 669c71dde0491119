//! Municipalities: boundaries come in, the towns to simulate go out.
//!
//! # Why
//! A demonstration convinces with real places. Which ones is a seeded choice, weighted by
//! population, so that towns people know come first and small ones still appear; Prato and Firenze
//! lead when they are there, since the examples speak of them.
//!
//! # Source
//! Weighted choice without replacement: Efraimidis and Spirakis, 2006 (order by `ln(u) / weight`).

use arno_model::{AreaId, Location, Zone};
use serde::Deserialize;

use crate::chance::{Chance, word_of_text};
use crate::error::SimulatorError;
use crate::number::float_of;

/// A ring of (longitude, latitude), closed.
pub type Ring = Vec<(f64, f64)>;

/// A municipality that can be simulated.
#[derive(Debug, Clone)]
pub struct Municipality {
    /// Its area.
    pub id: AreaId,
    /// Its name, like `Prato`.
    pub name: String,
    /// Residents.
    pub population: u64,
    /// Its polygons, each an outer ring followed by holes; WGS 84.
    pub polygons: Vec<Vec<Ring>>,
    /// The middle of the town, where it is known better than from the polygon.
    pub centre: Option<Location>,
    /// The zone of its clocks.
    pub zone: Zone,
}

/// Municipalities that lead every choice, when they are among the known ones.
const FIRST: [&str; 2] = ["it-mun-100005", "it-mun-048017"];

/// Middles of well-known towns (their main square, to about 100 m). A polygon's own middle lies in
/// the hills as often as not.
const CENTRES: [(&str, f64, f64); 24] = [
    ("it-mun-100005", 11.0965, 43.8806),
    ("it-mun-048017", 11.2558, 43.7715),
    ("it-mun-050026", 10.4017, 43.7160),
    ("it-mun-049009", 10.3106, 43.5519),
    ("it-mun-046017", 10.5036, 43.8430),
    ("it-mun-047014", 10.9166, 43.9334),
    ("it-mun-051002", 11.8802, 43.4650),
    ("it-mun-052032", 11.3315, 43.3185),
    ("it-mun-053011", 11.1135, 42.7603),
    ("it-mun-045010", 10.1398, 44.0354),
    ("it-mun-045003", 10.0986, 44.0790),
    ("it-mun-046033", 10.2509, 43.8675),
    ("it-mun-048014", 10.9490, 43.7189),
    ("it-mun-048041", 11.1866, 43.7546),
    ("it-mun-048043", 11.1982, 43.8336),
    ("it-mun-048006", 11.1642, 43.8233),
    ("it-mun-050029", 10.6340, 43.6609),
    ("it-mun-050008", 10.5267, 43.6825),
    ("it-mun-052022", 11.1272, 43.4693),
    ("it-mun-049012", 10.5260, 42.9238),
    ("it-mun-047011", 10.7722, 43.8832),
    ("it-mun-046005", 10.3012, 43.9411),
    ("it-mun-053018", 11.1197, 42.4338),
    ("it-mun-100003", 11.0404, 43.9283),
];

impl Municipality {
    /// Reads the municipalities of an `areas.geojson`: features with `level` `municipality`.
    ///
    /// # Errors
    /// [`SimulatorError::Boundaries`] when the text is no such collection.
    pub fn parse_all(geojson: &str) -> Result<Vec<Self>, SimulatorError> {
        let collection: Collection = serde_json::from_str(geojson)
            .map_err(|source| SimulatorError::Boundaries { source })?;
        let towns = collection.features.into_iter();
        Ok(towns.filter_map(Feature::into_municipality).collect())
    }

    /// Chooses `count` of them, in order: the leading two, then by seeded chance weighted by
    /// population.
    ///
    /// # Errors
    /// [`SimulatorError::TooManyTowns`] when there are fewer.
    pub fn choose(known: &[Self], count: usize, seed: u64) -> Result<Vec<Self>, SimulatorError> {
        if known.len() < count {
            return Err(SimulatorError::TooManyTowns {
                asked: count,
                known: known.len(),
            });
        }
        let mut keyed: Vec<(usize, f64, &Self)> = known
            .iter()
            .map(|town| {
                let leads = FIRST.iter().position(|id| *id == town.id.as_str());
                let mut chance = Chance::of(seed, &[word_of_text(town.id.as_str())]);
                let people = i64::try_from(town.population.max(1)).unwrap_or(i64::MAX);
                let key = (1.0 - chance.unit()).ln() / float_of(people);
                (leads.unwrap_or(FIRST.len()), -key, town)
            })
            .collect();
        keyed.sort_by(|left, right| {
            let by_key = left.0.cmp(&right.0).then(left.1.total_cmp(&right.1));
            by_key.then(left.2.id.cmp(&right.2.id))
        });
        Ok(keyed
            .into_iter()
            .take(count)
            .map(|(_, _, town)| town.clone())
            .collect())
    }

    /// The middle of the town: the known one, else the one of the largest polygon, moved inside.
    pub fn middle(&self) -> Location {
        if let Some(centre) = self.centre {
            return centre;
        }
        let Some(largest) = self.largest_ring() else {
            return Location { lon: 0.0, lat: 0.0 };
        };
        let middle = centroid(largest);
        if self.contains(middle) {
            return middle;
        }
        let inside = grid_over(largest).filter(|point| self.contains(*point));
        let distance =
            |point: &Location| (point.lon - middle.lon).powi(2) + (point.lat - middle.lat).powi(2);
        let nearest = inside.min_by(|a, b| distance(a).total_cmp(&distance(b)));
        nearest.unwrap_or(middle)
    }

    /// Whether a point lies inside, by counting crossings of a ray to the east.
    pub fn contains(&self, point: Location) -> bool {
        let is_within = |polygon: &Vec<Ring>| {
            let crossings: usize = polygon.iter().map(|ring| crossings_of(ring, point)).sum();
            crossings % 2 == 1
        };
        self.polygons.iter().any(is_within)
    }

    fn largest_ring(&self) -> Option<&Ring> {
        let outer = self.polygons.iter().filter_map(|polygon| polygon.first());
        outer.max_by(|left, right| area_of(left).total_cmp(&area_of(right)))
    }
}

fn sides(ring: &Ring) -> impl Iterator<Item = ((f64, f64), (f64, f64))> {
    ring.iter().copied().zip(ring.iter().copied().skip(1))
}

fn crossings_of(ring: &Ring, point: Location) -> usize {
    let is_crossed = |((lon_a, lat_a), (lon_b, lat_b)): &((f64, f64), (f64, f64))| {
        let spans = (*lat_a > point.lat) != (*lat_b > point.lat);
        spans && point.lon < lon_a + (point.lat - lat_a) / (lat_b - lat_a) * (lon_b - lon_a)
    };
    sides(ring).filter(is_crossed).count()
}

fn area_of(ring: &Ring) -> f64 {
    let twice: f64 = sides(ring).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
    twice.abs() / 2.0
}

fn centroid(ring: &Ring) -> Location {
    let (mut lon, mut lat, mut weight) = (0.0, 0.0, 0.0);
    for (a, b) in sides(ring) {
        let cross = a.0 * b.1 - b.0 * a.1;
        lon += (a.0 + b.0) * cross;
        lat += (a.1 + b.1) * cross;
        weight += 3.0 * cross;
    }
    Location {
        lon: lon / weight,
        lat: lat / weight,
    }
}

/// 15 × 15 points over a ring's box: enough to meet any municipality's inside.
fn grid_over(ring: &Ring) -> impl Iterator<Item = Location> {
    let west = ring
        .iter()
        .map(|point| point.0)
        .fold(f64::INFINITY, f64::min);
    let east = ring
        .iter()
        .map(|point| point.0)
        .fold(f64::NEG_INFINITY, f64::max);
    let south = ring
        .iter()
        .map(|point| point.1)
        .fold(f64::INFINITY, f64::min);
    let north = ring
        .iter()
        .map(|point| point.1)
        .fold(f64::NEG_INFINITY, f64::max);
    let steps = || (1..16).map(|step| f64::from(step) / 16.0);
    steps().flat_map(move |right| {
        steps().map(move |up| Location {
            lon: west + (east - west) * right,
            lat: south + (north - south) * up,
        })
    })
}

#[derive(Deserialize)]
struct Collection {
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    id: AreaId,
    properties: Properties,
    geometry: Option<Geometry>,
}

#[derive(Deserialize)]
struct Properties {
    name: String,
    level: String,
    zone: Option<Zone>,
    population: Option<u64>,
}

#[derive(Deserialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Polygon(Vec<Ring>),
    MultiPolygon(Vec<Vec<Ring>>),
}

impl Feature {
    fn into_municipality(self) -> Option<Municipality> {
        let is_municipality = self.properties.level == "municipality";
        let geometry = self.geometry.filter(|_geometry| is_municipality)?;
        let known = CENTRES.iter().find(|(id, _, _)| *id == self.id.as_str());
        Some(Municipality {
            centre: known.map(|&(_, lon, lat)| Location { lon, lat }),
            id: self.id,
            name: self.properties.name,
            population: self.properties.population.unwrap_or(1),
            polygons: match geometry {
                Geometry::Polygon(polygon) => vec![polygon],
                Geometry::MultiPolygon(polygons) => polygons,
            },
            zone: self.properties.zone.unwrap_or(Zone::UTC),
        })
    }
}
