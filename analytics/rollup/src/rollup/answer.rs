//! Answers: questions come in, batches go out; from kept rows where they are closed, computed by
//! the same functions where they are not.

pub mod area;
pub mod area_cells;
pub mod area_sum;
pub mod base_row;
pub mod columns;
pub mod interval;
pub mod interval_read;
pub mod members;
pub mod moment;
pub mod sight;
pub mod thing;
