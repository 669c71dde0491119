//! The lake: kept observations as sorted Parquet files under a Delta Lake log, and Parquet bytes
//! for derived segments.
//!
//! # Why
//! History outgrows memory and one disk, and belongs to everybody: any tool that reads Delta or
//! Parquet reads it. The crate `deltalake` keeps the log; the Parquet is ours, since sorting,
//! encodings and the index in the footer make it small and quick.
//!
//! # Shape
//! `month=YYYY-MM/part-<number>.parquet`, each sorted by (datastream, time, commit), all versions.
//! Rows of one month may lie in several files: readers [`merge`].
//!
//! # Limits
//! Opening reads every file's footer; who writes bounds the number of files.

mod columns;
mod error;
mod file;
mod index;
pub mod merge;
mod month;
mod read;
pub mod segment;
mod statistics;
mod table;
mod write;

pub use error::LakeError;
pub use file::LakeFile;
pub use index::Span;
pub use month::Month;
pub use read::Ask;
pub use table::{Change, Files, Lake, Opened};
