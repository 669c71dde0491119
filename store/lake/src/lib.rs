//! The lake: kept observations as sorted Parquet files under a Delta Lake log, and Parquet bytes
//! for derived segments.
//!
//! # Why
//! History outgrows memory and one disk, and belongs to everybody: any tool that reads Delta or
//! Parquet reads it.

pub mod segment;
