//! What signals mean over time: pure functions over one thing's sorted series.
