//! `/api/v1/admin/ledger`: the counts over the store's life, and how the store is.

use arno_store::StoreHealth;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::private;
use crate::admit::Caller;
use crate::params::Params;
use crate::problem::Problem;
use crate::push::LedgerItem;
use crate::state::ApiState;

/// How the store is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StoreHealth)]
pub(crate) struct HealthItem {
    /// Whether it takes data.
    is_ready: bool,
    /// One line for people.
    summary: String,
    /// Rows not yet in the lake.
    #[schema(value_type = i64)]
    hot_rows: u64,
    /// Observation versions in all.
    #[schema(value_type = i64)]
    rows: u64,
    /// Bytes on disk, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    bytes: Option<u64>,
}

impl From<StoreHealth> for HealthItem {
    fn from(health: StoreHealth) -> Self {
        let StoreHealth {
            is_ready,
            summary,
            hot_rows,
            rows,
            bytes,
        } = health;
        Self {
            is_ready,
            summary,
            hot_rows,
            rows,
            bytes,
        }
    }
}

/// The ledger and the store's health.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LedgerPage {
    /// The store's now.
    #[schema(value_type = String, format = DateTime)]
    now: arno_model::Timestamp,
    /// `live`, or `recorded`.
    #[schema(value_type = String)]
    clock: &'static str,
    /// The newest commit's stamp.
    #[schema(value_type = String, format = DateTime)]
    last_commit: arno_model::Timestamp,
    ledger: LedgerItem,
    /// How many datastreams there are.
    datastreams: usize,
    store: HealthItem,
}

/// Shows the ledger.
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.must_operate()?;
    Params::read(&uri, &[])?;
    let backend = state.backend();
    let page = LedgerPage {
        now: backend.now(),
        clock: crate::native::clock_word(&state),
        last_commit: backend.last_commit(),
        ledger: backend.ledger().into(),
        datastreams: backend.datastreams().len(),
        store: backend.health().into(),
    };
    Ok(private(StatusCode::OK, &page))
}
