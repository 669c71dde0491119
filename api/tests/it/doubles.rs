//! Doubles for what other rooms plug into the face.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arno_api::{
    ObservationQuestion, Page, Pages, ProductQuestion, ProductSheet, PushAnswer, PushDelivery,
    PushPort, PushProblem, PushRefused, QuestionError, Questions, ReadyPart, ReadyPort, RowStream,
};
use arno_model::{Ledger, Timestamp};
use arno_store::{Retry, Role};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;

use crate::bench::{NOW, rows, schema, sheet};

/// Answers with made-up rows, and remembers what it was asked.
#[derive(Debug, Default)]
pub(crate) struct Doubles {
    /// Rows of every answer.
    pub(crate) rows_count: AtomicUsize,
    /// After so many rows the stream fails; 0: never.
    pub(crate) fails_after: AtomicUsize,
    /// Batches that were asked for.
    pub(crate) batches_made: Arc<AtomicUsize>,
    /// The last question to a product.
    pub(crate) asked: Mutex<Option<ProductQuestion>>,
    /// The last question to observations.
    pub(crate) observed: Mutex<Option<ObservationQuestion>>,
}

const BATCH_ROWS: usize = 8_192;

impl Doubles {
    fn stream(&self, limit: Option<usize>, skip: usize) -> RowStream {
        let count = self.rows_count.load(Ordering::Acquire);
        let end = count.min(skip.saturating_add(limit.unwrap_or(usize::MAX)));
        let fails_after = self.fails_after.load(Ordering::Acquire);
        let made = Arc::clone(&self.batches_made);
        let batches = stream::unfold(skip, move |at| {
            let made = Arc::clone(&made);
            async move {
                if fails_after > 0 && at >= fails_after {
                    let source = "the disk is on fire in /var/lib/secret".into();
                    return Some((
                        Err(QuestionError::Failed {
                            retry: Retry::Never,
                            source,
                        }),
                        usize::MAX - 1,
                    ));
                }
                if at >= end {
                    return None;
                }
                made.fetch_add(1, Ordering::AcqRel);
                let size = BATCH_ROWS.min(end - at);
                Some((Ok(rows(at, size)), at + size))
            }
        });
        RowStream {
            schema: schema(),
            batches: Box::pin(batches),
        }
    }
}

#[async_trait]
impl Questions for Doubles {
    fn products(&self) -> Vec<Arc<ProductSheet>> {
        vec![Arc::new(sheet())]
    }

    async fn product(
        &self,
        _caller: &Role,
        question: ProductQuestion,
    ) -> Result<RowStream, QuestionError> {
        let stream = self.stream(question.limit, question.skip);
        *self.asked.lock().unwrap() = Some(question);
        Ok(stream)
    }

    async fn observations(
        &self,
        _caller: &Role,
        question: ObservationQuestion,
    ) -> Result<RowStream, QuestionError> {
        let stream = self.stream(question.limit, question.skip);
        *self.observed.lock().unwrap() = Some(question);
        Ok(stream)
    }

    async fn sql(&self, _caller: &Role, query: &str) -> Result<RowStream, QuestionError> {
        match query {
            "panic" => panic!("a made-up panic"),
            "DELETE" => Err(QuestionError::Refused {
                detail: "only SELECT is offered here".to_owned(),
                field: Some("query".to_owned()),
                allowed: vec!["SELECT".to_owned()],
            }),
            "wait" => std::future::pending().await,
            _ => Ok(self.stream(None, 0)),
        }
    }
}

/// Takes a push as its first letters say.
#[derive(Debug)]
pub(crate) struct Push;

#[async_trait]
impl PushPort for Push {
    fn routes(&self) -> Vec<String> {
        vec!["native".to_owned(), "meraki".to_owned()]
    }

    async fn deliver(&self, delivery: PushDelivery) -> Result<PushAnswer, PushRefused> {
        let is_bad = delivery.payload.starts_with(b"bad");
        if delivery.payload.starts_with(b"full") {
            return Err(PushRefused::Failed(arno_api::PortError {
                action: "store",
                retry: Retry::After,
                source: "no space in /var/lib/secret".into(),
            }));
        }
        let ledger = if is_bad {
            Ledger {
                quarantined: 1,
                ..Ledger::default()
            }
        } else {
            Ledger {
                stored: 1,
                ..Ledger::default()
            }
        };
        let problem = PushProblem {
            reason: "malformed".to_owned(),
            detail: "not JSON".to_owned(),
        };
        let problems = if is_bad { vec![problem] } else { Vec::new() };
        Ok(PushAnswer {
            ledger,
            problems,
            known_at: Timestamp::parse(NOW).unwrap(),
        })
    }
}

/// Whether the parts are ready, as the test says.
#[derive(Debug)]
pub(crate) struct Ready(pub(crate) AtomicBool);

impl ReadyPort for Ready {
    fn parts(&self) -> BTreeMap<String, ReadyPart> {
        let ready = self.0.load(Ordering::Acquire);
        [(
            "store".to_owned(),
            ReadyPart {
                ready,
                required: true,
                detail: None,
            },
        )]
        .into()
    }
}

/// A start page and a script.
#[derive(Debug)]
pub(crate) struct Site;

impl Pages for Site {
    fn asset(&self, path: &str) -> Option<Page> {
        let (text, kind) = match path {
            "index.html" => (
                "<!doctype html><title>Arno</title>",
                "text/html; charset=utf-8",
            ),
            "assets/app.js" => ("export {}", "text/javascript"),
            _ => return None,
        };
        Some(Page {
            bytes: Bytes::from_static(text.as_bytes()),
            content_type: kind.to_owned(),
            cache_control: "no-cache".to_owned(),
            etag: "\"abc\"".to_owned(),
            policy: "default-src 'self'",
        })
    }
}
