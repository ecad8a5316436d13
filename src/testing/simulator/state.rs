//! The state that both hosts share: settings, documents, and the changing state.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::{Method, Request, body::Bytes};
use serde_json::Value;
use tokio::{runtime::Handle, time::Instant};

use super::{
    audio_path::audio_path,
    clock::Clock,
    injector::FaultInjector,
    listener_control::ListenerControl,
    published_spec::PublishedSpec,
    records::{Processed, Records},
    redaction::Key,
    seed::Seed,
    task::Timeline,
    tasks::Tasks,
};
use crate::{
    TaskId,
    testing::faults::{
        active_script::task_key,
        audio_host::AudioHost,
        fault::Fault,
        rate_limit::{LimitExceeded, RateLimit},
        received_request::ReceivedRequest,
        route::{Host, Route},
        script::Script,
        task_outcome::TaskOutcome,
    },
};

/// The maximum length of a recorded part of a request. No part of a valid request is longer.
const MAX_RECORDED_BYTES: usize = 64 * 1024;

pub(crate) struct SimulatorState {
    pub(crate) spec: PublishedSpec,
    pub(crate) api_key: String,
    pub(crate) audio_url: String,
    pub(crate) voices: Vec<String>,
    pub(crate) seed: Seed,
    pub(crate) clock: Clock,
    /// The runtime of the simulator, to which its clock belongs.
    pub(crate) runtime: Handle,
    pub(crate) has_control_api: bool,
    /// The changeable settings at the start.
    pub(crate) settings: Settings,
    pub(crate) live: Mutex<Live>,
    pub(crate) api: ListenerControl,
    pub(crate) audio: ListenerControl,
}

/// The settings that a running simulator can change.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) timeline: Timeline,
    pub(crate) scripts: Vec<(Route, Script)>,
    pub(crate) outcomes: Script<TaskOutcome>,
    pub(crate) outcome_of: Vec<(String, TaskOutcome)>,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) capacity: Option<usize>,
    pub(crate) audio_host: AudioHost,
    pub(crate) max_received: usize,
}

/// The changing state, under one lock, so that the records of requests and faults have one order, and those of outcomes and
/// task ids.
pub(crate) struct Live {
    pub(crate) injector: FaultInjector,
    pub(crate) records: Records,
    pub(crate) tasks: Tasks,
    pub(crate) audio_host: AudioHost,
}

/// A request that has arrived.
pub(crate) struct Arrival {
    /// The number of its record.
    pub(crate) number: u64,
    pub(crate) record: ReceivedRequest,
    pub(crate) decision: Decision,
}

/// The decision about a request that has arrived.
pub(crate) enum Decision {
    /// The request sent the key to the audio host.
    RejectKey,
    RateLimited(LimitExceeded),
    Process,
    /// Injects a fault. The number from 0 to 1 is its share of the jitter.
    Inject(Box<Fault>, f64),
}

impl Live {
    pub(crate) fn new(settings: Settings, seed: Seed) -> Self {
        let tasks = Tasks::new(seed, settings.timeline, settings.capacity);
        let mut injector = FaultInjector::new();
        settings.scripts.into_iter().for_each(|(route, script)| injector.script(route, script));
        injector.outcomes(settings.outcomes);
        settings.outcome_of.into_iter().for_each(|(text, outcome)| injector.outcome_of(text, outcome));
        injector.rate_limit(settings.rate_limit);
        let records = Records::new(settings.max_received);
        Self { injector, records, tasks, audio_host: settings.audio_host }
    }
}

impl SimulatorState {
    /// Locks the changing state. Do not hold the lock across an `.await`.
    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything that happened since the start.
    pub(crate) fn reset(&self) {
        let _runtime = self.runtime.enter();
        let mut live = self.live();
        let mut fresh = Live::new(self.settings.clone(), self.seed);
        // Requests in flight have numbers of the old records.
        live.records.clear();
        std::mem::swap(&mut fresh.records, &mut live.records);
        *live = fresh;
    }

    pub(crate) fn listener_control(&self, host: Host) -> &ListenerControl {
        match host {
            Host::Api => &self.api,
            Host::Audio => &self.audio,
        }
    }

    /// Records a request, and decides what happens to it.
    pub(crate) fn arrive(&self, host: Host, request: &Request<Bytes>) -> Arrival {
        let mut live = self.live();
        let live = &mut *live;
        // With the lock, so that the times are in the order of the records.
        let now = Instant::now();
        let mut record = self.record(&live.tasks, host, request, now);
        live.records.count(&mut record, now);
        let decision = self.decide(live, request, &mut record, now);
        Arrival { number: live.records.push(record.clone()), record, decision }
    }

    fn decide(
        &self,
        live: &mut Live,
        request: &Request<Bytes>,
        record: &mut ReceivedRequest,
        now: Instant,
    ) -> Decision {
        // Check before any fault, so that no fault hides a leak.
        if record.host == Host::Audio && self.key().is_leaked_by(request) {
            live.records.counts.leaks += 1;
            return Decision::RejectKey;
        }
        if record.host == Host::Api
            && let Err(exceeded) = live.injector.admit(now)
        {
            live.records.counts.rate_limited += 1;
            return Decision::RateLimited(exceeded);
        }
        record.fault = record.route.and_then(|route| live.injector.next_fault(route, record));
        match (&record.fault, record.route) {
            (Some(fault), Some(route)) => {
                let share = self.seed.fraction(&format!("{route:?}"), task_key(record), record.attempt);
                Decision::Inject(Box::new(fault.clone()), share)
            }
            _ => Decision::Process,
        }
    }

    /// Logs a request, and adds the outcome to its record.
    pub(crate) fn processed(&self, number: u64, record: &ReceivedRequest, mut processed: Processed) {
        // The reason can repeat a part of the request.
        processed.refused = processed.refused.map(|reason| self.recorded(&reason));
        tracing::info!(
            method = record.method,
            path = record.path,
            status = processed.status,
            task = processed.task.as_ref().or(record.task.as_ref()).map(tracing::field::display),
            refused = processed.refused,
            fault = record.fault.as_ref().map(|fault| tracing::field::debug(&fault.response)),
            "request received"
        );
        self.live().records.processed(number, record, processed);
    }

    pub(crate) fn key(&self) -> Key<'_> {
        Key { value: &self.api_key, header: &self.spec.create.key_header }
    }

    fn record(&self, tasks: &Tasks, host: Host, request: &Request<Bytes>, now: Instant) -> ReceivedRequest {
        let key = self.key();
        let route = self.route(host, request.method(), request.uri().path());
        let (text, task) = self.subject(tasks, route, request);
        ReceivedRequest {
            host,
            route,
            method: self.recorded(request.method().as_str()),
            path: cut(key.redact_path(request.uri())),
            headers: key.redact_headers(request.headers()),
            body: self.recorded(&String::from_utf8_lossy(request.body())),
            text,
            task,
            attempt: 1,
            at: self.clock.age(now),
            fault: None,
            status: None,
            refused: None,
        }
    }

    /// Returns the text and the task that a request names, for its record.
    fn subject(
        &self,
        tasks: &Tasks,
        route: Option<Route>,
        request: &Request<Bytes>,
    ) -> (Option<String>, Option<TaskId>) {
        let member = |name: &str| {
            let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
            body[name].as_str().map(|value| self.recorded(value))
        };
        let id = match route {
            Some(Route::Create) => return (member("input"), None),
            Some(Route::Result) => member("id").map(|id| id.to_ascii_lowercase()),
            _ => audio_path(request.uri().path()).map(|path| self.recorded(path.id)),
        };
        let text = id.as_ref().and_then(|id| tasks.text(id)).map(|text| self.recorded(text));
        (text, id.map(TaskId::new_unchecked))
    }

    /// Returns a part of a request as it is recorded and logged: without the key, and cut.
    fn recorded(&self, part: &str) -> String {
        cut(self.key().redact(part))
    }

    /// Returns the route of a request. Only its path decides; the rest of the request is validated later.
    fn route(&self, host: Host, method: &Method, path: &str) -> Option<Route> {
        match host {
            Host::Api if path == self.spec.create.path => Some(Route::Create),
            Host::Api if path == self.spec.result.path => Some(Route::Result),
            Host::Audio if *method != Method::HEAD => Some(Route::Audio),
            _ => None,
        }
    }
}

/// Cuts a part of a request for the record.
fn cut(mut part: String) -> String {
    let mut end = part.len().min(MAX_RECORDED_BYTES);
    while !part.is_char_boundary(end) {
        end -= 1;
    }
    part.truncate(end);
    // Without this, the record keeps the memory of the whole part.
    part.shrink_to_fit();
    part
}
