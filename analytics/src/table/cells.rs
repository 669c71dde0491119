//! The table `cells`: properties that count people, as published cells, or unrounded for those who
//! may.
//!
//! # Why
//! Everything else about people's numbers is built on this one table, so that suppression and
//! rounding happen once, before any query sees a row.
//!
//! # Shape
//! `area, level, name, outside, within, measure, bucket, bucket_start, bucket_end, things,
//! things_reporting, value, peak, known_us, expected_us, known_share, suppressed, open,
//! computed_at, revision`. `value`: people on average, `peak`: most at once; both null where
//! suppressed or too little is known. `bucket` is `1h` unless the query says another.
//!
//! # Invariants
//! The public sees closed buckets of an hour or more, of fixed areas; groups, and unions that lie
//! across others, add published cells; what lies "outside" is never shown. An operator sees true
//! figures, a publisher those of areas and things that are its own altogether.

mod publish;
mod row;

use std::sync::Arc;

use arno_analytics_rollup::{AreaLevelAsked, AreaQuery, Audience, Measure};
use arno_model::{AreaId, Bucket, PropertyId, TimeRange};
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use futures::StreamExt as _;

use crate::error::AnalyticsError;
use crate::question::Question;
use crate::table::cells::publish::Published;
use crate::table::cells::row::{Row, Rows};
use crate::table::leaf::{Batches, Source};
use crate::table::provider::{Asked, Read, Reading, picked};
use crate::table::scope::Scope;
use crate::table::signal::{bucket_range, buckets};

/// The table.
#[derive(Debug)]
pub(crate) struct Cells {
    question: Arc<Question>,
    schema: SchemaRef,
}

impl Cells {
    pub(crate) fn new(question: &Arc<Question>) -> Self {
        Self {
            question: Arc::clone(question),
            schema: row::schema(),
        }
    }
}

impl Asked for Cells {
    fn name(&self) -> &'static str {
        "cells"
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
        let buckets = buckets(&read.filters, Bucket::Hour)?;
        if buckets.contains(&Bucket::Quarter) && !question.view.is_operator() {
            let wide = Bucket::ALL
                .into_iter()
                .filter(|bucket| *bucket != Bucket::Quarter);
            return Err(AnalyticsError::Parameter {
                field: "bucket",
                reason: "is too narrow: figures of people are published for an hour or more"
                    .to_owned(),
                allowed: wide.map(|bucket| bucket.to_string()).collect(),
            });
        }
        let scopes = Scope::asked(&read.filters, question)?;
        let range = bucket_range(&read.filters, question)?;
        let names = read.filters.names("measure");
        let properties = question
            .registry
            .properties()
            .filter(|property| property.counts_people);
        let properties = properties
            .filter(|property| names.is_none_or(|names| names.contains(property.id.as_str())))
            .map(|property| property.id.clone());
        let mut asks = Vec::new();
        for property in properties {
            for bucket in &buckets {
                asks.push(Ask {
                    property: property.clone(),
                    bucket: *bucket,
                    range,
                    scopes: scopes.clone(),
                });
            }
        }
        let source = CellRows {
            question: Arc::clone(question),
            asks,
            schema: read.schema,
        };
        Ok(Reading {
            sorted_by: Vec::new(),
            partitions: 1,
            source: Arc::new(source),
        })
    }
}

/// Cells of one property in buckets of one width.
#[derive(Debug, Clone)]
struct Ask {
    property: PropertyId,
    bucket: Bucket,
    range: TimeRange,
    scopes: Vec<Scope>,
}

#[derive(Debug)]
struct CellRows {
    question: Arc<Question>,
    asks: Vec<Ask>,
    schema: SchemaRef,
}

impl Source for CellRows {
    fn open(&self, _partition: usize) -> Batches {
        let question = Arc::clone(&self.question);
        let schema = Arc::clone(&self.schema);
        let answers = futures::stream::iter(self.asks.clone()).then(move |ask| {
            let question = Arc::clone(&question);
            let schema = Arc::clone(&schema);
            async move {
                let rows = ask.rows(&question).await.map_err(DataFusionError::from)?;
                picked(&rows.batch(&ask, &question)?, &schema)
            }
        });
        answers.boxed()
    }
}

impl Ask {
    fn query(
        &self,
        areas: Option<Vec<AreaId>>,
        level: AreaLevelAsked,
        question: &Question,
    ) -> AreaQuery {
        AreaQuery {
            areas,
            level,
            things: None,
            measure: Measure::Property(self.property.clone()),
            range: self.range,
            bucket: self.bucket,
            zone: Some(question.zone.clone()),
            as_of: question.as_of,
            audience: question.view.audience(),
        }
    }

    /// All rows of all scopes.
    async fn rows(&self, question: &Question) -> Result<Rows, AnalyticsError> {
        let mut rows = Rows::default();
        let needs_published = !question.view.is_operator()
            && self
                .scopes
                .iter()
                .any(|scope| scope.level != AreaLevelAsked::Thing);
        let published = if needs_published {
            Some(Published::ask(&self.property, self.bucket, self.range, question).await?)
        } else {
            None
        };
        for scope in &self.scopes {
            self.add(scope, published.as_ref(), question, &mut rows)
                .await?;
        }
        Ok(rows)
    }

    async fn add(
        &self,
        scope: &Scope,
        published: Option<&Published>,
        question: &Question,
        rows: &mut Rows,
    ) -> Result<(), AnalyticsError> {
        let mut query = self.query(scope.areas.clone(), scope.level, question);
        query.things.clone_from(&scope.things);
        if question.view.is_operator() {
            let all = question.rollups.area_rows(&query).await?;
            rows.extend(scope, Row::read(&all)?);
            return Ok(());
        }
        if query.audience != Audience::Public {
            let all = Row::read(&question.rollups.area_rows(&query).await?)?;
            let own = all
                .into_iter()
                .filter(|row| self.is_own(row, scope, question));
            rows.extend(scope, own.collect());
        }
        if let Some(published) = published.filter(|_| scope.level != AreaLevelAsked::Thing) {
            let shown = published.rows(scope, question);
            let others = shown
                .into_iter()
                .filter(|row| !self.is_own(row, scope, question));
            rows.extend(scope, others.collect());
        }
        Ok(())
    }

    /// Whether all that counts in a row is the caller's own.
    fn is_own(&self, row: &Row, scope: &Scope, question: &Question) -> bool {
        if scope.level == AreaLevelAsked::Thing {
            let thing = question.registry.thing(&row.area);
            return thing.is_some_and(|thing| question.view.owns(&thing.id));
        }
        let Ok(area) = AreaId::parse(&row.area) else {
            return false;
        };
        let mut counting = question
            .registry
            .things_in(&area)
            .filter(|(thing, _)| publish::may_count(thing, &self.property, question))
            .peekable();
        // An area in which nothing counts is nobody's own.
        counting.peek().is_some() && counting.all(|(thing, _)| question.view.owns(&thing.id))
    }
}
