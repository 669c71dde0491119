//! `arno registry`: a folder's files are checked, applied to the holder of the data, or written.

use std::io::{Write as _, stderr, stdout};
use std::path::Path;

use anyhow::Context as _;
use arno_store::registry::{Bundle, Fault, Files, Part, RegistryError};
use axum::body::Body;
use http::{Method, Request};
use serde_json::{Map, Value};

use super::{Holder, answer, start_log};
use crate::cli::{Common, RegistryAction};
use crate::config::Config;

/// Does what was asked.
pub async fn run(flags: &Common, action: RegistryAction) -> anyhow::Result<()> {
    let mut config = Config::load(flags)?;
    "warn".clone_into(&mut config.log);
    start_log(&config);
    match action {
        RegistryAction::Check { path } => check(&path),
        RegistryAction::Apply { path } => {
            let files = read(&path)?;
            let holder = Holder::find(config).await?;
            let applied = apply(&holder, &files).await;
            holder.leave().await?;
            applied
        }
        RegistryAction::Export { path } => {
            let holder = Holder::find(config).await?;
            let exported = export(&holder, &path).await;
            holder.leave().await?;
            exported
        }
        RegistryAction::History { id, limit } => {
            let holder = Holder::find(config).await?;
            let listed = history(&holder, id.as_deref(), limit).await;
            holder.leave().await?;
            listed
        }
    }
}

/// Reads a folder's files; faults that show already then are listed.
fn read(path: &Path) -> anyhow::Result<Files> {
    Files::read_folder(path).map_err(|error| match error {
        RegistryError::Faults(report) => {
            list(&report.faults);
            anyhow::Error::new(report)
        }
        other => other.into(),
    })
}

/// Checks a folder by itself: nothing is opened and nothing changes.
fn check(path: &Path) -> anyhow::Result<()> {
    match read(path)?.check(&Bundle::default()) {
        Ok(checked) => {
            list(&checked.warnings);
            let (things, areas) = (
                checked.registry.things().count(),
                checked.registry.areas().count(),
            );
            writeln!(stdout(), "good: {things} things in {areas} areas")?;
            Ok(())
        }
        Err(report) => {
            list(&report.faults);
            Err(report.into())
        }
    }
}

fn list(faults: &[Fault]) {
    let mut out = stderr().lock();
    for fault in faults {
        // A closed terminal is no fault of the registry's.
        drop(writeln!(out, "{fault}"));
    }
}

async fn apply(holder: &Holder, files: &Files) -> anyhow::Result<()> {
    let mut body = Map::new();
    for part in Part::ALL {
        if let Some(bytes) = files.part(part) {
            let text = std::str::from_utf8(bytes)
                .with_context(|| format!("{} is not UTF-8 text", part.file_name()))?;
            body.insert(part.file_name().to_owned(), Value::String(text.to_owned()));
        }
    }
    let request = Request::post("/api/v1/admin/registry/apply?who=command-line")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Body::from(Value::Object(body).to_string()))?;
    let response = holder.door.send(request).await?;
    let is_applied = response.status().is_success();
    let answer = answer::read(response).await?;
    let listed = &answer[if is_applied { "warnings" } else { "faults" }];
    let faults: Vec<Fault> = serde_json::from_value(listed.clone()).unwrap_or_default();
    list(&faults);
    anyhow::ensure!(
        is_applied,
        "{}",
        answer["detail"]
            .as_str()
            .unwrap_or("the registry was refused")
    );
    let count = |key: &str| -> usize {
        let kinds = answer[key].as_object().into_iter().flatten();
        kinds
            .map(|(_, ids)| ids.as_array().map_or(0, Vec::len))
            .sum()
    };
    writeln!(
        stdout(),
        "registry revision {}: {} added, {} changed, {} removed",
        answer["revision"],
        count("added"),
        count("changed"),
        count("removed")
    )?;
    Ok(())
}

async fn export(holder: &Holder, path: &Path) -> anyhow::Result<()> {
    let answer = answer::ask(
        &holder.door,
        Method::GET,
        "/api/v1/admin/registry/export",
        None,
    )
    .await?;
    let mut files = Files::default();
    for part in Part::ALL {
        if let Some(text) = answer[part.file_name()].as_str() {
            files.set(part, text.as_bytes().to_vec());
        }
    }
    files.write_folder(path)?;
    writeln!(stdout(), "written to {}", path.display())?;
    Ok(())
}

async fn history(holder: &Holder, id: Option<&str>, limit: u32) -> anyhow::Result<()> {
    let of_entry = id.map_or_else(String::new, |id| format!("&id={}", answer::percent(id)));
    let path = format!("/api/v1/admin/registry/history?limit={limit}{of_entry}");
    let answer = answer::ask(&holder.door, Method::GET, &path, None).await?;
    let mut out = stdout().lock();
    for change in answer["items"].as_array().into_iter().flatten() {
        let text = |key: &str| change[key].as_str().unwrap_or("?").to_owned();
        let (when, who) = (text("when"), text("who"));
        writeln!(out, "revision {}  {when}  {who}", change["revision"])?;
        for entry in change["entries"].as_array().into_iter().flatten() {
            let text = |key: &str| entry[key].as_str();
            let words = ["change", "kind", "id"].map(|key| text(key).unwrap_or("?"));
            writeln!(out, "  {}", words.join(" "))?;
            for (sign, key) in [('-', "before"), ('+', "after")] {
                for line in text(key).into_iter().flat_map(str::lines) {
                    writeln!(out, "    {sign} {line}")?;
                }
            }
        }
    }
    Ok(())
}
