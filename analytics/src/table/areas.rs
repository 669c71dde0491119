//! The tables `area_rollups` and `area_things`: conditions on level and place come in, mergeable
//! sums of areas, and which thing stands in which of them, go out.
//!
//! # Why
//! Products are sums over areas; what counts where, when and for whom is the rollup engine's to
//! know.
//!
//! # Shape
//! `area_rollups`: the engine's columns, then `name` and `within`. `measure` is `parking` or a
//! property; without a condition on it, all that are reported. How `level`, `within` and `area`
//! work: [`super::scope`]. `area_things(thing, area, level, name, outside, within)`: as it is now.
//!
//! # Invariants
//! A property that counts people is not here but for operators: it is in `cells`.

use std::collections::BTreeSet;
use std::sync::Arc;

use arno_analytics_rollup::schema::area_rollup_schema;
use arno_analytics_rollup::{AreaLevelAsked, AreaQuery, Measure};
use arno_model::{Bucket, Thing};
use arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringArray, StringViewArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result as EngineResult};
use futures::StreamExt as _;

use crate::error::AnalyticsError;
use crate::question::Question;
use crate::table::filter::Filters;
use crate::table::leaf::{Batches, Source};
use crate::table::provider::{Asked, Read, Reading, picked, shown, text};
use crate::table::scope::{EVERYWHERE, Scope};
use crate::table::signal::{bucket_range, buckets};

/// The table `area_rollups`.
#[derive(Debug)]
pub(crate) struct AreaRollups {
    question: Arc<Question>,
    schema: SchemaRef,
}

impl AreaRollups {
    pub(crate) fn new(question: &Arc<Question>) -> Self {
        let more = vec![text("name", false), text("within", false)];
        Self {
            question: Arc::clone(question),
            schema: shown(&area_rollup_schema(), more),
        }
    }
}

/// One question to the engine, and what its rows say of their scope.
#[derive(Debug, Clone)]
pub(crate) struct AreaAsk {
    pub(crate) query: AreaQuery,
    pub(crate) within: String,
}

impl Asked for AreaRollups {
    fn name(&self) -> &'static str {
        "area_rollups"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn narrowing(&self) -> &'static [&'static str] {
        &[
            "area",
            "level",
            "within",
            "measure",
            "bucket",
            "bucket_start",
            "bucket_end",
        ]
    }

    fn read(&self, read: Read) -> Result<Reading, AnalyticsError> {
        let question = &self.question;
        let measures = measures(&read.filters, question, &|measure| match measure {
            Measure::Parking => true,
            Measure::Property(id) => question
                .registry
                .property(id.as_str())
                .is_some_and(|property| question.view.sees_property(property)),
        });
        let asks = asks(&read.filters, question, &measures)?;
        let partitions = read.partitions.clamp(1, asks.len().max(1));
        let source = AreaRows {
            question: Arc::clone(question),
            asks,
            partitions,
            schema: read.schema,
        };
        Ok(Reading {
            sorted_by: Vec::new(),
            partitions,
            source: Arc::new(source),
        })
    }
}

/// The measures that a query asks for, of those that are offered.
pub(crate) fn measures(
    filters: &Filters,
    question: &Question,
    is_offered: &dyn Fn(&Measure) -> bool,
) -> Vec<Measure> {
    let asked: BTreeSet<Measure> = match filters.names("measure") {
        Some(names) => names
            .iter()
            .filter_map(|name| Measure::parse(name).ok())
            .collect(),
        None => {
            let observed = question.datastreams.iter().map(|(_, name)| &name.property);
            let things = question.registry.things();
            let listed = things.flat_map(|thing| &thing.properties);
            let all: BTreeSet<_> = observed.chain(listed).cloned().collect();
            all.into_iter()
                .map(Measure::Property)
                .chain([Measure::Parking])
                .collect()
        }
    };
    let is_known = |measure: &Measure| match measure {
        Measure::Parking => true,
        Measure::Property(id) => question.registry.property(id.as_str()).is_some(),
    };
    asked
        .into_iter()
        .filter(|measure| is_known(measure) && is_offered(measure))
        .collect()
}

/// The questions to the engine that conditions ask for.
pub(crate) fn asks(
    filters: &Filters,
    question: &Question,
    measures: &[Measure],
) -> Result<Vec<AreaAsk>, AnalyticsError> {
    let scopes = Scope::asked(filters, question)?;
    let buckets = buckets(filters, Bucket::Quarter)?;
    let range = bucket_range(filters, question)?;
    let mut asks = Vec::new();
    for scope in &scopes {
        for bucket in &buckets {
            for measure in measures {
                let query = AreaQuery {
                    areas: scope.areas.clone(),
                    level: scope.level,
                    things: scope.things.clone(),
                    measure: measure.clone(),
                    range,
                    bucket: *bucket,
                    zone: Some(question.zone.clone()),
                    as_of: question.as_of,
                    audience: question.view.audience(),
                };
                asks.push(AreaAsk {
                    query,
                    within: scope.within.clone(),
                });
            }
        }
    }
    Ok(asks)
}

#[derive(Debug)]
struct AreaRows {
    question: Arc<Question>,
    asks: Vec<AreaAsk>,
    partitions: usize,
    schema: SchemaRef,
}

impl Source for AreaRows {
    fn open(&self, partition: usize) -> Batches {
        let mine = self.asks.iter().enumerate();
        let mine = mine.filter(|(index, _)| index % self.partitions.max(1) == partition);
        let mine: Vec<_> = mine.map(|(_, ask)| ask.clone()).collect();
        let question = Arc::clone(&self.question);
        let schema = Arc::clone(&self.schema);
        let answers = futures::stream::iter(mine).then(move |ask| {
            let question = Arc::clone(&question);
            let schema = Arc::clone(&schema);
            async move {
                let rows = question.rollups.area_rows(&ask.query).await;
                let rows =
                    rows.map_err(|error| DataFusionError::from(AnalyticsError::from(error)))?;
                named(&rows, &question, &ask.within, &schema)
            }
        });
        answers.boxed()
    }
}

/// Adds `name` and `within`, and picks the wanted columns.
fn named(
    rows: &RecordBatch,
    question: &Question,
    within: &str,
    schema: &SchemaRef,
) -> EngineResult<RecordBatch> {
    let lacks = || DataFusionError::Internal("area rows without area".to_owned());
    let areas = rows
        .column_by_name("area")
        .and_then(|array| array.as_string_opt::<i32>());
    let outside = rows
        .column_by_name("outside")
        .and_then(|array| array.as_boolean_opt());
    let (areas, outside) = (areas.ok_or_else(lacks)?, outside.ok_or_else(lacks)?);
    let names = names_of(areas, outside, question);
    let within: StringViewArray = (0..rows.num_rows()).map(|_row| Some(within)).collect();
    let mut fields: Vec<_> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    fields.extend([text("name", false), text("within", false)]);
    let mut columns = rows.columns().to_vec();
    columns.extend([Arc::new(names) as ArrayRef, Arc::new(within)]);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    picked(&batch, schema)
}

/// The human names of areas or things; `outside` for what lies in none.
pub(crate) fn names_of(
    areas: &StringArray,
    outside: &BooleanArray,
    question: &Question,
) -> StringViewArray {
    let rows = areas.iter().zip(outside);
    rows.map(|(area, is_outside)| {
        if is_outside == Some(true) {
            return Some("outside");
        }
        area.map(|area| name_of(area, question))
    })
    .collect()
}

/// The human name of an area or thing; its id if the registry lost it.
pub(crate) fn name_of<'a>(id: &'a str, question: &'a Question) -> &'a str {
    if let Some(thing) = question.registry.thing(id) {
        return &thing.name;
    }
    question.registry.area(id).map_or(id, |area| &area.name)
}

/// The table `area_things`.
#[derive(Debug)]
pub(crate) struct AreaThings {
    question: Arc<Question>,
    schema: SchemaRef,
}

impl AreaThings {
    pub(crate) fn new(question: &Arc<Question>) -> Self {
        let schema = Arc::new(Schema::new(vec![
            text("thing", false),
            text("area", false),
            text("level", false),
            text("name", false),
            Field::new("outside", DataType::Boolean, false),
            text("within", false),
        ]));
        Self {
            question: Arc::clone(question),
            schema,
        }
    }
}

impl Asked for AreaThings {
    fn name(&self) -> &'static str {
        "area_things"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn narrowing(&self) -> &'static [&'static str] {
        &["area", "level", "within"]
    }

    fn read(&self, read: Read) -> Result<Reading, AnalyticsError> {
        let scopes = Scope::asked(&read.filters, &self.question)?;
        let mut rows = Rows::default();
        for scope in &scopes {
            rows.add(scope, &self.question);
        }
        let batch = rows
            .batch(&self.schema)
            .and_then(|batch| picked(&batch, &read.schema));
        let batch = batch.map_err(AnalyticsError::of_engine)?;
        Ok(Reading {
            sorted_by: Vec::new(),
            partitions: 1,
            source: Arc::new(Ready { batch }),
        })
    }
}

/// A source with its one batch.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) batch: RecordBatch,
}

impl Source for Ready {
    fn open(&self, _partition: usize) -> Batches {
        futures::stream::iter([Ok(self.batch.clone())]).boxed()
    }
}

#[derive(Debug, Default)]
struct Rows {
    things: Vec<String>,
    areas: Vec<String>,
    levels: Vec<&'static str>,
    names: Vec<String>,
    outside: Vec<bool>,
    within: Vec<String>,
}

impl Rows {
    fn add(&mut self, scope: &Scope, question: &Question) {
        let things = question.registry.things().filter(|thing| {
            question.view.sees_thing(thing)
                && thing.valid.contains(question.now)
                && scope
                    .things
                    .as_ref()
                    .is_none_or(|things| things.contains(&thing.id))
        });
        for thing in things {
            let areas = areas_at(thing, question);
            let home = match &scope.areas {
                None => None,
                Some(asked) => match asked
                    .iter()
                    .find(|area| areas.iter().any(|(id, _)| id == area.as_str()))
                {
                    Some(home) => Some(home.as_str()),
                    None => continue,
                },
            };
            match scope.level {
                AreaLevelAsked::Thing => self.push(thing, thing.id.as_str(), scope, question),
                AreaLevelAsked::Own => {
                    let asked = scope.areas.iter().flatten();
                    let own = asked.filter(|area| areas.iter().any(|(id, _)| id == area.as_str()));
                    for area in own {
                        self.push(thing, area.as_str(), scope, question);
                    }
                }
                AreaLevelAsked::Level(level) => {
                    let mut is_inside = false;
                    for (area, _) in areas
                        .iter()
                        .filter(|(_, of_area)| *of_area == level.as_str())
                    {
                        self.push(thing, area, scope, question);
                        is_inside = true;
                    }
                    if !is_inside {
                        self.push(thing, home.unwrap_or(EVERYWHERE), scope, question);
                        self.mark_outside();
                    }
                }
            }
        }
    }

    fn push(&mut self, thing: &Thing, area: &str, scope: &Scope, question: &Question) {
        self.things.push(thing.id.to_string());
        self.areas.push(area.to_owned());
        self.levels.push(scope.level_name);
        self.names.push(name_of(area, question).to_owned());
        self.outside.push(false);
        self.within.push(scope.within.clone());
    }

    fn mark_outside(&mut self) {
        if let (Some(outside), Some(name)) = (self.outside.last_mut(), self.names.last_mut()) {
            *outside = true;
            "outside".clone_into(name);
        }
    }

    fn batch(&self, schema: &SchemaRef) -> EngineResult<RecordBatch> {
        let texts = |texts: &[String]| -> ArrayRef {
            Arc::new(texts.iter().map(Some).collect::<StringViewArray>())
        };
        let levels: StringViewArray = self.levels.iter().map(Some).collect();
        let columns = vec![
            texts(&self.things),
            texts(&self.areas),
            Arc::new(levels),
            texts(&self.names),
            Arc::new(BooleanArray::from(self.outside.clone())),
            texts(&self.within),
        ];
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }
}

/// The areas that a thing belongs to now, with their levels.
fn areas_at(thing: &Thing, question: &Question) -> Vec<(String, &'static str)> {
    let place = question.registry.place(&thing.id);
    let belongings = place.into_iter().flat_map(|place| &place.areas);
    let now = belongings.filter(|belonging| belonging.valid.contains(question.now));
    now.map(|belonging| (belonging.area.to_string(), belonging.level.as_str()))
        .collect()
}
