//! Rows to readings: a row's cells come in; readings, refusals and counts of ignored fields go into
//! the recording.
//!
//! # Invariants
//! Of each row, every property whose field is not empty becomes exactly one reading, refusal or
//! ignored field; every ignored column whose field is not empty counts once; a broken row is one
//! refusal.

use std::collections::HashMap;

use arno_ingest::Problem;
use arno_ingest::refusal::Origin;
use arno_model::{ThingId, Timestamp};
use arno_store::QuarantineReason;

use crate::cell::Cell;
use crate::error::ReplayError;
use crate::mapping::{Mapping, MomentFault, MomentRule, Named, PropertyRule, Worth};
use crate::recording::{Builder, Item};
use crate::source::Row;

/// Turns the rows of one file into a recording.
pub(crate) struct Decoder<'a> {
    mapping: &'a Mapping,
    topic: String,
    builder: &'a mut Builder,
    things: HashMap<ThingId, u32>,
    /// Receipt of the last row that had one: rows that have none stand beside it.
    last_received: Timestamp,
}

impl<'a> Decoder<'a> {
    /// A decoder of a file; `topic` is what refusals say they came by.
    pub(crate) fn new(mapping: &'a Mapping, topic: String, builder: &'a mut Builder) -> Self {
        Self {
            mapping,
            topic,
            last_received: builder.latest(),
            builder,
            things: HashMap::new(),
        }
    }

    /// Takes a row.
    pub(crate) fn take(&mut self, row: &Row<'_>) -> Result<(), ReplayError> {
        match row {
            Row::Broken { bytes, problem } => {
                let problem = Problem::new(QuarantineReason::Malformed, problem.clone());
                self.refuse(problem, self.last_received, bytes)
            }
            Row::Cells(cells) => self.decode(cells),
        }
    }

    fn decode(&mut self, cells: &[Cell<'_>]) -> Result<(), ReplayError> {
        let mapping = self.mapping;
        let received = mapping.received.as_ref().map(|rule| rule.moment(cells));
        if let Some(Ok(received)) = received {
            self.last_received = received;
        }
        let is_there = |place: &usize| cells.get(*place).is_some_and(|cell| !cell.is_empty());
        let left = mapping
            .ignore
            .iter()
            .filter(|place| is_there(place))
            .count();
        self.builder.ignore(left, self.moment_of(cells, received));
        let present = mapping
            .properties
            .iter()
            .filter(|rule| is_there(&rule.cell))
            .count();
        if !mapping.keep.iter().all(|rule| rule.allows(cells)) {
            self.builder
                .ignore(present, self.moment_of(cells, received));
            return Ok(());
        }
        let thing = match mapping.thing.name(cells) {
            Named::Thing(thing) => Ok(self.index_of(thing)),
            Named::Ignored => {
                self.builder
                    .ignore(present, self.moment_of(cells, received));
                return Ok(());
            }
            Named::Refused(why) => {
                let column = self.column(mapping.thing.cell);
                let detail = format!("`{column}` names no thing: {why}");
                Err(Problem::new(QuarantineReason::UnknownThing, detail))
            }
        };
        for (index, rule) in (0_u16..).zip(&mapping.properties) {
            match self.read(rule, cells, received) {
                Ok(None) => {}
                Ok(Some((time, received, result))) => match &thing {
                    Ok(thing) => self.builder.push(Item {
                        received,
                        time,
                        result,
                        thing: *thing,
                        property: index,
                    })?,
                    Err(problem) => self.refuse_field(problem.clone(), rule, cells, received)?,
                },
                Err(problem) => {
                    let moment = self.moment_of(cells, received);
                    self.refuse_field(problem, rule, cells, moment)?;
                }
            }
        }
        Ok(())
    }

    /// One property of a row: its time, receipt and result; `None` where nothing was observed.
    fn read(
        &self,
        rule: &PropertyRule,
        cells: &[Cell<'_>],
        received: Option<Result<Timestamp, MomentFault>>,
    ) -> Result<Option<(Timestamp, Timestamp, Option<f64>)>, Problem> {
        let cell = cells.get(rule.cell).unwrap_or(&Cell::Empty);
        let result = match rule.value.worth(cell) {
            Ok(Worth::Nothing) => return Ok(None),
            Ok(Worth::Unknown) => None,
            Ok(Worth::Result(result)) => Some(result),
            Err(wanted) => {
                let (column, noun) = (self.column(rule.cell), cell.noun());
                let detail = format!("`{column}` is {noun} that can't be used: {wanted}");
                return Err(Problem::new(QuarantineReason::BadValue, detail));
            }
        };
        let time = self.moment(&rule.time, rule.time.moment(cells))?;
        let received = match (received, &self.mapping.received) {
            (Some(moment), Some(rule)) => self.moment(rule, moment)?,
            _ => time,
        };
        Ok(Some((time, received, result)))
    }

    fn moment(
        &self,
        rule: &MomentRule,
        moment: Result<Timestamp, MomentFault>,
    ) -> Result<Timestamp, Problem> {
        moment.map_err(|fault| {
            let reason = match fault {
                MomentFault::Missing => QuarantineReason::MissingTime,
                _ => QuarantineReason::BadTime,
            };
            let detail = format!("`{}` {}", self.column(rule.cell), fault.words());
            Problem::new(reason, detail)
        })
    }

    /// When a row that gives no reading was received, as well as it is known.
    fn moment_of(
        &self,
        cells: &[Cell<'_>],
        received: Option<Result<Timestamp, MomentFault>>,
    ) -> Timestamp {
        let by_time = || {
            let mut rules = self.mapping.properties.iter();
            rules.find_map(|rule| rule.time.moment(cells).ok())
        };
        match received {
            Some(Ok(received)) => received,
            Some(Err(_)) => self.last_received,
            None => by_time().unwrap_or(self.last_received),
        }
    }

    fn index_of(&mut self, thing: ThingId) -> u32 {
        if let Some(index) = self.things.get(&thing) {
            return *index;
        }
        let index = self.builder.thing(&thing);
        self.things.insert(thing, index);
        index
    }

    fn column(&self, place: usize) -> &str {
        self.mapping
            .columns
            .get(place)
            .map_or("?", |column| column.name.as_str())
    }

    /// Refuses one field, keeping what the mapping read of its row.
    fn refuse_field(
        &mut self,
        problem: Problem,
        rule: &PropertyRule,
        cells: &[Cell<'_>],
        received: Timestamp,
    ) -> Result<(), ReplayError> {
        let mut kept = serde_json::Map::new();
        for place in [self.mapping.thing.cell, rule.time.cell, rule.cell] {
            if let Some(cell) = cells.get(place) {
                kept.insert(self.column(place).to_owned(), cell.to_json());
            }
        }
        let bytes = serde_json::Value::Object(kept).to_string().into_bytes();
        self.refuse(problem, received, &bytes)
    }

    fn refuse(
        &mut self,
        problem: Problem,
        received: Timestamp,
        bytes: &[u8],
    ) -> Result<(), ReplayError> {
        let origin = Origin {
            topic: &self.topic,
            publisher: Some(&self.mapping.publisher),
            received,
        };
        let kept = (!self.mapping.may_identify_people).then_some(bytes);
        self.builder
            .refuse(problem.into_entry(origin, kept, bytes.len()))
    }
}
