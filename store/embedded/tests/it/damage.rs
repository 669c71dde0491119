//! Damaged, foreign and held folders: found, named, set aside, and the rest served.

use std::fs;
use std::path::{Path, PathBuf};

use arno_store::{Documents as _, Maintenance as _, ObservationReader as _, StoreError};
use arno_store_embedded::EmbeddedStore;

use crate::place::{append, clock, config, expected, minutes, open, rows};

fn files_under(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_under(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// Bytes of a Parquet file before its footer.
fn data_bytes(path: &Path) -> usize {
    let bytes = fs::read(path).unwrap();
    let length: [u8; 4] = bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap();
    bytes.len() - 8 - usize::try_from(u32::from_le_bytes(length)).unwrap()
}

/// Copies a folder as a killed process would leave it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Where the framed log groups begin in a raw file, in file order.
fn groups_in(path: &Path) -> Vec<usize> {
    let bytes = fs::read(path).unwrap();
    let frames = bytes.windows(17).enumerate();
    let groups = frames.filter(|(_at, head)| head.starts_with(b"ARN1") && head[16] == 1);
    groups.map(|(at, _head)| at).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_lake_file_is_named_once_and_the_rest_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), config()).await;
    append(&store, &rows(0..100)).await.unwrap();
    store.maintain().await.unwrap();
    // Two months later: another file.
    append(&store, &rows(100_000..100_100)).await.unwrap();
    store.maintain().await.unwrap();
    store.close().await.unwrap();
    let files = files_under(&dir.path().join("lake"), ".parquet");
    assert_eq!(files.len(), 2);
    flip(&files[0], data_bytes(&files[0]) * 3 / 4);

    let store = open(dir.path(), config()).await;
    let name = files[0].file_name().unwrap().to_string_lossy().into_owned();
    match minutes(&store).await {
        Err(StoreError::Damaged { name: found, .. }) => assert!(found.ends_with(&name), "{found}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(minutes(&store).await.unwrap(), expected(100_000..100_100));
    assert!(
        store.health().summary.contains(&name),
        "{}",
        store.health().summary
    );
    // What comes in beside it is flushed without it.
    append(&store, &rows(200..210)).await.unwrap();
    store.maintain().await.unwrap();
    assert_eq!(
        minutes(&store).await.unwrap(),
        expected((200..210).chain(100_000..100_100))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lake_file_without_its_end_or_gone_is_set_aside_at_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), config()).await;
    for month in [0, 50_000, 100_000] {
        append(&store, &rows(month..month + 10)).await.unwrap();
        store.maintain().await.unwrap();
    }
    store.close().await.unwrap();
    let files = files_under(&dir.path().join("lake"), ".parquet");
    let bytes = fs::read(&files[0]).unwrap();
    fs::write(&files[0], &bytes[..bytes.len() / 2]).unwrap();
    fs::remove_file(&files[1]).unwrap();
    let store = open(dir.path(), config()).await;
    assert_eq!(minutes(&store).await.unwrap(), expected(100_000..100_010));
    for file in &files[..2] {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            store.health().summary.contains(&name),
            "{}",
            store.health().summary
        );
    }
    assert!(
        files[0].try_exists().unwrap(),
        "what is set aside is not deleted"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_log_entry_is_set_aside_and_the_others_are_read() {
    for is_killed in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("store");
        let store = open(&dir, config()).await;
        store
            .put_document("registry", b"towns".to_vec(), 0)
            .await
            .unwrap();
        for minute in 0..10 {
            append(&store, &rows([minute])).await.unwrap();
        }
        let ledger = store.ledger();
        if is_killed {
            let killed = home.path().join("killed");
            copy(&dir, &killed);
            store.close().await.unwrap();
            fs::remove_dir_all(&dir).unwrap();
            fs::rename(killed, &dir).unwrap();
        } else {
            store.close().await.unwrap();
        }
        let log = dir.join("log.redb");
        let groups = groups_in(&log);
        assert!(groups.len() >= 10, "{groups:?}");
        flip(&log, groups[4] + 300);

        let store = open(&dir, config()).await;
        let found = minutes(&store).await.unwrap();
        let lost: Vec<_> = expected(0..10)
            .into_iter()
            .filter(|row| !found.contains(row))
            .collect();
        assert!(lost.len() <= 4, "killed: {is_killed}; {lost:?} are gone");
        assert_eq!(
            store.document("registry").await.unwrap().unwrap().bytes,
            b"towns"
        );
        assert_eq!(store.ledger(), ledger);
        let summary = store.health().summary;
        if is_killed {
            assert!(summary.contains("log-0.redb"), "{summary}");
        } else {
            assert!(summary.contains("log entry"), "{summary}");
        }
        // It goes on, and what was lost may come again.
        append(&store, &rows(0..20)).await.unwrap();
        store.close().await.unwrap();
        let store = open(&dir, config()).await;
        assert_eq!(minutes(&store).await.unwrap(), expected(0..20));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flipped_page_of_a_killed_log_leaves_a_store_that_opens() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    let store = open(&dir, config()).await;
    store
        .put_document("registry", b"towns".to_vec(), 0)
        .await
        .unwrap();
    for minute in 0..20 {
        append(&store, &rows([minute])).await.unwrap();
    }
    let killed = home.path().join("killed");
    copy(&dir, &killed);
    store.close().await.unwrap();
    let length = usize::try_from(fs::metadata(killed.join("log.redb")).unwrap().len()).unwrap();
    for at in (0..length).step_by(4_096 + 64) {
        let once = home.path().join("once");
        copy(&killed, &once);
        flip(&once.join("log.redb"), at);
        let store = EmbeddedStore::open(&once, config(), clock()).await;
        let store = store.unwrap_or_else(|why| panic!("flipped at {at}: {why:?}"));
        let found = minutes(&store).await.unwrap();
        let lost: Vec<_> = expected(0..20)
            .into_iter()
            .filter(|row| !found.contains(row))
            .collect();
        // One page may hold a few of these small groups.
        assert!(lost.len() <= 4 * 4, "flipped at {at}: {lost:?} are gone");
        store.close().await.unwrap();
        fs::remove_dir_all(&once).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_held_or_newer_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), config()).await;
    let again = EmbeddedStore::open(dir.path(), config(), clock()).await;
    assert!(matches!(again, Err(StoreError::Held { .. })), "{again:?}");
    store.close().await.unwrap();
    fs::write(dir.path().join("format"), "2\n").unwrap();
    let newer = EmbeddedStore::open(dir.path(), config(), clock()).await;
    let is_newer = matches!(
        newer,
        Err(StoreError::NewerFormat {
            found: 2,
            supported: 1,
            ..
        })
    );
    assert!(is_newer, "{newer:?}");
}
