//! Answers on a listener: connections come in, are answered by a router, and are drained at the
//! end.
//!
//! # Why
//! Clients that open connections and say nothing, or say it a byte at a time, must not take the
//! places of others: connections are counted, and a request's head has its time.
//!
//! # Limits
//! `connections_count_max`: further ones wait in the system's queue. [`HEAD_TIME_MAX`] for the head
//! of a request. [`DRAIN_TIME_MAX`] for answers on their way when it stops; what is late is cut
//! off.
//!
//! # Cancel
//! Dropping the future closes the listener and all its connections at once.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// The head of a request must be there after this.
const HEAD_TIME_MAX: Duration = Duration::from_secs(15);
/// Answers on their way have this long when the service stops.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(4);
/// After the system refused a connection (no more files), wait so long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Why serving ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Some answers were cut off.
    #[error("{count} connections were cut off after {}s", DRAIN_TIME_MAX.as_secs())]
    Late {
        /// How many.
        count: usize,
    },
}

/// Answers on a TCP listener until `token` says stop; then lets answers on their way end.
///
/// # Errors
/// [`ServeError::Late`] when some did not end in time.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    connections_count_max: usize,
    token: CancellationToken,
) -> Result<(), ServeError> {
    let accept = async || {
        let (stream, peer) = listener.accept().await?;
        // Small answers must not wait for more to come.
        stream.set_nodelay(true)?;
        Ok((stream, Some(peer)))
    };
    run(accept, router, connections_count_max, token).await
}

/// As [`serve`], on a Unix socket.
///
/// # Errors
/// As [`serve`].
pub async fn serve_unix(
    listener: UnixListener,
    router: Router,
    connections_count_max: usize,
    token: CancellationToken,
) -> Result<(), ServeError> {
    let accept = async || {
        let (stream, _) = listener.accept().await?;
        Ok((stream, None))
    };
    run(accept, router, connections_count_max, token).await
}

async fn run<S, F>(
    accept: impl Fn() -> F + Sync,
    router: Router,
    connections_count_max: usize,
    token: CancellationToken,
) -> Result<(), ServeError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = io::Result<(S, Option<SocketAddr>)>> + Send,
{
    let places = Arc::new(Semaphore::new(
        connections_count_max.clamp(1, Semaphore::MAX_PERMITS),
    ));
    let tracker = TaskTracker::new();
    let cut = CancellationToken::new();
    // Dropped unfinished, this future takes its connections with it.
    let _guard = cut.clone().drop_guard();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, accept().await)
        };
        // Safe to cancel: an accepted connection is handed over without an await in between.
        let Some((place, accepted)) = token.run_until_cancelled(next).await else {
            break;
        };
        match accepted {
            Ok((stream, peer)) => {
                let answered = connection(stream, peer, router.clone(), token.clone());
                let cut = cut.clone();
                tracker.spawn(async move {
                    cut.run_until_cancelled(answered).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(cause = %error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    tracker.close();
    if timeout(DRAIN_TIME_MAX, tracker.wait()).await.is_ok() {
        return Ok(());
    }
    let count = tracker.len();
    cut.cancel();
    tracker.wait().await;
    Err(ServeError::Late { count })
}

/// Answers one connection.
async fn connection<S>(
    stream: S,
    peer: Option<SocketAddr>,
    router: Router,
    token: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = tower::service_fn(move |request: Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        router.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(30)));
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        // Both arms only look; the connection itself lives on outside.
        ended = connection.as_mut() => ended,
        () = token.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(cause = %error, "a connection ended early");
    }
}
