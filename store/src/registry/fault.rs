//! What is wrong with registry files: faults come in one by one, one report with all of them goes
//! out.
//!
//! # Why
//! Who mends a registry wants every fault at once, each with its place and its mend, not the first
//! one of forty. Warnings do not stop an apply; errors do.
//!
//! # Limits
//! [`FAULTS_COUNT_MAX`] faults are listed, errors before warnings; the rest is counted.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use arno_model::IdError;
use serde::{Deserialize, Serialize};

use super::bundle::Part;

/// Most faults that one report lists: more than anybody mends in one sitting, few enough to print.
pub const FAULTS_COUNT_MAX: usize = 1_000;
/// Longest quotation of the file in a fault.
const QUOTE_CHARS_MAX: usize = 60;

/// Whether a fault stops the apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It stops.
    Error,
    /// It is said, and the apply goes on.
    Warning,
}

/// One thing that is wrong, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Whether it stops the apply.
    pub severity: Severity,
    /// The file's name; a folder's where none of its files is meant.
    pub file: String,
    /// The line in it, from 1, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The entry or feature: its id, or its number in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(formatter, ": {severity}: ")?;
        if let Some(subject) = &self.subject {
            write!(formatter, "{subject}: ")?;
        }
        write!(formatter, "{}; {}", self.problem, self.mend)
    }
}

/// All faults of a registry that can't be applied: at least one error, and the warnings beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the registry has {errors_count} {}", if *errors_count == 1 { "error" } else { "errors" })]
pub struct Report {
    /// The faults, errors and warnings, in file order; at most [`FAULTS_COUNT_MAX`].
    pub faults: Vec<Fault>,
    /// How many are errors.
    pub errors_count: usize,
    /// How many were left out of the list.
    pub omitted_count: usize,
}

impl Report {
    /// Every listed fault on its own line.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let omitted = (self.omitted_count > 0)
            .then(|| format!("… and {} more; mend these first", self.omitted_count));
        self.faults.iter().map(Fault::to_string).chain(omitted)
    }
}

/// Where a fault lies.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) part: Part,
    pub(super) line: Option<u32>,
    pub(super) subject: Option<String>,
}

impl Spot {
    /// A whole file.
    pub(super) const fn file(part: Part) -> Self {
        Self {
            part,
            line: None,
            subject: None,
        }
    }

    /// A line of a file.
    pub(super) const fn line(part: Part, line: u32) -> Self {
        Self {
            part,
            line: Some(line),
            subject: None,
        }
    }
}

/// Collects faults; errors never give way to warnings.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Errors and warnings, each with its place in the order of finding.
    errors: Vec<(usize, Fault)>,
    warnings: Vec<(usize, Fault)>,
    errors_count: usize,
    errors_by_part: HashMap<Part, usize>,
    warnings_count: usize,
}

impl Faults {
    /// How many errors there are so far.
    pub(super) const fn errors_count(&self) -> usize {
        self.errors_count
    }

    /// Whether there is any error in a file so far.
    pub(super) fn has_errors_in(&self, part: Part) -> bool {
        self.errors_by_part.contains_key(&part)
    }

    /// Notes what is wrong with a folder as a whole.
    pub(super) fn folder_error(&mut self, folder: &Path, problem: &str, mend: String) {
        let place = self.errors_count + self.warnings_count;
        self.errors_count += 1;
        let fault = Fault {
            severity: Severity::Error,
            file: folder.display().to_string(),
            line: None,
            subject: None,
            problem: problem.to_owned(),
            mend,
        };
        self.errors.push((place, fault));
    }

    /// Notes what stops the apply.
    pub(super) fn error(
        &mut self,
        spot: &Spot,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let place = self.errors_count + self.warnings_count;
        self.errors_count += 1;
        *self.errors_by_part.entry(spot.part).or_default() += 1;
        if self.errors.len() < FAULTS_COUNT_MAX {
            let fault = fault(Severity::Error, spot, problem.into(), mend.into());
            self.errors.push((place, fault));
        }
    }

    /// Notes what does not.
    pub(super) fn warn(
        &mut self,
        spot: &Spot,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let place = self.errors_count + self.warnings_count;
        self.warnings_count += 1;
        if self.warnings.len() < FAULTS_COUNT_MAX {
            let fault = fault(Severity::Warning, spot, problem.into(), mend.into());
            self.warnings.push((place, fault));
        }
    }

    /// Itself, or the report if there is any error so far.
    pub(super) fn checked(self) -> Result<Self, Report> {
        if self.errors_count == 0 {
            return Ok(self);
        }
        Err(self.report())
    }

    /// The warnings, or the report if there is any error.
    pub(super) fn finish(self) -> Result<Vec<Fault>, Report> {
        if self.errors_count > 0 {
            return Err(self.report());
        }
        let omitted_count = self.warnings_count - self.warnings.len();
        if omitted_count > 0 {
            tracing::warn!(
                omitted_count,
                "the registry has more warnings than are listed"
            );
        }
        Ok(self.warnings.into_iter().map(|(_, fault)| fault).collect())
    }

    fn report(self) -> Report {
        let room = FAULTS_COUNT_MAX - self.errors.len();
        let mut listed = self.errors;
        listed.extend(self.warnings.into_iter().take(room));
        listed.sort_by_key(|(place, _)| *place);
        Report {
            omitted_count: self.errors_count + self.warnings_count - listed.len(),
            faults: listed.into_iter().map(|(_, fault)| fault).collect(),
            errors_count: self.errors_count,
        }
    }
}

fn fault(severity: Severity, spot: &Spot, problem: String, mend: String) -> Fault {
    let file = spot.part.file_name().to_owned();
    Fault {
        severity,
        file,
        line: spot.line,
        subject: spot.subject.clone(),
        problem,
        mend,
    }
}

/// What is wrong with an identifier, and its mend.
pub(super) fn id_fault(fault: &IdError) -> (String, &'static str) {
    match fault {
        IdError::Reserved { text } => (
            format!("{} is reserved", quoted(text)),
            "choose another name",
        ),
        IdError::NotGlobal { text } => (
            format!("{} is not `publisher:thing`", quoted(text)),
            "write it so",
        ),
        IdError::Length { .. } | IdError::Character { .. } => {
            (fault.to_string(), "choose such a name")
        }
    }
}

/// Quotes a piece of the file, cut to a printable length.
pub(super) fn quoted(text: &str) -> String {
    let mut cut: String = text.chars().take(QUOTE_CHARS_MAX).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("`{}`", cut.escape_debug())
}

/// The known word nearest to `word`, if one is near enough to be meant: at most a third of its
/// letters differ (optimal string alignment distance).
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 80 {
        return None;
    }
    let best = known
        .into_iter()
        .map(|name| (distance(word, name), name))
        .min()?;
    (best.0 <= (word.chars().count().max(3)) / 3 + 1 && best.0 < word.chars().count())
        .then_some(best.1)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let width = right.len() + 1;
    let mut rows: [Vec<usize>; 3] = [Vec::new(), Vec::new(), (0..width).collect()];
    for (row, from) in left.iter().enumerate() {
        rows.rotate_left(1);
        let mut next = vec![row + 1; width];
        for (column, to) in right.iter().enumerate() {
            let cost = usize::from(from != to);
            let mut best = (rows[1][column] + cost)
                .min(rows[1][column + 1] + 1)
                .min(next[column] + 1);
            let swapped =
                row > 0 && column > 0 && left[row - 1] == *to && right[column - 1] == *from;
            if swapped {
                best = best.min(rows[0][column - 1] + 1);
            }
            next[column + 1] = best;
        }
        rows[2] = next;
    }
    rows[2][width - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_offered_and_a_far_one_is_not() {
        let known = ["capacity", "vehicle_kind", "name"];
        assert_eq!(nearest("capcity", known), Some("capacity"));
        assert_eq!(nearest("capactiy", known), Some("capacity"));
        assert_eq!(nearest("vehicleKind", known), Some("vehicle_kind"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!((distance("", "abc"), distance("abc", "acb")), (3, 1));
    }
}
