//! Holds the pages against the tree: members that are named, links that lead somewhere, metadata
//! that agree.
//!
//! # Why
//! A page that names a folder which is gone misleads more than no page. What can be checked from
//! the files alone is checked here; what a page says of numbers is its author's care.
//!
//! # Shape
//! In: every Markdown page of the repository, `Cargo.toml`, `publiccode.yml`. Out: one report.
#![expect(clippy::panic, reason = "a test may fail loudly, its helpers too")]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("reading `{path}`: {error}"))
}

/// The Markdown pages at the root and under `docs/`.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().to_path_buf(), root().join("docs")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && folder != root() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The targets of a page's links and pictures, outside code.
fn links(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut prose = String::new();
    for line in page.lines() {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        if !fenced && !fence {
            prose.extend(line.split('`').step_by(2));
            prose.push('\n');
        }
    }
    prose
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.trim().to_owned())
        .collect()
}

/// The anchors that a page's headings make.
fn anchors(page: &str) -> Vec<String> {
    page.lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
                .map(|letter| if letter == ' ' { '-' } else { letter })
                .collect()
        })
        .collect()
}

/// The members of the workspace, as folders.
fn members() -> Vec<String> {
    let manifest = read("Cargo.toml");
    let list = manifest
        .split("members = [")
        .nth(1)
        .and_then(|rest| rest.split(']').next());
    list.unwrap_or_default()
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The value of a `key: value` or `key = "value"` line.
fn value(text: &str, key: &str) -> String {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(key));
    let line = line.unwrap_or_else(|| panic!("no `{key}`"));
    line.trim_matches([' ', ':', '=', '"']).to_owned()
}

#[test]
fn the_architecture_names_every_member() {
    let page = read("ARCHITECTURE.md");
    let missing: Vec<String> = members()
        .into_iter()
        .map(|member| {
            if member == "." {
                "src".to_owned()
            } else {
                member
            }
        })
        .filter(|member| !page.contains(&format!("`{member}")))
        .collect();
    assert!(
        missing.is_empty(),
        "ARCHITECTURE.md does not name {missing:?}"
    );
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap_or_default();
        let folder = path.parent().unwrap_or(root());
        for link in links(&page) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            if file.contains("://") || file.starts_with("mailto:") {
                continue;
            }
            let target = if file.is_empty() {
                path.clone()
            } else {
                folder.join(file)
            };
            let there = target.try_exists().unwrap_or(false);
            let heard = anchor.is_empty()
                || fs::read_to_string(&target)
                    .is_ok_and(|text| anchors(&text).iter().any(|found| found == anchor));
            if !there || !heard {
                broken.push(format!("{}: `{link}`", path.display()));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "links that lead nowhere:\n{}",
        broken.join("\n")
    );
}

#[test]
fn the_pages_of_the_house_are_there() {
    for page in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "LICENSE",
    ] {
        assert!(!read(page).trim().is_empty(), "`{page}` is empty");
    }
}

#[test]
fn the_catalogue_entry_agrees_with_the_manifest() {
    let (entry, manifest) = (read("publiccode.yml"), read("Cargo.toml"));
    assert_eq!(
        value(&entry, "softwareVersion"),
        value(&manifest, "version")
    );
    assert_eq!(value(&entry, "license"), value(&manifest, "license"));
    assert!(read("LICENSE").contains("EUROPEAN UNION PUBLIC LICENCE v. 1.2"));
    let changes = read("CHANGELOG.md");
    let heading = format!("## {}", value(&manifest, "version"));
    assert!(
        changes.contains(&heading),
        "CHANGELOG.md has no `{heading}`"
    );
}
