//! Takes what is whole out of a log that its database refuses, into a new one.
//!
//! # Why
//! After a crash the database verifies every page and refuses the file for a single damaged one.
//! All values are [`envelope`](crate::envelope)s that know their table, key and age, so those whose
//! checksum holds are found by reading through the raw file.
//!
//! # Limits
//! What is lost is what the damaged pages held; groups that the file should have and has not are
//! named. Counts may miss the newest commit if it was the damaged one.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::envelope::{Kind, MAGIC, find, open};

/// The newest whole values of a raw file, sealed as they were.
#[derive(Debug, Default)]
pub(crate) struct Salvaged {
    /// By table and key.
    pub(crate) values: HashMap<(Kind, Vec<u8>), Vec<u8>>,
}

impl Salvaged {
    /// Reads through a file.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::open(path)?.read_to_end(&mut bytes)?;
        let mut salvaged = Self::default();
        let mut at = 0;
        while let Some(found) = find(&bytes[at..]) {
            at += found;
            at += salvaged.take(&bytes[at..]).unwrap_or(MAGIC.len());
        }
        Ok(salvaged)
    }

    /// Takes the value at the beginning of `bytes` and returns its length, if it is whole.
    fn take(&mut self, bytes: &[u8]) -> Option<usize> {
        let opened = open(bytes).ok()?;
        let name = (opened.kind, opened.key.to_vec());
        let known = self.values.get(&name).and_then(|sealed| open(sealed).ok());
        if known.is_none_or(|known| known.stamp <= opened.stamp) {
            self.values
                .insert(name, bytes.get(..opened.length)?.to_vec());
        }
        Some(opened.length)
    }

    /// The values of a table.
    pub(crate) fn of(&self, kind: Kind) -> impl Iterator<Item = (&[u8], &[u8])> {
        let values = self
            .values
            .iter()
            .filter(move |((of, _key), _sealed)| *of == kind);
        values.map(|((_kind, key), sealed)| (key.as_slice(), sealed.as_slice()))
    }
}

/// Moves a refused file out of the way, and returns where to.
pub(crate) fn move_aside(path: &Path, aside: &Path) -> io::Result<PathBuf> {
    let mut number = 0;
    loop {
        let target = aside.join(format!("log-{number}.redb"));
        if !target.try_exists()? {
            fs::rename(path, &target)?;
            return Ok(target);
        }
        number += 1;
    }
}
