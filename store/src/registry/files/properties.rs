//! `properties.toml`: how observed properties behave, shipped ones and a region's own.

use std::collections::BTreeMap;
use std::time::Duration;

use arno_model::{AreaMode, NumberType, ObservedProperty, PropertyId, SignalKind};

use super::table;
use crate::registry::bundle::Part;
use crate::registry::check::Lines;
use crate::registry::fault::{Faults, Spot};
use crate::registry::node::{Fields, Value};

/// How a file says "without limit".
pub(in crate::registry) const WITHOUT_LIMIT: &str = "none";

/// Reads every `[[property]]`. An entry of a shipped name replaces the shipped one whole.
pub(in crate::registry) fn read(
    text: &str,
    lines: &mut Lines,
    faults: &mut Faults,
) -> BTreeMap<PropertyId, ObservedProperty> {
    let mut found = BTreeMap::new();
    let entries = table::entries(Part::Properties, text, lines, faults);
    for (number, (line, entries)) in (1..).zip(entries) {
        let before = faults.errors_count();
        let subject = table::subject(&entries, "property", number);
        let spot = Spot {
            part: Part::Properties,
            line: Some(line),
            subject: Some(subject),
        };
        let mut fields = Fields::new(spot, entries, faults);
        let property = property(&mut fields);
        if let Some(property) = &property
            && let Some(earlier) = lines.note(Part::Properties, property.id.as_str(), line)
        {
            let problem = format!(
                "the property `{}` stands on line {earlier} already",
                property.id
            );
            fields.error_here(problem, "keep one");
        }
        fields.finish();
        let Some(property) = property else {
            lines.lose(Part::Properties);
            continue;
        };
        if faults.errors_count() > before {
            lines.spoil(Part::Properties, property.id.as_str());
        }
        found.insert(property.id.clone(), property);
    }
    found
}

/// One entry; `None` without an id. What else is missing is said, and has a stand-in.
fn property(fields: &mut Fields<'_>) -> Option<ObservedProperty> {
    let id: Option<PropertyId> = fields.id("id");
    let name = name(fields);
    let unit = fields.text("unit");
    let signal: Option<SignalKind> = fields.word("signal");
    let number: Option<NumberType> = fields.word("type");
    let area_mode: Option<AreaMode> = fields.word("area_mode");
    fields.require(
        "id",
        id.is_some(),
        "choose a short name, like \"river_level\"",
    );
    fields.require(
        "name",
        name.is_some(),
        "write name = { it = \"…\", en = \"…\" }",
    );
    fields.require(
        "unit",
        unit.is_some(),
        "write the UCUM unit, like \"m\", \"Cel\", \"%\"; \"1\" for counts",
    );
    fields.require(
        "signal",
        signal.is_some(),
        "write state, gauge, counter, delta or distinct",
    );
    let mut property = ObservedProperty {
        max_hold: max_hold(fields, signal),
        expected_interval: fields.duration("expected_interval"),
        max_gap: fields.duration("max_gap"),
        period: fields.duration("period"),
        min: fields.number("min"),
        max: fields.number("max"),
        counts_people: fields.flag("counts_people", false),
        id: id?,
        name: name.unwrap_or_default(),
        unit: unit.unwrap_or_default(),
        signal: signal.unwrap_or(SignalKind::State),
        number: number.unwrap_or(NumberType::Number),
        area_mode: area_mode.unwrap_or(AreaMode::None),
    };
    if property.number == NumberType::Boolean {
        property.min = property.min.or(Some(0.0));
        property.max = property.max.or(Some(1.0));
    }
    Some(property)
}

/// How long a state holds: a duration, or the word for "without limit", which is never meant by
/// silence.
fn max_hold(fields: &mut Fields<'_>, signal: Option<SignalKind>) -> Option<Duration> {
    match fields.take("max_hold") {
        Some(Value::Text(word)) if word == WITHOUT_LIMIT => None,
        Some(value) => fields.checked_duration("max_hold", &value),
        None => {
            if signal == Some(SignalKind::State) {
                let problem =
                    "a state without `max_hold` holds for ever: a dead sensor looks alive";
                fields.warn_here(
                    problem,
                    "write max_hold = \"2h\" or so, or max_hold = \"none\"",
                );
            }
            None
        }
    }
}

/// A name for people: `{ it = …, en = … }`, or one text for both.
fn name(fields: &mut Fields<'_>) -> Option<(String, String)> {
    match fields.take("name")? {
        Value::Table(entries) => {
            let mut inner = fields.inner(entries);
            let (it, en) = (inner.text("it"), inner.text("en"));
            inner.finish();
            let either = it.clone().or_else(|| en.clone())?;
            Some((it.unwrap_or_else(|| either.clone()), en.unwrap_or(either)))
        }
        Value::Text(text) => {
            let text = fields.checked_text("name", &text)?;
            Some((text.clone(), text))
        }
        other => {
            fields.wrong("name", &other, "write name = { it = \"…\", en = \"…\" }");
            None
        }
    }
}
