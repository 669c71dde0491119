//! When something was true or received: a field and the mapping's word on it come in, a moment goes
//! out.
//!
//! # Why
//! A local time is no moment until a zone is named, and one hour in October names two moments, one
//! in March none. What then holds is the mapping's word, with a default that is stated: of two the
//! earlier, and a time that never was is refused.
//!
//! # Source
//! Patterns: strftime's conversion specifiers, as jiff reads them.

use arno_model::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use crate::cell::Cell;
use crate::mapping::check::Columns;
use crate::mapping::keys::Keys;

/// How a field writes its time.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// As the file's own type for times.
    Native,
    /// RFC 3339 with a zone.
    Rfc3339,
    /// A number since the epoch, with this many microseconds in a unit.
    Epoch(u32),
    /// A text after a pattern; whether that holds an offset.
    Pattern { pattern: String, has_offset: bool },
}

/// What a local time that two moments share means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeated {
    Earlier,
    Later,
    Refuse,
}

/// What a local time that never was means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skipped {
    After,
    Refuse,
}

/// How a moment is read.
#[derive(Debug, Clone)]
pub(crate) struct MomentRule {
    pub(crate) cell: usize,
    form: Form,
    zone: Option<TimeZone>,
    repeated: Repeated,
    skipped: Skipped,
}

/// Why a field is no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MomentFault {
    /// Nothing is there.
    Missing,
    /// It is not written as the mapping says.
    Form,
    /// Out of the years 1 to 9999.
    Range,
    /// The clocks were put back then, and the mapping refuses to choose.
    Repeated,
    /// The clocks were put forward then: that time never was.
    Skipped,
}

impl MomentFault {
    /// What is wrong, in words that follow a column's name.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Missing => "is empty",
            Self::Form => "is not written as the mapping says",
            Self::Range => "lies outside the years 1 to 9999",
            Self::Repeated => "names two moments: the clocks were put back then",
            Self::Skipped => "names no moment: the clocks were put forward then",
        }
    }
}

impl MomentRule {
    /// Reads the rule from its table.
    pub(super) fn read(
        mut keys: Keys<'_>,
        columns: &mut Columns,
        is_optional: bool,
    ) -> Option<Self> {
        let column = keys.required_text("column", "name the column that holds the time");
        let form = form(&mut keys);
        let zone = zone(&mut keys);
        let repeated = keys.word(
            "repeated",
            &[
                ("earlier", Repeated::Earlier),
                ("later", Repeated::Later),
                ("refuse", Repeated::Refuse),
            ],
        );
        let skipped = keys.word(
            "skipped",
            &[("after", Skipped::After), ("refuse", Skipped::Refuse)],
        );
        if let Some(form) = &form {
            check_zone(&keys, form, zone.as_ref());
        }
        keys.finish();
        Some(Self {
            cell: columns.place(column?.1, is_optional),
            form: form?,
            zone: zone.and_then(|(_line, zone)| zone),
            repeated: repeated.unwrap_or(Repeated::Earlier),
            skipped: skipped.unwrap_or(Skipped::Refuse),
        })
    }

    /// The moment that a row's field names.
    pub(crate) fn moment(&self, cells: &[Cell<'_>]) -> Result<Timestamp, MomentFault> {
        let cell = cells.get(self.cell).unwrap_or(&Cell::Empty);
        match (&self.form, cell) {
            (_, Cell::Empty) => Err(MomentFault::Missing),
            (Form::Native, Cell::Instant(micros)) => within(*micros),
            (Form::Native, Cell::Local(local)) => self.of_local(*local),
            (Form::Rfc3339, Cell::Text(text)) => {
                Timestamp::parse(text).map_err(|_cause| MomentFault::Form)
            }
            (Form::Epoch(unit), cell) => {
                let text_number = match cell {
                    Cell::Text(text) => crate::cell::number_of(text, false),
                    other => other.as_number(),
                };
                let number = text_number.ok_or(MomentFault::Form)?;
                of_epoch(number * f64::from(*unit))
            }
            (
                Form::Pattern {
                    pattern,
                    has_offset,
                },
                Cell::Text(text),
            ) => self.of_pattern(pattern, *has_offset, text),
            _ => Err(MomentFault::Form),
        }
    }

    fn of_pattern(
        &self,
        pattern: &str,
        has_offset: bool,
        text: &str,
    ) -> Result<Timestamp, MomentFault> {
        if has_offset {
            let moment = jiff::Timestamp::strptime(pattern, text);
            let moment = moment.map_err(|_cause| MomentFault::Form)?;
            return within(moment.as_microsecond());
        }
        let broken = BrokenDownTime::parse(pattern, text).map_err(|_cause| MomentFault::Form)?;
        let date = broken.to_date().map_err(|_cause| MomentFault::Form)?;
        // A pattern of a day alone means its first moment.
        let local = broken
            .to_datetime()
            .unwrap_or_else(|_cause| date.at(0, 0, 0, 0));
        self.of_local(local)
    }

    fn of_local(&self, local: DateTime) -> Result<Timestamp, MomentFault> {
        let Some(zone) = &self.zone else {
            return Err(MomentFault::Form);
        };
        let offset: Offset = match zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Fold { before, after } => match self.repeated {
                Repeated::Earlier => before,
                Repeated::Later => after,
                Repeated::Refuse => return Err(MomentFault::Repeated),
            },
            AmbiguousOffset::Gap { before, .. } => match self.skipped {
                // By the offset before the gap, 02:30 becomes 03:30 after it.
                Skipped::After => before,
                Skipped::Refuse => return Err(MomentFault::Skipped),
            },
        };
        let moment = offset
            .to_timestamp(local)
            .map_err(|_cause| MomentFault::Range)?;
        within(moment.as_microsecond())
    }
}

fn within(micros: i64) -> Result<Timestamp, MomentFault> {
    let moment = Timestamp::from_micros(micros);
    if moment.as_micros() == micros {
        Ok(moment)
    } else {
        Err(MomentFault::Range)
    }
}

fn of_epoch(micros: f64) -> Result<Timestamp, MomentFault> {
    // The year 9999 is 2.5e17 microseconds, far inside an i64.
    if !(-1e18..1e18).contains(&micros) {
        return Err(MomentFault::Range);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be far inside an i64"
    )]
    within(micros.round() as i64)
}

fn form(keys: &mut Keys<'_>) -> Option<Form> {
    let mend = "write timestamp (Parquet), rfc3339, epoch_s, epoch_ms, or a pattern like \
                %Y-%m-%d %H:%M:%S";
    let (line, text) = keys.required_text("format", mend)?;
    match text.as_str() {
        "timestamp" => Some(Form::Native),
        "rfc3339" => Some(Form::Rfc3339),
        "epoch_s" => Some(Form::Epoch(1_000_000)),
        "epoch_ms" => Some(Form::Epoch(1_000)),
        "epoch_us" => Some(Form::Epoch(1)),
        pattern if pattern.contains('%') => {
            let has_offset = ["%z", "%:z", "%Q", "%:Q", "%s"]
                .iter()
                .any(|directive| pattern.contains(directive));
            let sample = jiff::Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
            if let Err(cause) = BrokenDownTime::from(&sample).to_string(pattern) {
                keys.fault(line, "format", format!("is no pattern: {cause}"), mend);
                return None;
            }
            Some(Form::Pattern {
                pattern: text,
                has_offset,
            })
        }
        _ => {
            let problem = format!("is `{}`", super::keys::shown(&text));
            keys.fault(line, "format", problem, mend);
            None
        }
    }
}

/// The zone's line, and the zone where it is one.
fn zone(keys: &mut Keys<'_>) -> Option<(u32, Option<TimeZone>)> {
    let (line, name) = keys.text("zone")?;
    let zone = TimeZone::get(&name).ok();
    if zone.is_none() {
        let problem = format!("is `{}`, which is no time zone", super::keys::shown(&name));
        keys.fault(
            line,
            "zone",
            problem,
            "write UTC or an IANA name like Europe/Rome",
        );
    }
    Some((line, zone))
}

fn check_zone(keys: &Keys<'_>, form: &Form, zone: Option<&(u32, Option<TimeZone>)>) {
    let needs_zone = match form {
        Form::Native => true,
        Form::Pattern { has_offset, .. } => !has_offset,
        Form::Rfc3339 | Form::Epoch(_) => false,
    };
    match zone {
        None if needs_zone => {
            let mend = "write zone = \"UTC\" or the zone of the clocks, like \"Europe/Rome\"";
            keys.fault(
                keys.line(),
                "zone",
                "is missing: these times have none",
                mend,
            );
        }
        Some((line, _)) if !needs_zone => {
            keys.fault(
                *line,
                "zone",
                "means nothing: these times carry theirs",
                "remove it",
            );
        }
        _ => {}
    }
}
