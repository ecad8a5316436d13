//! The [`Client`], its settings, and its hooks into the generated code.

mod address;
pub(crate) mod audio_hosts;
pub(crate) mod audio_rules;
mod builder;
mod hooks;
mod http;
#[cfg(feature = "schemars")]
pub(crate) mod json_schema;
mod resolver;
mod unfinished;
mod values;

use std::{fmt, sync::Arc, time::Duration};

use reqwest::header::HeaderValue;

use self::{audio_hosts::AudioHosts, unfinished::UnfinishedTasks};
use super::{
    disk::Disk,
    polling::client_policy::ClientPolicy,
    store::Store,
    transport::{api_key::ApiKey, cooldown::Cooldown},
};
use crate::Client;

pub use self::builder::ClientBuilder;

impl Client {
    pub(crate) fn inner(&self) -> &Inner {
        &self.inner.0
    }

    /// Returns the store that all requests of the client use, if it has one.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        self.inner().store.as_ref()
    }

    /// Returns the base URL for an operation with a server of its own. A base URL that the user has set is used for
    /// every operation.
    #[allow(dead_code, reason = "not used as long as no operation of the document has a server of its own")]
    pub(crate) fn server<'a>(&'a self, own: &'a str) -> &'a str {
        if self.inner().custom_base_url { &self.baseurl } else { own.trim_end_matches('/') }
    }

    /// Returns the host and port of the API.
    pub(crate) fn host(&self) -> String {
        reqwest::Url::parse(&self.baseurl)
            .map_or_else(|_| self.baseurl.clone(), |url| address::host_and_port(&url))
    }

    /// Returns `true` if the two clients are clones of each other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner.0, &other.inner.0)
    }
}

/// The settings and shared state of a [`Client`], without its base URL. [`Client::builder`] creates it.
#[derive(Clone)]
pub struct ClientState(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) key: ApiKey,
    /// `true` if the user has set the base URL.
    pub(crate) custom_base_url: bool,
    /// The header of a custom HTTP client. `None` if the HTTP client sets the header itself.
    pub(crate) user_agent: Option<HeaderValue>,
    pub(crate) request_timeout: Duration,
    pub(crate) policy: Arc<ClientPolicy>,
    /// `true` if the user supplied the HTTP client, which may follow redirects.
    pub(crate) custom_http_client: bool,
    /// The HTTP client for submissions, which opens a connection for each of them. `None` if submissions share the
    /// connections of the polls.
    pub(crate) submit_client: Option<reqwest::Client>,
    pub(crate) audio: Arc<AudioHosts>,
    pub(crate) cooldown: Cooldown,
    pub(crate) unfinished: UnfinishedTasks,
    pub(crate) store: Option<Store>,
    /// The disk for saved files.
    pub(crate) disk: Disk,
}

#[cfg(any(test, distribute_ai_fuzzing))]
impl Inner {
    /// Returns the same settings without the state of earlier requests.
    pub(crate) fn with_new_state(&self) -> Self {
        Self {
            key: self.key.clone(),
            user_agent: self.user_agent.clone(),
            policy: Arc::clone(&self.policy),
            submit_client: self.submit_client.clone(),
            audio: Arc::clone(&self.audio),
            cooldown: Cooldown::new(super::transport::cooldown::MAX_COOLDOWN),
            unfinished: UnfinishedTasks::default(),
            store: self.store.clone(),
            disk: self.disk.clone(),
            ..*self
        }
    }
}

impl ClientState {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

/// Shows only the base URL, because the HTTP client would show its default headers.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.baseurl).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientState").field("key", &self.0.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
