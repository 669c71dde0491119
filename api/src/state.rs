//! What every request needs: the ports and what the face itself counts.

use std::fmt;
use std::sync::Arc;

use arno_store::{Backend, Registry};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cache::Revision;
use crate::config::{ApiConfig, ConfigError, Network};
use crate::limiter::Limiter;
use crate::live::LiveHub;
use crate::native::Outlines;
use crate::page::Pages;
use crate::port::{Authority, PushPort, ReadyPort, RegistryPort, TokenPort};
use crate::questions::Questions;

/// What `src` plugs.
#[derive(Clone)]
pub struct ApiParts {
    /// The settings.
    pub config: ApiConfig,
    /// The store: its now, ledger, datastreams and quarantine.
    pub backend: Arc<dyn Backend>,
    /// The analyses.
    pub questions: Arc<dyn Questions>,
    /// The registry.
    pub registry: Arc<dyn RegistryPort>,
    /// Ingest.
    pub push: Arc<dyn PushPort>,
    /// Whose a token is.
    pub authority: Arc<dyn Authority>,
    /// Tokens, for operators.
    pub tokens: Arc<dyn TokenPort>,
    /// How the parts are.
    pub ready: Arc<dyn ReadyPort>,
    /// The dashboards.
    pub pages: Arc<dyn Pages>,
    /// Live events.
    pub live: LiveHub,
    /// What `/metrics` prints; absent: the address is not there.
    pub metrics: Option<PrometheusHandle>,
    /// Tasks of answers on their way.
    pub tracker: TaskTracker,
    /// Says when to stop.
    pub token: CancellationToken,
}

impl fmt::Debug for ApiParts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ApiParts")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Inner {
    parts: ApiParts,
    proxies: Vec<Network>,
    limiter: Limiter,
    requests: Arc<Semaphore>,
    listeners: Arc<Semaphore>,
    outlines: Outlines,
}

/// The state that routers share; a cheap handle.
#[derive(Debug, Clone)]
pub struct ApiState(Arc<Inner>);

impl ApiState {
    /// Checks the settings and puts the parts together.
    ///
    /// # Errors
    /// [`ConfigError`] with all faulty settings.
    pub fn build(parts: ApiParts) -> Result<Self, ConfigError> {
        parts.config.check()?;
        let permits = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Ok(Self(Arc::new(Inner {
            proxies: parts.config.proxies(),
            limiter: Limiter::default(),
            requests: permits(parts.config.requests_count_max),
            listeners: permits(parts.config.live_listeners_count_max),
            outlines: Outlines::default(),
            parts,
        })))
    }

    /// The settings.
    pub(crate) fn config(&self) -> &ApiConfig {
        &self.0.parts.config
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        self.0.parts.backend.as_ref()
    }

    pub(crate) fn questions(&self) -> &dyn Questions {
        self.0.parts.questions.as_ref()
    }

    pub(crate) fn registry_port(&self) -> &dyn RegistryPort {
        self.0.parts.registry.as_ref()
    }

    pub(crate) fn registry(&self) -> Arc<Registry> {
        self.0.parts.registry.snapshot()
    }

    pub(crate) fn push(&self) -> &dyn PushPort {
        self.0.parts.push.as_ref()
    }

    pub(crate) fn authority(&self) -> &dyn Authority {
        self.0.parts.authority.as_ref()
    }

    pub(crate) fn tokens(&self) -> &dyn TokenPort {
        self.0.parts.tokens.as_ref()
    }

    pub(crate) fn ready(&self) -> &dyn ReadyPort {
        self.0.parts.ready.as_ref()
    }

    pub(crate) fn pages(&self) -> &dyn Pages {
        self.0.parts.pages.as_ref()
    }

    pub(crate) fn live(&self) -> &LiveHub {
        &self.0.parts.live
    }

    pub(crate) fn metrics(&self) -> Option<&PrometheusHandle> {
        self.0.parts.metrics.as_ref()
    }

    pub(crate) fn tracker(&self) -> &TaskTracker {
        &self.0.parts.tracker
    }

    pub(crate) fn token(&self) -> &CancellationToken {
        &self.0.parts.token
    }

    pub(crate) fn proxies(&self) -> &[Network] {
        &self.0.proxies
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    /// Places for requests being answered.
    pub(crate) fn requests(&self) -> &Arc<Semaphore> {
        &self.0.requests
    }

    /// Places for listeners to live events.
    pub(crate) fn listeners(&self) -> &Arc<Semaphore> {
        &self.0.listeners
    }

    /// Polygons as text, kept per revision of the registry.
    pub(crate) fn outlines(&self) -> &Outlines {
        &self.0.outlines
    }

    /// What answers follow from, now.
    pub(crate) fn revision(&self, registry: &Registry) -> Revision {
        let backend = self.backend();
        Revision {
            commit: backend.last_commit(),
            registry: registry.revision,
            now: backend.now(),
        }
    }
}
