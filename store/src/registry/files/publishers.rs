//! `publishers.toml`: who owns things and data.

use std::collections::BTreeMap;

use arno_model::publisher::MAX_AGE_DEFAULT;
use arno_model::{Publisher, PublisherId, PublisherKind};

use super::table;
use crate::registry::bundle::Part;
use crate::registry::check::Lines;
use crate::registry::fault::{Faults, Spot};
use crate::registry::node::Fields;

const KIND_MEND: &str = "write municipality, union, province, region or utility";

/// Reads every `[[publisher]]`.
pub(super) fn read(
    text: &str,
    lines: &mut Lines,
    faults: &mut Faults,
) -> BTreeMap<PublisherId, Publisher> {
    let mut found = BTreeMap::new();
    let entries = table::entries(Part::Publishers, text, lines, faults);
    for (number, (line, entries)) in (1..).zip(entries) {
        let subject = table::subject(&entries, "publisher", number);
        let spot = Spot {
            part: Part::Publishers,
            line: Some(line),
            subject: Some(subject),
        };
        let mut fields = Fields::new(spot, entries, faults);
        let id: Option<PublisherId> = fields.id("id");
        let name = fields.text("name");
        let kind = fields.word("kind");
        let ipa_code = fields.text("ipa_code");
        let municipality = fields.id("municipality");
        let max_age = fields.duration("max_age").unwrap_or(MAX_AGE_DEFAULT);
        fields.require("id", id.is_some(), "choose a short name, like \"prato\"");
        fields.require("name", name.is_some(), "write its name for people");
        fields.require("kind", kind.is_some(), KIND_MEND);
        if let Some(id) = id {
            if let Some(earlier) = lines.note(Part::Publishers, id.as_str(), line) {
                fields.error_here(
                    format!("the publisher `{id}` stands on line {earlier} already"),
                    "keep one",
                );
            }
            // What is missing was said; with stand-ins nothing else seems to be missing.
            let publisher = Publisher {
                name: name.unwrap_or_else(|| id.as_str().to_owned()),
                kind: kind.unwrap_or(PublisherKind::Municipality),
                id,
                ipa_code,
                municipality,
                max_age,
            };
            found.insert(publisher.id.clone(), publisher);
        } else {
            lines.lose(Part::Publishers);
        }
        fields.finish();
    }
    found
}
