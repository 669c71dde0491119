//! What can go wrong in a simulation.

use std::io;
use std::path::PathBuf;

/// Why a simulation could not be set up, played or written.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// No municipality to simulate.
    #[error("there is no municipality to simulate; give at least one with a polygon")]
    NoMunicipality,
    /// More towns asked than there are.
    #[error("{asked} towns were asked, but only {known} municipalities are known; ask for fewer")]
    TooManyTowns {
        /// Towns asked.
        asked: usize,
        /// Municipalities known.
        known: usize,
    },
    /// A setting outside its range.
    #[error("`{setting}` is {found}; it must be {allowed}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Boundaries that are not a GeoJSON feature collection of areas.
    #[error("the boundaries can't be read as GeoJSON")]
    Boundaries {
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A broker's address that can't be used.
    #[error("`{url}` is no broker to publish to: {mend}")]
    Broker {
        /// The address, without its password.
        url: String,
        /// What would be right.
        mend: &'static str,
    },
    /// A file of the truth.
    #[error("the truth can't be written to `{}`", path.display())]
    WriteTruth {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The thread that generates stopped early.
    #[error("the generator stopped before its end")]
    GeneratorStopped,
}
