//! Who is asking: a request comes in, the same request with its caller's role goes on, or a problem
//! goes back.
//!
//! # Why
//! Rights come from the Bearer token alone, never from the address. A request that carries a
//! [`Role`] as an extension was admitted by an outer layer (the control socket in the data folder,
//! which only its owner can open); nobody can send an extension over the network.
//!
//! # Invariants
//! A wrong token is refused, not treated as no token: who meant to have rights must hear that it
//! has none. Wrong tokens count against the sender's address.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use arno_store::Role;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::address;
use crate::limiter::Standing;
use crate::problem::Problem;
use crate::state::ApiState;

/// Requests of a window.
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
/// What is left of them.
pub(crate) const RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// Seconds until the window ends.
pub(crate) const RATE_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller(pub(crate) Role);

impl Caller {
    /// Refuses everybody but operators.
    pub(crate) fn must_operate(&self) -> Result<(), Problem> {
        match self.0 {
            Role::Operator => Ok(()),
            Role::Anonymous => Err(Problem::unauthorized(
                "this address needs an operator's token",
            )),
            Role::Publisher(_) => Err(Problem::forbidden(
                "this address is for operators; a publisher's token does not open it",
            )),
        }
    }

    /// What tells this caller's answers from another's, fit for a tag.
    pub(crate) fn tag(&self) -> String {
        self.0.to_string().replace(' ', ".")
    }

    /// A label for metrics and caches.
    pub(crate) const fn label(&self) -> &'static str {
        match self.0 {
            Role::Anonymous => "anonymous",
            Role::Publisher(_) => "publisher",
            Role::Operator => "operator",
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Ok(Self(
            parts.extensions.get().cloned().unwrap_or(Role::Anonymous),
        ))
    }
}

/// Finds the caller's role, counts the request, and lets it go on.
pub(crate) async fn admit(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.extensions().get::<Role>().is_some() {
        return next.run(request).await;
    }
    let role = role_of(&state, request.headers());
    let config = state.config();
    let limiter = state.limiter();
    let (key, limit) = match &role {
        Ok(Role::Anonymous) | Err(_) => {
            let address = client_address(&state, request.headers(), peer(request.extensions()));
            (limiter.key(address), config.rate_anonymous_per_minute)
        }
        Ok(role) => (limiter.key(role), config.rate_token_per_minute),
    };
    let standing = limiter.take(key, limit, Instant::now());
    let mut response = match (role, standing) {
        (_, Some(standing)) if !standing.is_within => {
            metrics::counter!("arno_api_refused_total", "reason" => "rate").increment(1);
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "more than {} requests in a minute; go on when it is over",
                    standing.limit
                ),
            )
            .retry_after(standing.reset_s.max(1))
            .into_response()
        }
        (Err(problem), _) => {
            metrics::counter!("arno_api_refused_total", "reason" => "token").increment(1);
            problem.into_response()
        }
        (Ok(role), _) => {
            request.extensions_mut().insert(role);
            next.run(request).await
        }
    };
    if let Some(standing) = standing {
        say(standing, response.headers_mut());
    }
    response
}

fn say(standing: Standing, headers: &mut HeaderMap) {
    headers.insert(RATE_LIMIT, HeaderValue::from(standing.limit));
    headers.insert(RATE_REMAINING, HeaderValue::from(standing.remaining));
    headers.insert(RATE_RESET, HeaderValue::from(standing.reset_s));
}

fn role_of(state: &ApiState, headers: &HeaderMap) -> Result<Role, Problem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let Some(first) = given.next() else {
        return Ok(Role::Anonymous);
    };
    if given.next().is_some() {
        return Err(Problem::unauthorized(
            "the request has more than one Authorization header",
        ));
    }
    let words = first
        .to_str()
        .ok()
        .and_then(|text| text.trim().split_once(' '));
    let Some((scheme, secret)) = words else {
        return Err(Problem::unauthorized(
            "the Authorization header can't be read",
        ));
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::unauthorized("only Bearer tokens are taken here"));
    }
    let role = state.authority().verify_bearer(secret.trim());
    role.ok_or_else(|| {
        Problem::unauthorized("this token is not valid: it is wrong, or was revoked")
    })
}

/// The other end of the connection; a Unix socket has none.
pub(crate) fn peer(extensions: &axum::http::Extensions) -> Option<IpAddr> {
    let info = extensions.get::<ConnectInfo<SocketAddr>>();
    info.map(|ConnectInfo(address)| address.ip().to_canonical())
}

/// The client's address, as far as it can be believed; IPv6 clients count by their /64, since one
/// household has a whole one.
fn client_address(state: &ApiState, headers: &HeaderMap, peer: Option<IpAddr>) -> IpAddr {
    let peer = peer.unwrap_or(IpAddr::V6(Ipv6Addr::LOCALHOST));
    match address::forwarded_client(state.proxies(), headers, peer) {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}
