//! Checks a batch before the first request, and opens its journal.

use std::{collections::HashMap, fmt::Display, path::PathBuf};

use super::{
    engine::{Engine, api::SpeechApi, duplicate_key},
    journal::{Journal, KeyStates, Opened, fingerprint},
    pending::ActiveJournal,
    rate_limiter::RateLimiter,
};
use crate::{Error, Speak};

/// The unchecked settings of a batch.
pub(crate) struct Config {
    pub(crate) max_in_flight: usize,
    pub(crate) requests_per_second: Option<f64>,
    pub(crate) journal: Option<PathBuf>,
}

impl Config {
    /// Checks all settings and applies them to the engine.
    ///
    /// The journal is opened last, so that an invalid batch does not create one.
    pub(crate) async fn validate_and_open<K: Display, A: SpeechApi>(
        self,
        engine: &mut Engine<K, A>,
    ) -> Result<(), Error> {
        let keys = engine.queue.as_list().map(index_keys).transpose()?;
        if self.max_in_flight == 0 {
            return Err(Error::invalid("max_in_flight", "0 is too small, expected at least 1"));
        }
        engine.max_in_flight = self.max_in_flight;
        engine.rate_limiter = self.requests_per_second.map(RateLimiter::per_second).transpose()?;
        if let Some(path) = self.journal {
            let Opened { journal, key_states, closed } = Journal::open(path).await?;
            let checked = match engine.queue.as_list().zip(keys) {
                Some((list, keys)) => check_journal_matches(&journal, &key_states, list, &keys),
                None => Ok(()),
            };
            if let Err(error) = checked {
                // Released before the error is returned, so that the caller can open the journal again.
                drop(journal);
                let _ = closed.await;
                return Err(error);
            }
            engine.journal = Some(ActiveJournal { journal, key_states, closed });
        }
        Ok(())
    }
}

/// Returns the position of each key in the list.
fn index_keys<K: Display>(list: &[(K, Speak)]) -> Result<HashMap<String, usize>, Error> {
    if list.is_empty() {
        return Err(Error::invalid("batch", "no requests, expected at least one"));
    }
    let mut keys = HashMap::with_capacity(list.len());
    for (position, (key, _)) in list.iter().enumerate() {
        let key = key.to_string();
        if keys.contains_key(&key) {
            return Err(duplicate_key(&key));
        }
        keys.insert(key, position);
    }
    Ok(keys)
}

/// Checks that each key of the journal is in the list, with the same request.
///
/// Keys whose requests cannot have been billed are ignored, so that a rejected request can be corrected.
fn check_journal_matches<K>(
    journal: &Journal,
    key_states: &KeyStates,
    list: &[(K, Speak)],
    keys: &HashMap<String, usize>,
) -> Result<(), Error> {
    let mut states: Vec<_> = key_states.iter().filter(|(_, state)| !state.is_unbilled()).collect();
    // The error names the first line that does not match.
    states.sort_unstable_by_key(|(_, state)| state.line);
    for (key, state) in states {
        let Some(position) = keys.get(key) else { return Err(journal.key_missing(key, state)) };
        let request = list[*position].1.to_request();
        if !request.is_ok_and(|request| state.matches(&fingerprint(&request))) {
            return Err(journal.request_changed(key, state));
        }
    }
    Ok(())
}
