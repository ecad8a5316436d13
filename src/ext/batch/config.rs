//! The settings of a batch. They are checked before the first request, and the store is opened.

use std::{collections::HashSet, fmt::Display};

use super::{
    engine::{Engine, api::SpeechApi, duplicate_key},
    expected_time::Limits,
    rate_limiter::RateLimiter,
    spending::Spending,
};
use crate::{
    Error, Speak,
    ext::store::{Store, StoreSettings},
};

/// The unchecked settings of a batch.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) limits: Limits,
    pub(crate) max_submissions: Option<usize>,
    pub(crate) max_seconds: Option<f64>,
    /// `None` for the store of the client, if it has one.
    pub(crate) store: Option<StoreSettings>,
    /// The requests are the pieces of a long text. Equal ones have one outcome, although they are a stream, and each audio is
    /// read, also if the store does not keep it.
    pub(crate) is_long_text: bool,
}

impl Config {
    pub(crate) fn new(max_in_flight: usize) -> Self {
        let limits = Limits { max_in_flight, requests_per_second: None };
        Self { limits, max_submissions: None, max_seconds: None, store: None, is_long_text: false }
    }

    /// Checks all settings and applies them to the engine.
    ///
    /// The store is opened last, so that an invalid batch does not create one.
    pub(crate) async fn validate_and_open<K: Display, A: SpeechApi>(
        self,
        engine: &mut Engine<K, A>,
    ) -> Result<(), Error> {
        let limits = self.limits;
        engine.spending = Spending::new(self.max_submissions, self.max_seconds)?;
        engine.queue.as_list().map_or(Ok(()), check_keys)?;
        if limits.max_in_flight == 0 {
            return Err(Error::invalid("max_in_flight", "0 is too small, expected at least 1"));
        }
        if self.is_long_text {
            engine.repeats.get_or_insert_default();
        }
        engine.active.progress.limits = limits;
        // A list that grows may take twice the memory.
        let size = engine.queue.as_list().map_or(0, <[_]>::len).min(limits.max_in_flight);
        engine.active.tasks.reserve_exact(size);
        engine.rate_limiter = limits.requests_per_second.map(RateLimiter::per_second).transpose()?;
        engine.store = match self.store {
            Some(settings) => Some(Store::open_on(&engine.api.client().inner().disk, settings).await?),
            None => engine.api.client().store().cloned(),
        };
        if self.is_long_text || engine.store.as_ref().is_some_and(Store::keeps_audio) {
            engine.spending.learn_durations();
        }
        Ok(())
    }
}

/// Checks that there are requests, and that their keys tell them apart.
fn check_keys<K: Display>(list: &[(K, Speak)]) -> Result<(), Error> {
    if list.is_empty() {
        return Err(Error::invalid("batch", "no requests, expected at least one"));
    }
    let mut keys = HashSet::with_capacity(list.len());
    for (key, _) in list {
        let key = key.to_string();
        if keys.contains(&key) {
            return Err(duplicate_key(&key));
        }
        keys.insert(key);
    }
    Ok(())
}
