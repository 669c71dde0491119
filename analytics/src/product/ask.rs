//! A product asked over HTTP: parameters come in, checked against the product and the registry,
//! values for its placeholders go out.
//!
//! # Shape
//! `area` alone: that area's own rows. `area` and `level`: every area of that level inside it.
//! `level` alone: all of that level. Neither: the widest level of the product that has one row a
//! place. `thing`: that thing. Without `from` and `to`: the 24 hours up to now, 30 days for buckets
//! of a day or more, or what the product says.

use std::sync::Arc;

use arno_model::time::DAY_US;
use arno_model::time::duration_us;
use arno_model::{AreaId, PublisherId, ThingId, Timestamp, Zone};
use arno_store::Registry;

use crate::error::AnalyticsError;
use crate::product::Product;
use crate::product::bind::Binding;
use crate::product::definition::NOW;
use crate::question::{unknown_area, zone_of};
use crate::table::scope::{EVERYWHERE, THING};

/// Longest time that one question may span, in days: ten years.
const SPAN_DAYS_MAX: i64 = 3_660;

/// What is asked of a product.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProductQuery {
    /// Which product.
    pub product: String,
    /// In or of this area.
    pub area: Option<AreaId>,
    /// At this level.
    pub level: Option<String>,
    /// Of this thing.
    pub thing: Option<ThingId>,
    /// Of this publisher's things.
    pub publisher: Option<PublisherId>,
    /// From then on; buckets that meet it are answered whole.
    pub from: Option<Timestamp>,
    /// Until then.
    pub to: Option<Timestamp>,
    /// In buckets of this width.
    pub bucket: Option<String>,
    /// As it was known then.
    pub as_of: Option<Timestamp>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// Rows to skip: the next page's is this page's and the rows it gave.
    pub cursor: Option<u64>,
}

impl ProductQuery {
    /// All of a product, with defaults.
    pub fn of(product: impl Into<String>) -> Self {
        Self {
            product: product.into(),
            ..Self::default()
        }
    }

    /// The zone in which the answer's days are cut.
    pub(crate) fn zone(&self, registry: &Registry) -> Zone {
        let of_thing = self.thing.as_ref().and_then(|thing| {
            let place = registry.place(thing)?;
            place.municipality.as_ref().map(|(area, _)| area)
        });
        zone_of(registry, self.area.as_ref().or(of_thing))
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// `Parameter` or `Unknown`, naming what is allowed.
    pub(crate) fn binding(
        &self,
        product: &Product,
        registry: &Registry,
        now: Timestamp,
    ) -> Result<Binding, AnalyticsError> {
        self.check_taken(product)?;
        let level = self.level(product, registry)?;
        let within = self.within(&level, registry)?;
        let bucket = self.bucket(product)?;
        let (from, to) = self.span(product, &bucket, now)?;
        Ok(Binding {
            level,
            within,
            bucket,
            from,
            to,
            now,
            zone: self.zone(registry),
        })
    }

    /// Refuses parameters that the product does not take.
    fn check_taken(&self, product: &Product) -> Result<(), AnalyticsError> {
        let given: [(&'static str, bool); 10] = [
            ("area", self.area.is_some()),
            ("level", self.level.is_some()),
            ("thing", self.thing.is_some()),
            ("publisher", self.publisher.is_some()),
            ("from", self.from.is_some()),
            ("to", self.to.is_some()),
            (
                "bucket",
                self.bucket
                    .as_deref()
                    .is_some_and(|bucket| bucket != product.bucket_default()),
            ),
            ("as_of", self.as_of.is_some()),
            ("limit", self.limit.is_some()),
            ("cursor", self.cursor.is_some()),
        ];
        let taken = |name: &str| product.parameters.iter().any(|parameter| parameter == name);
        let stray = given
            .into_iter()
            .find(|(name, is_given)| *is_given && !taken(name));
        match stray {
            Some((name, _)) => Err(AnalyticsError::Parameter {
                field: name,
                reason: format!("is nothing that `{}` takes", product.id),
                allowed: product.parameters.clone(),
            }),
            None => Ok(()),
        }
    }

    fn level(&self, product: &Product, registry: &Registry) -> Result<String, AnalyticsError> {
        let offered = |level: &str| product.levels.iter().any(|one| one == level);
        let level = match (&self.level, &self.thing, &self.area) {
            (Some(level), _, _) => level.clone(),
            (None, Some(_), _) => THING.to_owned(),
            (None, None, _) if self.publisher.is_some() => THING.to_owned(),
            (None, None, Some(area)) => {
                let known = registry.area(area.as_str());
                let known = known.ok_or_else(|| unknown_area(registry, area.as_str()))?;
                known.level.as_str().to_owned()
            }
            (None, None, None) => {
                let widest = ["region", "province", "municipality"];
                let widest = widest.into_iter().find(|level| offered(level));
                let first = product.levels.first().map_or("region", String::as_str);
                widest.unwrap_or(first).to_owned()
            }
        };
        if !offered(&level) {
            return Err(AnalyticsError::Parameter {
                field: "level",
                reason: format!("`{level}` is none of `{}`'s", product.id),
                allowed: product.levels.clone(),
            });
        }
        let needs_thing = self.thing.is_some() || self.publisher.is_some();
        if needs_thing && level != THING {
            let field = if self.thing.is_some() {
                "thing"
            } else {
                "publisher"
            };
            let reason = format!("goes with `level=thing`, not `level={level}`");
            return Err(AnalyticsError::parameter(field, reason));
        }
        Ok(level)
    }

    fn within(&self, level: &str, registry: &Registry) -> Result<String, AnalyticsError> {
        if let Some(thing) = &self.thing {
            if registry.thing(thing.as_str()).is_none() {
                let name = thing.to_string();
                return Err(AnalyticsError::Unknown {
                    kind: "thing",
                    name,
                    allowed: Vec::new(),
                });
            }
            return Ok(thing.to_string());
        }
        let Some(area) = &self.area else {
            return Ok(EVERYWHERE.to_owned());
        };
        let known = registry.area(area.as_str());
        let known = known.ok_or_else(|| unknown_area(registry, area.as_str()))?;
        let is_narrower = level == known.level.as_str()
            || level == THING
            || level
                .parse()
                .is_ok_and(|level: arno_model::AreaLevel| level < known.level);
        if !is_narrower {
            let reason = format!("`{level}` is not inside a {}", known.level);
            return Err(AnalyticsError::parameter("level", reason));
        }
        Ok(area.to_string())
    }

    fn bucket(&self, product: &Product) -> Result<String, AnalyticsError> {
        let bucket = self
            .bucket
            .as_deref()
            .unwrap_or_else(|| product.bucket_default());
        if product.buckets.iter().any(|one| one == bucket) {
            return Ok(bucket.to_owned());
        }
        Err(AnalyticsError::Parameter {
            field: "bucket",
            reason: format!("`{bucket}` is none of `{}`'s", product.id),
            allowed: product.buckets.clone(),
        })
    }

    fn span(
        &self,
        product: &Product,
        bucket: &str,
        now: Timestamp,
    ) -> Result<(Timestamp, Timestamp), AnalyticsError> {
        let days = if matches!(bucket, NOW | "15m" | "1h") {
            1
        } else {
            30
        };
        let span_us = product.span.map_or(days * DAY_US, duration_us);
        let to = self.to.unwrap_or(now);
        let from = self.from.unwrap_or_else(|| to.plus_us(-span_us));
        if from >= to {
            let reason = format!("({from}) must be before `to` ({to})");
            return Err(AnalyticsError::parameter("from", reason));
        }
        if to.since_us(from) > SPAN_DAYS_MAX * DAY_US {
            let reason =
                format!("and `to` span more than {SPAN_DAYS_MAX} days; ask a shorter time");
            return Err(AnalyticsError::parameter("from", reason));
        }
        Ok((from, to))
    }
}

/// Picks a product by name.
///
/// # Errors
/// `Unknown`, with the products that exist.
pub(crate) fn find<'a>(
    products: &'a std::collections::BTreeMap<String, Arc<Product>>,
    name: &str,
) -> Result<&'a Arc<Product>, AnalyticsError> {
    products.get(name).ok_or_else(|| AnalyticsError::Unknown {
        kind: "product",
        name: name.chars().take(80).collect(),
        allowed: products.keys().cloned().collect(),
    })
}
