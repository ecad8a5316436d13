//! Applies scripts and the rate limit to arriving requests.

use std::collections::HashMap;

use tokio::time::Instant;

use crate::testing::faults::{
    active_script::ActiveScript,
    fault::Fault,
    rate_limit::{LimitExceeded, Limiter, RateLimit},
    received_request::ReceivedRequest,
    route::Route,
    script::Script,
    task_outcome::TaskOutcome,
};

#[derive(Debug)]
pub(crate) struct FaultInjector {
    create: ActiveScript<Fault>,
    result: ActiveScript<Fault>,
    audio: ActiveScript<Fault>,
    outcomes: ActiveScript<TaskOutcome>,
    outcome_of: HashMap<String, TaskOutcome>,
    limiter: Option<Limiter>,
}

impl FaultInjector {
    pub(crate) fn new() -> Self {
        Self {
            create: ActiveScript::new(Script::nothing()),
            result: ActiveScript::new(Script::nothing()),
            audio: ActiveScript::new(Script::nothing()),
            outcomes: ActiveScript::new(Script::nothing()),
            outcome_of: HashMap::new(),
            limiter: None,
        }
    }

    pub(crate) fn script(&mut self, route: Route, script: Script) {
        *self.active_script(route) = ActiveScript::new(script);
    }

    pub(crate) fn outcomes(&mut self, script: Script<TaskOutcome>) {
        self.outcomes = ActiveScript::new(script);
    }

    pub(crate) fn outcome_of(&mut self, text: String, outcome: TaskOutcome) {
        self.outcome_of.insert(text, outcome);
    }

    pub(crate) fn rate_limit(&mut self, limit: Option<RateLimit>) {
        self.limiter = limit.map(Limiter::new);
    }

    /// Applies the rate limit to the next request to the API.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), LimitExceeded> {
        self.limiter.as_mut().map_or(Ok(()), |limiter| limiter.admit(now))
    }

    /// Counts the next request of `route`, and returns the fault selected for it.
    pub(crate) fn next_fault(&mut self, route: Route, request: &ReceivedRequest) -> Option<Fault> {
        self.active_script(route).next(request)
    }

    /// Returns the outcome of the next task. The script counts the task even if its text decides the outcome.
    pub(crate) fn next_outcome(&mut self, text: &str, request: &ReceivedRequest) -> TaskOutcome {
        let by_order = self.outcomes.next(request);
        self.outcome_of.get(text).cloned().or(by_order).unwrap_or_default()
    }

    fn active_script(&mut self, route: Route) -> &mut ActiveScript<Fault> {
        match route {
            Route::Create => &mut self.create,
            Route::Result => &mut self.result,
            Route::Audio => &mut self.audio,
        }
    }
}
