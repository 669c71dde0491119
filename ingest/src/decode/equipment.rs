//! Equipment and structure: what the decoders of counted devices share.
//!
//! # Why
//! Payloads that list people's devices name access points by address. The registry knows those as
//! aliases; the answer is the thing, and the address goes no further. What is kept of a refused
//! payload is its structure, in words that the decoder knows: an unknown member's name may itself
//! be somebody's address.

use std::sync::Arc;

use arno_model::{LocalId, Thing, ThingId};
use arno_store::QuarantineReason;

use super::Input;
use super::json::Node;
use crate::delivery::Problem;

/// The thing that a payload's equipment is: by alias, as written or in lower or upper case, or by
/// its local name.
///
/// # Errors
/// `unknown_device`, without the name that is unknown.
pub(super) fn thing_of<'a>(
    names: impl IntoIterator<Item = &'a str>,
    input: Input<'_>,
) -> Result<ThingId, Problem> {
    let unknown = |detail: &str| Problem::new(QuarantineReason::UnknownDevice, detail);
    let publisher = input
        .publisher
        .ok_or_else(|| unknown("the route names no publisher for its devices"))?;
    let by_alias =
        |alias: &str| -> Option<&Arc<Thing>> { input.registry.thing_by_alias(publisher, alias) };
    for name in names {
        let found = by_alias(name)
            .or_else(|| by_alias(&name.to_ascii_lowercase()))
            .or_else(|| by_alias(&name.to_ascii_uppercase()));
        if let Some(thing) = found {
            return Ok(thing.id.clone());
        }
        let local = LocalId::parse(name).map(|local| ThingId::new(publisher, &local));
        if let Ok(id) = local
            && input.registry.thing(id.as_str()).is_some()
        {
            return Ok(id);
        }
    }
    Err(unknown(
        "the device is no alias of a thing of this publisher",
    ))
}

/// What a value looks like, in known words alone: its kind, and of an object the known members with
/// their kinds and how many others there are.
pub(super) fn structure(node: &Node, known: &[&'static str]) -> String {
    match node {
        Node::List(items) => format!("an array of {}", items.len()),
        Node::Object(members) => {
            let name_of = |key: &String| known.iter().copied().find(|name| name == key);
            let named: Vec<String> = members
                .iter()
                .filter_map(|(key, value)| Some(format!("{}: {}", name_of(key)?, value.kind())))
                .take(known.len())
                .collect();
            let others_count = members
                .iter()
                .filter(|(key, _)| name_of(key).is_none())
                .count();
            format!(
                "an object with [{}] and {others_count} other members",
                named.join(", ")
            )
        }
        other => other.kind().to_owned(),
    }
}
