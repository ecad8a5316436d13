//! What has to be right before a batch sends anything.

use std::{collections::HashMap, fmt::Display, path::PathBuf};

use super::{
    api::Api,
    budget::Budget,
    draft::Log,
    engine::{Engine, repeated},
    journal::{Journal, Opened, Records, fingerprint},
};
use crate::{Error, Speak};

/// The settings of a batch, not checked yet.
pub(super) struct Plan {
    pub(super) max_in_flight: usize,
    pub(super) requests_per_second: Option<f64>,
    pub(super) journal: Option<PathBuf>,
}

impl Plan {
    /// Checks everything and sets the engine up; opens the journal last, so that a batch that is refused leaves none.
    pub(super) async fn apply<K: Display, A: Api>(self, engine: &mut Engine<K, A>) -> Result<(), Error> {
        let keys = engine.list().map(keys_of).transpose()?;
        if self.max_in_flight == 0 {
            return Err(Error::invalid("max_in_flight", "is 0; with less than 1 nothing is ever sent"));
        }
        engine.max_in_flight = self.max_in_flight;
        engine.budget = self.requests_per_second.map(Budget::per_second).transpose()?;
        if let Some(path) = self.journal {
            let Opened { journal, records, closed } = Journal::open(path).await?;
            let fits = match engine.list().zip(keys) {
                Some((list, keys)) => compare(&journal, &records, list, &keys),
                None => Ok(()),
            };
            if let Err(error) = fits {
                // Whoever is told what is wrong may mend it and begin again at once.
                drop(journal);
                let _ = closed.await;
                return Err(error);
            }
            engine.log = Some(Log { journal, records, closed });
        }
        Ok(())
    }
}

/// Where each key stands in the list.
fn keys_of<K: Display>(list: &[(K, Speak)]) -> Result<HashMap<String, usize>, Error> {
    if list.is_empty() {
        return Err(Error::invalid("batch", "has no requests"));
    }
    let mut keys = HashMap::with_capacity(list.len());
    for (at, (key, _)) in list.iter().enumerate() {
        let key = key.to_string();
        if keys.contains_key(&key) {
            return Err(repeated(&key));
        }
        keys.insert(key, at);
    }
    Ok(keys)
}

/// Whether a journal is of this batch: each of its keys is in the list, and stands for the same request. Those of which
/// nothing can have been billed don't matter: a request that was refused is corrected and sent again.
fn compare<K>(
    journal: &Journal,
    records: &Records,
    list: &[(K, Speak)],
    keys: &HashMap<String, usize>,
) -> Result<(), Error> {
    let mut records: Vec<_> = records.iter().filter(|(_, record)| !record.is_free()).collect();
    // The first line that doesn't fit is the one to tell.
    records.sort_unstable_by_key(|(_, record)| record.line);
    for (key, record) in records {
        let Some(at) = keys.get(key) else { return Err(journal.lacks(key, record)) };
        let same = list[*at].1.request().is_ok_and(|request| record.is_of(&fingerprint(&request)));
        if !same {
            return Err(journal.differs(key, record));
        }
    }
    Ok(())
}
