//! Live play: a generator and a broker come in; a region publishes through real MQTT.
//!
//! # Why
//! What devices do on the wire is part of what must be shown: many connections, QoS 1, Last Wills,
//! reconnects, messages sent again. So the simulated devices speak MQTT like real ones and Arno
//! knows nothing about them.
//!
//! # Shape
//! One connection per town; what is left of [`Live::connections_count_max`] goes to access points
//! of their own, which have a Last Will and lose their line without a word when they drop off.
//! Topics and payloads are the native ones.
//!
//! # Limits
//! [`INBOX_COUNT_MAX`] messages wait for a connected line, and then the play waits (and catches up
//! later); for a line that is down, further messages are lost and counted, as devices lose them.
//! [`STEP_US`] of simulated time at once. After the token is cancelled the play ends within
//! about three seconds.
//!
//! # Invariants
//! An acknowledged message is counted once, whatever the line did meanwhile.

pub mod broker;
mod connection;
pub mod counter;
mod line;
pub mod payload;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arno_model::Timestamp;
use arno_model::time::MINUTE_US;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use broker::{Broker, Credentials, Secret};
pub use counter::{LiveCounters, LiveReport};
pub use payload::Message;

use crate::error::SimulatorError;
use crate::generator::Generator;
use crate::property::Property;
use connection::{Command, Connection};
use line::Lines;
use payload::messages_of;

/// Messages that wait for one line. A town speaks about ten times a minute; this bridges a busy
/// broker without holding more than a megabyte for a whole region.
pub const INBOX_COUNT_MAX: usize = 256;
/// Connections by default: a region's towns, or twenty towns with nine access points each.
pub const CONNECTIONS_COUNT_DEFAULT: usize = 200;
/// Most connections: one process has so many ports and file handles to spare.
pub const CONNECTIONS_COUNT_MAX: usize = 10_000;
/// Most simulated time in one step, so that catching up stays interruptible.
pub const STEP_US: i64 = MINUTE_US;
/// How long the play waits at its beginning for all lines to be up, so that what it has to catch up
/// is not lost on the first moment; then it begins with the lines that are.
const CONNECT: Duration = Duration::from_secs(10);
/// How often the play looks at the clock.
const TICK: Duration = Duration::from_millis(100);

/// Tells the time.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Hears of each acknowledged message.
pub type OnAcknowledged = Arc<dyn Fn(&Message) + Send + Sync>;

/// A live play to be run.
pub struct Live {
    /// The region in motion; it goes on from where it stands, and catches up if that is past.
    pub generator: Generator,
    /// Where to publish.
    pub broker: Broker,
    /// At most so many connections; a town that must log in as itself has one in any case.
    pub connections_count_max: usize,
    /// What the time is.
    pub now: Now,
    /// Who wants to hear what was acknowledged, like a truth log.
    pub on_acknowledged: Option<OnAcknowledged>,
}

impl fmt::Debug for Live {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Live")
            .field("broker", &self.broker)
            .field("connections_count_max", &self.connections_count_max)
            .finish_non_exhaustive()
    }
}

impl Live {
    /// Plays until the token is cancelled, then drains and reports. A broker that is not there is
    /// tried again and again.
    ///
    /// # Errors
    /// [`SimulatorError::Setting`] for an impossible number of connections.
    ///
    /// # Cancel
    /// Dropping the future leaves the connections to their token; cancel that instead.
    pub async fn run(
        mut self,
        counters: Arc<LiveCounters>,
        token: CancellationToken,
    ) -> Result<LiveReport, SimulatorError> {
        let count = self.connections_count_max;
        if !(1..=CONNECTIONS_COUNT_MAX).contains(&count) {
            return Err(SimulatorError::Setting {
                setting: "connections_count_max",
                found: count.to_string(),
                allowed: "1 to 10,000",
            });
        }
        let lines = Lines::plan(self.generator.region(), &self.broker, count);
        let tracker = TaskTracker::new();
        let mut inboxes = Vec::with_capacity(lines.len());
        for line in lines.iter() {
            let (sender, inbox) = mpsc::channel(INBOX_COUNT_MAX);
            let connection = Connection::new(
                line.clone(),
                inbox,
                Arc::clone(&counters),
                self.on_acknowledged.clone(),
                Arc::clone(&self.now),
            );
            inboxes.push(Inbox {
                sender,
                is_up: connection.is_up(),
            });
            tracker.spawn(connection.run(token.clone()));
        }
        tracker.close();
        tokio::select! {
            // Stopping between two messages loses only what was not yet handed to a line.
            () = self.play(&lines, &inboxes, &counters, &token) => {}
            () = token.cancelled() => {}
        }
        drop(inboxes);
        tracker.wait().await;
        Ok(counters.report())
    }

    async fn play(
        &mut self,
        lines: &Lines,
        inboxes: &[Inbox],
        counters: &LiveCounters,
        token: &CancellationToken,
    ) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let begin = Instant::now() + CONNECT;
        while Instant::now() < begin && !inboxes.iter().all(|inbox| inbox.is_up.is_up()) {
            tick.tick().await;
        }
        while !token.is_cancelled() {
            let now = (self.now)();
            let next = self.generator.now().plus_us(STEP_US).min(now);
            let chunk = self.generator.advance(next);
            for message in messages_of(self.generator.region(), &chunk) {
                let line = lines.of_thing(message.thing);
                let Some(inbox) = inboxes.get(line) else {
                    continue;
                };
                let has_dropped_off = message
                    .rows
                    .iter()
                    .any(|row| row.property == Property::Online && row.result == Some(0.0));
                let command = if has_dropped_off && lines.is_own(line) {
                    Command::Break
                } else {
                    Command::Say(message)
                };
                inbox.put(command, counters).await;
            }
            // Caught up: a step a tick, not one a microsecond.
            if next >= now {
                tick.tick().await;
            } else {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// The way to a line.
struct Inbox {
    sender: mpsc::Sender<Command>,
    is_up: connection::Up,
}

impl Inbox {
    /// Waits for room on a line that is up; on one that is down, what does not fit is lost.
    async fn put(&self, command: Command, counters: &LiveCounters) {
        let refused = if self.is_up.is_up() {
            self.sender.send(command).await.is_err()
        } else {
            self.sender.try_send(command).is_err()
        };
        if refused {
            counters.lose();
        }
    }
}

#[cfg(test)]
mod tests;
