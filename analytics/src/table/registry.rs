//! The registry as tables: `publishers`, `areas`, `things`, `properties`, `datastreams`,
//! `memberships`.
//!
//! # Why
//! Analyses join readings with what they are about. A snapshot of the registry is small, so each
//! table is one batch, made when it is asked for, of the columns that are asked for.
//!
//! # Shape
//! `geometry` is WKB, longitude first. `valid_from` and `valid_to` are null where they have no end.
//! `capacity` is the one declared last. Who may not see a thing does not find it here either.

use std::sync::Arc;

use arno_model::{Area, ObservedProperty, Publisher, Thing, TimeRange, Timestamp};
use arno_store::DatastreamName;
use arrow::array::{
    ArrayRef, BinaryViewArray, BooleanArray, Float64Array, Int64Array, ListBuilder,
    StringViewArray, StringViewBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;
use geo::{Geometry, Point};

use crate::function::wkb;
use crate::question::Question;
use crate::table::listing::{Column, listing};
use crate::table::provider::{text, time};

/// The tables.
pub(crate) fn tables(question: &Arc<Question>) -> Vec<(&'static str, Arc<dyn TableProvider>)> {
    vec![
        publishers(question),
        areas(question),
        things(question),
        properties(question),
        datastreams(question),
        memberships(question),
    ]
}

fn texts<R>(rows: &[R], of: impl Fn(&R) -> Option<String>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<StringViewArray>())
}

fn integers<R>(rows: &[R], of: impl Fn(&R) -> Option<i64>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<Int64Array>())
}

fn numbers<R>(rows: &[R], of: impl Fn(&R) -> Option<f64>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<Float64Array>())
}

fn truths<R>(rows: &[R], of: impl Fn(&R) -> bool) -> ArrayRef {
    Arc::new(
        rows.iter()
            .map(|row| Some(of(row)))
            .collect::<BooleanArray>(),
    )
}

fn moments<R>(rows: &[R], of: impl Fn(&R) -> Option<Timestamp>) -> ArrayRef {
    let micros = rows.iter().map(|row| of(row).map(Timestamp::as_micros));
    Arc::new(
        micros
            .collect::<TimestampMicrosecondArray>()
            .with_timezone("UTC"),
    )
}

fn lists<R>(rows: &[R], of: impl Fn(&R) -> Vec<String>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringViewBuilder::new());
    for row in rows {
        for one in of(row) {
            builder.values().append_value(one);
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}

fn geometries<R>(rows: &[R], of: impl Fn(&R) -> Option<Vec<u8>>) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<BinaryViewArray>())
}

fn start(valid: TimeRange) -> Option<Timestamp> {
    (valid.start > Timestamp::MIN).then_some(valid.start)
}

fn end(valid: TimeRange) -> Option<Timestamp> {
    (valid.end < Timestamp::MAX).then_some(valid.end)
}

fn integer(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

fn number(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}

fn truth(name: &str) -> Field {
    Field::new(name, DataType::Boolean, false)
}

fn list(name: &str) -> Field {
    let item = Field::new_list_field(DataType::Utf8View, true);
    Field::new(name, DataType::List(Arc::new(item)), false)
}

fn geometry() -> Field {
    Field::new("geometry", DataType::BinaryView, true)
}

fn seconds(duration: std::time::Duration) -> Option<i64> {
    i64::try_from(duration.as_secs()).ok()
}

fn publishers(question: &Arc<Question>) -> (&'static str, Arc<dyn TableProvider>) {
    let rows = |question: &Question| question.registry.publishers().map(Arc::clone).collect();
    listing::<Arc<Publisher>>(
        "publishers",
        question,
        rows,
        vec![
            (text("id", false), |_, rows| {
                texts(rows, |row| Some(row.id.to_string()))
            }),
            (text("name", false), |_, rows| {
                texts(rows, |row| Some(row.name.clone()))
            }),
            (text("kind", false), |_, rows| {
                texts(rows, |row| Some(row.kind.to_string()))
            }),
            (text("ipa_code", true), |_, rows| {
                texts(rows, |row| row.ipa_code.clone())
            }),
            (text("municipality", true), |_, rows| {
                texts(rows, |row| {
                    row.municipality.as_ref().map(ToString::to_string)
                })
            }),
        ],
    )
}

fn areas(question: &Arc<Question>) -> (&'static str, Arc<dyn TableProvider>) {
    let rows = |question: &Question| question.registry.areas().map(Arc::clone).collect();
    listing::<Arc<Area>>(
        "areas",
        question,
        rows,
        vec![
            (text("id", false), |_, rows| {
                texts(rows, |row| Some(row.id.to_string()))
            }),
            (text("name", false), |_, rows| {
                texts(rows, |row| Some(row.name.clone()))
            }),
            (text("level", false), |_, rows| {
                texts(rows, |row| Some(row.level.to_string()))
            }),
            (list("parents"), |_, rows| {
                lists(rows, |row| {
                    row.parents
                        .iter()
                        .map(|one| one.parent.to_string())
                        .collect()
                })
            }),
            (text("zone", false), |_, rows| {
                texts(rows, |row| Some(row.zone.name().to_owned()))
            }),
            (text("publisher", true), |_, rows| {
                texts(rows, |row| row.publisher.as_ref().map(ToString::to_string))
            }),
            (integer("population"), |_, rows| {
                integers(rows, |row| {
                    let count = row.population?;
                    i64::try_from(count).ok()
                })
            }),
            (time("valid_from", true), |_, rows| {
                moments(rows, |row| start(row.valid))
            }),
            (time("valid_to", true), |_, rows| {
                moments(rows, |row| end(row.valid))
            }),
            (geometry(), |question, rows| {
                let shape = |row: &Arc<Area>| question.registry.shape(row.id.as_str());
                geometries(rows, |row| {
                    shape(row).map(|shape| wkb::write_polygons(shape))
                })
            }),
        ],
    )
}

fn visible_things(question: &Question) -> Vec<Arc<Thing>> {
    let things = question.registry.things();
    things
        .filter(|thing| question.view.sees_thing(thing))
        .map(Arc::clone)
        .collect()
}

fn things(question: &Arc<Question>) -> (&'static str, Arc<dyn TableProvider>) {
    let mut columns: Vec<Column<Arc<Thing>>> = vec![
        (text("id", false), |_, rows| {
            texts(rows, |row| Some(row.id.to_string()))
        }),
        (text("publisher", false), |_, rows| {
            texts(rows, |row| Some(row.id.publisher().to_string()))
        }),
        (text("local_id", false), |_, rows| {
            texts(rows, |row| Some(row.id.local().to_string()))
        }),
        (text("name", false), |_, rows| {
            texts(rows, |row| Some(row.name.clone()))
        }),
        (text("kind", false), |_, rows| {
            texts(rows, |row| Some(row.kind.to_string()))
        }),
        (text("vehicle_kind", true), |_, rows| {
            texts(rows, |row| row.vehicle_kind.map(|kind| kind.to_string()))
        }),
        (integer("capacity"), |_, rows| {
            integers(rows, |row| {
                let last = row.capacity.iter().max_by_key(|one| one.valid_from);
                last.map(|one| i64::from(one.places))
            })
        }),
        (text("part_of", true), |_, rows| {
            texts(rows, |row| row.part_of.as_ref().map(ToString::to_string))
        }),
    ];
    columns.extend(places_of_things());
    columns.extend(rules_of_things());
    listing("things", question, visible_things, columns)
}

fn places_of_things() -> Vec<Column<Arc<Thing>>> {
    vec![
        (number("lon"), |_, rows| {
            numbers(rows, |row| row.location.map(|at| at.lon))
        }),
        (number("lat"), |_, rows| {
            numbers(rows, |row| row.location.map(|at| at.lat))
        }),
        (geometry(), |_, rows| {
            let point = |row: &Arc<Thing>| row.location.map(|at| Point::new(at.lon, at.lat));
            geometries(rows, |row| {
                point(row).map(|point| wkb::write(&Geometry::Point(point)))
            })
        }),
        (text("municipality", true), |question, rows| {
            let place = |row: &Arc<Thing>| question.registry.place(&row.id);
            texts(rows, |row| {
                Some(place(row)?.municipality.as_ref()?.0.to_string())
            })
        }),
    ]
}

fn rules_of_things() -> Vec<Column<Arc<Thing>>> {
    vec![
        (truth("reserved"), |_, rows| {
            truths(rows, |row| row.is_reserved)
        }),
        (truth("open"), |_, rows| truths(rows, |row| row.is_open)),
        (integer("max_stay_s"), |_, rows| {
            integers(rows, |row| row.max_stay.and_then(seconds))
        }),
        (list("properties"), |_, rows| {
            lists(rows, |row| {
                row.properties.iter().map(ToString::to_string).collect()
            })
        }),
        (time("valid_from", true), |_, rows| {
            moments(rows, |row| start(row.valid))
        }),
        (time("valid_to", true), |_, rows| {
            moments(rows, |row| end(row.valid))
        }),
    ]
}

fn properties(question: &Arc<Question>) -> (&'static str, Arc<dyn TableProvider>) {
    let rows = |question: &Question| question.registry.properties().map(Arc::clone).collect();
    listing::<Arc<ObservedProperty>>(
        "properties",
        question,
        rows,
        vec![
            (text("id", false), |_, rows| {
                texts(rows, |row| Some(row.id.to_string()))
            }),
            (text("name_it", false), |_, rows| {
                texts(rows, |row| Some(row.name.0.clone()))
            }),
            (text("name_en", false), |_, rows| {
                texts(rows, |row| Some(row.name.1.clone()))
            }),
            (text("unit", false), |_, rows| {
                texts(rows, |row| Some(row.unit.clone()))
            }),
            (text("signal", false), |_, rows| {
                texts(rows, |row| Some(row.signal.to_string()))
            }),
            (text("type", false), |_, rows| {
                texts(rows, |row| Some(row.number.to_string()))
            }),
            (text("area_mode", false), |_, rows| {
                texts(rows, |row| Some(row.area_mode.to_string()))
            }),
            (integer("max_hold_s"), |_, rows| {
                integers(rows, |row| row.max_hold.and_then(seconds))
            }),
            (number("min"), |_, rows| numbers(rows, |row| row.min)),
            (number("max"), |_, rows| numbers(rows, |row| row.max)),
            (truth("counts_people"), |_, rows| {
                truths(rows, |row| row.counts_people)
            }),
        ],
    )
}

fn datastreams(question: &Arc<Question>) -> (&'static str, Arc<dyn TableProvider>) {
    let rows = |question: &Question| {
        let names = question.datastreams.iter().map(|(_, name)| name);
        let (view, registry) = (&question.view, &question.registry);
        let visible = names.filter(|name| view.sees_stream(registry, &name.thing, &name.property));
        visible.cloned().collect()
    };
    listing::<DatastreamName>(
        "datastreams",
        question,
        rows,
        vec![
            (text("id", false), |_, rows| {
                texts(rows, |row| Some(format!("{}/{}", row.thing, row.property)))
            }),
            (text("publisher", false), |_, rows| {
                texts(rows, |row| Some(row.thing.publisher().to_string()))
            }),
            (text("thing", false), |_, rows| {
                texts(rows, |row| Some(row.thing.to_string()))
            }),
            (text("property", false), |_, rows| {
                texts(rows, |row| Some(row.property.to_string()))
            }),
            (text("unit", true), |question, rows| {
                let property =
                    |row: &DatastreamName| question.registry.property(row.property.as_str());
                texts(rows, |row| {
                    property(row).map(|property| property.unit.clone())
                })
            }),
        ],
    )
}

/// A thing in an area, and when.
struct Membership {
    thing: Arc<Thing>,
    area: String,
    level: &'static str,
    valid: TimeRange,
}

fn memberships(question: &Arc<Question>) -> (&'static str, Arc<dyn TableProvider>) {
    let rows = |question: &Question| {
        let things = visible_things(question).into_iter();
        let of_thing = things.flat_map(|thing| {
            let place = question.registry.place(&thing.id);
            let areas = place.into_iter().flat_map(|place| &place.areas);
            let rows = areas.map(|belonging| Membership {
                thing: Arc::clone(&thing),
                area: belonging.area.to_string(),
                level: belonging.level.as_str(),
                valid: belonging.valid,
            });
            rows.collect::<Vec<_>>()
        });
        of_thing.collect()
    };
    listing::<Membership>(
        "memberships",
        question,
        rows,
        vec![
            (text("thing", false), |_, rows| {
                texts(rows, |row| Some(row.thing.id.to_string()))
            }),
            (text("area", false), |_, rows| {
                texts(rows, |row| Some(row.area.clone()))
            }),
            (text("level", false), |_, rows| {
                texts(rows, |row| Some(row.level.to_owned()))
            }),
            (time("valid_from", true), |_, rows| {
                moments(rows, |row| start(row.valid))
            }),
            (time("valid_to", true), |_, rows| {
                moments(rows, |row| end(row.valid))
            }),
        ],
    )
}
