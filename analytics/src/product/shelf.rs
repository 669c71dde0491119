//! The products that are there: the shipped folders and a region's own come in, a checked set goes
//! out.
//!
//! # Why
//! A region's product with a mistake must not take the others down: it is refused with the reason,
//! and the rest goes on. A shipped name can't be taken.
//!
//! # Limits
//! [`OWN_COUNT_MAX`] own products, [`FILE_BYTES_MAX`] a file → refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use serde::Serialize;

use crate::error::AnalyticsError;
use crate::product::bind::{self, Binding, PLACEHOLDERS};
use crate::product::definition::{NOW, Product};
use crate::session::allow;
use crate::table::catalog::PRODUCTS;

/// Most products of a region's own.
pub const OWN_COUNT_MAX: usize = 200;
/// Longest `query.sql` or `product.toml` in bytes.
pub const FILE_BYTES_MAX: u64 = 262_144;

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        [$((
            $name,
            include_str!(concat!("../../products/", $name, "/product.toml")),
            include_str!(concat!("../../products/", $name, "/query.sql")),
        )),+]
    };
}

const SHIPPED: [(&str, &str, &str); 5] = shipped![
    "completeness",
    "parking_now",
    "parking_occupancy",
    "parking_typical_week",
    "wifi_usage",
];

/// A product that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The folder.
    pub folder: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The products by name, and the folders that were refused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) products: BTreeMap<String, Arc<Product>>,
    pub(crate) refused: Vec<Refused>,
}

impl Shelf {
    /// The shipped products.
    ///
    /// # Errors
    /// `Products`, never in a build whose tests passed.
    pub(crate) fn shipped() -> Result<Self, AnalyticsError> {
        let mut shelf = Self::default();
        for (id, toml, sql) in SHIPPED {
            let product =
                Product::read(id, toml, sql, false).map_err(|reason| AnalyticsError::Products {
                    place: id.to_owned(),
                    reason,
                })?;
            shelf.products.insert(id.to_owned(), Arc::new(product));
        }
        Ok(shelf)
    }

    /// Adds the folders of a region's own, each checked over `state`.
    ///
    /// # Errors
    /// `Products`, when the folder of folders can't be read.
    pub(crate) async fn add_own(
        &mut self,
        folder: &Path,
        state: &SessionState,
        binding: &Binding,
    ) -> Result<(), AnalyticsError> {
        for read in own(folder).await? {
            let checked = match self.taken(&read) {
                Some(reason) => Err(reason),
                None => match read.product {
                    Ok(product) => check(&product, state, binding).await.map(|()| product),
                    Err(reason) => Err(reason),
                },
            };
            match checked {
                Ok(product) => {
                    self.products.insert(read.folder, Arc::new(*product));
                }
                Err(reason) => {
                    tracing::warn!(folder = read.folder, reason, "a data product was refused");
                    self.refused.push(Refused {
                        folder: read.folder,
                        reason,
                    });
                }
            }
        }
        Ok(())
    }

    fn taken(&self, read: &Own) -> Option<String> {
        let is_shipped = self
            .products
            .get(&read.folder)
            .is_some_and(|product| !product.is_own);
        is_shipped.then(|| "a shipped product has this name; choose another".to_owned())
    }
}

struct Own {
    folder: String,
    product: Result<Box<Product>, String>,
}

async fn own(folder: &Path) -> Result<Vec<Own>, AnalyticsError> {
    let unreadable = |error: std::io::Error| AnalyticsError::Products {
        place: folder.display().to_string(),
        reason: error.to_string(),
    };
    let mut entries = tokio::fs::read_dir(folder).await.map_err(unreadable)?;
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(unreadable)? {
        if !entry.file_type().await.map_err(unreadable)?.is_dir() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let product = if found.len() >= OWN_COUNT_MAX {
            Err(format!("there are more than {OWN_COUNT_MAX} products"))
        } else {
            read(&name, &entry.path()).await.map(Box::new)
        };
        found.push(Own {
            folder: name,
            product,
        });
    }
    found.sort_by(|left, right| left.folder.cmp(&right.folder));
    Ok(found)
}

async fn read(name: &str, folder: &Path) -> Result<Product, String> {
    let toml = text(&folder.join("product.toml")).await?;
    let sql = text(&folder.join("query.sql")).await?;
    Product::read(name, &toml, &sql, true)
}

async fn text(path: &Path) -> Result<String, String> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let about = |error: std::io::Error| format!("{name}: {error}");
    let bytes = tokio::fs::metadata(path).await.map_err(about)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(format!(
            "{name}: has {bytes} bytes; at most {FILE_BYTES_MAX}"
        ));
    }
    tokio::fs::read_to_string(path).await.map_err(about)
}

/// Holds a product's query against the tables and its own description.
pub(crate) async fn check(
    product: &Product,
    state: &SessionState,
    binding: &Binding,
) -> Result<(), String> {
    for bucket in &product.buckets {
        let mut binding = binding.clone();
        binding.bucket.clone_from(bucket);
        if bucket == NOW {
            "1h".clone_into(&mut binding.bucket);
        }
        let plan = bind::checked(state, product, &binding)
            .await
            .map_err(|error| format!("query.sql: {error} (placeholders are {PLACEHOLDERS})"))?;
        allow::check_plan(&plan, state).map_err(|error| format!("query.sql: {error}"))?;
        if reads_products(&plan).map_err(|error| format!("query.sql: {error}"))? {
            return Err(
                "query.sql: reads another product; read the tables that it reads".to_owned(),
            );
        }
        product.check_columns(plan.schema().as_arrow())?;
    }
    Ok(())
}

fn reads_products(plan: &LogicalPlan) -> Result<bool, AnalyticsError> {
    let mut found = false;
    let walked = plan.apply_with_subqueries(|step| {
        if let LogicalPlan::TableScan(scan) = step
            && scan.table_name.schema() == Some(PRODUCTS)
        {
            found = true;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.map_err(AnalyticsError::of_engine)?;
    Ok(found)
}
