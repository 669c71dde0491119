//! The simulators from outside: history into a sink, and live play against a real broker.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests fail loudly and say what they skip"
)]

mod backfill;
mod live;
mod mosquitto;

use std::sync::Arc;

use arno_model::{AreaId, Location, Zone};
use arno_simulators::{FaultRates, Municipality, Region, RegionConfig};

/// A region of towns that exist nowhere.
fn region(towns_count: u32, faults: FaultRates) -> Arc<Region> {
    let towns: Vec<Municipality> = (0..towns_count)
        .map(|index| Municipality {
            id: AreaId::parse(&format!("it-mun-{index:06}")).unwrap(),
            name: format!("Borgo {index}"),
            population: 1_000,
            polygons: Vec::new(),
            centre: Some(Location {
                lon: 11.1,
                lat: 43.9,
            }),
            zone: Zone::parse("Europe/Rome").unwrap(),
        })
        .collect();
    let config = RegionConfig {
        seed: 42,
        faults,
        ..RegionConfig::default()
    };
    Arc::new(Region::build(config, &towns).unwrap())
}
