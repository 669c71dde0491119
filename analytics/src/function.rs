//! Functions that SQL here has beside the engine's: local time, time-weighted averages, exact
//! quantiles, geodesic geometry.
//!
//! # Why
//! What SQL can't say becomes a function that the SQL calls: local days of 23 and 25 hours, metres
//! on the ellipsoid, quantiles whose interpolation is exact.
//!
//! # Shape
//! Times are timestamps in microseconds UTC. A geometry is WKB in a binary column (as in `areas`
//! and `things`), and WKT text is taken wherever a geometry is; longitude first, WGS 84.

pub(crate) mod argument;
pub(crate) mod average;
pub(crate) mod geometry;
pub(crate) mod quantile;
pub(crate) mod ratio;
pub(crate) mod relation;
pub(crate) mod shape;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod wkb;
pub(crate) mod wkt;

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

use crate::session::budget::Budget;

/// All scalar functions of ours.
pub(crate) fn scalars(budget: &Arc<Budget>) -> Vec<Arc<ScalarUDF>> {
    let mut all = time::functions();
    all.extend(ratio::functions());
    all.extend(shape::functions(budget));
    all.extend(relation::functions(budget));
    all.push(Arc::new(text::function(budget)));
    all.into_iter().collect()
}

/// All aggregate functions of ours.
pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    vec![
        Arc::new(average::function()),
        Arc::new(quantile::function()),
    ]
}
