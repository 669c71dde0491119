//! Sessions: who is connected now, so that a second connection of a client ends the first, and a
//! stop reaches everyone.
//!
//! # Limits
//! The settings' `connections_count_max` → a further connection is refused as busy.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use arno_store::Role;
use tokio::sync::{Notify, mpsc};

/// Commands that may wait for one connection: one of each kind.
pub const COMMANDS_COUNT_MAX: usize = 4;

/// What a connection's task is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// The same client connected anew.
    TakenOver,
    /// The gateway stops: take nothing more, acknowledge what was taken, close.
    Drain,
}

/// A client: its role keeps one publisher's names apart from another's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientKey {
    /// Who it is.
    pub role: Role,
    /// What it calls itself.
    pub client_id: String,
}

/// All connections.
#[derive(Debug, Default)]
pub struct Sessions {
    state: Mutex<State>,
    /// Rung when a connection leaves.
    pub left: Notify,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    commands: HashMap<u64, mpsc::Sender<Command>>,
    clients: HashMap<ClientKey, u64>,
}

impl Sessions {
    /// Enters a connection and tells an older one of the same client to end; the new one's number,
    /// or nothing when there are `count_max` already.
    pub fn enter(
        &self,
        key: &ClientKey,
        commands: mpsc::Sender<Command>,
        count_max: usize,
    ) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.commands.len() >= count_max {
            return None;
        }
        state.last_id += 1;
        let id = state.last_id;
        state.commands.insert(id, commands);
        let older = state.clients.insert(key.clone(), id);
        if let Some(older) = older.and_then(|older| state.commands.get(&older)) {
            // A full queue means that it was told already.
            let _told: Result<(), _> = older.try_send(Command::TakenOver);
        }
        Some(id)
    }

    /// Forgets a connection.
    pub fn leave(&self, id: u64, key: &ClientKey) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.commands.remove(&id);
        if state.clients.get(key) == Some(&id) {
            state.clients.remove(key);
        }
        drop(state);
        self.left.notify_waiters();
    }

    /// Tells all connections.
    pub fn tell_all(&self, command: Command) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for commands in state.commands.values() {
            let _told: Result<(), _> = commands.try_send(command);
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .commands
            .len()
    }
}
