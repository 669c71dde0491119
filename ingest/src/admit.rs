//! Admission: readings come in, rows of known datastreams or worded refusals go out.
//!
//! # Why
//! A wrong number is worse than a missing one. What names no thing, lies in the future or is no
//! number for its property is refused here with its reason, each reading by itself: one bad
//! property does not sink its siblings. What is merely improbable is stored and marked.
//!
//! # Shape
//! Readings in order of arrival → [`Observation`] rows in the same order, and quarantine entries.
//!
//! # Limits
//! [`FUTURE_US_MAX`] → `future`; the publisher's `max_age` → `too_old`; [`WHOLE_RESULT_MAX`] →
//! `wrong_number`. The cache holds one plan a datastream of the registry, no more.
//!
//! # Invariants
//! "Now" is the moment at which the reading was received on its delivery's clock: on a recorded
//! clock that is the row's own poll time, however the recording is cut into appends.
//! Every reading becomes exactly one row or one refusal.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use arno_model::bucket::BASE_US;
use arno_model::publisher::MAX_AGE_DEFAULT;
use arno_model::time::{MINUTE_US, duration_us};
use arno_model::{
    DatastreamKey, NumberType, Observation, ObservedProperty, PublisherId, Quality, Thing,
    Timestamp,
};
use arno_store::{
    ClockMark, DatastreamName, DatastreamRegister, QuarantineEntry, QuarantineReason, Registry,
    StoreError,
};
use tokio::sync::watch;

use crate::delivery::Problem;
use crate::reading::Reading;
use crate::refusal::Origin;

/// How far ahead of now a phenomenon time may lie: clocks of devices drift by minutes; beyond it
/// the reading is refused as `future`.
pub const FUTURE_US_MAX: i64 = 5 * MINUTE_US;
/// Largest size of a whole number: up to here each has a float of its own; beyond it the reading is
/// refused as `wrong_number`.
pub const WHOLE_RESULT_MAX: f64 = 9_007_199_254_740_991.0;

/// Whose readings these are and how they came.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The topic or route; absent: each reading's native topic.
    pub topic: Option<&'a str>,
    /// Its things alone are admitted; absent: everybody's.
    pub publisher: Option<&'a PublisherId>,
    /// On whose clock.
    pub clock: ClockMark,
}

/// What admission made of readings.
#[derive(Debug, Default)]
pub struct Admitted {
    /// Rows in order of arrival.
    pub rows: Vec<Observation>,
    /// Refusals in order of arrival.
    pub quarantine: Vec<QuarantineEntry>,
}

/// Admits readings against the newest registry.
#[derive(Debug)]
pub struct Admitter {
    registry: watch::Receiver<Arc<Registry>>,
    register: Arc<dyn DatastreamRegister>,
    plans: RwLock<Plans>,
}

/// What is known of the datastreams seen so far, under one registry.
#[derive(Debug, Default)]
struct Plans {
    registry: Arc<Registry>,
    by_name: HashMap<DatastreamName, Plan>,
}

/// All that admission asks of one datastream.
#[derive(Debug, Clone)]
struct Plan {
    key: DatastreamKey,
    thing: Arc<Thing>,
    property: Arc<ObservedProperty>,
    max_age_us: i64,
    shows_reserved: bool,
}

impl Admitter {
    /// An admitter over the newest registry and the store's datastreams.
    pub fn new(
        registry: watch::Receiver<Arc<Registry>>,
        register: Arc<dyn DatastreamRegister>,
    ) -> Self {
        let plans = RwLock::default();
        Self {
            registry,
            register,
            plans,
        }
    }

    /// The registry as it stands.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.borrow())
    }

    /// Admits readings, in order.
    ///
    /// # Errors
    /// What the store says when new datastreams can't be registered; nothing is admitted then.
    ///
    /// # Cancel
    /// Dropping the future may leave datastreams registered without rows, which is harmless.
    pub async fn admit(
        &self,
        readings: &[Reading],
        context: Context<'_>,
    ) -> Result<Admitted, StoreError> {
        let registry = self.registry();
        let mut admitted = Admitted::default();
        admitted.rows.reserve(readings.len());
        let pending = self.judge_all(&registry, readings, context, &mut admitted);
        if !pending.is_empty() {
            self.name_rows(&registry, pending, &mut admitted.rows)
                .await?;
        }
        Ok(admitted)
    }

    /// Judges each reading; rows of datastreams without a cached key come back as pending.
    fn judge_all(
        &self,
        registry: &Arc<Registry>,
        readings: &[Reading],
        context: Context<'_>,
        admitted: &mut Admitted,
    ) -> Pending {
        let cache = self.plans.read().unwrap_or_else(PoisonError::into_inner);
        let is_current = Arc::ptr_eq(&cache.registry, registry);
        let mut pending = Pending::default();
        let mut last: Option<(DatastreamName, Option<Plan>)> = None;
        for reading in readings {
            let is_last = last.as_ref().is_some_and(|(name, _plan)| {
                name.thing == reading.thing && name.property == reading.property
            });
            if !is_last {
                let name = name_of(reading);
                let cached = cache.by_name.get(&name).filter(|_plan| is_current).cloned();
                let fresh = || pending.plans.get(&name).cloned();
                let plan = cached.or_else(fresh).or_else(|| plan_of(registry, reading));
                last = Some((name, plan));
            }
            let Some((name, plan)) = &last else { continue };
            let verdict = match plan {
                _ if !is_allowed(reading, context.publisher) => Err(foreign(context.publisher)),
                None => Err(why_unknown(registry, reading)),
                Some(plan) => plan.judge(reading, context.clock).map(|row| (row, plan)),
            };
            match verdict {
                Ok((row, plan)) => {
                    if plan.key == UNNAMED {
                        pending.rows.push((admitted.rows.len(), name.clone()));
                        pending
                            .plans
                            .entry(name.clone())
                            .or_insert_with(|| plan.clone());
                    }
                    admitted.rows.push(row);
                }
                Err(problem) => admitted.quarantine.push(refuse(reading, problem, context)),
            }
        }
        pending
    }

    /// Gives pending rows their keys, registering datastreams that are new to the store. Only what
    /// was admitted is registered, so refused readings leave no trace in the register.
    async fn name_rows(
        &self,
        registry: &Arc<Registry>,
        pending: Pending,
        rows: &mut [Observation],
    ) -> Result<(), StoreError> {
        let names: Vec<DatastreamName> = pending.plans.keys().cloned().collect();
        let known = self.register.datastreams();
        let keys: Option<Vec<_>> = names.iter().map(|name| known.key(name)).collect();
        let keys = match keys {
            Some(keys) => keys,
            None => self.register.register(&names).await?,
        };
        let keys: HashMap<DatastreamName, DatastreamKey> = names.into_iter().zip(keys).collect();
        for (index, name) in &pending.rows {
            if let (Some(row), Some(key)) = (rows.get_mut(*index), keys.get(name)) {
                row.datastream = *key;
            }
        }
        let mut cache = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&cache.registry, registry) {
            *cache = Plans {
                registry: Arc::clone(registry),
                by_name: HashMap::new(),
            };
        }
        for (name, plan) in pending.plans {
            if let Some(key) = keys.get(&name) {
                cache.by_name.insert(name, Plan { key: *key, ..plan });
            }
        }
        Ok(())
    }
}

/// No datastream's key: the store gives them out from 1.
const UNNAMED: DatastreamKey = DatastreamKey(0);

/// Rows that wait for their datastream's key.
#[derive(Debug, Default)]
struct Pending {
    rows: Vec<(usize, DatastreamName)>,
    plans: HashMap<DatastreamName, Plan>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Plan {
    /// Judges one reading of this datastream.
    fn judge(&self, reading: &Reading, clock: ClockMark) -> Result<Observation, Problem> {
        let now = match clock {
            ClockMark::Live => reading.received,
            ClockMark::Recorded(moment) => reading.received.min(moment),
        };
        if self.shows_reserved {
            let detail = format!(
                "`{}` of `{}` less its open bays would show its reserved bays; send the bays alone",
                self.property.id, self.thing.id
            );
            return Err(Problem::new(QuarantineReason::ShowsReserved, detail));
        }
        let time = self.check_time(reading, now)?;
        let result = reading
            .result
            .map(|result| self.check_result(result))
            .transpose()?;
        let is_implausible = result.is_some_and(|result| !self.property.is_plausible(result));
        let bucket_end = time.floor_to(BASE_US).plus_us(BASE_US);
        let quality = if is_implausible {
            Quality::Implausible
        } else if reading.received >= bucket_end {
            Quality::Late
        } else {
            Quality::Good
        };
        Ok(Observation {
            datastream: self.key,
            time,
            result,
            quality,
            received: reading.received,
            result_time: reading.result_time,
        })
    }

    fn check_time(&self, reading: &Reading, now: Timestamp) -> Result<Timestamp, Problem> {
        if reading.time.is_none() && self.property.needs_time() {
            let detail = format!(
                "`{}` ({}) needs a `time` of its own: without it repeats would count twice",
                self.property.id, self.property.signal
            );
            return Err(Problem::new(QuarantineReason::MissingTime, detail));
        }
        let time = reading.moment();
        if time > now.plus_us(FUTURE_US_MAX) {
            let detail = format!("{time} is more than 5 minutes after now, {now}");
            return Err(Problem::new(QuarantineReason::Future, detail));
        }
        if now.since_us(time) > self.max_age_us {
            let days = self.max_age_us / (24 * 60 * MINUTE_US);
            let detail = format!("{time} is older than the publisher's max_age of {days} days");
            return Err(Problem::new(QuarantineReason::TooOld, detail));
        }
        let valid = self.thing.valid;
        if !valid.contains(time) {
            let (id, start, end) = (&self.thing.id, valid.start, valid.end);
            let detail = format!("`{id}` exists from {start} until {end}, not at {time}");
            return Err(Problem::new(QuarantineReason::ThingNotValid, detail));
        }
        Ok(time)
    }

    fn check_result(&self, result: f64) -> Result<f64, Problem> {
        let id = &self.property.id;
        let result = Observation::check_result(result).map_err(|cause| {
            Problem::new(QuarantineReason::BadValue, format!("`{id}`: {cause}"))
        })?;
        let is_whole = result.fract().abs() <= 0.0;
        let wanted = match self.property.number {
            NumberType::Integer if !is_whole => Some("a whole number"),
            NumberType::Integer if result.abs() > WHOLE_RESULT_MAX => {
                Some("a whole number of less than 2^53")
            }
            NumberType::Boolean if !(is_whole && (0.0..=1.0).contains(&result)) => {
                Some("true, false, 0 or 1")
            }
            NumberType::Number | NumberType::Integer | NumberType::Boolean => None,
        };
        match wanted {
            None => Ok(result),
            Some(wanted) => {
                let detail = format!("`{id}` takes {wanted}, not {result}");
                Err(Problem::new(QuarantineReason::WrongNumber, detail))
            }
        }
    }
}

fn name_of(reading: &Reading) -> DatastreamName {
    DatastreamName {
        thing: reading.thing.clone(),
        property: reading.property.clone(),
    }
}

/// The plan of a reading's datastream, still without its key; `None` when the registry lacks it.
fn plan_of(registry: &Registry, reading: &Reading) -> Option<Plan> {
    let thing = registry.thing(reading.thing.as_str())?;
    let property = registry.property(reading.property.as_str())?;
    let publisher = registry.publisher(reading.thing.publisher().as_str());
    let max_age = publisher.map_or(MAX_AGE_DEFAULT, |publisher| publisher.max_age);
    Some(Plan {
        key: UNNAMED,
        thing: Arc::clone(thing),
        property: Arc::clone(property),
        max_age_us: duration_us(max_age),
        shows_reserved: registry.shows_reserved(&reading.thing, &reading.property),
    })
}

fn is_allowed(reading: &Reading, publisher: Option<&PublisherId>) -> bool {
    publisher.is_none_or(|publisher| {
        let rest = reading.thing.as_str().strip_prefix(publisher.as_str());
        rest.is_some_and(|rest| rest.starts_with(':'))
    })
}

fn foreign(publisher: Option<&PublisherId>) -> Problem {
    let detail = match publisher {
        Some(publisher) => format!("the thing is not one of `{publisher}`'s"),
        None => "the thing is not one of the sender's".to_owned(),
    };
    Problem::new(QuarantineReason::UnknownThing, detail)
}

fn why_unknown(registry: &Registry, reading: &Reading) -> Problem {
    if registry.thing(reading.thing.as_str()).is_none() {
        let detail = format!("`{}` is no thing of the registry", reading.thing);
        return Problem::new(QuarantineReason::UnknownThing, detail);
    }
    let detail = format!(
        "`{}` is no observed property of the registry",
        reading.property
    );
    Problem::new(QuarantineReason::UnknownProperty, detail)
}

/// The refusal of one reading, with a native payload that can be delivered again as it is.
fn refuse(reading: &Reading, problem: Problem, context: Context<'_>) -> QuarantineEntry {
    let time = reading
        .time
        .map_or_else(String::new, |time| format!("\"time\":\"{time}\","));
    let result = match reading.result {
        None => "null".to_owned(),
        Some(result) if result.is_finite() => result.to_string(),
        Some(result) => format!("\"{result}\""),
    };
    let payload = format!("{{{time}\"{}\":{result}}}", reading.property);
    let publisher = reading.thing.publisher();
    let native = format!("arno/v1/obs/{publisher}/{}", reading.thing.local());
    let origin = Origin {
        topic: context.topic.unwrap_or(&native),
        publisher: Some(context.publisher.unwrap_or(&publisher)),
        received: reading.received,
    };
    problem.into_entry(origin, Some(payload.as_bytes()), payload.len())
}

#[cfg(test)]
pub(crate) mod tests;
