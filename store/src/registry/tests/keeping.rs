//! Applying while Arno runs, with several writers.

use super::*;

const LOT: &str = ",\"kind\":\"parking_lot\",\"vehicle_kind\":\"car\",\"capacity\":100";

async fn keeper(documents: &Arc<MemoryDocuments>) -> RegistryKeeper {
    let documents: Arc<dyn Documents> = Arc::clone(documents) as _;
    RegistryKeeper::load(documents).await.unwrap()
}

fn now() -> Timestamp {
    at("2026-05-01T08:00:00Z")
}

#[tokio::test]
async fn an_applied_folder_is_durable_announced_and_recorded() {
    let documents = Arc::new(MemoryDocuments::default());
    let keeper_one = keeper(&documents).await;
    assert_eq!(keeper_one.current().revision, 0);
    assert!(keeper_one.current().property("vehicles").is_some());
    let mut heard = keeper_one.subscribe();
    let folder = files(&areas(), &[thing("lot", LOT, None)]);
    let preview = keeper_one.check(folder.clone()).await.unwrap();
    assert_eq!((preview.revision, preview.added.len()), (0, 8));
    let change = keeper_one
        .apply(folder.clone(), "operator", now())
        .await
        .unwrap();
    assert_eq!(
        (change.revision, change.added.len(), change.warnings.len()),
        (1, 8, 0)
    );
    assert!(heard.has_changed().unwrap());
    assert_eq!(heard.borrow_and_update().revision, 1);

    let again = keeper_one.apply(folder, "operator", now()).await.unwrap();
    assert!(again.is_empty() && again.revision == 1);
    let moved = Files {
        things: Some(collection(&[
            thing("lot", LOT, Some((11.01, 43.81))),
            thing("lot-2", LOT, None),
        ])),
        ..Files::default()
    };
    let change = keeper_one
        .apply(moved, "publisher prato", now())
        .await
        .unwrap();
    let names = |entries: &[EntryId]| entries.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        (names(&change.changed), names(&change.added)),
        (
            vec!["thing prato:lot".to_owned()],
            vec!["thing prato:lot-2".to_owned()]
        )
    );

    let reloaded = keeper(&documents).await;
    assert_eq!(reloaded.current().revision, 2);
    assert_eq!(reloaded.current().bundle(), keeper_one.current().bundle());
    let history = reloaded.history(None, 10).await.unwrap();
    let whos: Vec<_> = history
        .iter()
        .map(|record| (record.revision, record.who.as_str()))
        .collect();
    assert_eq!(whos, [(2, "publisher prato"), (1, "operator")]);
    assert!(
        history[0].entries[0]
            .before
            .as_ref()
            .unwrap()
            .contains("\"geometry\":null")
    );
}

#[tokio::test]
async fn two_writers_rebase_on_each_other() {
    let documents = Arc::new(MemoryDocuments::default());
    let (left, right) = (keeper(&documents).await, keeper(&documents).await);
    left.apply(files(&areas(), &[]), "left", now())
        .await
        .unwrap();
    let things = Files {
        things: Some(collection(&[thing("lot", LOT, None)])),
        ..Files::default()
    };
    let change = right.apply(things, "right", now()).await.unwrap();
    assert_eq!(change.revision, 2);
    assert_eq!(right.current().areas().count(), 6);
    assert!(left.refresh().await.unwrap() && !left.refresh().await.unwrap());
    assert_eq!(left.current().things().count(), 1);
    assert_eq!(left.current().revision, 2);
}

#[tokio::test]
async fn faults_change_nothing() {
    let documents = Arc::new(MemoryDocuments::default());
    let keeper = keeper(&documents).await;
    let bad = files(&areas(), &[thing("lot", ",\"kind\":\"parking\"", None)]);
    let refused = keeper.apply(bad, "operator", now()).await;
    assert!(matches!(refused, Err(RegistryError::Faults(_))));
    assert_eq!(keeper.current().revision, 0);
    assert!(documents.document("registry").await.unwrap().is_none());
}

#[tokio::test]
async fn a_record_that_a_dead_writer_left_out_is_made_up_for() {
    let documents = Arc::new(MemoryDocuments::default());
    let first = keeper(&documents).await;
    first
        .apply(files(&areas(), &[]), "operator", now())
        .await
        .unwrap();
    documents.0.lock().unwrap().remove("registry/1");
    let second = keeper(&documents).await;
    assert_eq!(second.history(None, 10).await.unwrap().len(), 1);
}

#[test]
fn folders_are_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry");
    assert!(matches!(
        Files::read_folder(&path),
        Err(RegistryError::Faults(_))
    ));
    let written = files(&areas(), &[thing("lot", LOT, None)]);
    written.write_folder(&path).unwrap();
    assert_eq!(Files::read_folder(&path).unwrap(), written);
    let misnamed = tempfile::tempdir().unwrap();
    std::fs::write(misnamed.path().join("things.json"), "{}").unwrap();
    let Err(RegistryError::Faults(report)) = Files::read_folder(misnamed.path()) else {
        panic!()
    };
    assert!(
        report.faults[0]
            .mend
            .contains("is `things.json` meant to be `things.geojson`?")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_race_lose_nothing() {
    let documents = Arc::new(MemoryDocuments::default());
    keeper(&documents)
        .await
        .apply(files(&areas(), &[]), "operator", now())
        .await
        .unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..6 {
        let own = keeper(&documents).await;
        writers.spawn(async move {
            for turn in 0..5 {
                let id = PublisherId::parse(&format!("p{number}-{turn}")).unwrap();
                let edit = move |bundle: &mut Bundle| {
                    let mut publisher = bundle.publishers.values().next().unwrap().clone();
                    publisher.id = id.clone();
                    bundle.publishers.insert(id.clone(), publisher);
                };
                own.edit("racer", now(), edit).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let last = keeper(&documents).await;
    assert_eq!(last.current().publishers().count(), 1 + 6 * 5);
    assert_eq!(last.current().revision, 1 + 6 * 5);
    let history = last.history(None, 100).await.unwrap();
    let kept: Vec<_> = history.iter().map(|record| record.revision).collect();
    let all: Vec<_> = (1..=last.current().revision).rev().collect();
    assert_eq!(kept, all, "every revision has its record");
}

#[tokio::test]
async fn what_was_kept_before_a_rule_came_is_read_and_stays_private() {
    let documents = Arc::new(MemoryDocuments::default());
    let first = keeper(&documents).await;
    let folder = files(&areas(), &[thing("lot", LOT, None)]);
    first.apply(folder, "operator", now()).await.unwrap();
    let mut kept = documents.document("registry").await.unwrap().unwrap();
    let text = String::from_utf8(kept.bytes).unwrap();
    let clients = "[[property]]\nid = \"clients\"\nname = \"C\"\nunit = \"1\"\nsignal = \"state\"\nmax_hold = \"1h\"\n";
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    document["properties"] = clients.into();
    kept.bytes = serde_json::to_vec(&document).unwrap();
    documents
        .put_document("registry", kept.bytes, kept.revision)
        .await
        .unwrap();
    let reloaded = keeper(&documents).await.current();
    let property = reloaded.property("clients").unwrap();
    assert!(property.counts_people && property.max_hold == Some(Duration::from_hours(1)));
}
