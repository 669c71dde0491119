//! Which thing speaks through which connection.

use std::collections::HashMap;

use arno_model::ThingKind;

use crate::live::broker::{Broker, Credentials, Secret};
use crate::live::payload::topic_of;
use crate::region::Region;

/// What a connection needs to know.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Host and port.
    pub(super) address: (String, u16),
    /// The client's name, different for every line.
    pub(super) client_id: String,
    /// Name and password.
    pub(super) login: Option<(String, Secret)>,
    /// The topic of the one access point that this line belongs to; it has a Last Will.
    pub(super) own_topic: Option<String>,
}

/// All lines of a region.
#[derive(Debug)]
pub(super) struct Lines {
    all: Vec<Line>,
    of_town: Vec<usize>,
    of_thing: HashMap<u32, usize>,
    towns: Vec<std::ops::Range<u32>>,
}

impl Lines {
    /// Gives each town a line (towns share when there are too few and nobody logs in as a town),
    /// and what is left to access points: the first of every town, then the second.
    pub(super) fn plan(region: &Region, broker: &Broker, count_max: usize) -> Self {
        let towns = region.towns();
        let is_shared = !matches!(broker.credentials, Credentials::PerPublisher(_));
        let town_lines = if is_shared {
            towns.len().min(count_max)
        } else {
            towns.len()
        };
        let mut lines = Vec::new();
        let mut of_town = Vec::new();
        for (index, town) in towns.iter().enumerate() {
            of_town.push(index % town_lines.max(1));
            if index < town_lines {
                let publisher = &town.publisher.id;
                lines.push(Line {
                    address: (broker.host.clone(), broker.port),
                    client_id: format!("arno-sim-{publisher}"),
                    login: broker.credentials.of(publisher),
                    own_topic: None,
                });
            }
        }
        let mut of_thing = HashMap::new();
        for index in access_points_by_turn(region) {
            let Some(thing) = region.thing(index) else {
                continue;
            };
            if lines.len() >= count_max {
                break;
            }
            let publisher = thing.id.publisher();
            of_thing.insert(index, lines.len());
            lines.push(Line {
                address: (broker.host.clone(), broker.port),
                client_id: format!("arno-sim-{publisher}-{}", thing.id.local()),
                login: broker.credentials.of(&publisher),
                own_topic: Some(topic_of(&thing.id)),
            });
        }
        Self {
            all: lines,
            of_town,
            of_thing,
            towns: towns.iter().map(|town| town.things.clone()).collect(),
        }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Line> {
        self.all.iter()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The line of a thing: its own or its town's.
    pub(super) fn of_thing(&self, thing: u32) -> usize {
        let of_town = || {
            let town = self.towns.partition_point(|things| things.end <= thing);
            self.of_town.get(town).copied().unwrap_or(0)
        };
        self.of_thing.get(&thing).copied().unwrap_or_else(of_town)
    }

    /// Whether a line belongs to one access point.
    pub(super) fn is_own(&self, line: usize) -> bool {
        self.all
            .get(line)
            .is_some_and(|line| line.own_topic.is_some())
    }
}

fn access_points_by_turn(region: &Region) -> Vec<u32> {
    let mut turns: Vec<(usize, u32)> = Vec::new();
    for town in region.towns() {
        let points = town.things.clone().filter(|index| {
            let thing = region.thing(*index);
            thing.is_some_and(|thing| thing.kind == ThingKind::AccessPoint)
        });
        turns.extend(points.enumerate());
    }
    turns.sort_unstable();
    turns.into_iter().map(|(_turn, index)| index).collect()
}
