//! Derives a snapshot: a checked bundle comes in, a registry with places and indexes goes out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arno_model::{AreaId, ObservedProperty, ThingId, TimeRange};

use super::bundle::{Bundle, Part};
use super::check::{self, Lines};
use super::fault::{Fault, Faults, Report};
use super::place::{Placer, Stay, joined};
use super::{Registry, shipped_properties};

impl Registry {
    /// Builds a snapshot, of revision 0, and says what looks wrong without being an error.
    ///
    /// # Errors
    /// [`Report`] with every fault, when the bundle contradicts itself.
    pub fn build(bundle: Bundle) -> Result<(Self, Vec<Fault>), Report> {
        Self::build_at(bundle, &mut Lines::default(), Faults::default())
    }

    /// Builds a snapshot of what was read from files: faults of reading come first, places are
    /// known.
    pub(super) fn build_at(
        bundle: Bundle,
        lines: &mut Lines,
        mut faults: Faults,
    ) -> Result<(Self, Vec<Fault>), Report> {
        let is_within = check::references(&bundle, lines, &mut faults);
        let is_placed = is_within
            && ![Part::Areas, Part::Publishers]
                .iter()
                .any(|part| faults.has_errors_in(*part));
        if !is_placed {
            // Places would show the same mistakes again.
            faults = faults.checked()?;
        }
        let (registry, stays) = Self::derive(bundle);
        check::places(&registry.written, &stays, lines, &mut faults);
        let warnings = faults.finish()?;
        Ok((registry, warnings))
    }

    /// Derives a snapshot without checking: what refers to nothing is left out.
    /// What counts people as shipped does so whatever an entry of the same id says.
    pub(super) fn derive(mut bundle: Bundle) -> (Self, HashMap<ThingId, Vec<Stay>>) {
        bundle.put_in_order();
        let mut properties: BTreeMap<_, Arc<ObservedProperty>> = shipped_properties()
            .iter()
            .map(|property| (property.id.clone(), Arc::clone(property)))
            .collect();
        for (id, property) in &bundle.properties {
            let mut property = property.clone();
            property.counts_people |= properties
                .get(id)
                .is_some_and(|shipped| shipped.counts_people);
            properties.insert(id.clone(), Arc::new(property));
        }
        let mut resolved = HashMap::new();
        let mut all_stays = HashMap::new();
        let placer = Placer::new(&bundle);
        for (id, thing) in &bundle.things {
            let (place, stays) = placer.place(thing);
            resolved.insert(id.clone(), place);
            all_stays.insert(id.clone(), stays);
        }
        drop(placer);
        let mut aliases: HashMap<_, HashMap<_, _>> = HashMap::new();
        let mut parts: HashMap<_, Vec<_>> = HashMap::new();
        let mut inhabitants: HashMap<_, Vec<_>> = HashMap::new();
        for (id, thing) in &bundle.things {
            let known = aliases.entry(id.publisher()).or_default();
            known.extend(
                thing
                    .aliases
                    .iter()
                    .map(|alias| (alias.clone(), id.clone())),
            );
            if let Some(whole) = &thing.part_of {
                parts.entry(whole.clone()).or_default().push(id.clone());
            }
            for belonging in resolved.get(id).into_iter().flat_map(|place| &place.areas) {
                let stays = inhabitants.entry(belonging.area.clone()).or_default();
                stays.push((id.clone(), belonging.valid));
            }
        }
        let registry = Self {
            revision: 0,
            publishers: shared(&bundle.publishers),
            properties,
            areas: bundle
                .areas
                .iter()
                .map(|(id, entry)| (id.clone(), Arc::new(entry.area.clone())))
                .collect(),
            shapes: bundle
                .areas
                .iter()
                .filter_map(|(id, entry)| Some((id.clone(), Arc::clone(entry.shape.as_ref()?))))
                .collect(),
            things: shared(&bundle.things),
            places: resolved,
            aliases,
            children: children(&bundle),
            inhabitants,
            parts,
            silent: check::silent_lots(&bundle.things),
            written: Arc::new(bundle),
        };
        (registry, all_stays)
    }
}

fn shared<K: Ord + Clone, V: Clone>(map: &BTreeMap<K, V>) -> BTreeMap<K, Arc<V>> {
    map.iter()
        .map(|(id, value)| (id.clone(), Arc::new(value.clone())))
        .collect()
}

fn children(bundle: &Bundle) -> HashMap<AreaId, Vec<(AreaId, TimeRange)>> {
    let mut children: HashMap<AreaId, Vec<(AreaId, TimeRange)>> = HashMap::new();
    for (id, entry) in &bundle.areas {
        let mut by_parent: BTreeMap<&AreaId, Vec<TimeRange>> = BTreeMap::new();
        for membership in &entry.area.parents {
            by_parent
                .entry(&membership.parent)
                .or_default()
                .push(membership.valid);
        }
        for (parent, ranges) in by_parent {
            let of_parent = children.entry(parent.clone()).or_default();
            of_parent.extend(joined(ranges).into_iter().map(|range| (id.clone(), range)));
        }
    }
    children
}
