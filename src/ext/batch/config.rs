//! What has to be right before a batch sends anything.

use std::{collections::HashMap, fmt::Display, path::PathBuf};

use super::{
    engine::{Engine, api::SpeechApi, duplicate_key},
    journal::{Journal, KeyStates, Opened, fingerprint},
    pending::ActiveJournal,
    rate_limiter::RateLimiter,
};
use crate::{Error, Speak};

/// The settings of a batch, not checked yet.
pub(crate) struct Config {
    pub(crate) max_in_flight: usize,
    pub(crate) requests_per_second: Option<f64>,
    pub(crate) journal: Option<PathBuf>,
}

impl Config {
    /// Checks everything and sets the engine up; opens the journal last, so that a batch that is refused leaves none.
    pub(crate) async fn validate_and_open<K: Display, A: SpeechApi>(
        self,
        engine: &mut Engine<K, A>,
    ) -> Result<(), Error> {
        let keys = engine.list().map(index_keys).transpose()?;
        if self.max_in_flight == 0 {
            return Err(Error::invalid("max_in_flight", "is 0; with less than 1 nothing is ever sent"));
        }
        engine.max_in_flight = self.max_in_flight;
        engine.rate_limiter = self.requests_per_second.map(RateLimiter::per_second).transpose()?;
        if let Some(path) = self.journal {
            let Opened { journal, key_states: records, closed } = Journal::open(path).await?;
            let fits = match engine.list().zip(keys) {
                Some((list, keys)) => check_journal_matches(&journal, &records, list, &keys),
                None => Ok(()),
            };
            if let Err(error) = fits {
                // Whoever is told what is wrong may mend it and begin again at once.
                drop(journal);
                let _ = closed.await;
                return Err(error);
            }
            engine.journal = Some(ActiveJournal { journal, key_states: records, closed });
        }
        Ok(())
    }
}

/// Where each key stands in the list.
fn index_keys<K: Display>(list: &[(K, Speak)]) -> Result<HashMap<String, usize>, Error> {
    if list.is_empty() {
        return Err(Error::invalid("batch", "has no requests"));
    }
    let mut keys = HashMap::with_capacity(list.len());
    for (at, (key, _)) in list.iter().enumerate() {
        let key = key.to_string();
        if keys.contains_key(&key) {
            return Err(duplicate_key(&key));
        }
        keys.insert(key, at);
    }
    Ok(keys)
}

/// Whether a journal is of this batch: each of its keys is in the list, and stands for the same request. Those of which
/// nothing can have been billed don't matter: a request that was refused is corrected and sent again.
fn check_journal_matches<K>(
    journal: &Journal,
    records: &KeyStates,
    list: &[(K, Speak)],
    keys: &HashMap<String, usize>,
) -> Result<(), Error> {
    let mut records: Vec<_> = records.iter().filter(|(_, record)| !record.is_unbilled()).collect();
    // The first line that doesn't fit is the one to tell.
    records.sort_unstable_by_key(|(_, record)| record.line);
    for (key, record) in records {
        let Some(at) = keys.get(key) else { return Err(journal.key_missing(key, record)) };
        let same = list[*at].1.to_request().is_ok_and(|request| record.matches(&fingerprint(&request)));
        if !same {
            return Err(journal.request_changed(key, record));
        }
    }
    Ok(())
}
