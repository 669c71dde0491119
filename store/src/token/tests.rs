//! Tokens over documents in memory.

use super::*;
use crate::registry::tests::MemoryDocuments;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn prato() -> Role {
    Role::Publisher(PublisherId::parse("prato").unwrap())
}

async fn book(documents: &Arc<MemoryDocuments>) -> TokenBook {
    let documents: Arc<dyn Documents> = Arc::clone(documents) as _;
    TokenBook::load(documents).await.unwrap()
}

#[tokio::test]
async fn a_token_gives_its_role_until_it_is_revoked() {
    let documents = Arc::new(MemoryDocuments::default());
    let book = book(&documents).await;
    let now = at("2026-05-01T08:00:00Z");
    let made = book
        .create(&prato(), Some(" the gateway "), now)
        .await
        .unwrap();
    let secret = made.secret.reveal();
    assert_eq!(book.verify_bearer(secret), Some(prato()));
    assert_eq!(book.verify("prato", secret), Some(prato()));
    assert_eq!(book.verify("pistoia", secret), None);
    assert_eq!(made.entry.note.as_deref(), Some("the gateway"));
    assert!(secret.ends_with(&made.entry.last4) && secret.len() == 48);

    book.revoke(&made.entry.id, now).await.unwrap();
    assert_eq!(book.verify_bearer(secret), None);
    let again = book.revoke(&made.entry.id, now).await;
    assert!(matches!(again, Err(TokenError::Unknown { .. })));
    assert_eq!(book.list()[0].revoked, Some(now));
}

#[tokio::test]
async fn an_operator_may_use_any_name_and_wrong_secrets_give_nothing() {
    let documents = Arc::new(MemoryDocuments::default());
    let book = book(&documents).await;
    let now = at("2026-05-01T08:00:00Z");
    let made = book.create(&Role::Operator, None, now).await.unwrap();
    assert_eq!(
        book.verify("anybody", made.secret.reveal()),
        Some(Role::Operator)
    );
    let almost = format!("{}x", made.secret.reveal());
    for wrong in ["", "arno_", "x", almost.as_str(), &"arno_".repeat(100)] {
        assert_eq!(book.verify_bearer(wrong), None, "{wrong}");
    }
    assert!(matches!(
        book.create(&Role::Anonymous, None, now).await,
        Err(TokenError::Anonymous)
    ));
    let note = "n".repeat(NOTE_CHARS_MAX + 1);
    assert!(matches!(
        book.create(&prato(), Some(&note), now).await,
        Err(TokenError::Note)
    ));
}

#[tokio::test]
async fn no_secret_is_kept_or_printed() {
    let documents = Arc::new(MemoryDocuments::default());
    let book = book(&documents).await;
    let made = book
        .create(&prato(), None, at("2026-05-01T08:00:00Z"))
        .await
        .unwrap();
    let kept = documents.document(DOCUMENT).await.unwrap().unwrap();
    let kept = String::from_utf8(kept.bytes).unwrap();
    assert!(!kept.contains(made.secret.reveal()) && kept.contains("sha256"));
    assert!(!format!("{made:?} {book:?}").contains(made.secret.reveal()));
}

#[tokio::test]
async fn several_processes_share_one_book() {
    let documents = Arc::new(MemoryDocuments::default());
    let (left, right) = (book(&documents).await, book(&documents).await);
    let now = at("2026-05-01T08:00:00Z");
    let made = left.create(&prato(), None, now).await.unwrap();
    assert_eq!(right.verify_bearer(made.secret.reveal()), None);
    let other = right.create(&Role::Operator, None, now).await.unwrap();
    assert_eq!(right.verify_bearer(made.secret.reveal()), Some(prato()));
    assert!(left.refresh().await.unwrap() && !left.refresh().await.unwrap());
    assert_eq!(
        left.verify_bearer(other.secret.reveal()),
        Some(Role::Operator)
    );
    right.revoke(&made.entry.id, now).await.unwrap();
    assert!(left.refresh().await.unwrap());
    assert_eq!(left.verify_bearer(made.secret.reveal()), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn makers_that_race_lose_no_token() {
    let documents = Arc::new(MemoryDocuments::default());
    let mut makers = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let own = book(&documents).await;
        makers.spawn(async move {
            let mut secrets = Vec::new();
            for _ in 0..5 {
                let made = own
                    .create(&prato(), None, at("2026-05-01T08:00:00Z"))
                    .await
                    .unwrap();
                secrets.push(made.secret);
            }
            secrets
        });
    }
    let secrets = makers.join_all().await.concat();
    let last = book(&documents).await;
    assert_eq!(last.list().len(), 30);
    assert!(
        secrets
            .iter()
            .all(|secret| last.verify_bearer(secret.reveal()).is_some())
    );
}

#[test]
fn the_oldest_revoked_tokens_are_forgotten_first() {
    let token = |number: usize, revoked: bool| KeptToken {
        entry: TokenEntry {
            id: number.to_string(),
            publisher: None,
            note: None,
            last4: String::new(),
            created: Timestamp::MIN,
            revoked: revoked.then(|| Timestamp::from_micros(number.try_into().unwrap())),
        },
        sha256: String::new(),
    };
    let mut tokens: Vec<_> = (0..REVOKED_COUNT_MAX + 2)
        .map(|number| token(number, true))
        .collect();
    tokens.push(token(9_999, false));
    forget_oldest(&mut tokens);
    assert_eq!(tokens.len(), REVOKED_COUNT_MAX + 1);
    assert_eq!(tokens[0].entry.id, "2");
}
