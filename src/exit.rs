//! How the process ends: 0 done, 1 failed while running, 2 wrong usage or configuration.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::error::ErrorKind;

/// A fault of usage or configuration: the user can mend it, so it exits with 2.
#[derive(Debug)]
pub struct Usage(String);

impl Usage {
    /// One line that names the setting and the mend.
    pub fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// The exit code of an error, after it was printed with its causes, one line.
///
/// A reader that has enough (`arno query … | head`) is no error.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let is_closed = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>();
        let kind = io.or(json.and_then(serde_json::Error::io_error_kind));
        kind == Some(io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(is_closed) {
        return ExitCode::SUCCESS;
    }
    let is_usage = error
        .chain()
        .any(<dyn std::error::Error + 'static>::is::<Usage>);
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    say(&causes.join(": "));
    ExitCode::from(if is_usage { 2 } else { 1 })
}

/// Words that are not understood, as one line; help and version as they are.
pub fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Whoever closed the pipe does not want to read it.
        drop(error.print());
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        drop(error.print());
        return ExitCode::from(2);
    }
    let text = error.render().to_string();
    let told = text.split("\n\nUsage:").next().unwrap_or(&text);
    let told = told.split("\n\nFor more").next().unwrap_or(told);
    let lines: Vec<&str> = told.split_whitespace().collect();
    let line = lines.join(" ");
    let line = line.trim_start_matches("error: ");
    say(&format!("{line}; `arno --help` shows what there is"));
    ExitCode::from(2)
}

/// The last word to the user; nobody may be there to read it.
fn say(line: &str) {
    drop(writeln!(io::stderr(), "arno: {line}"));
}
