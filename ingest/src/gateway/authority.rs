//! The token book as the gateway's authority.

use arno_store::{Role, TokenBook};

use super::rights::Authority;

impl Authority for TokenBook {
    /// User name = publisher, password = token. Without a user name: anonymous, whose rights the
    /// gateway's settings bound.
    fn authenticate(
        &self,
        user: Option<&str>,
        password: Option<&[u8]>,
        _peer_is_loopback: bool,
    ) -> Option<Role> {
        match (user, password) {
            (None | Some(""), None | Some([])) => Some(Role::Anonymous),
            (user, Some(password)) => {
                let secret = str::from_utf8(password).ok()?;
                self.verify(user.unwrap_or_default(), secret)
            }
            (Some(_user), None) => None,
        }
    }
}
