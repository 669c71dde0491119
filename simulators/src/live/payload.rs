//! Native payloads: a chunk's rows come in, one message per thing and moment goes out.
//!
//! # Why
//! Real devices do not all write alike. By town, times are RFC 3339, epoch milliseconds or epoch
//! seconds, and booleans are words or numbers: all of it is the native payload.
//!
//! # Shape
//! Topic `arno/v1/obs/{publisher}/{thing}`; a JSON object of the properties that share a time, or
//! an array of such objects, at most [`OBJECTS_COUNT_MAX`], when a thing delivers several at once.

use std::fmt::Write as _;

use arno_model::{ThingId, Timestamp};

use crate::generator::{Chunk, Garbage, Row};
use crate::property::Property;
use crate::region::Region;

/// Objects in one array: a day of minutes held back fits in a few messages.
pub const OBJECTS_COUNT_MAX: usize = 200;

/// One message to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whose it is: its place in the region's things.
    pub thing: u32,
    /// Where it goes.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// The rows that it says; none for garbage.
    pub rows: Vec<Row>,
}

impl Message {
    /// Observations that it stands for: garbage counts as one.
    pub fn observations_count(&self) -> u64 {
        (self.rows.len() as u64).max(1)
    }
}

/// The native topic of a thing.
pub fn topic_of(thing: &ThingId) -> String {
    format!("arno/v1/obs/{}/{}", thing.publisher(), thing.local())
}

/// The messages of a chunk, in order of arrival of each one's first row.
pub fn messages_of(region: &Region, chunk: &Chunk) -> Vec<Message> {
    let mut rows = chunk.rows.clone();
    // The sort is stable: what a thing says stays in its order of arrival.
    rows.sort_by_key(|row| row.thing);
    let mut messages: Vec<(Timestamp, Message)> = Vec::new();
    for of_thing in rows.chunk_by(|left, right| left.thing == right.thing) {
        for part in of_thing.chunks(OBJECTS_COUNT_MAX) {
            let (Some(first), Some(last)) = (part.first(), part.last()) else {
                continue;
            };
            if let Some(message) = message_of(region, first.thing, part) {
                messages.push((last.received, message));
            }
        }
    }
    for garbage in &chunk.garbage {
        if let Some(message) = garbage_of(region, garbage) {
            messages.push((garbage.received, message));
        }
    }
    messages.sort_by_key(|(received, _message)| *received);
    messages
        .into_iter()
        .map(|(_received, message)| message)
        .collect()
}

/// How a town writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Words,
    Milliseconds,
    Seconds,
}

impl Dialect {
    fn of(region: &Region, thing: u32) -> Self {
        let town = region
            .towns()
            .partition_point(|town| town.things.end <= thing);
        match town % 3 {
            0 => Self::Words,
            1 => Self::Milliseconds,
            _ => Self::Seconds,
        }
    }

    fn time(self, time: Timestamp) -> String {
        let micros = time.as_micros();
        match self {
            Self::Words => format!("\"{time}\""),
            Self::Seconds if micros % 1_000_000 == 0 => (micros / 1_000_000).to_string(),
            Self::Milliseconds | Self::Seconds => (micros / 1_000).to_string(),
        }
    }

    fn result(self, row: &Row) -> String {
        match row.result {
            None => "null".to_owned(),
            Some(result) if self == Self::Words && row.property.is_boolean() => {
                (result > 0.5).to_string()
            }
            Some(result) => result.to_string(),
        }
    }
}

fn message_of(region: &Region, thing: u32, rows: &[Row]) -> Option<Message> {
    let dialect = Dialect::of(region, thing);
    let mut objects: Vec<(Timestamp, Vec<Property>, String)> = Vec::new();
    for row in rows {
        let fits = |object: &&mut (Timestamp, Vec<Property>, String)| {
            object.0 == row.time && !object.1.contains(&row.property)
        };
        let (name, result) = (row.property.as_str(), dialect.result(row));
        if let Some((_time, properties, text)) = objects.last_mut().filter(fits) {
            properties.push(row.property);
            // Writing to a String can't fail.
            write!(text, ",\"{name}\":{result}").ok()?;
        } else {
            let text = format!("{{\"time\":{},\"{name}\":{result}", dialect.time(row.time));
            objects.push((row.time, vec![row.property], text));
        }
    }
    let texts: Vec<String> = objects.into_iter().map(|object| object.2 + "}").collect();
    let payload = match texts.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(",")),
    };
    Some(Message {
        thing,
        topic: topic_of(&region.thing(thing)?.id),
        payload: payload.into_bytes(),
        rows: rows.to_vec(),
    })
}

fn garbage_of(region: &Region, garbage: &Garbage) -> Option<Message> {
    Some(Message {
        thing: garbage.thing,
        topic: topic_of(&region.thing(garbage.thing)?.id),
        payload: garbage.payload.clone(),
        rows: Vec::new(),
    })
}
