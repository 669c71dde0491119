//! The truth as files that any tool reads: what was sent, and what every bucket must hold.
//!
//! # Shape
//! `emitted.ndjson`: one row a line with its outcome. `ledger.json`. `streams-15m.csv`,
//! `streams-1h.csv`: figures by datastream. `parking-15m.csv`, `parking-1h.csv`: by thing.
//! `towns-15m.csv`, `towns-1h.csv`: by municipality and vehicle kind, operator's view. Times are
//! RFC 3339; of datastreams, buckets in which nothing was known or read are left out. The first
//! bucket is whole, the last one ends where the range does: that is "now".

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arno_model::bucket::BASE_US;
use arno_model::time::HOUR_US;
use arno_model::{TimeRange, Timestamp};
use serde::Serialize;

use crate::error::SimulatorError;
use crate::property::Property;
use crate::truth::{ParkingFigures, StreamFigures, Truth};

/// The columns of parking figures, after the one that names whose they are.
const FIGURES: &str = "vehicle_kind,bucket_start,bucket_end,\
                       load_integral,capacity_integral,capacity_expected";

#[derive(Serialize)]
struct EmittedLine<'a> {
    thing: &'a str,
    property: &'static str,
    time: Timestamp,
    result: Option<f64>,
    received: Timestamp,
    outcome: &'static str,
}

impl Truth {
    /// Writes all files into a folder, which is made if it is missing; buckets cover `range`.
    ///
    /// # Errors
    /// [`SimulatorError::WriteTruth`] when a file can't be written.
    pub fn write(&self, folder: &Path, range: TimeRange) -> Result<(), SimulatorError> {
        fs::create_dir_all(folder).map_err(|source| SimulatorError::WriteTruth {
            path: folder.to_owned(),
            source,
        })?;
        write_file(folder.join("emitted.ndjson"), |out| self.write_emitted(out))?;
        write_file(folder.join("ledger.json"), |out| {
            serde_json::to_writer_pretty(&mut *out, &self.ledger).map_err(io::Error::other)
        })?;
        for (name, width_us) in [("15m", BASE_US), ("1h", HOUR_US)] {
            let buckets = buckets_of(range, width_us);
            let path = |kind: &str| folder.join(format!("{kind}-{name}.csv"));
            write_file(path("streams"), |out| self.write_streams(out, &buckets))?;
            write_file(path("parking"), |out| self.write_parking(out, &buckets))?;
            write_file(path("towns"), |out| self.write_towns(out, &buckets))?;
        }
        Ok(())
    }

    fn write_emitted(&self, out: &mut impl Write) -> io::Result<()> {
        for (row, outcome) in &self.judged {
            let Some(thing) = self.region.thing(row.thing) else {
                continue;
            };
            let line = EmittedLine {
                thing: thing.id.as_str(),
                property: row.property.as_str(),
                time: row.time,
                result: row.result,
                received: row.received,
                outcome: outcome.as_str(),
            };
            serde_json::to_writer(&mut *out, &line).map_err(io::Error::other)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn write_streams(&self, out: &mut impl Write, buckets: &[TimeRange]) -> io::Result<()> {
        out.write_all(
            b"thing,property,bucket_start,bucket_end,readings,known_us,integral,min,max\n",
        )?;
        for (index, property) in self.streams() {
            let Some(thing) = self.region.thing(index) else {
                continue;
            };
            for bucket in buckets {
                let figures = self.stream(index, property, *bucket);
                if figures != StreamFigures::default() {
                    let (id, name) = (&thing.id, property.as_str());
                    write!(out, "{id},{name},{},{},", bucket.start, bucket.end)?;
                    let (min, max) = (text_of(figures.min), text_of(figures.max));
                    let StreamFigures {
                        readings,
                        known_us,
                        integral,
                        min: _,
                        max: _,
                    } = figures;
                    writeln!(out, "{readings},{known_us},{integral},{min},{max}")?;
                }
            }
        }
        Ok(())
    }

    fn write_parking(&self, out: &mut impl Write, buckets: &[TimeRange]) -> io::Result<()> {
        writeln!(out, "thing,{FIGURES}")?;
        for (index, thing) in (0_u32..).zip(self.region.things()) {
            let Some(kind) = thing.vehicle_kind else {
                continue;
            };
            for bucket in buckets {
                let figures = self.parking(index, *bucket);
                let head = format!("{},{kind}", thing.id);
                write_figures(out, &head, *bucket, &figures)?;
            }
        }
        Ok(())
    }

    fn write_towns(&self, out: &mut impl Write, buckets: &[TimeRange]) -> io::Result<()> {
        writeln!(out, "area,{FIGURES}")?;
        for (index, town) in self.region.towns().iter().enumerate() {
            let of_town = town
                .things
                .clone()
                .filter_map(|thing| self.region.thing(thing));
            let kinds: BTreeSet<_> = of_town.filter_map(|thing| thing.vehicle_kind).collect();
            for kind in kinds {
                for bucket in buckets {
                    let figures = self.town_parking(index, kind, *bucket, true);
                    let head = format!("{},{kind}", town.municipality.id);
                    write_figures(out, &head, *bucket, &figures)?;
                }
            }
        }
        Ok(())
    }

    /// The datastreams of one property, by thing.
    pub fn streams_of(&self, property: Property) -> impl Iterator<Item = u32> {
        self.streams()
            .filter(move |stream| stream.1 == property)
            .map(|stream| stream.0)
    }
}

fn write_figures(
    out: &mut impl Write,
    head: &str,
    bucket: TimeRange,
    figures: &ParkingFigures,
) -> io::Result<()> {
    let ParkingFigures {
        load_integral,
        capacity_integral,
        capacity_expected,
    } = figures;
    let (start, end) = (bucket.start, bucket.end);
    writeln!(
        out,
        "{head},{start},{end},{load_integral},{capacity_integral},{capacity_expected}"
    )
}

fn write_file(
    path: PathBuf,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), SimulatorError> {
    let written = File::create(&path).and_then(|file| {
        let mut out = BufWriter::new(file);
        fill(&mut out)?;
        out.flush()
    });
    written.map_err(|source| SimulatorError::WriteTruth { path, source })
}

fn buckets_of(range: TimeRange, width_us: i64) -> Vec<TimeRange> {
    let mut buckets = Vec::new();
    let mut start = range.start.floor_to(width_us);
    while start < range.end {
        let end = start.plus_us(width_us);
        buckets.push(TimeRange::new(start, end.min(range.end)));
        start = end;
    }
    buckets
}

fn text_of(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}
