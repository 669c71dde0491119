//! What can go wrong in a replay, worded so that a person can mend it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use arno_ingest::IngestError;

/// One fault of a mapping, or of a mapping against a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingFault {
    /// The line of the mapping; 0 when it is about a data file.
    pub line: u32,
    /// The key, like `property[2].time.zone`, or the data file.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub mend: String,
}

impl fmt::Display for MappingFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(formatter, "line {}: ", self.line)?;
        }
        let Self {
            line: _,
            key,
            problem,
            mend,
        } = self;
        if key.is_empty() {
            write!(formatter, "{problem}; {mend}")
        } else {
            write!(formatter, "`{key}` {problem}; {mend}")
        }
    }
}

/// All faults of a mapping, in one report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingFaults(pub Vec<MappingFault>);

impl fmt::Display for MappingFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            fault.fmt(formatter)?;
        }
        Ok(())
    }
}

/// Why a replay could not be prepared or played.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A mapping with faults.
    #[error("the mapping `{}` can't be used:\n{faults}", path.display())]
    Mapping {
        /// The mapping.
        path: PathBuf,
        /// Everything that is wrong with it.
        faults: MappingFaults,
    },
    /// Files that lack what the mapping names.
    #[error("the mapping does not fit the files:\n{faults}")]
    Unfit {
        /// What is missing where.
        faults: MappingFaults,
    },
    /// A file that can't be opened or read.
    #[error("`{}` can't be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file that is not in the mapping's format.
    #[error("`{}` is not readable as {format}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The format that the mapping names.
        format: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No file was named.
    #[error("no file to replay; name at least one")]
    NoFile,
    /// More readings than fit in memory at once.
    #[error("there are more than {limit} readings; replay the files in parts, oldest first")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// So many refusals that the mapping must be wrong.
    #[error(
        "more than {limit} fields were refused: the mapping does not fit; the first was: {first}"
    )]
    TooManyRefused {
        /// The limit.
        limit: usize,
        /// The first refusal's reason and detail.
        first: String,
    },
    /// A speed that is none.
    #[error("`{text}` is no speed; write a number above 0, like 60, or `max`")]
    Speed {
        /// The refused text.
        text: String,
    },
    /// Ingest did not take a portion.
    #[error("the readings up to {moment} were not stored; replay again, repeats are harmless")]
    Ingest {
        /// The portion's end.
        moment: arno_model::Timestamp,
        /// The cause.
        #[source]
        source: IngestError,
    },
    /// The broker did not take a portion.
    #[error("the broker `{broker}` did not acknowledge the readings up to {moment}")]
    Broker {
        /// The broker's address.
        broker: String,
        /// The portion's end.
        moment: arno_model::Timestamp,
        /// The cause.
        #[source]
        source: Box<rumqttc::ConnectionError>,
    },
    /// The reading thread ended early.
    #[error("reading the files was interrupted")]
    Interrupted,
}
