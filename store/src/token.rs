//! Credentials: a token is shown once, kept hashed, and names a role.

use arno_model::PublisherId;

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Role {
    /// Anybody: open data only.
    Anonymous,
    /// A publisher: its own data, unrounded.
    Publisher(PublisherId),
    /// An operator: everything.
    Operator,
}
