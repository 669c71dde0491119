//! Problems: what went wrong comes in, an `application/problem+json` answer goes out.
//!
//! # Why
//! Whoever gets an error must be able to act on it: it names what was wrong, in which parameter,
//! and what is allowed instead. Whoever attacks must learn nothing of the insides from it.
//!
//! # Invariants
//! Only this module turns failures into HTTP. 400-class: the caller's; 500: a bug of ours, logged
//! here once with its whole chain; 503: ours and passing, with `Retry-After`.
//!
//! # Source
//! RFC 9457; Italian interoperability guidelines, REST_NAME_008.

use std::error::Error;
use std::fmt;

use arno_store::Retry;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

/// The media type of problems.
pub(crate) const PROBLEM_TYPE: &str = "application/problem+json";
/// Most entries of `allowed`: more than anybody reads; a longer list is cut.
const ALLOWED_COUNT_MAX: usize = 200;
/// After so many seconds a passing trouble of ours is worth another try.
const RETRY_S: u32 = 5;

/// A problem, ready to be answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Inner {
    #[serde(rename = "type")]
    kind: &'static str,
    title: String,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<Vec<String>>,
    #[serde(flatten)]
    members: Map<String, Value>,
    #[serde(skip)]
    retry_after_s: Option<u32>,
}

impl Problem {
    /// A problem of any status.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            allowed: None,
            members: Map::new(),
            retry_after_s: None,
        }))
    }

    /// 400: the request can't be read as it stands.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401: a token is needed, or the one given is wrong.
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail).allowing(["Authorization: Bearer <token>"])
    }

    /// 403: the token does not give this right.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// 404: there is no such thing here.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 422: well formed, but wrong.
    pub(crate) fn wrong(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// As an answer to a query: names in it that do not exist are faults of the query, not of the
    /// address.
    pub(crate) fn of_query(mut self) -> Self {
        if self.status() == StatusCode::NOT_FOUND {
            self.0.status = StatusCode::UNPROCESSABLE_ENTITY.as_u16();
            "Unprocessable Entity".clone_into(&mut self.0.title);
        }
        self
    }

    /// 503: ours, and passing.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(RETRY_S)
    }

    /// A fault of ours: logged here, once; 503 when another try can help, else 500.
    pub(crate) fn fault(action: &'static str, retry: Retry, error: &(dyn Error + 'static)) -> Self {
        match retry {
            Retry::Never => {
                tracing::error!(action, cause = %Chain(error), "a request failed");
                Self::internal()
            }
            Retry::Now | Retry::After => {
                tracing::warn!(action, cause = %Chain(error), "a request could not be served now");
                Self::unavailable("this can't be answered at the moment; ask again a little later")
            }
        }
    }

    /// 500, without a word of why: the log has it.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "an error of the service, not of your request; its operators can find it in the log by the request id",
        )
    }

    /// Names the parameter or member at fault.
    #[must_use]
    pub(crate) fn at(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// Names what is allowed instead.
    #[must_use]
    pub(crate) fn allowing<T: Into<String>>(
        mut self,
        allowed: impl IntoIterator<Item = T>,
    ) -> Self {
        self.0.allowed = Some(
            allowed
                .into_iter()
                .take(ALLOWED_COUNT_MAX)
                .map(Into::into)
                .collect(),
        );
        self
    }

    /// Adds a member of its own.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.0.members.insert(name.to_owned(), value);
        self
    }

    /// Says after how many seconds another try is worth it.
    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Rewrites an error answer of the framework, which has no problem as its body.
    pub(crate) fn of_plain(status: StatusCode, allow: Option<&HeaderValue>) -> Self {
        let methods: Vec<String> = allow
            .and_then(|value| value.to_str().ok())
            .map(|text| text.split(',').map(|word| word.trim().to_owned()).collect())
            .unwrap_or_default();
        match status {
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(status, "this address does not take this method").allowing(methods)
            }
            StatusCode::NOT_FOUND => Self::not_found("there is nothing at this address"),
            status if status.is_server_error() => Self::internal(),
            status => Self::new(status, "the request can't be taken as it is"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.0.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"arno\""),
            );
        }
        if status == StatusCode::METHOD_NOT_ALLOWED
            && let Some(methods) = &self.0.allowed
            && let Ok(value) = HeaderValue::try_from(methods.join(", "))
        {
            headers.insert(ALLOW, value);
        }
        response
    }
}

/// Prints an error and its causes.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
