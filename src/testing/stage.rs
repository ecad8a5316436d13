//! What is to go wrong: the scripts at work.

use std::collections::HashMap;

use tokio::time::Instant;

use super::{
    fate::Fate,
    fault::Fault,
    rate_limit::{Limiter, RateLimit, TooMany},
    route::Route,
    script::{Playing, Script},
};

#[derive(Debug)]
pub(super) struct Stage {
    create: Playing<Fault>,
    result: Playing<Fault>,
    audio: Playing<Fault>,
    fates: Playing<Fate>,
    fate_of: HashMap<String, Fate>,
    limiter: Option<Limiter>,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self {
            create: Playing::new(Script::nothing()),
            result: Playing::new(Script::nothing()),
            audio: Playing::new(Script::nothing()),
            fates: Playing::new(Script::nothing()),
            fate_of: HashMap::new(),
            limiter: None,
        }
    }

    pub(super) fn script(&mut self, route: Route, script: Script) {
        *self.playing(route) = Playing::new(script);
    }

    pub(super) fn fates(&mut self, script: Script<Fate>) {
        self.fates = Playing::new(script);
    }

    pub(super) fn fate_of(&mut self, text: String, fate: Fate) {
        self.fate_of.insert(text, fate);
    }

    pub(super) fn rate_limit(&mut self, limit: Option<RateLimit>) {
        self.limiter = limit.map(Limiter::new);
    }

    /// Whether the next request to the API may pass.
    pub(super) fn admit(&mut self) -> Result<(), TooMany> {
        self.limiter.as_mut().map_or(Ok(()), |limiter| limiter.admit(Instant::now()))
    }

    /// What happens to the next request.
    pub(super) fn fault(&mut self, route: Route) -> Option<Fault> {
        self.playing(route).turn()
    }

    /// What becomes of the next task. It counts, also where its text alone decides.
    pub(super) fn fate(&mut self, text: &str) -> Fate {
        let by_order = self.fates.turn();
        self.fate_of.get(text).cloned().or(by_order).unwrap_or_default()
    }

    fn playing(&mut self, route: Route) -> &mut Playing<Fault> {
        match route {
            Route::Create => &mut self.create,
            Route::Result => &mut self.result,
            Route::Audio => &mut self.audio,
        }
    }
}
