//! Analyses that no small town can set up alone: a caller's question comes in, a bounded stream of
//! rows that this caller may see goes out.
//!
//! # Why
//! Everything that is asked, over HTTP, in SQL or by a chart, goes through [`Analytics`]: one place
//! where privacy, limits and the meaning of figures hold, whatever the question looks like.
//!
//! # Shape
//! * `table`: what queries read, cut to the caller's view before they see it.
//! * `function`: what SQL can't say by itself: local time, time-weighted averages, geodesic
//!   geometry.
//! * [`product`]: named analyses, each a folder with its SQL and its description.
//! * [`privacy`]: figures about people as published cells.
//! * [`session`]: one bounded, read-only session a question, on threads of its own.
//!
//! The meaning of signals and the rollups themselves are next door, in `arno-analytics-rollup`.

pub mod config;
pub mod error;
pub mod facade;
pub mod history;
pub mod privacy;
pub mod product;
pub mod session;

pub(crate) mod function;
pub(crate) mod question;
pub(crate) mod table;
pub(crate) mod view;

pub use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream};

pub use config::{AnalyticsConfig, Limits};
pub use error::{AnalyticsError, Bound};
pub use facade::Analytics;
pub use history::ObservationQuery;
pub use product::{Product, ProductQuery, Refused};
