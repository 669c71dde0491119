//! The region: municipalities come in; publishers, things and the plans of their devices go out.
//!
//! # Why
//! The registry and the devices are built from the same plan, so that what is declared is what
//! reports. Every way of counting appears in each town: lots that count vehicles, that report free
//! places, that are only the sum of their bays, bays inside a lot that counts itself, bays on the
//! street, reserved ones, lots that are not open.
//!
//! # Shape
//! One publisher per municipality; things `lot-N`, `bay-N`, `ap-N`, from 1; a thing's index is its
//! place in [`Region::things`].
//!
//! # Limits
//! [`TOWN_THINGS_MAX`] → refused by [`Region::build`].

mod name;
mod town;

use arno_model::{Publisher, Thing};

use crate::device::Plan;
use crate::error::SimulatorError;
use crate::fault::FaultRates;
use crate::municipality::Municipality;
use town::{BuiltTown, TownBuilder};

/// Most things of one sort in a town: beyond it names and places get silly, and 100,000 devices in
/// a region is what one process plays at natural speed.
pub const TOWN_THINGS_MAX: usize = 5_000;

/// What to build.
#[derive(Debug, Clone)]
pub struct RegionConfig {
    /// Decides everything that chance decides.
    pub seed: u64,
    /// Bays per town.
    pub bays_count: usize,
    /// Lots per town.
    pub lots_count: usize,
    /// Access points per town.
    pub access_points_count: usize,
    /// How often things go wrong.
    pub faults: FaultRates,
}

impl Default for RegionConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            bays_count: 50,
            lots_count: 5,
            access_points_count: 10,
            faults: FaultRates::default(),
        }
    }
}

/// A town of the region.
#[derive(Debug, Clone)]
pub struct Town {
    /// Where it is.
    pub municipality: Municipality,
    /// Who owns its things.
    pub publisher: Publisher,
    /// The indexes of its things, ascending and without gap.
    pub things: std::ops::Range<u32>,
}

/// A simulated region, before anything happened.
#[derive(Debug, Clone)]
pub struct Region {
    config: RegionConfig,
    towns: Vec<Town>,
    things: Vec<Thing>,
    plans: Vec<Plan>,
}

impl Region {
    /// Builds the region of these municipalities, in their order.
    ///
    /// # Errors
    /// [`SimulatorError::NoMunicipality`] without any, [`SimulatorError::Setting`] for counts above
    /// [`TOWN_THINGS_MAX`] or impossible fault rates.
    pub fn build(
        config: RegionConfig,
        municipalities: &[Municipality],
    ) -> Result<Self, SimulatorError> {
        if municipalities.is_empty() {
            return Err(SimulatorError::NoMunicipality);
        }
        config.faults.check()?;
        let counts = [
            ("bays_count", config.bays_count),
            ("lots_count", config.lots_count),
            ("access_points_count", config.access_points_count),
        ];
        if let Some((setting, count)) = counts.into_iter().find(|count| count.1 > TOWN_THINGS_MAX) {
            return Err(SimulatorError::Setting {
                setting,
                found: count.to_string(),
                allowed: "5,000 at most",
            });
        }
        let mut region = Self {
            config,
            towns: Vec::new(),
            things: Vec::new(),
            plans: Vec::new(),
        };
        for (index, municipality) in municipalities.iter().enumerate() {
            let taken = |id: &str| {
                region
                    .towns
                    .iter()
                    .any(|town| town.publisher.id.as_str() == id)
            };
            let publisher = name::publisher_of(municipality, taken);
            let builder = TownBuilder::new(&region.config, index, municipality, publisher);
            let built = builder.build();
            region.add(built);
        }
        Ok(region)
    }

    fn add(&mut self, town: BuiltTown) {
        let first = u32::try_from(self.things.len()).unwrap_or(u32::MAX);
        let count = u32::try_from(town.things.len()).unwrap_or(u32::MAX);
        self.towns.push(Town {
            municipality: town.municipality,
            publisher: town.publisher,
            things: first..first.saturating_add(count),
        });
        self.things.extend(town.things);
        self.plans.extend(town.plans);
    }

    /// What it was built from.
    pub const fn config(&self) -> &RegionConfig {
        &self.config
    }

    /// The towns.
    pub fn towns(&self) -> &[Town] {
        &self.towns
    }

    /// The publishers, one per town, for the registry.
    pub fn publishers(&self) -> impl Iterator<Item = &Publisher> {
        self.towns.iter().map(|town| &town.publisher)
    }

    /// The things, for the registry; rows name them by their place here.
    pub fn things(&self) -> &[Thing] {
        &self.things
    }

    /// The thing of a row.
    pub fn thing(&self, index: u32) -> Option<&Thing> {
        self.things.get(usize::try_from(index).ok()?)
    }

    pub(crate) fn plan(&self, index: u32) -> Option<Plan> {
        self.plans.get(usize::try_from(index).ok()?).copied()
    }
}

#[cfg(test)]
mod tests;
