//! The server on a real socket: connections, keep-alive, an end that drains.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use arno_api::serve;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::bench::Bench;

async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn it_answers_and_ends_when_told() {
    let bench = Bench::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let token = CancellationToken::new();
    // As `src` runs it: in a task of its own.
    let tracker = TaskTracker::new();
    let server = tracker.spawn(serve(listener, bench.router(), 16, token.clone()));
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let asked = b"GET /status HTTP/1.1\r\nhost: arno.test\r\nconnection: close\r\n\r\n";
        stream.write_all(asked).await.unwrap();
        let text = read_all(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        assert!(text.contains("x-ratelimit-limit: 6000"));
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET /status HTTP/1.1\r\nhost: arno.test\r\n\r\n")
            .await
            .unwrap();
        let mut some = [0; 12];
        idle.read_exact(&mut some).await.unwrap();
        let started = Instant::now();
        token.cancel();
        let _rest = read_all(&mut idle).await;
        assert!(started.elapsed() < Duration::from_secs(5));
        assert!(
            TcpStream::connect(address).await.is_err()
                || started.elapsed() < Duration::from_secs(1)
        );
    };
    let (served, ()) = tokio::join!(server, client);
    served.unwrap().unwrap();
}

#[tokio::test]
async fn a_broken_answer_breaks_the_connection() {
    let bench = Bench::new().await;
    bench.doubles.rows_count.store(100_000, Ordering::Release);
    bench.doubles.fails_after.store(40_000, Ordering::Release);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let token = CancellationToken::new();
    let server = serve(listener, bench.router(), 16, token.clone());
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let asked =
            b"GET /api/v1/products/parking_occupancy?format=csv HTTP/1.1\r\nhost: a\r\n\r\n";
        stream.write_all(asked).await.unwrap();
        let text = read_all(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 200") && text.contains("transfer-encoding: chunked"));
        assert!(!text.ends_with("0\r\n\r\n"), "the last chunk must not come");
        token.cancel();
    };
    let (served, ()) = tokio::join!(server, client);
    served.unwrap();
}
