//! A table over rows that are in memory: rows and columns' makers come in, one batch goes out.
//!
//! # Why
//! The registry's tables differ in their columns alone. A column is made only when it is asked for.

use std::fmt;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use futures::StreamExt as _;

use crate::error::AnalyticsError;
use crate::question::Question;
use crate::table::leaf::{Batches, Source};
use crate::table::provider::{Asked, Provider, Read, Reading, assembled};

/// A column: its field, and how it is made of rows.
pub(super) type Column<R> = (Field, fn(&Question, &[R]) -> ArrayRef);

/// A table of rows that the registry holds.
struct Listing<R> {
    name: &'static str,
    question: Arc<Question>,
    columns: Arc<Vec<Column<R>>>,
    rows: fn(&Question) -> Vec<R>,
}

impl<R> Clone for Listing<R> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            question: Arc::clone(&self.question),
            columns: Arc::clone(&self.columns),
            rows: self.rows,
        }
    }
}

impl<R> fmt::Debug for Listing<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Listing")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<R: 'static> Asked for Listing<R> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns
                .iter()
                .map(|(field, _)| field.clone())
                .collect::<Vec<_>>(),
        ))
    }

    fn read(&self, read: Read) -> Result<Reading, AnalyticsError> {
        let source = Arc::new(Wanted {
            listing: self.clone(),
            read,
        });
        Ok(Reading {
            sorted_by: Vec::new(),
            partitions: 1,
            source,
        })
    }
}

struct Wanted<R> {
    listing: Listing<R>,
    read: Read,
}

impl<R> fmt::Debug for Wanted<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Wanted")
            .field("listing", &self.listing)
            .finish_non_exhaustive()
    }
}

impl<R: 'static> Source for Wanted<R> {
    fn open(&self, _partition: usize) -> Batches {
        let question = &self.listing.question;
        let rows = (self.listing.rows)(question);
        let wanted = self
            .read
            .columns
            .iter()
            .filter_map(|index| self.listing.columns.get(*index));
        let columns = wanted.map(|(_, make)| make(question, &rows)).collect();
        let batch = assembled(&self.read.schema, columns, rows.len());
        futures::stream::iter([batch]).boxed()
    }
}

/// A table of that name, with these rows and columns.
pub(super) fn listing<R: 'static>(
    name: &'static str,
    question: &Arc<Question>,
    rows: fn(&Question) -> Vec<R>,
    columns: Vec<Column<R>>,
) -> (&'static str, Arc<dyn TableProvider>) {
    let question = Arc::clone(question);
    (
        name,
        Provider::table(Listing {
            name,
            question,
            columns: Arc::new(columns),
            rows,
        }),
    )
}
