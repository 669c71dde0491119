//! `arno query`: SQL in, the operator's rows out, streamed.

use std::io::{Write as _, stdout};

use anyhow::Context as _;
use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::util::pretty::pretty_format_batches;
use futures::StreamExt as _;
use http::Method;
use http_body_util::{BodyExt as _, Limited};
use serde_json::json;

use super::{Holder, answer, start_log};
use crate::cli::{Query, QueryFormat};
use crate::config::Config;
use crate::exit::Usage;

/// Largest answer that is drawn as a table; other formats are streamed without a limit.
const TABLE_BYTES_MAX: usize = 64 << 20;

/// Asks, and prints the answer.
pub async fn run(mut config: Config, args: Query) -> anyhow::Result<()> {
    "warn".clone_into(&mut config.log);
    start_log(&config);
    let holder = Holder::find(config).await?;
    let path = format!("/api/v1/sql?format={}", args.format.as_str());
    let body = json!({ "query": args.sql });
    let printed = match answer::send(&holder.door, Method::POST, &path, Some(&body)).await {
        Ok(response) if args.format == QueryFormat::Table => {
            print_table(response.into_body()).await
        }
        Ok(response) => print_stream(response.into_body()).await,
        Err(error) => Err(error),
    };
    holder.leave().await?;
    printed
}

async fn print_stream(body: axum::body::Body) -> anyhow::Result<()> {
    let mut pieces = body.into_data_stream();
    let mut out = stdout();
    while let Some(piece) = pieces.next().await {
        out.write_all(&piece.context("the answer broke off")?)?;
    }
    Ok(out.flush()?)
}

async fn print_table(body: axum::body::Body) -> anyhow::Result<()> {
    let collected = Limited::new(body, TABLE_BYTES_MAX).collect().await;
    let collected = collected.map_err(|error| {
        Usage::new(format!(
            "{error}: ask for fewer rows, or for another --format"
        ))
    })?;
    let reader = StreamReader::try_new(std::io::Cursor::new(collected.to_bytes()), None)?;
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>()?;
    Ok(writeln!(stdout(), "{}", pretty_format_batches(&batches)?)?)
}
