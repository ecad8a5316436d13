//! The state that both hosts share: settings, documents, fault injector and recorder.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::Method;

use super::{
    injector::FaultInjector, listener_control::ListenerControl, published_spec::PublishedSpec,
    recorder::Recorder, task::Timeline,
};
use crate::testing::faults::route::{Host, Route};

pub(crate) struct SimulatorState {
    pub(crate) spec: PublishedSpec,
    pub(crate) api_key: String,
    pub(crate) audio_url: String,
    pub(crate) voices: Vec<String>,
    pub(crate) timeline: Timeline,
    pub(crate) injector: Mutex<FaultInjector>,
    pub(crate) recorder: Mutex<Recorder>,
    pub(crate) api: ListenerControl,
    pub(crate) audio: ListenerControl,
}

impl SimulatorState {
    /// Locks the recorder. Do not hold the lock across an `.await`, or together with the lock of the
    /// injector.
    pub(crate) fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the injector. Do not hold the lock across an `.await`, or together with the lock of the
    /// recorder.
    pub(crate) fn injector(&self) -> MutexGuard<'_, FaultInjector> {
        self.injector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn listener_control(&self, host: Host) -> &ListenerControl {
        match host {
            Host::Api => &self.api,
            Host::Audio => &self.audio,
        }
    }

    /// Returns the route of a request. Only its path decides; the rest of the request is validated later.
    pub(crate) fn route(&self, host: Host, method: &Method, path: &str) -> Option<Route> {
        match host {
            Host::Api if path == self.spec.create.path => Some(Route::Create),
            Host::Api if path == self.spec.result.path => Some(Route::Result),
            Host::Audio if *method != Method::HEAD => Some(Route::Audio),
            _ => None,
        }
    }
}
