//! The door to a data folder: a request goes in, the answer of whoever holds the folder comes out.
//!
//! # Why
//! Commands work while `arno up` holds the folder and while nobody does. Both ways are the same
//! HTTP request with the operator's rights: over the socket in the folder to the running process,
//! or straight into a router that this process builds on the folder.
//!
//! # Invariants
//! The socket has mode 0600: who may use it may read the folder anyway. A socket that nobody
//! listens on is a leftover of a crash and is removed by the next holder.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tower::ServiceExt as _;

/// The socket's name within the data folder.
pub const SOCKET_NAME: &str = "control.sock";
/// Longest path that a Unix socket's address can hold on Linux (`sun_path` less its terminator).
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// A way to the holder of a data folder.
#[derive(Debug, Clone)]
pub enum Door {
    /// A running process, by its socket.
    Running(PathBuf),
    /// This process, by its own router.
    Own(Router),
}

impl Door {
    /// The running holder of `data_dir`, if there is one.
    pub async fn to_running(data_dir: &Path) -> Option<Self> {
        let path = data_dir.join(SOCKET_NAME);
        UnixStream::connect(&path).await.ok()?;
        Some(Self::Running(path))
    }

    /// Sends a request with the operator's rights.
    pub async fn send(&self, request: Request<Body>) -> anyhow::Result<Response<Body>> {
        match self {
            Self::Own(router) => Ok(router.clone().oneshot(request).await?),
            Self::Running(path) => {
                let stream = UnixStream::connect(path).await;
                let stream = stream.with_context(|| format!("connect to `{}`", path.display()))?;
                let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                #[expect(
                    clippy::disallowed_methods,
                    reason = "ended when its answer is dropped"
                )]
                let driver = tokio::task::spawn(connection);
                let response = sender.send_request(request).await?;
                Ok(response.map(|body| {
                    // The connection lives as long as its answer is being read.
                    let body = body.map_err(axum::Error::new);
                    Body::new(HeldBody {
                        body,
                        _driver: Abort(driver),
                    })
                }))
            }
        }
    }
}

struct Abort<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Abort<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct HeldBody<B, T> {
    body: B,
    _driver: Abort<T>,
}

impl<B: hyper::body::Body + Unpin, T> hyper::body::Body for HeldBody<B, T> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::pin::Pin::new(&mut self.body).poll_frame(context)
    }
}

/// Binds the socket of a data folder that this process holds.
pub fn bind(data_dir: &Path) -> anyhow::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = data_dir.join(SOCKET_NAME);
    let path_bytes = path.as_os_str().len();
    anyhow::ensure!(
        path_bytes <= SOCKET_PATH_BYTES_MAX,
        "the path of the socket `{}` has {path_bytes} bytes, the system allows \
         {SOCKET_PATH_BYTES_MAX}; choose a shorter --data-dir",
        path.display()
    );
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("remove `{}`", path.display()));
        }
        _ => {}
    }
    let listener =
        UnixListener::bind(&path).with_context(|| format!("bind `{}`", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}
