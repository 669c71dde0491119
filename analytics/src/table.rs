//! What queries read: a question comes in, tables over the registry, the store, the rollups and the
//! products go out, cut to what the caller may see.
//!
//! # Why
//! Privacy is done here, before any query sees a row. A table knows the question's view; a query
//! that forgets a condition finds nothing more than its caller may see.
//!
//! # Shape
//! Main schema: `publishers`, `areas`, `things`, `properties`, `datastreams`, `memberships` (the
//! registry); `observations`; `state_intervals`, `rollups`, `area_rollups`, `moments` (the rollup
//! engine); `cells` (people, as published cells); `area_things` (who stands where). Schema
//! `products`: a table a product.

pub(crate) mod areas;
pub(crate) mod catalog;
pub(crate) mod cells;
pub(crate) mod filter;
pub(crate) mod leaf;
mod listing;
pub(crate) mod moments;
pub(crate) mod observations;
pub(crate) mod product;
pub(crate) mod provider;
pub(crate) mod registry;
pub(crate) mod scope;
pub(crate) mod signal;
