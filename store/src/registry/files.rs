//! Reads a registry from its four files: a folder or an upload comes in, a bundle goes out, or one
//! report with every fault.
//!
//! # Why
//! An operator writes these files by hand and with scripts; every mistake is told at once with its
//! file, line, feature and mend. A folder may hold some of the files only: the others stay as they
//! are, so that new car parks need no copy of the boundaries.
//!
//! # Shape
//! TOML 1.1 and RFC 7946 in UTF-8. See `docs/registry.md` for every key.
//!
//! # Limits
//! [`FILE_BYTES_MAX`] per file: a longer one is refused unread.

mod areas;
mod geojson;
mod properties;
mod publishers;
mod table;
mod things;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::bundle::{Bundle, Part};
use super::check::Lines;
use super::fault::{Fault, Faults, Report, Spot, nearest};
use super::{Registry, RegistryError};

pub use areas::MEMBERS_COUNT_MAX;
pub(super) use areas::istat_code;
pub(super) use properties::{WITHOUT_LIMIT, read as read_properties};

/// Largest file: all of Italy's municipal boundaries take about 40 MB.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The bytes of a registry's files; an absent one leaves its part as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// `publishers.toml`.
    pub publishers: Option<Vec<u8>>,
    /// `properties.toml`.
    pub properties: Option<Vec<u8>>,
    /// `areas.geojson`.
    pub areas: Option<Vec<u8>>,
    /// `things.geojson`.
    pub things: Option<Vec<u8>>,
}

/// A registry that was read and checked.
#[derive(Debug)]
pub struct Checked {
    /// The snapshot, of revision 0.
    pub registry: Registry,
    /// What looks wrong without being an error.
    pub warnings: Vec<Fault>,
}

impl Files {
    /// One file's bytes.
    pub fn part(&self, part: Part) -> Option<&[u8]> {
        match part {
            Part::Publishers => self.publishers.as_deref(),
            Part::Properties => self.properties.as_deref(),
            Part::Areas => self.areas.as_deref(),
            Part::Things => self.things.as_deref(),
        }
    }

    /// Sets one file's bytes.
    pub fn set(&mut self, part: Part, bytes: Vec<u8>) {
        let place = match part {
            Part::Publishers => &mut self.publishers,
            Part::Properties => &mut self.properties,
            Part::Areas => &mut self.areas,
            Part::Things => &mut self.things,
        };
        *place = Some(bytes);
    }

    /// Reads a folder. Blocking.
    ///
    /// # Errors
    /// `ReadFile` when a file is there and can't be read; `Faults` when none is there or one is
    /// longer than [`FILE_BYTES_MAX`].
    pub fn read_folder(folder: &Path) -> Result<Self, RegistryError> {
        let mut files = Self::default();
        let mut faults = Faults::default();
        for part in Part::ALL {
            let path = folder.join(part.file_name());
            match read_bounded(&path) {
                Ok(bytes) if bytes.len() > FILE_BYTES_MAX => too_long(part, &mut faults),
                Ok(bytes) => files.set(part, bytes),
                Err(source) if source.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(RegistryError::ReadFile { path, source }),
            }
        }
        if files == Self::default() {
            let problem = if folder.is_dir() {
                "the folder holds no registry file"
            } else {
                "there is no such folder"
            };
            let mend = misspelt(folder).unwrap_or_else(|| {
                "name a folder with publishers.toml, properties.toml, areas.geojson and \
                 things.geojson, or some of them"
                    .to_owned()
            });
            faults.folder_error(folder, problem, mend);
        }
        faults.finish().map_err(RegistryError::Faults)?;
        Ok(files)
    }

    /// Writes the files that are there into a folder, which is made when it is missing. Blocking.
    ///
    /// # Errors
    /// `WriteFile`.
    pub fn write_folder(&self, folder: &Path) -> Result<(), RegistryError> {
        let failed = |path: &Path, source| RegistryError::WriteFile {
            path: path.to_owned(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        for part in Part::ALL {
            if let Some(bytes) = self.part(part) {
                let path = folder.join(part.file_name());
                std::fs::write(&path, bytes).map_err(|source| failed(&path, source))?;
            }
        }
        Ok(())
    }

    /// Reads and checks everything; parts whose file is absent are taken from `base`.
    ///
    /// # Errors
    /// [`Report`] with every fault.
    pub fn check(&self, base: &Bundle) -> Result<Checked, Report> {
        let (bundle, mut lines, faults) = self.read(base);
        let (registry, warnings) = Registry::build_at(bundle, &mut lines, faults)?;
        Ok(Checked { registry, warnings })
    }

    /// Derives a registry from files that were checked before they were kept: they are read, and
    /// not held against rules that came later.
    ///
    /// # Errors
    /// [`Report`] when they can't be read.
    pub(super) fn kept(&self) -> Result<Registry, Report> {
        let (bundle, _, faults) = self.read(&Bundle::default());
        faults.finish()?;
        Ok(Registry::derive(bundle).0)
    }

    /// Reads everything, and notes what is wrong with each entry by itself.
    fn read(&self, base: &Bundle) -> (Bundle, Lines, Faults) {
        let mut bundle = base.clone();
        let mut lines = Lines::default();
        let mut faults = Faults::default();
        for part in Part::ALL {
            let Some(bytes) = self.part(part) else {
                continue;
            };
            let Some(text) = text_of(part, bytes, &mut faults) else {
                lines.lose(part);
                continue;
            };
            match part {
                Part::Publishers => {
                    bundle.publishers = publishers::read(text, &mut lines, &mut faults);
                }
                Part::Properties => {
                    bundle.properties = properties::read(text, &mut lines, &mut faults);
                }
                Part::Areas => areas::read(text, &mut bundle, &mut lines, &mut faults),
                Part::Things => bundle.things = things::read(text, &mut lines, &mut faults),
            }
        }
        (bundle, lines, faults)
    }
}

/// Reads at most one byte more than a file may have.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn too_long(part: Part, faults: &mut Faults) {
    let problem = format!(
        "the file is longer than {} MiB",
        FILE_BYTES_MAX / 1024 / 1024
    );
    faults.error(
        &Spot::file(part),
        problem,
        "generalise the polygons, or split the region",
    );
}

fn text_of<'a>(part: Part, bytes: &'a [u8], faults: &mut Faults) -> Option<&'a str> {
    if bytes.len() > FILE_BYTES_MAX {
        too_long(part, faults);
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(cause) => {
            let before = bytes.iter().take(cause.valid_up_to());
            let line = 1 + before.filter(|byte| **byte == b'\n').count();
            let spot = Spot::line(part, u32::try_from(line).unwrap_or(u32::MAX));
            faults.error(&spot, "the file is not UTF-8", "save it as UTF-8");
            None
        }
    }
}

/// A file of the folder whose name is nearly right.
fn misspelt(folder: &Path) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?;
    let names = entries
        .take(1_000)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let known = || Part::ALL.iter().map(|part| part.file_name());
    let (name, near) = names
        .filter_map(|name| Some((name.clone(), nearest(&name, known())?)))
        .min()?;
    Some(format!(
        "is `{}` meant to be `{near}`?",
        PathBuf::from(name).display()
    ))
}
