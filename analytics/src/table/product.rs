//! A product as a table of the schema `products`: conditions on level, bucket, area and time come
//! in, the product's own query is planned with them, its rows go out.
//!
//! # Shape
//! The product's columns. `level` and `bucket` must be said (`bucket` not where there is only one);
//! `area = X` narrows to that row; without a lower bound on `bucket_start` it looks back as far as
//! the product does over HTTP.

use std::sync::Arc;

use arno_model::ThingId;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::error::AnalyticsError;
use crate::product::{Product, ProductQuery, bind};
use crate::question::Question;
use crate::table::filter::{self, Filters};
use crate::table::scope::THING;

const NARROWING: [&str; 5] = ["area", "level", "bucket", "bucket_start", "bucket_end"];

/// The table.
#[derive(Debug)]
pub(crate) struct ProductTable {
    product: Arc<Product>,
    question: Arc<Question>,
    schema: SchemaRef,
}

impl ProductTable {
    pub(crate) fn new(product: Arc<Product>, question: Arc<Question>) -> Self {
        let schema = product.schema();
        Self {
            product,
            question,
            schema,
        }
    }

    /// The question that conditions ask.
    fn asked(&self, filters: &Filters) -> std::result::Result<ProductQuery, AnalyticsError> {
        let product = &self.product;
        let level = self.one(filters, "level", &product.levels)?;
        let bucket = match product.buckets.as_slice() {
            [only] => only.clone(),
            all => self.one(filters, "bucket", all)?,
        };
        let mut query = ProductQuery::of(product.id.clone());
        let areas = filters.names("area").filter(|areas| areas.len() == 1);
        let area = areas.and_then(|areas| areas.first());
        if level == THING {
            query.thing = area.and_then(|area| ThingId::parse(area).ok());
        } else if let Some(area) = area.and_then(|area| self.question.registry.area(area)) {
            query.area = (area.level.as_str() == level).then(|| area.id.clone());
        }
        query.level = Some(level);
        query.bucket = Some(bucket);
        let takes = |name: &str| product.parameters.iter().any(|parameter| parameter == name);
        if takes("from") {
            query.from = filters
                .from("bucket_start")
                .or_else(|| filters.from("bucket_end"));
            query.to = filters
                .before("bucket_start")
                .map(|to| to.min(self.question.now.plus_us(1)));
        }
        Ok(query)
    }

    fn one(
        &self,
        filters: &Filters,
        column: &'static str,
        allowed: &[String],
    ) -> std::result::Result<String, AnalyticsError> {
        let wrong = |what: String| AnalyticsError::Parameter {
            field: column,
            reason: format!(
                "{what}; add a condition like `{column} = '{}'`",
                allowed.first().map_or("", String::as_str)
            ),
            allowed: allowed.to_vec(),
        };
        let mut names = filters.names(column).into_iter().flatten();
        match (names.next(), names.next()) {
            (Some(name), None) if allowed.contains(name) => Ok(name.clone()),
            (Some(name), None) => Err(wrong(format!(
                "`{name}` is none of `{}`'s",
                self.product.id
            ))),
            (Some(_), Some(_)) => Err(wrong("must be one; ask for each by itself".to_owned())),
            _ => Err(wrong(format!(
                "is missing: `products.{}` needs it",
                self.product.id
            ))),
        }
    }
}

#[async_trait]
impl TableProvider for ProductTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        conditions: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = conditions.iter().map(|condition| {
            if filter::is_understood(condition, &NARROWING) {
                TableProviderFilterPushDown::Inexact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        });
        Ok(support.collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        conditions: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let state = state.as_any().downcast_ref::<SessionState>();
        let state = state
            .ok_or_else(|| DataFusionError::Internal("a session of another kind".to_owned()))?;
        let question = &self.question;
        let query = self.asked(&Filters::of(conditions))?;
        let mut binding = query.binding(&self.product, &question.registry, question.now)?;
        binding.zone = question.zone.clone();
        let plan = bind::bound(state, &self.product, &binding).await?;
        let plan = match projection {
            Some(columns) => LogicalPlanBuilder::from(plan)
                .select(columns.clone())?
                .build()?,
            None => plan,
        };
        state.create_physical_plan(&plan).await
    }
}
