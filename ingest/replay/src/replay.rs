//! A replay: files and a mapping are read, then played into a sink at a speed.
//!
//! # Why
//! Reading comes first and whole, so that a mapping that does not fit is told before anything is
//! stored, and rows can be put in the order in which they were received.
//!
//! # Shape
//! [`Replay::read`] (on a blocking thread) → [`Replay::run`] (portions, paced).

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use arno_model::time::{HOUR_US, SECOND_US};
use arno_model::{Ledger, Timestamp};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::decode::Decoder;
use crate::error::ReplayError;
use crate::mapping::Mapping;
use crate::recording::{Builder, Counts, Recording};
use crate::sink::Sink;
use crate::source;

/// Fastest paced play, in recorded seconds a second; beyond it there is `max`.
pub const SPEED_MAX: f64 = 1e7;

/// How fast a recording is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many recorded seconds in one.
    Times(f64),
    /// As fast as the sink takes it.
    Max,
}

impl FromStr for Speed {
    type Err = ReplayError;

    fn from_str(text: &str) -> Result<Self, ReplayError> {
        let refused = || ReplayError::Speed {
            text: text.chars().take(40).collect(),
        };
        if text == "max" {
            return Ok(Self::Max);
        }
        let times: f64 = text.parse().map_err(|_cause| refused())?;
        if times > 0.0 && times <= SPEED_MAX {
            Ok(Self::Times(times))
        } else {
            Err(refused())
        }
    }
}

impl Speed {
    /// The portions' width: a second of play, at most an hour of the recording.
    fn width_us(self) -> i64 {
        match self {
            Self::Max => HOUR_US,
            Self::Times(times) => micros_of(times).clamp(SECOND_US, HOUR_US),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a speed is at most 1e7, which is 1e13 microseconds"
)]
fn micros_of(seconds: f64) -> i64 {
    (seconds * 1e6) as i64
}

/// How far a replay has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Where the recorded clock stands.
    pub moment: Timestamp,
    /// Observations played.
    pub played: u64,
    /// Observations of the whole recording.
    pub total: u64,
    /// What became of them.
    pub ledger: Ledger,
}

/// How a replay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Played {
    /// What the files held.
    pub counts: Counts,
    /// What became of what was played. Through a broker only the counts of sent and ignored are
    /// known here: what was sent stands under `stored`.
    pub ledger: Ledger,
    /// Whether all of it was played.
    pub is_complete: bool,
}

/// A recording, ready to be played.
#[derive(Debug)]
pub struct Replay {
    recording: Recording,
}

impl Replay {
    /// Checks the files against the mapping and reads them whole.
    ///
    /// # Errors
    /// `NoFile`, `Unfit`, `Read`, `Format`, `TooMany`, `TooManyRefused`: as their texts say.
    ///
    /// # Cancel
    /// Dropping the future forgets what is read; the thread ends with its file.
    pub async fn read(paths: Vec<PathBuf>, mapping: Mapping) -> Result<Self, ReplayError> {
        let reading = tokio::task::spawn_blocking(move || Self::read_now(&paths, &mapping));
        reading.await.map_err(|_cause| ReplayError::Interrupted)?
    }

    /// [`Self::read`], on the caller's thread.
    ///
    /// # Errors
    /// As there.
    pub fn read_now(paths: &[PathBuf], mapping: &Mapping) -> Result<Self, ReplayError> {
        source::check(paths, mapping)?;
        let mut builder = Builder::default();
        for path in paths {
            let mut decoder = Decoder::new(mapping, topic_of(path), &mut builder);
            source::read(path, mapping, &mut |row| decoder.take(&row))?;
        }
        Ok(Self {
            recording: builder.finish(mapping),
        })
    }

    /// What the files held.
    pub const fn counts(&self) -> Counts {
        self.recording.counts()
    }

    /// The recording itself.
    pub fn into_recording(self) -> Recording {
        self.recording
    }

    /// Plays all of it, in order, until the end or until the token is cancelled.
    ///
    /// # Errors
    /// What the sink says; what it took before stays, and playing again is safe.
    ///
    /// # Cancel
    /// Dropping the future stops at the portion under way; the token stops after it.
    pub async fn run<S: Sink>(
        mut self,
        sink: &mut S,
        speed: Speed,
        token: &CancellationToken,
        mut progress: impl FnMut(&Progress),
    ) -> Result<Played, ReplayError> {
        let counts = self.counts();
        let begun = Instant::now();
        let start = self.recording.start();
        let (mut ledger, mut played) = (Ledger::default(), 0);
        let mut is_complete = true;
        while let Some(portion) = self.recording.next_portion(speed.width_us()) {
            if let (Speed::Times(times), Some(start)) = (speed, start) {
                let due = begun + wait_of(portion.moment.since_us(start), times);
                tokio::select! {
                    () = sleep_until(due) => {}
                    () = token.cancelled() => {}
                }
            }
            if token.is_cancelled() {
                is_complete = false;
                break;
            }
            let (moment, received) = (portion.moment, portion.received());
            ledger += sink.take(portion).await?;
            played += received;
            progress(&Progress {
                moment,
                played,
                total: counts.received(),
                ledger,
            });
        }
        sink.finish().await?;
        Ok(Played {
            counts,
            ledger,
            is_complete,
        })
    }
}

fn wait_of(recorded_us: i64, times: f64) -> Duration {
    let micros = u64::try_from(recorded_us).unwrap_or(0);
    Duration::from_micros(micros).div_f64(times)
}

/// What refusals of a file say they came by.
fn topic_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    format!("replay/{}", name.to_string_lossy())
}
