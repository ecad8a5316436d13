//! The [`Client`], its settings, and its hooks into the generated code.

mod builder;
mod hooks;
#[cfg(feature = "schemars")]
pub(crate) mod json_schema;

use std::{fmt, sync::Arc, time::Duration};

use reqwest::header::HeaderValue;

use super::{
    polling::Pacing,
    transport::{api_key::ApiKey, cooldown::Cooldown},
};
use crate::Client;

pub use self::builder::ClientBuilder;
impl Client {
    pub(crate) fn inner(&self) -> &Inner {
        &self.inner.0
    }

    /// Whether it is a clone of the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner.0, &other.inner.0)
    }
}

/// What a [`Client`] knows beside its address. It is opaque: [`Client::builder`] makes it.
#[derive(Clone)]
pub struct ClientState(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) key: ApiKey,
    /// None: the HTTP client says what it is.
    pub(crate) user_agent: Option<HeaderValue>,
    pub(crate) request_timeout: Duration,
    pub(crate) pacing: Arc<dyn Pacing>,
    /// The HTTP client is the user's, and nobody knows what it does about redirects.
    pub(crate) custom_http_client: bool,
    /// Fetches the audio, from hosts that are none of the API's.
    pub(crate) audio: reqwest::Client,
    pub(crate) cooldown: Cooldown,
}

impl ClientState {
    pub(crate) fn new(shared: Inner) -> Self {
        Self(Arc::new(shared))
    }
}

/// The address alone: the HTTP client would show its default headers.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base_url", &self.baseurl).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("key", &self.0.key).finish_non_exhaustive()
    }
}
