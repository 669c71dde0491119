//! History flows into a sink in order, fast, and stops where the sink or the token says.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use arno_model::Timestamp;
use arno_model::time::{DAY_US, HOUR_US};
use arno_simulators::{
    Backfill, BackfillError, BackfillSink, Chunk, FaultRates, Generator, Truth, TruthLog,
};
use tokio_util::sync::CancellationToken;

use crate::region;

#[derive(Default)]
struct Collected {
    chunks: Vec<Chunk>,
    refuse_after: Option<usize>,
}

impl BackfillSink for Collected {
    type Error = io::Error;

    async fn accept(&mut self, chunk: Chunk) -> Result<(), io::Error> {
        if self.refuse_after == Some(self.chunks.len()) {
            return Err(io::Error::other("no room"));
        }
        self.chunks.push(chunk);
        Ok(())
    }
}

fn start() -> Timestamp {
    Timestamp::parse("2026-03-20T00:00:00Z").unwrap()
}

#[tokio::test]
async fn history_comes_in_hours_and_the_truth_counts_it() {
    let region = region(2, FaultRates::default());
    let mut truth = TruthLog::new(Arc::clone(&region));
    let mut sink = Collected::default();
    let backfill = Backfill {
        generator: Generator::new(region, start()),
        until: start().plus_us(DAY_US + HOUR_US / 2),
        token: CancellationToken::new(),
        truth: Some(&mut truth),
    };
    let mut steps = 0;
    let (generator, report) = backfill.run(&mut sink, |_report| steps += 1).await.unwrap();
    assert_eq!((steps, sink.chunks.len()), (25, 25));
    assert_eq!(generator.now(), start().plus_us(DAY_US + HOUR_US / 2));
    let mut last = start();
    for chunk in &sink.chunks {
        assert_eq!(chunk.range.start, last);
        assert!(chunk.range.length_us() <= HOUR_US);
        assert!(chunk.rows.is_sorted_by_key(|row| row.received));
        last = chunk.range.end;
    }
    let received = Truth::of(&truth).ledger().received();
    assert_eq!(received, report.rows_count + report.garbage_count);
}

#[tokio::test]
async fn a_sink_that_refuses_ends_it_with_its_reason() {
    let region = region(1, FaultRates::NONE);
    let mut sink = Collected {
        refuse_after: Some(3),
        ..Collected::default()
    };
    let backfill = Backfill {
        generator: Generator::new(region, start()),
        until: start().plus_us(DAY_US),
        token: CancellationToken::new(),
        truth: None,
    };
    let ended = backfill.run(&mut sink, |_report| {}).await;
    assert!(matches!(ended, Err(BackfillError::Sink { .. })));
    assert_eq!(sink.chunks.len(), 3);
}

#[tokio::test]
async fn a_cancelled_token_stops_between_chunks() {
    let region = region(1, FaultRates::NONE);
    let token = CancellationToken::new();
    let backfill = Backfill {
        generator: Generator::new(region, start()),
        until: start().plus_us(3_000 * DAY_US),
        token: token.clone(),
        truth: None,
    };
    let mut sink = Collected::default();
    let (generator, _report) = backfill
        .run(&mut sink, |_report| token.cancel())
        .await
        .unwrap();
    assert!(generator.now() < start().plus_us(DAY_US));
}

/// The aim is a million rows a second; a busy machine is given three times as long.
#[test]
fn generating_is_fast() {
    let mut generator = Generator::new(region(20, FaultRates::default()), start());
    let begun = Instant::now();
    let end = start().plus_us(10 * DAY_US);
    let count: usize = generator.hours(end).map(|chunk| chunk.rows.len()).sum();
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!("{count} rows in {seconds:.2} s");
    assert!(
        count > 1_400_000 && seconds < 5.0,
        "{count} rows in {seconds:.2} s"
    );
}
