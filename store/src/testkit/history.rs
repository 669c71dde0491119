//! Random histories: what a store may live through, as plain steps that print and shrink.
//!
//! # Shape
//! Few datastreams and few times, so that repeats, corrections and ties are common; times from one
//! minute to days apart over three months, so that they fall into several partitions.

use proptest::prelude::*;

use crate::append::QuarantineReason;
use crate::scan::Versions;

/// Datastreams that histories use.
pub(super) const STREAMS_COUNT: u8 = 6;
/// Places in time that histories use.
pub(super) const SLOTS_COUNT: u16 = 48;

/// One observation to send.
#[derive(Debug, Clone)]
pub(super) struct RowStep {
    pub(super) stream: u8,
    pub(super) slot: u16,
    pub(super) result: Option<f64>,
    pub(super) quality: u8,
    /// Minutes before the clock's time at which it was received.
    pub(super) received_ago: u8,
    /// Minutes around the received time at which the source made it.
    pub(super) made: Option<i8>,
}

/// One question.
#[derive(Debug, Clone)]
pub(super) struct ScanStep {
    pub(super) streams: Option<Vec<u8>>,
    pub(super) from: u16,
    pub(super) slots: u16,
    pub(super) with_lead: bool,
    /// Which of the commits so far, as a fraction of 256.
    pub(super) as_of: Option<u8>,
    pub(super) versions: Versions,
    /// Bits of the columns; absent: all.
    pub(super) columns: Option<u8>,
    pub(super) limit: Option<u8>,
    pub(super) partitions: u8,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Rows arrive, with so many refused and ignored ones.
    Append {
        rows: Vec<RowStep>,
        refused: u8,
        ignored: u8,
        recorded: Option<u8>,
    },
    /// A run in order on one stream, from a slot on.
    Run {
        stream: u8,
        slot: u16,
        count: u16,
        step_s: u16,
    },
    /// An earlier append comes again.
    Again { which: u8 },
    /// The clock moves by seconds.
    Wait { seconds: i16 },
    /// The store is closed and opened.
    Restart,
    /// The store does what is due.
    Maintain,
    /// A document is written, with the right revision or not.
    Document {
        name: u8,
        bytes: Vec<u8>,
        is_right: bool,
    },
    /// Segments are swapped: days with so many rows.
    Segments {
        kind: u8,
        days: Vec<(i8, u8)>,
        mark: u8,
    },
    /// Rows are asked for.
    Scan(ScanStep),
    /// What changed since a commit (a fraction of 256)?
    Touched { since: Option<u8> },
    /// Refusals are listed.
    Quarantined {
        reason: Option<QuarantineReason>,
        publisher: bool,
        before: Option<u8>,
        limit: u8,
    },
    /// A batch that no store may take.
    Wrong { kind: u8 },
}

fn result() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        4 => (0_u8..4).prop_map(|number| Some(f64::from(number))),
        1 => Just(Some(-0.0)),
        1 => Just(Some(0.5)),
        1 => Just(None),
    ]
}

fn row() -> impl Strategy<Value = RowStep> {
    let made = prop_oneof![3 => Just(None), 2 => (-3_i8..3).prop_map(Some)];
    let parts = (
        0..STREAMS_COUNT,
        0..SLOTS_COUNT,
        result(),
        0_u8..3,
        0_u8..4,
        made,
    );
    parts.prop_map(
        |(stream, slot, result, quality, received_ago, made)| RowStep {
            stream,
            slot,
            result,
            quality,
            received_ago,
            made,
        },
    )
}

fn scan() -> impl Strategy<Value = ScanStep> {
    let what = (
        prop_oneof![
            Just(None),
            prop::collection::vec(0..STREAMS_COUNT + 2, 0..4).prop_map(Some)
        ],
        0..SLOTS_COUNT,
        0..=SLOTS_COUNT,
        any::<bool>(),
        prop::option::of(any::<u8>()),
    );
    let how = (
        prop_oneof![Just(Versions::Winning), Just(Versions::All)],
        prop::option::of(0_u8..128),
        prop_oneof![3 => Just(None), 1 => (0_u8..20).prop_map(Some)],
        1_u8..4,
    );
    (what, how).prop_map(|(what, how)| ScanStep {
        streams: what.0,
        from: what.1,
        slots: what.2,
        with_lead: what.3,
        as_of: what.4,
        versions: how.0,
        columns: how.1,
        limit: how.2,
        partitions: how.3,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let rows = prop::collection::vec(row(), 0..24);
    let reason = prop_oneof![
        Just(None),
        Just(Some(QuarantineReason::Malformed)),
        Just(Some(QuarantineReason::Future)),
    ];
    prop_oneof![
        8 => (rows, 0_u8..3, 0_u8..3, prop::option::weighted(0.3, any::<u8>())).prop_map(
            |(rows, refused, ignored, recorded)| Step::Append { rows, refused, ignored, recorded }
        ),
        2 => (0..STREAMS_COUNT, 0..SLOTS_COUNT, 1_u16..1_500, 1_u16..4_000).prop_map(
            |(stream, slot, count, step_s)| Step::Run { stream, slot, count, step_s }
        ),
        2 => any::<u8>().prop_map(|which| Step::Again { which }),
        2 => (-100_i16..2_000).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Restart),
        2 => Just(Step::Maintain),
        1 => (0_u8..2, prop::collection::vec(any::<u8>(), 0..40), any::<bool>()).prop_map(
            |(name, bytes, is_right)| Step::Document { name, bytes, is_right }
        ),
        1 => (0_u8..2, prop::collection::vec((-2_i8..3, 0_u8..5), 0..4), any::<u8>()).prop_map(
            |(kind, days, mark)| Step::Segments { kind, days, mark }
        ),
        6 => scan().prop_map(Step::Scan),
        2 => prop::option::of(any::<u8>()).prop_map(|since| Step::Touched { since }),
        1 => (reason, any::<bool>(), prop::option::of(any::<u8>()), 1_u8..6).prop_map(
            |(reason, publisher, before, limit)| Step::Quarantined {
                reason, publisher, before, limit
            }
        ),
        1 => (0_u8..5).prop_map(|kind| Step::Wrong { kind }),
    ]
}

/// A history of up to 40 steps.
pub(super) fn history() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..40)
}
