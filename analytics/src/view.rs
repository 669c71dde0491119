//! What a caller may see: a role comes in, answers about things and streams go out.
//!
//! # Why
//! Privacy is a rule of the engine. Every table asks here before a query sees a row, so no query,
//! product or route can forget it.
//!
//! # Invariants
//! Anonymous callers never see a thing that is not open, a reserved bay, or a property that counts
//! people; a publisher sees that and everything of its own; an operator sees everything.

use std::collections::BTreeSet;

use arno_analytics_rollup::Audience;
use arno_model::{ObservedProperty, PropertyId, Thing, ThingId};
use arno_store::{Registry, Role};

/// A caller's rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    role: Role,
}

/// Things and properties that may be seen in every combination; absent means all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Slice {
    pub(crate) things: Option<Vec<ThingId>>,
    pub(crate) properties: Option<Vec<PropertyId>>,
}

/// What a query asks for, before rights: names of things, publishers and properties.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) things: Option<&'a BTreeSet<String>>,
    pub(crate) publishers: Option<&'a BTreeSet<String>>,
    pub(crate) properties: Option<&'a BTreeSet<String>>,
}

impl View {
    pub(crate) fn of(role: Role) -> Self {
        Self { role }
    }

    /// Whose view an area's figure is.
    pub(crate) fn audience(&self) -> Audience {
        match &self.role {
            Role::Anonymous => Audience::Public,
            Role::Publisher(publisher) => Audience::Publisher(publisher.clone()),
            Role::Operator => Audience::Operator,
        }
    }

    /// Whether a thing is the caller's own, so that nothing about it is hidden.
    pub(crate) fn owns(&self, thing: &ThingId) -> bool {
        match &self.role {
            Role::Anonymous => false,
            Role::Publisher(publisher) => thing.publisher() == *publisher,
            Role::Operator => true,
        }
    }

    /// Whether everything is visible.
    pub(crate) fn is_operator(&self) -> bool {
        self.role == Role::Operator
    }

    /// Whether a thing is listed.
    pub(crate) fn sees_thing(&self, thing: &Thing) -> bool {
        (thing.is_open && !thing.is_reserved) || self.owns(&thing.id)
    }

    /// Whether rows of a property of a thing are visible.
    pub(crate) fn sees_stream(
        &self,
        registry: &Registry,
        thing: &ThingId,
        property: &PropertyId,
    ) -> bool {
        if self.owns(thing) {
            return true;
        }
        let is_open = registry
            .thing(thing.as_str())
            .is_some_and(|thing| self.sees_thing(thing));
        let property = registry.property(property.as_str());
        is_open && property.is_some_and(|property| !property.counts_people)
    }

    /// Whether an area's figures of a property are visible as they are.
    pub(crate) fn sees_property(&self, property: &ObservedProperty) -> bool {
        self.is_operator() || !property.counts_people
    }

    /// What of the wanted may be seen, as disjoint slices.
    pub(crate) fn slices(&self, registry: &Registry, wanted: &Wanted<'_>) -> Vec<Slice> {
        let named = |thing: &Thing| {
            let publisher = thing.id.publisher();
            wanted
                .things
                .is_none_or(|names| names.contains(thing.id.as_str()))
                && wanted
                    .publishers
                    .is_none_or(|names| names.contains(publisher.as_str()))
        };
        let properties = |counting_people: bool| -> Option<Vec<PropertyId>> {
            if counting_people && wanted.properties.is_none() {
                return None;
            }
            let visible = registry
                .properties()
                .filter(|property| counting_people || !property.counts_people)
                .filter(|property| {
                    wanted
                        .properties
                        .is_none_or(|names| names.contains(property.id.as_str()))
                });
            Some(visible.map(|property| property.id.clone()).collect())
        };
        if self.is_operator() {
            let all = wanted.things.is_none() && wanted.publishers.is_none();
            let things = (!all).then(|| ids(registry, named));
            return kept(vec![Slice {
                things,
                properties: properties(true),
            }]);
        }
        let own = ids(registry, |thing| named(thing) && self.owns(&thing.id));
        let others = ids(registry, |thing| {
            named(thing) && !self.owns(&thing.id) && self.sees_thing(thing)
        });
        kept(vec![
            Slice {
                things: Some(own),
                properties: properties(true),
            },
            Slice {
                things: Some(others),
                properties: properties(false),
            },
        ])
    }
}

fn ids(registry: &Registry, is_wanted: impl Fn(&Thing) -> bool) -> Vec<ThingId> {
    let things = registry.things().filter(|thing| is_wanted(thing));
    things.map(|thing| thing.id.clone()).collect()
}

fn kept(slices: Vec<Slice>) -> Vec<Slice> {
    let is_empty = |slice: &Slice| {
        slice.things.as_ref().is_some_and(Vec::is_empty)
            || slice.properties.as_ref().is_some_and(Vec::is_empty)
    };
    slices
        .into_iter()
        .filter(|slice| !is_empty(slice))
        .collect()
}
