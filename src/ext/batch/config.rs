//! Checks a batch before the first request, and opens its store.

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
pub(crate) struct Config {
    pub(crate) max_in_flight: usize,
    pub(crate) requests_per_second: Option<f64>,
    pub(crate) spending: Spending,
    /// `None` for the store of the client, if it has one.
    pub(crate) store: Option<StoreSettings>,
}

impl Config {
    /// Checks all settings and applies them to the engine.
    ///
    /// The store is opened last, so that an invalid batch does not create one.
    pub(crate) async fn validate_and_open<K: Display, A: SpeechApi>(
        self,
        engine: &mut Engine<K, A>,
    ) -> Result<(), Error> {
        engine.queue.as_list().map_or(Ok(()), check_keys)?;
        if self.max_in_flight == 0 {
            return Err(Error::invalid("max_in_flight", "0 is too small, expected at least 1"));
        }
        engine.max_in_flight = self.max_in_flight;
        engine.active.progress.limits =
            Limits { max_in_flight: self.max_in_flight, requests_per_second: self.requests_per_second };
        // A list that grows may take twice the memory.
        let size = engine.queue.as_list().map_or(0, <[_]>::len).min(self.max_in_flight);
        engine.active.tasks.reserve_exact(size);
        engine.rate_limiter = self.requests_per_second.map(RateLimiter::per_second).transpose()?;
        engine.spending = self.spending;
        engine.store = match self.store {
            Some(settings) => Some(Store::open_on(&engine.api.client().inner().disk, settings).await?),
            None => engine.api.client().store().cloned(),
        };
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
