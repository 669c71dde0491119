//! Reads every source file and reports each breach of the style that no lint sees.
//!
//! # Why
//! A style that is a wish decays. These rules need only the text, so they need only `std` and a
//! fraction of a second. All faults come in one report, as `file:line: rule: mend`.
//!
//! # Limits
//! The constants below. The few files that are excused stand in `EXCEPTIONS`, which may only
//! shrink: an entry that excuses nothing any more is itself a fault.
#![expect(clippy::panic, reason = "a test may fail loudly, its helpers too")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines of a source file without its tests; a file that passes 400 gets a plan.
const SOURCE_LINES_MAX: usize = 500;
/// Lines of a file that holds only tests: tables are long, but a reader must still find the way.
const TEST_LINES_MAX: usize = 600;
/// Characters of a line of Rust, as in `rustfmt.toml`.
const LINE_CHARS_MAX: usize = 100;
/// Characters of a line with a string, which rustfmt leaves: a message is looked for in one piece.
const STRING_LINE_CHARS_MAX: usize = 120;

/// `(rule, path)`: what is excused. It started empty, and an entry needs a reason beside it.
const EXCEPTIONS: &[(&str, &str)] = &[
    // The trait of `parquet` names its methods so.
    ("verb", "store/lake/src/read.rs"),
];

/// Names that say nothing about what is inside.
const MODULE_NAMES_BANNED: &[&str] = &[
    "utils", "util", "common", "helpers", "helper", "misc", "manager", "base",
];

/// Folders that hold nothing of ours.
const FOLDERS_SKIPPED: &[&str] = &["target", "node_modules", "dist", "arno-data", "test-output"];

/// One breach: where, which rule, and what to do.
struct Fault {
    path: String,
    line: usize,
    rule: &'static str,
    mend: String,
}

/// A text file of the project, by its path from the root.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn fault(&self, line: usize, rule: &'static str, mend: impl Into<String>) -> Fault {
        Fault {
            path: self.path.clone(),
            line,
            rule,
            mend: mend.into(),
        }
    }

    /// Whether the whole file is test code.
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("/testkit.rs")
    }

    /// The line after which an inline test module begins, or the end of the file.
    fn code_lines(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        lines
            .windows(2)
            .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].ends_with('{'))
            .unwrap_or(lines.len())
    }
}

/// All files of the project whose name ends with `.{extension}`, in a fixed order.
fn sources(extension: &str) -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let entries = fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("reading `{}`: {error}", folder.display()));
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let skipped = name.starts_with('.')
                || name.starts_with("target")
                || FOLDERS_SKIPPED.contains(&name.as_ref());
            if path.is_dir() && !skipped {
                walk(&path, found);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(root, &mut paths);
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths.sort();
    paths
        .iter()
        .map(|path| Source {
            path: path
                .strip_prefix(root)
                .unwrap_or(path)
                .to_string_lossy()
                .replace('\\', "/"),
            text: fs::read_to_string(path)
                .unwrap_or_else(|error| panic!("reading `{}`: {error}", path.display())),
        })
        .collect()
}

/// Fails with all faults that no exception covers, and with the exceptions that cover nothing.
fn report(rules: &[&str], mut faults: Vec<Fault>) {
    let mut stale: Vec<_> = EXCEPTIONS
        .iter()
        .filter(|(rule, _)| rules.contains(rule))
        .collect();
    faults.retain(|fault| {
        let excused = EXCEPTIONS.contains(&(fault.rule, fault.path.as_str()));
        stale.retain(|(rule, path)| (*rule, *path) != (fault.rule, fault.path.as_str()));
        !excused
    });
    let mut lines: Vec<String> = faults
        .iter()
        .map(|fault| {
            format!(
                "{}:{}: {}: {}",
                fault.path, fault.line, fault.rule, fault.mend
            )
        })
        .collect();
    lines.extend(
        stale
            .iter()
            .map(|(rule, path)| format!("{path}: {rule}: no longer needs its exception")),
    );
    assert!(
        lines.is_empty(),
        "{} faults of style:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

/// Applies `rule` to each line of each Rust file; `rule` answers the mend where it is broken.
fn each_line(rule: &'static str, broken: impl Fn(&str) -> Option<String>) {
    let faults = sources("rs")
        .iter()
        .flat_map(|source| {
            source.text.lines().enumerate().filter_map(|(index, line)| {
                broken(line).map(|mend| source.fault(index + 1, rule, mend))
            })
        })
        .collect::<Vec<_>>();
    report(&[rule], faults);
}

#[test]
fn every_file_opens_with_an_essay() {
    let essay = |source: &Source| {
        source
            .text
            .lines()
            .next()
            .is_some_and(|line| line.starts_with("//! ") && line.len() > 16)
    };
    let faults = sources("rs")
        .iter()
        .filter(|source| !essay(source))
        .map(|source| {
            source.fault(
                1,
                "essay",
                "open with `//! <what comes in, what goes out>.`",
            )
        })
        .collect();
    report(&["essay"], faults);
}

#[test]
fn files_stay_short() {
    let faults = sources("rs")
        .iter()
        .filter_map(|source| {
            let (lines, max) = if source.is_test() {
                (source.text.lines().count(), TEST_LINES_MAX)
            } else {
                (source.code_lines(), SOURCE_LINES_MAX)
            };
            (lines > max).then(|| source.fault(1, "size", format!("{lines} lines: at most {max}")))
        })
        .collect();
    report(&["size"], faults);
}

#[test]
fn lines_stay_short() {
    let mut faults = Vec::new();
    for source in sources("rs") {
        for (index, line) in source.text.lines().enumerate() {
            let text = line.trim_start();
            let has_string = text.contains('"') && !text.starts_with("//");
            // A test's data stand as they are sent.
            if text.contains("://") || (has_string && source.is_test()) {
                continue;
            }
            let chars = line.chars().count();
            let max = if has_string {
                STRING_LINE_CHARS_MAX
            } else {
                LINE_CHARS_MAX
            };
            if chars > max {
                let mend = format!("{chars} characters: at most {max}");
                faults.push(source.fault(index + 1, "line", mend));
            }
        }
    }
    report(&["line"], faults);
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = [
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("TO", "DO"),
    ];
    each_line("unfinished", |line| {
        let mark = marks.iter().find(|mark| line.contains(**mark))?;
        Some(format!(
            "`{mark}`: do it, or write down elsewhere that it is not done"
        ))
    });
}

#[test]
fn no_code_is_commented_out() {
    let opens = [
        "let ", "fn ", "pub ", "use ", "if ", "for ", "while ", "match ", "return ", "self.",
        "impl ", "#[", "assert", "}",
    ];
    each_line("dead code", |line| {
        let text = line.trim_start().strip_prefix("// ")?.trim();
        let code = opens.iter().any(|open| text.starts_with(open))
            && [";", "{", "}", ")]"]
                .iter()
                .any(|close| text.ends_with(close));
        code.then(|| "remove it: the history keeps it".to_owned())
    });
}

#[test]
fn modules_are_named_for_what_they_hold() {
    let faults = sources("rs")
        .iter()
        .filter_map(|source| {
            let path = source.path.trim_end_matches(".rs");
            if path.ends_with("/mod") {
                let mend = "name the file after its module, beside the folder";
                return Some(source.fault(1, "name", mend));
            }
            let banned = path
                .split('/')
                .find(|part| MODULE_NAMES_BANNED.contains(part))?;
            let mend = format!("`{banned}` says nothing: use a noun of the domain");
            Some(source.fault(1, "name", mend))
        })
        .collect();
    report(&["name"], faults);
}

#[test]
fn no_function_is_called_get() {
    let (function, prefix) = ("fn ", concat!("get", "_"));
    each_line("verb", |line| {
        let name = line.trim_start().split(function).nth(1)?;
        let code = !line.trim_start().starts_with("//");
        (code && name.starts_with(prefix))
            .then(|| "drop the prefix, or say what it does".to_owned())
    });
}

#[test]
fn every_expectation_has_a_reason() {
    let opening = ["#[", "#!["].map(|open| format!("{open}expect("));
    let mut faults = Vec::new();
    for source in sources("rs") {
        let mut rest = source.text.lines().enumerate();
        while let Some((index, line)) = rest.next() {
            if !opening
                .iter()
                .any(|open| line.trim_start().starts_with(open))
            {
                continue;
            }
            let mut attribute = line.to_owned();
            while !attribute.trim_end().ends_with(")]") {
                let Some((_, next)) = rest.next() else { break };
                attribute.push_str(next);
            }
            if !attribute.contains("reason = \"") {
                faults.push(source.fault(index + 1, "reason", "say why: `reason = \"…\"`"));
            }
        }
    }
    report(&["reason"], faults);
}

#[test]
fn every_limit_says_why_this_number() {
    let mut faults = Vec::new();
    for source in sources("rs") {
        let mut above = "";
        for (index, line) in source.text.lines().map(str::trim).enumerate() {
            let declared = line.strip_prefix("pub").map_or(line, |rest| {
                rest.split_once("const ").map_or("", |(_, name)| name)
            });
            let declared = declared.strip_prefix("const ").unwrap_or(declared);
            let limit = line.contains("const ")
                && declared
                    .split(':')
                    .next()
                    .is_some_and(|name| name.ends_with("_MAX"));
            if limit && !above.starts_with("///") && !above.starts_with("#[") {
                faults.push(source.fault(index + 1, "limit", "add a `///` line with the reason"));
            }
            above = line;
        }
    }
    report(&["limit"], faults);
}

#[test]
fn every_query_opens_with_its_question() {
    let faults = sources("sql")
        .iter()
        .filter(|source| !source.text.starts_with("-- "))
        .map(|source| source.fault(1, "question", "open with `-- ` and the question it answers"))
        .collect();
    report(&["question"], faults);
}

#[test]
fn every_page_has_one_title() {
    let mut faults = Vec::new();
    for page in sources("md") {
        let mut fenced = false;
        let mut titles = 0;
        for line in page.text.lines() {
            fenced ^= line.trim_start().starts_with("```");
            titles += usize::from(!fenced && line.starts_with("# "));
        }
        if titles != 1 || !page.text.starts_with("# ") {
            let mend = format!("{titles} titles: open with the only one");
            faults.push(page.fault(1, "title", mend));
        }
    }
    report(&["title"], faults);
}
