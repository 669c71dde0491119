//! Recorded feeds, replayed by the binary: the ledger closes, and hourly occupancy and known share
//! of every car park equal what an independent program makes of the same rows.
//!
//! Recordings of our own making (`tests/oracle/recording.py`) are always played. Those of real
//! feeds are not ours to keep here: `ARNO_TEST_DATA` names their folder, and without it the test
//! says loudly that it was skipped.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::house::House;

/// The recordings of real feeds, where there are any.
fn data(names: &[&str]) -> Option<Vec<PathBuf>> {
    let Some(folder) = std::env::var_os("ARNO_TEST_DATA") else {
        eprintln!("SKIPPED: ARNO_TEST_DATA names no folder with recordings");
        return None;
    };
    let folder = Path::new(&folder).join("parking");
    Some(names.iter().map(|name| folder.join(name)).collect())
}

/// Recordings of our own in the shape of a feed.
fn made(dir: &Path, feed: &str, names: &[&str]) -> Vec<PathBuf> {
    let files: Vec<PathBuf> = names.iter().map(|name| dir.join(name)).collect();
    python("recording.py", |command| command.arg(feed).args(&files));
    files
}

/// Runs a program of `tests/oracle`.
fn python(program: &str, arguments: impl FnOnce(&mut Command) -> &mut Command) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(root.join(".venv/bin/python"));
    let output = arguments(command.arg(root.join("tests/oracle").join(program)))
        .output()
        .expect("the Python packages are installed: scripts/setup test");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}");
}

fn replay(feed: &str, files: &[PathBuf]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().unwrap();
    let example = root.join("examples").join(feed);

    let (wanted, counts) = (
        dir.path().join("wanted.csv"),
        dir.path().join("ledger.json"),
    );
    python("occupancy.py", |command| {
        let command = command.arg(feed).arg(&wanted).args(files);
        command.arg("--ledger").arg(&counts)
    });

    let house = House::up(dir.path(), &[]);
    let applied = house.command(&["registry", "apply", example.to_str().unwrap()]);
    assert!(
        applied.status.success(),
        "{}",
        String::from_utf8_lossy(&applied.stderr)
    );
    let mapping = example.join("mapping.toml");
    let mut args: Vec<&str> = vec!["replay", "--mapping", mapping.to_str().unwrap()];
    args.extend(files.iter().map(|file| file.to_str().unwrap()));
    let played = house.command(&args);
    let said = String::from_utf8_lossy(&played.stdout).into_owned();
    assert!(
        played.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&played.stderr)
    );

    let printed: BTreeMap<&str, u64> = said
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, count)| (name, count.trim().parse().unwrap()))
        .collect();
    let parts = ["stored", "repeated", "corrected", "quarantined", "ignored"];
    assert_eq!(
        printed["received"],
        parts.iter().map(|part| printed[part]).sum::<u64>(),
        "{said}"
    );
    let counts: Value = serde_json::from_slice(&std::fs::read(&counts).unwrap()).unwrap();
    for (part, count) in counts.as_object().unwrap() {
        if let (Some(found), Some(count)) = (printed.get(part.as_str()), count.as_u64()) {
            assert_eq!(*found, count, "{part}: {said}");
        }
    }
    compare(&house, &wanted, &names_of(&mapping));
    house.stop();
}

/// What the mapping calls a feed's ids.
fn names_of(mapping: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(mapping).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let names = table["thing"]
        .get("names")
        .and_then(toml::Value::as_table)
        .cloned();
    let pairs = names.unwrap_or_default().into_iter();
    pairs
        .map(|(id, name)| (id, name.as_str().unwrap().to_owned()))
        .collect()
}

/// Column by column, integers exactly.
fn compare(house: &House, wanted: &Path, names: &BTreeMap<String, String>) {
    let rows = house.query(
        "SELECT area, bucket_start, load_integral, capacity_integral, capacity_expected \
         FROM area_rollups WHERE level = 'thing' AND measure = 'parking' AND bucket = '1h' \
         AND bucket_start >= '2000-01-01T00:00:00Z'",
    );
    let found: BTreeMap<(String, String), [i64; 3]> = rows
        .iter()
        .map(|row| {
            let lot = row["area"]
                .as_str()
                .unwrap()
                .rsplit(':')
                .next()
                .unwrap()
                .to_lowercase();
            let numbers = ["load_integral", "capacity_integral", "capacity_expected"];
            let numbers = numbers.map(|name| row[name].as_i64().unwrap());
            (
                (lot, row["bucket_start"].as_str().unwrap().to_owned()),
                numbers,
            )
        })
        .collect();
    let text = std::fs::read_to_string(wanted).unwrap();
    let mut count = 0;
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let lot = names
            .get(cells[0])
            .cloned()
            .unwrap_or_else(|| cells[0].to_lowercase().replace(' ', "-"));
        let key = (lot, cells[1].to_owned());
        let numbers: Vec<i64> = cells[3..6]
            .iter()
            .map(|cell| cell.parse().unwrap())
            .collect();
        let answered = found.get(&key);
        assert_eq!(
            answered.map(|found| &found[..]),
            Some(&numbers[..]),
            "{key:?}"
        );
        count += 1;
    }
    assert!(count > 1_000, "{count} hours were compared");
}

#[test]
fn a_feed_with_two_clocks_is_what_an_independent_program_makes_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["one.geoparquet", "two.geoparquet"];
    replay("trento", &made(dir.path(), "trento", &names));
}

#[test]
fn a_feed_in_local_time_is_what_an_independent_program_makes_of_it() {
    let dir = tempfile::tempdir().unwrap();
    replay("birmingham", &made(dir.path(), "birmingham", &["one.csv"]));
}

#[test]
fn trento_is_what_an_independent_program_makes_of_it() {
    let names =
        ["03", "04", "05", "06"].map(|month| format!("trento/parks-2025-{month}.geoparquet"));
    if let Some(files) = data(&names.each_ref().map(String::as_str)) {
        replay("trento", &files);
    }
}

#[test]
fn birmingham_is_what_an_independent_program_makes_of_it() {
    if let Some(files) = data(&["birmingham-2016.csv"]) {
        replay("birmingham", &files);
    }
}
