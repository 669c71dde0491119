//! `arno doctor`: checks the installation and says what to mend.

use std::io::{Write as _, stdout};
use std::net::TcpListener;

use crate::cli::Common;
use crate::config::Config;
use crate::door::Door;
use crate::system::{Brokers, System};

/// One check: what was looked at, and what to mend, if anything.
struct Finding {
    what: String,
    mend: Option<String>,
}

/// Checks, prints, and fails if something has to be mended.
pub async fn run(flags: &Common) -> anyhow::Result<()> {
    let config = Config::load(flags)?;
    let mut findings = vec![good("the configuration is valid")];
    let is_running = Door::to_running(&config.data_dir).await.is_some();
    if is_running {
        findings.push(good(format!(
            "arno runs on `{}`",
            config.data_dir.display()
        )));
    } else {
        findings.push(port("http", &config.http));
        if config.mqtt != "off" {
            findings.push(port("mqtt", &config.mqtt));
        }
        findings.extend(store(config).await);
    }
    let mut out = stdout().lock();
    for finding in &findings {
        match &finding.mend {
            None => writeln!(out, "good   {}", finding.what)?,
            Some(mend) => writeln!(out, "mend   {}: {mend}", finding.what)?,
        }
    }
    let count = findings
        .iter()
        .filter(|finding| finding.mend.is_some())
        .count();
    anyhow::ensure!(
        count == 0,
        "{count} of {} checks ask for a mend",
        findings.len()
    );
    Ok(())
}

fn good(what: impl Into<String>) -> Finding {
    Finding {
        what: what.into(),
        mend: None,
    }
}

fn port(key: &str, address: &str) -> Finding {
    let mend = TcpListener::bind(address)
        .err()
        .map(|error| format!("{error}; stop what listens there, or choose another with --{key}"));
    Finding {
        what: format!("`{key}` can listen on {address}"),
        mend,
    }
}

async fn store(config: Config) -> Vec<Finding> {
    let name = config.data_dir.display().to_string();
    let what = format!("the store in `{name}` opens");
    let has_store = config.data_dir.is_dir() || !config.database.is_empty();
    if !has_store {
        return vec![good(format!(
            "there is no store in `{name}` yet; `arno up` makes one"
        ))];
    }
    match System::open(config, None, Brokers::Leave).await {
        Ok(system) => {
            let health = system.backend.health();
            let registry = system.keeper.current();
            let things = registry.things().count();
            let mut findings = vec![good(what)];
            let mend = (!health.is_ready).then_some(health.summary);
            findings.push(Finding {
                what: format!("the store takes data ({} rows)", health.rows),
                mend,
            });
            let mend = (things == 0).then(|| "run `arno registry apply FOLDER`".to_owned());
            findings.push(Finding {
                what: format!("the registry has {things} things"),
                mend,
            });
            if let Err(error) = system.close().await {
                let mend = Some(format!("{error:#}"));
                findings.push(Finding {
                    what: "the store closes".to_owned(),
                    mend,
                });
            }
            findings
        }
        Err(error) => vec![Finding {
            what,
            mend: Some(format!("{error:#}")),
        }],
    }
}
