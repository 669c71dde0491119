//! `arno token`: credentials are made, listed and revoked by whoever holds the data folder.

use std::io::{Write as _, stdout};

use http::Method;
use serde_json::{Value, json};

use super::{Holder, answer, start_log};
use crate::cli::TokenAction;
use crate::config::Config;

const TOKENS: &str = "/api/v1/admin/tokens";

/// Does what was asked.
pub async fn run(mut config: Config, action: TokenAction) -> anyhow::Result<()> {
    "warn".clone_into(&mut config.log);
    start_log(&config);
    let holder = Holder::find(config).await?;
    let done = act(&holder, action).await;
    holder.leave().await?;
    done
}

async fn act(holder: &Holder, action: TokenAction) -> anyhow::Result<()> {
    let mut out = stdout();
    match action {
        TokenAction::New { whose } => {
            let body = match whose.publisher {
                Some(publisher) => json!({ "publisher": publisher }),
                None => json!({ "operator": true }),
            };
            let made = answer::ask(&holder.door, Method::POST, TOKENS, Some(&body)).await?;
            writeln!(out, "{}", word(&made, "secret"))?;
            tracing::warn!("token {}: shown this once, keep it well", word(&made, "id"));
        }
        TokenAction::List => {
            let list = answer::ask(&holder.door, Method::GET, TOKENS, None).await?;
            for token in list["items"].as_array().into_iter().flatten() {
                let whose = token["publisher"]
                    .as_str()
                    .unwrap_or_else(|| word(token, "role"));
                let state = token["revoked"].as_str().map_or("", |_| "revoked");
                let (id, created) = (word(token, "id"), word(token, "created"));
                writeln!(out, "{id}  {whose:<24} {created}  {state}")?;
            }
        }
        TokenAction::Revoke { id } => {
            let path = format!("{TOKENS}/{}", answer::percent(&id));
            answer::send(&holder.door, Method::DELETE, &path, None).await?;
            writeln!(out, "{id} is revoked")?;
        }
    }
    Ok(())
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("?")
}
