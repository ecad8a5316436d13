//! What both hosts share: the settings, the documents, what is to go wrong, and the ledger of what happened.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::Method;

use super::{
    injector::FaultInjector, listener::ListenerControl, published_spec::PublishedSpec, recorder::Recorder,
    task::Timeline,
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
    /// Never held across an `.await`, nor together with the stage.
    pub(crate) fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never held across an `.await`, nor together with the ledger.
    pub(crate) fn injector(&self) -> MutexGuard<'_, FaultInjector> {
        self.injector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn listener_control(&self, host: Host) -> &ListenerControl {
        match host {
            Host::Api => &self.api,
            Host::Audio => &self.audio,
        }
    }

    /// What a request is for, by its path; whether it is right in anything else is seen later.
    pub(crate) fn route(&self, host: Host, method: &Method, path: &str) -> Option<Route> {
        match host {
            Host::Api if path == self.spec.create.path => Some(Route::Create),
            Host::Api if path == self.spec.result.path => Some(Route::Result),
            Host::Audio if *method != Method::HEAD => Some(Route::Audio),
            _ => None,
        }
    }
}
