//! Publishing: the true cells of all fixed areas come in, what the public sees of the asked ones
//! goes out.
//!
//! # Why
//! Whether a cell is hidden may depend on its neighbours, and must not depend on who asks for what:
//! so every bucket is judged over the whole tree, always.
//!
//! # Limits
//! Open buckets are not published: a bucket that is minutes old says what an hour must not.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arno_analytics_rollup::{AreaLevelAsked, AreaQuery, Audience, Measure};
use arno_model::{Area, AreaId, AreaLevel, Bucket, PropertyId, Thing, TimeRange, Timestamp};
use arno_store::{DatastreamName, Registry};

use super::row::Row;
use crate::error::AnalyticsError;
use crate::privacy::tree::Tree;
use crate::privacy::{self, Figures, Node, Rule, Shown, time};
use crate::question::Question;
use crate::table::scope::Scope;

/// Published cells of all fixed areas.
#[derive(Debug)]
pub(super) struct Published {
    cells: HashMap<(String, Timestamp), Row>,
    starts: BTreeMap<Timestamp, Timestamp>,
    property: PropertyId,
}

/// Whether a thing counts people by this property, for anybody.
pub(super) fn may_count(thing: &Thing, property: &PropertyId, question: &Question) -> bool {
    if thing.properties.contains(property) {
        return true;
    }
    let name = DatastreamName {
        thing: thing.id.clone(),
        property: property.clone(),
    };
    question.datastreams.key(&name).is_some()
}

impl Published {
    /// Asks for the cells of all fixed areas, and for the narrower ones inside them, and judges
    /// them.
    ///
    /// # Errors
    /// What the rollup engine says.
    pub(super) async fn ask(
        property: &PropertyId,
        bucket: Bucket,
        range: TimeRange,
        question: &Question,
    ) -> Result<Self, AnalyticsError> {
        let all = rows_of(property, bucket, range, question).await?;
        let closed = || all.iter().filter(|row| !row.open).map(|row| row.bucket);
        let mut inner = Vec::new();
        if let (Some(start), Some(end)) = (
            closed().map(|bucket| bucket.start).min(),
            closed().map(|bucket| bucket.end).max(),
        ) {
            let narrower: &[Bucket] = match bucket {
                Bucket::Quarter | Bucket::Hour => &[],
                Bucket::Day => &[Bucket::Hour],
                Bucket::Week | Bucket::Month => &[Bucket::Hour, Bucket::Day],
            };
            for narrow in narrower {
                let whole = TimeRange::new(start, end);
                inner.push(Box::pin(Self::ask(property, *narrow, whole, question)).await?);
            }
        }
        Ok(Self::of(&all, &inner, property, question))
    }

    /// The published cells of an area within a range, with their share of its length.
    fn parts(&self, area: &str, whole: TimeRange) -> Vec<(Shown, f64)> {
        let within = self.starts.range(whole.start..whole.end);
        let cells = within.filter_map(|(start, _)| self.cells.get(&(area.to_owned(), *start)));
        #[expect(
            clippy::cast_precision_loss,
            reason = "a share needs no more than 53 bits"
        )]
        cells
            .map(|row| {
                let share = row.bucket.length_us() as f64 / whole.length_us().max(1) as f64;
                (shown_of(row), share)
            })
            .collect()
    }

    /// Judges the cells of all fixed areas; `inner` are published narrower ones.
    fn of(all: &[Row], inner: &[Self], property: &PropertyId, question: &Question) -> Self {
        let rule = Rule::new(question.people_count_min);
        let mut buckets: BTreeMap<Timestamp, Vec<&Row>> = BTreeMap::new();
        for row in all.iter().filter(|row| !row.open && !row.outside) {
            buckets.entry(row.bucket.start).or_default().push(row);
        }
        let counts = |thing: &Thing| {
            thing.is_open && !thing.is_reserved && may_count(thing, property, question)
        };
        let changes = Tree::changes(&question.registry);
        let mut tree: Option<(usize, Tree)> = None;
        let mut cells = HashMap::new();
        let mut starts = BTreeMap::new();
        for (start, rows) in &buckets {
            let epoch = changes.partition_point(|change| change <= start);
            if tree.as_ref().is_none_or(|(known, _)| *known != epoch) {
                tree = Some((epoch, Tree::at(&question.registry, *start, &counts)));
            }
            let Some((_, tree)) = &tree else {
                continue;
            };
            starts.extend(rows.iter().map(|row| (row.bucket.start, row.bucket.end)));
            for row in judged(tree, rows, inner, &rule) {
                cells.insert((row.area.clone(), *start), row);
            }
        }
        Self {
            cells,
            starts,
            property: property.clone(),
        }
    }

    /// The published rows of a scope.
    pub(super) fn rows(&self, scope: &Scope, question: &Question) -> Vec<Row> {
        let registry = &question.registry;
        let areas = asked_areas(scope, registry);
        let mut rows = Vec::new();
        for (start, end) in &self.starts {
            for area in &areas {
                let is_valid = area.valid.contains(*start);
                let cell = self.cells.get(&(area.id.to_string(), *start)).cloned();
                rows.extend(cell.or_else(|| {
                    let adds = matches!(area.level, AreaLevel::Group | AreaLevel::Union);
                    (adds && is_valid)
                        .then(|| self.added(area, *start, *end, question))
                        .flatten()
                }));
            }
            if let (AreaLevelAsked::Level(level), Some(asked)) = (scope.level, &scope.areas) {
                let outer = asked.iter().filter_map(|area| registry.area(area.as_str()));
                let outside = outer.filter_map(|area| self.outside(area, level, *start, question));
                rows.extend(outside);
            }
        }
        rows
    }

    /// A group's cell: the sum of its members' published ones. A hidden member is not in the sum,
    /// which is then marked; "most at once" does not add up and stays null.
    fn added(
        &self,
        area: &Area,
        start: Timestamp,
        end: Timestamp,
        question: &Question,
    ) -> Option<Row> {
        let members = members_of(&question.registry, area, start);
        let cells: Vec<_> = members
            .iter()
            .filter_map(|id| self.cells.get(&(id.to_string(), start)))
            .collect();
        let first = *cells.first()?;
        let figures: Vec<f64> = cells.iter().filter_map(|cell| cell.value).collect();
        let known_us = cells
            .iter()
            .filter(|cell| cell.value.is_some())
            .filter_map(|cell| cell.known_us);
        Some(Row {
            area: area.id.to_string(),
            outside: false,
            bucket: TimeRange::new(start, end),
            things: cells.iter().map(|cell| cell.things).sum(),
            things_reporting: cells.iter().map(|cell| cell.things_reporting).sum(),
            value: (!figures.is_empty()).then(|| figures.iter().sum()),
            peak: None,
            known_us: Some(known_us.sum()),
            expected_us: cells.iter().map(|cell| cell.expected_us).sum(),
            suppressed: cells.iter().any(|cell| cell.suppressed),
            open: false,
            computed_at: cells
                .iter()
                .map(|cell| cell.computed_at)
                .max()
                .unwrap_or(first.computed_at),
            revision: cells
                .iter()
                .map(|cell| cell.revision)
                .max()
                .unwrap_or(first.revision),
        })
    }

    /// That something counts in an area outside its parts of a level; never how much.
    fn outside(
        &self,
        area: &Area,
        level: AreaLevel,
        start: Timestamp,
        question: &Question,
    ) -> Option<Row> {
        let whole = self.cells.get(&(area.id.to_string(), start))?;
        let registry = &question.registry;
        let lonely = registry.things_in(&area.id).filter(|(thing, valid)| {
            let place = registry.place(&thing.id);
            let mut parts = place.into_iter().flat_map(|place| &place.areas);
            valid.contains(start)
                && thing.is_open
                && !thing.is_reserved
                && may_count(thing, &self.property, question)
                && !parts.any(|part| part.level == level && part.valid.contains(start))
        });
        let count = i64::try_from(lonely.count()).unwrap_or(i64::MAX);
        (count > 0).then(|| Row {
            outside: true,
            things: count,
            things_reporting: None,
            value: None,
            peak: None,
            known_us: None,
            expected_us: None,
            suppressed: true,
            ..whole.clone()
        })
    }
}

/// The true rows of all fixed areas, of what the public may know of.
async fn rows_of(
    property: &PropertyId,
    bucket: Bucket,
    range: TimeRange,
    question: &Question,
) -> Result<Vec<Row>, AnalyticsError> {
    let query = AreaQuery {
        areas: None,
        level: AreaLevelAsked::Own,
        things: None,
        measure: Measure::Property(property.clone()),
        range,
        bucket,
        zone: Some(question.zone.clone()),
        as_of: question.as_of,
        audience: Audience::Public,
    };
    Row::read(&question.rollups.area_rows(&query).await?)
}

/// What a published row shows.
fn shown_of(row: &Row) -> Shown {
    match (row.suppressed, row.value, row.peak) {
        (true, _, _) => Shown::Hidden,
        (_, Some(mean), peak) if peak.unwrap_or(mean) <= 0.0 => Shown::Nobody,
        (_, Some(mean), peak) => Shown::Rounded {
            mean,
            peak: peak.unwrap_or(mean),
        },
        _ => Shown::Unknown,
    }
}

/// The rows of one bucket as the public sees them.
fn judged(tree: &Tree, rows: &[&Row], inner: &[Published], rule: &Rule) -> Vec<Row> {
    let by_area: HashMap<&str, &Row> = rows.iter().map(|row| (row.area.as_str(), *row)).collect();
    let nodes: Vec<Node> = tree
        .places
        .iter()
        .map(|place| {
            let figures = by_area.get(place.area.as_str()).map(|row| Figures {
                mean: row.value,
                peak: row.peak,
                known_share: row.known_share().unwrap_or(0.0),
            });
            Node {
                parent: place.parent,
                has_rest: place.has_rest,
                figures: figures.unwrap_or_default(),
            }
        })
        .collect();
    let mut shown = privacy::published(&nodes, &[], rule);
    let withheld: Vec<bool> = tree
        .places
        .iter()
        .zip(&shown)
        .map(|(place, cell)| {
            let area = place.area.as_str();
            let whole = by_area.get(area).map(|row| row.bucket);
            let is_told = |whole| {
                inner
                    .iter()
                    .any(|inner| time::tells(*cell, &inner.parts(area, whole), rule))
            };
            whole.is_some_and(is_told)
        })
        .collect();
    if withheld.contains(&true) {
        // More may be hidden for it, nothing comes to light: once is enough.
        shown = privacy::published(&nodes, &withheld, rule);
    }
    let pairs = tree.places.iter().zip(shown);
    pairs
        .filter_map(|(place, shown)| {
            let row = (*by_area.get(place.area.as_str())?).clone();
            let (value, peak, suppressed) = match shown {
                Shown::Hidden => (None, None, true),
                Shown::Unknown => (None, None, false),
                Shown::Nobody => (Some(0.0), row.peak, false),
                Shown::Rounded { mean, peak } => (Some(mean), row.peak.and(Some(peak)), false),
            };
            Some(Row {
                value,
                peak,
                suppressed,
                ..row
            })
        })
        .collect()
}

/// The areas whose rows a scope asks for.
fn asked_areas<'a>(scope: &Scope, registry: &'a Registry) -> Vec<&'a Area> {
    let known = |id: &AreaId| registry.area(id.as_str()).map(AsRef::as_ref);
    match (scope.level, &scope.areas) {
        (AreaLevelAsked::Thing, _) => Vec::new(),
        (AreaLevelAsked::Own, Some(areas)) => areas.iter().filter_map(known).collect(),
        (AreaLevelAsked::Own, None) => registry.areas().map(AsRef::as_ref).collect(),
        (AreaLevelAsked::Level(level), None) => registry
            .areas()
            .map(AsRef::as_ref)
            .filter(|area: &&Area| area.level == level)
            .collect(),
        (AreaLevelAsked::Level(level), Some(areas)) => {
            let mut found = BTreeSet::new();
            for area in areas {
                collect_below(registry, area, level, &mut found);
            }
            found.iter().filter_map(known).collect()
        }
    }
}

/// The areas of a level anywhere below an area.
fn collect_below(
    registry: &Registry,
    area: &AreaId,
    level: AreaLevel,
    found: &mut BTreeSet<AreaId>,
) {
    for (child, _) in registry.children(area) {
        if child.level == level {
            found.insert(child.id.clone());
        } else if child.level > level {
            collect_below(registry, &child.id, level, found);
        }
    }
}

/// The fixed areas of which a group is made; of nested groups, theirs.
fn members_of(registry: &Registry, area: &Area, moment: Timestamp) -> BTreeSet<AreaId> {
    let mut members = BTreeSet::new();
    let mut open = vec![area.id.clone()];
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        let children = registry
            .children(&id)
            .filter(|(_, valid)| valid.contains(moment));
        for (child, _) in children {
            if child.level == AreaLevel::Group && seen.insert(child.id.clone()) {
                open.push(child.id.clone());
            } else if child.level != AreaLevel::Group {
                members.insert(child.id.clone());
            }
        }
    }
    members
}
