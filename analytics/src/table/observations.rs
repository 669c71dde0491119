//! The table `observations`: conditions on thing, property, publisher and time come in, the store's
//! rows go out as they lie there.
//!
//! # Why
//! This is where the data are many. The store is asked for exactly the datastreams that are wanted
//! and visible, the times, the columns and the number of rows; its keys become names only in the
//! batches that leave.
//!
//! # Shape
//! `publisher, thing, property, time, result, quality, received, known_at`; winning versions.
//! Sorted by thing, property and time where the keys happen to run that way, else by time if there
//! is one stream.
//!
//! # Invariants
//! A stream that the caller may not see is never scanned.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arno_model::{DatastreamKey, Quality, TimeRange};
use arno_store::{BatchStream, DatastreamName, Scan, Streams, Versions};
use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringViewArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::OnceCell;

use crate::error::AnalyticsError;
use crate::question::Question;
use crate::table::leaf::{Batches, Source};
use crate::table::provider::{Asked, Read, Reading, assembled, text, time};

/// The table.
#[derive(Debug)]
pub(crate) struct Observations {
    question: Arc<Question>,
    schema: SchemaRef,
}

impl Observations {
    pub(crate) fn new(question: &Arc<Question>) -> Self {
        let schema = Arc::new(Schema::new(vec![
            text("publisher", false),
            text("thing", false),
            text("property", false),
            time("time", false),
            Field::new("result", DataType::Float64, true),
            text("quality", false),
            time("received", false),
            time("known_at", false),
        ]));
        Self {
            question: Arc::clone(question),
            schema,
        }
    }
}

impl Asked for Observations {
    fn name(&self) -> &'static str {
        "observations"
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn exact(&self) -> &'static [&'static str] {
        &["publisher", "thing", "property", "time"]
    }

    fn read(&self, read: Read) -> Result<Reading, AnalyticsError> {
        let names = Names::wanted(&self.question, &read);
        let sorted_by = names.sorted_by();
        let partitions = read.partitions.clamp(1, names.keys.len().max(1));
        let question = Arc::clone(&self.question);
        let time = read.filters.range("time");
        let streams = Streams::of(names.keys.clone());
        let shared = Shared {
            streams: OnceCell::new(),
            names,
            question,
            read,
            time,
            partitions,
        };
        let scan = shared.scan(streams);
        Ok(Reading {
            sorted_by,
            partitions,
            source: Arc::new(Reader {
                shared: Arc::new(shared),
                scan,
            }),
        })
    }
}

/// The wanted and visible datastreams, by ascending key, with their names as columns.
#[derive(Debug)]
struct Names {
    keys: Vec<DatastreamKey>,
    are_sorted: bool,
    publishers: StringViewArray,
    things: StringViewArray,
    properties: StringViewArray,
}

impl Names {
    fn wanted(question: &Question, read: &Read) -> Self {
        let filters = &read.filters;
        let is_wanted = |name: &DatastreamName| {
            let among = |column: &str, text: &str| {
                filters
                    .names(column)
                    .is_none_or(|names| names.contains(text))
            };
            among("thing", name.thing.as_str())
                && among("property", name.property.as_str())
                && among("publisher", name.thing.publisher().as_str())
                && question
                    .view
                    .sees_stream(&question.registry, &name.thing, &name.property)
        };
        let found: Vec<_> = question
            .datastreams
            .iter()
            .filter(|(_, name)| is_wanted(name))
            .collect();
        let of = |text: fn(&DatastreamName) -> String| {
            found
                .iter()
                .map(|(_, name)| Some(text(name)))
                .collect::<StringViewArray>()
        };
        Self {
            keys: found.iter().map(|(key, _)| *key).collect(),
            are_sorted: found.windows(2).all(|pair| match pair {
                [(_, left), (_, right)] => left <= right,
                _ => true,
            }),
            publishers: of(|name| name.thing.publisher().to_string()),
            things: of(|name| name.thing.to_string()),
            properties: of(|name| name.property.to_string()),
        }
    }

    fn sorted_by(&self) -> Vec<&'static str> {
        match self.keys.len() {
            0 | 1 => vec!["time"],
            _ if self.are_sorted => vec!["thing", "property", "time"],
            _ => Vec::new(),
        }
    }

    /// The place of each row's datastream among the wanted.
    fn places(&self, keys: &ArrayRef) -> Result<UInt32Array> {
        let mut last: Option<(i32, u32)> = None;
        let keys = keys.as_primitive::<Int32Type>();
        let places = keys.values().iter().map(|key| {
            if let Some((_, place)) = last.filter(|(known, _)| known == key) {
                return Ok(place);
            }
            let found = self.keys.binary_search(&DatastreamKey(*key));
            let place = found.ok().and_then(|place| u32::try_from(place).ok());
            let place = place.ok_or_else(|| {
                DataFusionError::Internal(
                    "the store gave a datastream that was not asked".to_owned(),
                )
            })?;
            last = Some((*key, place));
            Ok(place)
        });
        places.collect::<Result<Vec<_>>>().map(UInt32Array::from)
    }
}

type Slot = Mutex<Option<BatchStream>>;

/// What the partitions of one scan share: they are opened together, at one moment of the store.
struct Shared {
    streams: OnceCell<Vec<Slot>>,
    names: Names,
    question: Arc<Question>,
    read: Read,
    time: TimeRange,
    partitions: usize,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("streams", &self.names.keys.len())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn scan(&self, streams: Streams) -> Scan {
        Scan {
            streams,
            time: self.time,
            with_lead: false,
            as_of: self.question.as_of,
            versions: Versions::Winning,
            columns: Some(kept_columns(&self.read.columns)),
            limit: self.read.limit,
            partitions: self.partitions,
        }
    }

    async fn stream(&self, scan: Scan, partition: usize) -> Result<Option<BatchStream>> {
        if self.names.keys.is_empty() || self.time.is_empty() {
            return Ok(None);
        }
        let opened = self.streams.get_or_try_init(|| async {
            let streams = self.question.backend.scan(scan).await?;
            Ok::<_, AnalyticsError>(
                streams
                    .into_iter()
                    .map(|one| Mutex::new(Some(one)))
                    .collect(),
            )
        });
        let slots: &Vec<Slot> = opened.await?;
        let slot = slots.get(partition);
        Ok(slot.and_then(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).take()))
    }

    fn shaped(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let of_batch = |name: &str| {
            let found = batch.column_by_name(name);
            found.ok_or_else(|| DataFusionError::Internal(format!("no column `{name}` was read")))
        };
        let needs_names = self.read.columns.iter().any(|index| *index < 3);
        let places = if needs_names {
            Some(self.names.places(of_batch("datastream")?)?)
        } else {
            None
        };
        let named = |names: &StringViewArray| match &places {
            Some(places) => take(names, places, None).map_err(DataFusionError::from),
            None => Err(DataFusionError::Internal("names without places".to_owned())),
        };
        let shaped = self.read.columns.iter().map(|index| -> Result<ArrayRef> {
            Ok(match index {
                0 => named(&self.names.publishers)?,
                1 => named(&self.names.things)?,
                2 => named(&self.names.properties)?,
                3 => Arc::clone(of_batch("time")?),
                4 => Arc::clone(of_batch("result")?),
                5 => qualities(of_batch("quality")?)?,
                6 => Arc::clone(of_batch("received")?),
                _ => Arc::clone(of_batch("known_at")?),
            })
        });
        let shaped = shaped.collect::<Result<Vec<_>>>()?;
        assembled(&self.read.schema, shaped, batch.num_rows())
    }
}

/// The store's columns behind the table's, ascending; the first one at least, to count rows by.
fn kept_columns(columns: &[usize]) -> Vec<usize> {
    let mut kept: Vec<_> = columns
        .iter()
        .map(|index| match index {
            0..=2 => 0,
            3 => 1,
            4 => 2,
            5 => 3,
            6 => 4,
            _ => 6,
        })
        .collect();
    kept.sort_unstable();
    kept.dedup();
    if kept.is_empty() { vec![0] } else { kept }
}

/// Quality codes as words.
pub(crate) fn qualities(codes: &ArrayRef) -> Result<ArrayRef> {
    let words = [Quality::Good, Quality::Late, Quality::Implausible];
    let words: StringViewArray = words.iter().map(|quality| Some(quality.as_str())).collect();
    debug_assert_eq!(words.len(), 3, "codes run from 0");
    Ok(take(&words, codes, None)?)
}

#[derive(Debug)]
struct Reader {
    shared: Arc<Shared>,
    scan: Scan,
}

impl Source for Reader {
    fn open(&self, partition: usize) -> Batches {
        let shared = Arc::clone(&self.shared);
        let scan = self.scan.clone();
        let opened = async move {
            let stream = shared.stream(scan, partition).await?;
            let stream = stream.unwrap_or_else(|| futures::stream::empty().boxed());
            let shaped = stream.map(move |batch| {
                let batch = batch.map_err(AnalyticsError::from)?;
                shared.shaped(&batch)
            });
            Ok::<_, DataFusionError>(shaped)
        };
        futures::stream::once(opened).try_flatten().boxed()
    }
}
