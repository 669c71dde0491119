//! The project's own recordings, with every quirk, into a store: counts, clock and order are exact.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use arno_ingest_replay::{IngestSink, Mapping, Replay, ReplayError, Speed};
use arno_model::{Ledger, TimeRange, Timestamp};
use arno_store::{ClockState, ObservationReader as _, QuarantineFilter, QuarantineLog as _};
use tokio_util::sync::CancellationToken;

use crate::world::{Judge, World, registry};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn replay() -> Replay {
    let mapping = Mapping::open(&fixture("lots.toml")).unwrap();
    let files = [fixture("lots-a.ndjson"), fixture("lots-b.ndjson")];
    Replay::read_now(&files, &mapping).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

#[tokio::test]
async fn the_ledger_closes_and_the_clock_is_the_recordings() {
    let world = World::of(registry(&fixture("borgo")));
    let mut sink = IngestSink::new(world.ingest.clone());
    let mut moments = Vec::new();
    let replay = replay();
    assert_eq!(replay.counts().received(), 36);
    let token = CancellationToken::new();
    let played = replay
        .run(&mut sink, Speed::Max, &token, |progress| {
            moments.push(progress.moment);
        })
        .await
        .unwrap();
    let wanted = Ledger {
        stored: 20,
        repeated: 1,
        corrected: 1,
        quarantined: 8,
        ignored: 6,
    };
    assert_eq!(played.ledger, wanted);
    assert!(played.is_complete);
    assert_eq!(world.store.ledger(), wanted);
    assert_eq!(
        moments,
        [at("2026-03-01T08:41:00Z"), at("2026-03-01T09:15:00Z")]
    );
    let now = at("2026-03-01T09:15:00Z");
    assert_eq!(world.store.clock(), ClockState::Recorded { now });
    let refused = world
        .store
        .quarantined(QuarantineFilter {
            limit: 100,
            ..QuarantineFilter::default()
        })
        .await
        .unwrap();
    let mut reasons: Vec<_> = refused
        .iter()
        .map(|one| one.entry.reason.as_str())
        .collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [
            "bad_value",
            "bad_value",
            "future",
            "malformed",
            "missing_time",
            "unknown_thing",
            "unknown_thing",
            "unknown_thing"
        ]
    );
    let broken = refused
        .iter()
        .find(|one| one.entry.reason.as_str() == "malformed")
        .unwrap();
    assert_eq!(
        broken.entry.payload.as_deref(),
        Some(b"not json at all".as_slice())
    );
    assert_eq!(broken.entry.topic, "replay/lots-b.ndjson");
    world.end().await;
}

#[tokio::test]
async fn playing_again_repeats_everything() {
    let world = World::of(registry(&fixture("borgo")));
    let token = CancellationToken::new();
    let mut ledgers = Vec::new();
    for _time in 0..2 {
        let mut sink = IngestSink::new(world.ingest.clone());
        let played = replay()
            .run(&mut sink, Speed::Max, &token, |_progress| {})
            .await
            .unwrap();
        ledgers.push(played.ledger);
    }
    assert_eq!(
        ledgers[1].repeated,
        ledgers[0].stored + ledgers[0].corrected + 1
    );
    assert_eq!((ledgers[1].stored, ledgers[1].corrected), (0, 0));
    assert_eq!(ledgers[1].received(), ledgers[0].received());
    world.end().await;
}

#[tokio::test]
async fn what_was_known_at_a_moment_of_the_recording_can_be_asked() {
    let world = World::of(registry(&fixture("borgo")));
    let mut sink = IngestSink::new(world.ingest.clone());
    let token = CancellationToken::new();
    replay()
        .run(&mut sink, Speed::Max, &token, |_progress| {})
        .await
        .unwrap();
    let range = TimeRange::ALL;
    let known = |as_of: &str| {
        let mut scan = arno_store::Scan::of(arno_store::Streams::All, range);
        scan.as_of = Some(at(as_of));
        let store = std::sync::Arc::clone(&world.store);
        async move {
            let mut rows = 0;
            for mut stream in store.scan(scan).await.unwrap() {
                while let Some(batch) = futures::StreamExt::next(&mut stream).await {
                    rows += batch.unwrap().num_rows();
                }
            }
            rows
        }
    };
    assert_eq!(known("2026-03-01T08:00:00Z").await, 0);
    let first = known("2026-03-01T09:00:00Z").await;
    let both = known("2026-03-01T10:00:00Z").await;
    assert_eq!((first, both), (18, 20));
    world.end().await;
}

#[tokio::test]
async fn a_speed_paces_the_play_and_a_token_ends_it() {
    let mut judge = Judge::default();
    let token = CancellationToken::new();
    let begun = Instant::now();
    let speed: Speed = "7200".parse().unwrap();
    let played = replay()
        .run(&mut judge, speed, &token, |_progress| {})
        .await
        .unwrap();
    let elapsed = begun.elapsed();
    assert!(played.is_complete);
    assert!(
        elapsed > Duration::from_millis(500),
        "74 minutes at 7,200: {elapsed:?}"
    );
    let mut judge = Judge::default();
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let played = replay()
        .run(&mut judge, Speed::Times(0.001), &cancelled, |_progress| {})
        .await;
    assert!(!played.unwrap().is_complete);
    for bad in ["0", "-1", "fast", "nan", "inf", ""] {
        assert!(
            matches!(bad.parse::<Speed>(), Err(ReplayError::Speed { .. })),
            "{bad}"
        );
    }
}

#[test]
fn portions_hold_everything_once_and_stay_small() {
    for width_us in [1, 1_000_000, 600_000_000, i64::MAX] {
        let mut recording = replay().into_recording();
        let total = recording.counts().received();
        let (mut sum, mut last) = (0, Timestamp::MIN);
        while let Some(portion) = recording.next_portion(width_us) {
            assert!(portion.moment >= last, "moments do not go back");
            assert!(
                portion
                    .readings
                    .is_sorted_by_key(|reading| reading.received)
            );
            last = portion.moment;
            sum += portion.received();
        }
        assert_eq!(sum, total, "width {width_us}");
    }
}

#[test]
fn a_mapping_of_people_keeps_nothing_of_a_refused_row() {
    let text = std::fs::read_to_string(fixture("lots.toml")).unwrap();
    let mapping = Mapping::parse(&format!("people = true\n{text}")).unwrap();
    let replay = Replay::read_now(&[fixture("lots-b.ndjson")], &mapping).unwrap();
    let mut recording = replay.into_recording();
    let mut count = 0;
    while let Some(portion) = recording.next_portion(i64::MAX) {
        for entry in portion.refused {
            assert_eq!(entry.payload, None);
            assert!(!entry.detail.contains("molti") && !entry.detail.contains("forse"));
            assert!(entry.payload_bytes > 0);
            count += 1;
        }
    }
    assert_eq!(count, 4);
}
