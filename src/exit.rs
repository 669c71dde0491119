//! How the process ends: 0 done, 1 failed while running, 2 wrong usage or configuration.

use std::fmt;
use std::process::ExitCode;

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
#[expect(
    clippy::print_stderr,
    reason = "the last word of a failed command goes to its user"
)]
pub fn report(error: &anyhow::Error) -> ExitCode {
    let is_usage = error
        .chain()
        .any(<dyn std::error::Error + 'static>::is::<Usage>);
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    eprintln!("arno: {}", causes.join(": "));
    ExitCode::from(if is_usage { 2 } else { 1 })
}
