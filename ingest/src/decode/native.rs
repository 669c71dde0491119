//! The native payload: a JSON object of observed properties, or an array of them, goes in; readings
//! come out.
//!
//! # Shape
//! `{"time":"2026-05-01T08:00:00Z","occupied":true,"battery":3.6}`. Reserved members: `time` and
//! `result_time` (RFC 3339 with a zone, or epoch seconds or milliseconds) and `thing` (a local or
//! global name; needed where the topic names none, as in a push, else it must be the topic's).
//! Every other member is an observed property: a number, `null` (a declared unknown), or a boolean
//! where the property is one.
//!
//! # Limits
//! Nothing is guessed: a number in a string is `bad_value`, a repeated member refuses all its
//! occurrences, an object without a property is `malformed`.
//!
//! # Invariants
//! Every member that is not reserved gives exactly one reading or one refusal; refusals carry a
//! native object of that one member, which can be delivered again by itself.

use std::collections::HashMap;
use std::sync::Arc;

use arno_model::{LocalId, NumberType, PropertyId, PublisherId, ThingId, Timestamp};
use arno_store::{QuarantineReason, Registry};

use super::json::{Node, quoted};
use super::{Decoded, Decoder, DecoderError, Decoders, Input, Refused};
use crate::delivery::Problem;
use crate::reading::Reading;

const TIME: &str = "time";
const RESULT_TIME: &str = "result_time";
const THING: &str = "thing";

/// The decoder of the native payload.
#[derive(Debug, Clone, Copy, Default)]
pub struct Native;

/// Makes the decoder; it takes no options.
///
/// # Errors
/// `Options` when there are any.
pub fn factory(options: &toml::Table) -> Result<Arc<dyn Decoder>, DecoderError> {
    Decoders::no_options("native", options)?;
    Ok(Arc::new(Native))
}

impl Decoder for Native {
    fn decode(&self, input: Input<'_>) -> Decoded {
        let node = match Node::parse(input.payload) {
            Ok(node) => node,
            Err(fault) => return malformed(format!("the payload is not readable: {fault}")),
        };
        let objects = match node {
            Node::List(items) if items.is_empty() => {
                return malformed("the array is empty; write objects of observed properties");
            }
            Node::List(items) => items,
            object => vec![object],
        };
        let topic_thing = match topic_thing(input) {
            Ok(thing) => thing,
            Err(problem) => return Decoded::refuse_whole(problem),
        };
        let mut decoded = Decoded::default();
        for object in &objects {
            match object {
                Node::Object(members) => {
                    read_object(members, topic_thing.as_ref(), input, &mut decoded);
                }
                other => decoded.refused.push(Refused {
                    problem: Problem::new(
                        QuarantineReason::Malformed,
                        format!("{} where an object of properties is needed", other.kind()),
                    ),
                    part: Some(other.to_string().into_bytes()),
                }),
            }
        }
        decoded
    }
}

fn malformed(detail: impl Into<String>) -> Decoded {
    Decoded::refuse_whole(Problem::new(QuarantineReason::Malformed, detail))
}

/// The thing that the topic names: two wildcards are publisher and thing, one is a thing of the
/// route's publisher, none leaves it to the member `thing`.
fn topic_thing(input: Input<'_>) -> Result<Option<ThingId>, Problem> {
    let unknown = |detail: String| Problem::new(QuarantineReason::UnknownThing, detail);
    match input.captures {
        [] => Ok(None),
        [local] => {
            let publisher = input
                .publisher
                .ok_or_else(|| unknown("the topic names no publisher".to_owned()))?;
            let local = LocalId::parse(local).map_err(|cause| unknown(cause.to_string()))?;
            Ok(Some(ThingId::new(publisher, &local)))
        }
        [publisher, .., local] => {
            let publisher =
                PublisherId::parse(publisher).map_err(|cause| unknown(cause.to_string()))?;
            let local = LocalId::parse(local).map_err(|cause| unknown(cause.to_string()))?;
            Ok(Some(ThingId::new(&publisher, &local)))
        }
    }
}

/// What the reserved members of an object say.
struct Frame {
    thing: ThingId,
    time: Option<Timestamp>,
    result_time: Option<Timestamp>,
}

fn read_object(
    members: &[(String, Node)],
    topic_thing: Option<&ThingId>,
    input: Input<'_>,
    decoded: &mut Decoded,
) {
    let mut counts: HashMap<&str, usize> = HashMap::with_capacity(members.len());
    for (key, _node) in members {
        *counts.entry(key).or_default() += 1;
    }
    let properties = || {
        members
            .iter()
            .filter(|(key, _node)| ![TIME, RESULT_TIME, THING].contains(&&**key))
    };
    if properties().next().is_none() {
        let object = Node::Object(members.to_vec());
        decoded.refused.push(Refused {
            problem: Problem::new(QuarantineReason::Malformed, "the object names no property"),
            part: Some(object.to_string().into_bytes()),
        });
        return;
    }
    let frame = read_frame(members, &counts, topic_thing, input);
    for (key, node) in properties() {
        let reading = frame.as_ref().map_err(Clone::clone).and_then(|frame| {
            let is_repeated = counts.get(key.as_str()).is_some_and(|count| *count > 1);
            read_member(key, node, is_repeated, frame, input)
        });
        match reading {
            Ok(reading) => decoded.readings.push(reading),
            Err(problem) => {
                let part = Some(part_of(members, key, node));
                decoded.refused.push(Refused { problem, part });
            }
        }
    }
}

fn read_frame(
    members: &[(String, Node)],
    counts: &HashMap<&str, usize>,
    topic_thing: Option<&ThingId>,
    input: Input<'_>,
) -> Result<Frame, Problem> {
    let member = |name: &str| -> Result<Option<&Node>, Problem> {
        if counts.get(name).is_some_and(|count| *count > 1) {
            let detail = format!("`{name}` stands there more than once");
            return Err(Problem::new(QuarantineReason::Malformed, detail));
        }
        Ok(members
            .iter()
            .find(|(key, _node)| key == name)
            .map(|(_key, node)| node))
    };
    let time = member(TIME)?
        .map(|node| read_time(TIME, node))
        .transpose()?;
    let result_time = member(RESULT_TIME)?
        .map(|node| read_time(RESULT_TIME, node))
        .transpose()?;
    let named = member(THING)?
        .map(|node| read_thing(node, input))
        .transpose()?;
    let thing = match (topic_thing, named) {
        (Some(of_topic), Some(named)) if *of_topic != named => {
            let detail = format!("`{named}` is not `{of_topic}`, the thing of the topic");
            return Err(Problem::new(QuarantineReason::UnknownThing, detail));
        }
        (Some(of_topic), _) => of_topic.clone(),
        (None, Some(named)) => named,
        (None, None) => {
            let detail = "the object names no `thing`, and the route does not either";
            return Err(Problem::new(QuarantineReason::UnknownThing, detail));
        }
    };
    Ok(Frame {
        thing,
        time,
        result_time,
    })
}

fn read_time(name: &str, node: &Node) -> Result<Timestamp, Problem> {
    let bad = |detail: String| Problem::new(QuarantineReason::BadTime, detail);
    match node {
        Node::Text(text) => {
            Timestamp::parse(text).map_err(|cause| bad(format!("`{name}`: {cause}")))
        }
        Node::Number(number) => {
            Timestamp::from_epoch(*number).map_err(|cause| bad(format!("`{name}`: {cause}")))
        }
        other => Err(bad(format!(
            "`{name}` is {}; write RFC 3339 with a zone, or epoch seconds or milliseconds",
            other.kind()
        ))),
    }
}

fn read_thing(node: &Node, input: Input<'_>) -> Result<ThingId, Problem> {
    let unknown = |detail: String| Problem::new(QuarantineReason::UnknownThing, detail);
    let Some(text) = node.as_text() else {
        return Err(unknown(format!("`thing` is {}, not a name", node.kind())));
    };
    if text.contains(':') {
        return ThingId::parse(text).map_err(|cause| unknown(cause.to_string()));
    }
    let Some(publisher) = input.publisher else {
        let detail = "`thing` needs its publisher here: write `publisher:thing`";
        return Err(unknown(detail.to_owned()));
    };
    let local = LocalId::parse(text).map_err(|cause| unknown(cause.to_string()))?;
    Ok(ThingId::new(publisher, &local))
}

fn read_member(
    key: &str,
    node: &Node,
    is_repeated: bool,
    frame: &Frame,
    input: Input<'_>,
) -> Result<Reading, Problem> {
    if is_repeated {
        let detail = format!("{} stands there more than once", quoted(key));
        return Err(Problem::new(QuarantineReason::Malformed, detail));
    }
    let property = PropertyId::parse(key).map_err(|_cause| {
        let detail = format!("{} is no observed property of the registry", quoted(key));
        Problem::new(QuarantineReason::UnknownProperty, detail)
    })?;
    let result = read_result(&property, node, input.registry)?;
    Ok(Reading {
        thing: frame.thing.clone(),
        property,
        time: frame.time,
        result,
        result_time: frame.result_time,
        received: input.received,
    })
}

fn read_result(
    property: &PropertyId,
    node: &Node,
    registry: &Registry,
) -> Result<Option<f64>, Problem> {
    match node {
        Node::Null => Ok(None),
        Node::Number(number) => Ok(Some(*number)),
        Node::Bool(truth) => {
            let known = registry.property(property.as_str());
            // An unknown property is admission's to refuse, with its better reason.
            if known.is_none_or(|known| known.number == NumberType::Boolean) {
                return Ok(Some(if *truth { 1.0 } else { 0.0 }));
            }
            let detail = format!("`{property}` takes a number, not a boolean");
            Err(Problem::new(QuarantineReason::WrongNumber, detail))
        }
        other => {
            let detail = format!("`{property}` is {}; write a number or null", other.kind());
            Err(Problem::new(QuarantineReason::BadValue, detail))
        }
    }
}

/// The object with this one property and the reserved members.
fn part_of(members: &[(String, Node)], key: &str, node: &Node) -> Vec<u8> {
    let reserved = members
        .iter()
        .filter(|(name, _node)| [TIME, RESULT_TIME, THING].contains(&&**name))
        .take(6)
        .cloned();
    let mut kept: Vec<_> = reserved.collect();
    kept.push((key.to_owned(), node.clone()));
    Node::Object(kept).to_string().into_bytes()
}
