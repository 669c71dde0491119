//! Reads `cargo metadata` and refuses an edge that points up, and a heavy third party out of its
//! room.
//!
//! # Why
//! The folder list is the architecture only while the edges agree with it. A wrong edge compiles,
//! works, and costs everyone minutes on every build from then on; here it fails with its name.
//!
//! # Invariants
//! Edges point down to `model`; the backends of the store and everything else are known to `src`
//! alone; working on ingest, a backend or the simulators never compiles `DataFusion`.
#![expect(
    clippy::expect_used,
    reason = "a test may fail loudly, its helpers too"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::Command,
};

use serde_json::Value;

/// Who may use whom. A member that is not here is refused: a new room is a decision.
const EDGES: &[(&str, &[&str])] = &[
    ("arno-model", &[]),
    ("arno-store", &["arno-model"]),
    ("arno-store-lake", &["arno-model", "arno-store"]),
    // The embedded store flushes its log into the lake: that is its history.
    (
        "arno-store-embedded",
        &["arno-model", "arno-store", "arno-store-lake"],
    ),
    ("arno-store-timescale", &["arno-model", "arno-store"]),
    ("arno-ingest", &["arno-model", "arno-store"]),
    // Recorded files enter by the same door as live readings.
    (
        "arno-ingest-replay",
        &["arno-model", "arno-store", "arno-ingest"],
    ),
    // The arithmetic of buckets, apart: it is tested without compiling DataFusion.
    ("arno-analytics-rollup", &["arno-model", "arno-store"]),
    (
        "arno-analytics",
        &["arno-model", "arno-store", "arno-analytics-rollup"],
    ),
    ("arno-api", &["arno-model", "arno-store", "arno-analytics"]),
    ("arno-dashboards", &[]),
    ("arno-simulators", &["arno-model"]),
];

/// The members that may use every other one: the wiring, and the benchmarks with their peers.
const UNFENCED: &[&str] = &["arno", "arno-benches"];

/// Heavy third parties (by the beginning of the name) and the rooms they are fenced to.
const FENCES: &[(&str, &[&str])] = &[
    ("datafusion", &["arno-analytics", "arno-api"]),
    ("geodatafusion", &["arno-analytics"]),
    ("augurs", &["arno-analytics"]),
    ("tokio-postgres", &["arno-store-timescale"]),
    ("deadpool", &["arno-store-timescale"]),
    ("refinery", &["arno-store-timescale"]),
    ("redb", &["arno-store-embedded"]),
    ("fjall", &["arno-store-embedded"]),
    ("deltalake", &["arno-store-lake"]),
    ("object_store", &["arno-store-lake"]),
    (
        "parquet",
        &["arno-store-lake", "arno-ingest-replay", "arno-api"],
    ),
    (
        "rumqttc",
        &["arno-ingest", "arno-ingest-replay", "arno-simulators"],
    ),
    ("ntex", &["arno-ingest"]),
    ("rmqtt", &["arno-ingest"]),
    // `src` hands the operator's router to commands in the same process.
    ("axum", &["arno-api", "arno"]),
    ("tower-http", &["arno-api"]),
    ("utoipa", &["arno-api"]),
    ("oxrdf", &["arno-api"]),
    ("rust-embed", &["arno-dashboards"]),
    ("criterion", &[]),
    ("divan", &[]),
    ("clap", &["arno"]),
    ("tracing-subscriber", &["arno"]),
    ("anyhow", &["arno", "arno-simulators"]),
];

/// The members whose build, tests included, must never compile DataFusion.
const WITHOUT_DATAFUSION: &[&str] = &[
    "arno-model",
    "arno-store",
    "arno-store-lake",
    "arno-store-embedded",
    "arno-store-timescale",
    "arno-ingest",
    "arno-ingest-replay",
    "arno-analytics-rollup",
    "arno-dashboards",
    "arno-simulators",
];

/// One dependency that a member declares.
struct Declared {
    from: String,
    to: String,
    is_dev: bool,
}

/// What `cargo metadata` says of the workspace, with everything that it resolves to.
fn metadata() -> Value {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs: it runs this test");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata failed: {said}");
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The workspace's own packages.
fn members(metadata: &Value) -> Vec<&Value> {
    let ids: BTreeSet<&str> = list(metadata, "workspace_members")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    list(metadata, "packages")
        .iter()
        .filter(|package| ids.contains(text(package, "id")))
        .collect()
}

/// Everything that the members declare, whatever the kind.
fn declared(metadata: &Value) -> Vec<Declared> {
    members(metadata)
        .iter()
        .flat_map(|package| {
            list(package, "dependencies")
                .iter()
                .map(|dependency| Declared {
                    from: text(package, "name").to_owned(),
                    to: text(dependency, "name").to_owned(),
                    is_dev: text(dependency, "kind") == "dev",
                })
        })
        .collect()
}

#[test]
fn edges_point_down() {
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let metadata = metadata();
    let ours: BTreeSet<&str> = members(&metadata)
        .iter()
        .map(|one| text(one, "name"))
        .collect();
    let unknown: Vec<_> = ours
        .iter()
        .filter(|name| !allowed.contains_key(*name) && !UNFENCED.contains(name))
        .collect();
    assert!(
        unknown.is_empty(),
        "members without a place in EDGES: {unknown:?}"
    );

    let wrong: Vec<String> = declared(&metadata)
        .iter()
        .filter(|edge| ours.contains(edge.to.as_str()) && !UNFENCED.contains(&edge.from.as_str()))
        .filter(|edge| edge.to != edge.from && !allowed[edge.from.as_str()].contains(&&*edge.to))
        .map(|edge| format!("`{}` must not use `{}`", edge.from, edge.to))
        .collect();
    assert!(wrong.is_empty(), "wrong edges:\n{}", wrong.join("\n"));
}

#[test]
fn heavy_third_parties_stay_in_their_rooms() {
    let metadata = metadata();
    let wrong: Vec<String> = declared(&metadata)
        .iter()
        // The end-to-end tests of the root speak every protocol; the benchmarks run the peers;
        // tests may wrap their errors as they like.
        .filter(|edge| edge.from != "arno-benches" && !(edge.from == "arno" && edge.is_dev))
        .filter(|edge| {
            !(["anyhow", "tracing-subscriber"].contains(&edge.to.as_str()) && edge.is_dev)
        })
        .filter_map(|edge| {
            let (_, rooms) = FENCES
                .iter()
                .find(|(name, _)| edge.to == *name || edge.to.starts_with(&format!("{name}-")))?;
            (!rooms.contains(&edge.from.as_str()))
                .then(|| format!("`{}` must not use `{}`, only {rooms:?}", edge.from, edge.to))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "third parties out of their fence:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_gateways_and_the_stores_never_compile_datafusion() {
    let metadata = metadata();
    let nodes: BTreeMap<&str, &Value> = metadata
        .get("resolve")
        .map_or(&[][..], |resolve| list(resolve, "nodes"))
        .iter()
        .map(|node| (text(node, "id"), node))
        .collect();
    for package in members(&metadata) {
        if !WITHOUT_DATAFUSION.contains(&text(package, "name")) {
            continue;
        }
        let start = text(package, "id");
        let mut reached = BTreeSet::from([start]);
        let mut open = vec![start];
        while let Some(id) = open.pop() {
            for edge in nodes.get(id).map_or(&[][..], |node| list(node, "deps")) {
                let kinds = list(edge, "dep_kinds");
                let built = id == start || kinds.iter().any(|kind| text(kind, "kind") != "dev");
                if built && reached.insert(text(edge, "pkg")) {
                    open.push(text(edge, "pkg"));
                }
            }
        }
        let heavy = reached.iter().find(|id| id.contains("#datafusion@"));
        assert!(
            heavy.is_none(),
            "building `{}` compiles DataFusion",
            text(package, "name")
        );
    }
}

#[test]
fn every_member_is_built_tested_and_linted_by_default() {
    let metadata = metadata();
    let defaults: BTreeSet<&str> = list(&metadata, "workspace_default_members")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for package in members(&metadata) {
        let (name, path) = (text(package, "name"), text(package, "manifest_path"));
        assert!(
            defaults.contains(text(package, "id")),
            "`{name}` is not in default-members"
        );
        let manifest = fs::read_to_string(Path::new(path)).expect("cargo has just read it");
        let inherits = manifest.contains("[lints]\nworkspace = true");
        assert!(inherits, "`{name}` does not inherit the workspace's lints");
    }
}
