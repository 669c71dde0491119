//! Data products: a folder with `query.sql` and `product.toml` comes in, a named analysis with
//! fixed meaning, columns and units goes out.
//!
//! # Why
//! The route, the schema, the catalogue entry, the chart and the documentation of a product all
//! derive from its folder. The shipped ones are embedded; a region adds its own in its
//! configuration, checked the same way, without a build and without a restart.
//!
//! # Shape
//! The SQL reads the tables of `crate::table` in the caller's view. Its placeholders are bound as
//! values, never pasted: `$level`, `$area` (an area, a thing or `all`), `$bucket`, `$from`, `$to`,
//! `$now`, `$zone`, `$known_share_min`.

pub mod definition;
pub mod shelf;

pub(crate) mod ask;
pub(crate) mod bind;

pub use ask::ProductQuery;
pub use definition::{Chart, Column, ColumnType, Method, Privacy, Product, Words};
pub use shelf::Refused;

/// The products that every Arno has, by name.
///
/// # Errors
/// `Products` when a shipped one can't be read: a fault of the build.
pub fn shipped() -> Result<Vec<std::sync::Arc<Product>>, crate::error::AnalyticsError> {
    Ok(shelf::Shelf::shipped()?.products.into_values().collect())
}
