//! The catalogue of a question: its tables and products come in, schemas that the engine can look
//! into go out.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider as _,
    TableProvider,
};
use datafusion::error::Result;

use crate::error::AnalyticsError;
use crate::product::Product;
use crate::question::Question;
use crate::session::SCHEMA;
use crate::table::areas::{AreaRollups, AreaThings};
use crate::table::cells::Cells;
use crate::table::moments::Moments;
use crate::table::observations::Observations;
use crate::table::product::ProductTable;
use crate::table::provider::Provider;
use crate::table::registry;
use crate::table::signal::{StateIntervals, ThingRollups};

/// The schema of product tables.
pub(crate) const PRODUCTS: &str = "products";

/// The catalogue for a question.
///
/// # Errors
/// `Broken`, never: the names are distinct.
pub(crate) fn catalog(
    question: &Arc<Question>,
    products: &BTreeMap<String, Arc<Product>>,
) -> std::result::Result<Arc<dyn CatalogProvider>, AnalyticsError> {
    build(question, products).map_err(AnalyticsError::of_engine)
}

fn build(
    question: &Arc<Question>,
    products: &BTreeMap<String, Arc<Product>>,
) -> Result<Arc<dyn CatalogProvider>> {
    let main = MemorySchemaProvider::new();
    let mut tables: Vec<(&str, Arc<dyn TableProvider>)> = registry::tables(question);
    tables.extend([
        ("observations", Provider::table(Observations::new(question))),
        (
            "state_intervals",
            Provider::table(StateIntervals::new(question)),
        ),
        ("rollups", Provider::table(ThingRollups::new(question))),
        ("area_rollups", Provider::table(AreaRollups::new(question))),
        ("area_things", Provider::table(AreaThings::new(question))),
        ("moments", Provider::table(Moments::new(question))),
        ("cells", Provider::table(Cells::new(question))),
    ]);
    for (name, table) in tables {
        main.register_table(name.to_owned(), table)?;
    }
    let shelf = MemorySchemaProvider::new();
    for (name, product) in products {
        let table = ProductTable::new(Arc::clone(product), Arc::clone(question));
        shelf.register_table(name.clone(), Arc::new(table))?;
    }
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(SCHEMA, Arc::new(main))?;
    catalog.register_schema(PRODUCTS, Arc::new(shelf))?;
    Ok(Arc::new(catalog))
}
