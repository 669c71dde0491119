//! From when and how far a question looks: `as_of` and the store's clock come in, what is kept,
//! open and not yet told goes out; and the buckets of the answer.

use std::sync::Arc;

use arno_model::time::DAY_US;
use arno_model::{Bucket, TimeRange, Timestamp, Zone};

use crate::error::RollupError;
use crate::rollup::engine::Inner;
use crate::rollup::tally::Horizon;
use crate::rollup::view::View;
use crate::signal::Span;
use crate::signal::series::micros;

/// Most rows of an answer that is one batch.
pub const ANSWER_ROWS_MAX: usize = 1_000_000;

/// Where a question stands in time.
#[derive(Debug, Clone)]
pub struct Sight {
    /// What is kept.
    pub view: Arc<View>,
    /// The moment up to which the world is told.
    pub now: i64,
    /// Only what was known then; absent: what is known.
    pub as_of: Option<Timestamp>,
    /// Kept rows answer before this moment; nothing is kept of the past as it was known then.
    pub closed_until: i64,
}

impl Sight {
    /// Of a question with or without an `as_of`.
    pub fn of(inner: &Inner, as_of: Option<Timestamp>) -> Self {
        let view = inner.view();
        let now = inner.backend().now();
        match as_of.filter(|moment| *moment < now) {
            Some(moment) => Self {
                view,
                now: micros(moment),
                as_of: Some(moment),
                closed_until: i64::MIN,
            },
            None => Self {
                now: micros(now),
                as_of: None,
                closed_until: view.frontier,
                view,
            },
        }
    }

    /// How far series are read where nothing is kept.
    pub const fn horizon(&self) -> Horizon {
        Horizon::open(self.now)
    }

    /// The buckets of an answer: those that meet the range, from the first kept observation to now.
    ///
    /// # Errors
    /// [`RollupError::TooManyRows`] above [`ANSWER_ROWS_MAX`].
    pub fn buckets(
        &self,
        range: TimeRange,
        bucket: Bucket,
        zone: &Zone,
    ) -> Result<Vec<Span>, RollupError> {
        let Some(first) = self.view.first() else {
            return Ok(Vec::new());
        };
        let told = TimeRange::new(
            Timestamp::from_micros(first),
            Timestamp::from_micros(self.now),
        );
        let covering = bucket.covering(range.intersect(told), zone);
        let spans = covering.map(|bucket| Span::new(micros(bucket.start), micros(bucket.end)));
        let buckets: Vec<Span> = spans.take(ANSWER_ROWS_MAX + 1).collect();
        if buckets.len() > ANSWER_ROWS_MAX {
            return Err(RollupError::TooManyRows {
                rows_max: ANSWER_ROWS_MAX,
            });
        }
        Ok(buckets)
    }

    /// Whether a bucket is not over yet.
    pub const fn is_open(&self, bucket: Span) -> bool {
        bucket.end > self.now
    }

    /// When a bucket without any row was computed, so to say: when it closed, or now.
    pub fn blank_computed_at(&self, bucket: Span) -> i64 {
        bucket.end.min(self.now)
    }
}

/// Buckets that are worked on together: narrow ones by UTC day, wide ones one by one, so that
/// memory is bounded by a day's series or a bucket's sums.
pub fn windows(buckets: &[Span], width: Bucket) -> impl Iterator<Item = &[Span]> {
    let is_wide = !matches!(width, Bucket::Quarter | Bucket::Hour);
    buckets.chunk_by(move |left, right| {
        !is_wide && left.start.div_euclid(DAY_US) == right.start.div_euclid(DAY_US)
    })
}
