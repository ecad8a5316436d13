//! The user's view of an entry.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use futures_core::Stream;
use futures_util::StreamExt;

use super::{
    RequestHash,
    record::{Record, RecordState},
};
use crate::{Error, TaskId};

/// The state of a request in a [`Store`](super::Store).
///
/// Later versions may add states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryState {
    /// The request is being submitted by this process.
    Announced,
    /// The server has accepted the request, and the task is not known to be finished.
    Submitted,
    /// The speech is finished. Its audio is in the store, unless the audio is not kept or was removed.
    Stored,
    /// The task ended with the status ERROR. The next request for the same speech is submitted again.
    Failed,
    /// The server may have accepted the request. The next request for the same speech returns an error until you
    /// [settle](super::Store::settle) the entry or allow a [resubmission](crate::Speak::resubmit_in_doubt).
    InDoubt,
}

impl EntryState {
    /// Returns the state in lower case, with an underscore.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Submitted => "submitted",
            Self::Stored => "stored",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
        }
    }
}

impl fmt::Display for EntryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A person's decision about an entry in doubt, for [`Store::settle`](super::Store::settle).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The request was not billed. The next request for the same speech is submitted, or returns the earlier speech if the
    /// request was a [redo](crate::Speak::redo).
    NotBilled,
    /// The server has accepted the request, as a task with this id. The next request for the same speech waits for it.
    Billed(TaskId),
}

/// A request in a [`Store`](super::Store), with its state.
#[derive(Clone, PartialEq)]
pub struct Entry {
    hash: RequestHash,
    record: Record,
    under_way: bool,
}

impl Entry {
    pub(super) fn new(hash: RequestHash, record: Record, under_way: bool) -> Self {
        Self { hash, record, under_way }
    }

    /// Returns the hash of the request, which identifies the entry.
    #[must_use]
    pub fn hash(&self) -> RequestHash {
        self.hash
    }

    /// Returns the state of the request.
    #[must_use]
    pub fn state(&self) -> EntryState {
        match self.record.state {
            RecordState::Announced if self.under_way => EntryState::Announced,
            // Its process has ended.
            RecordState::Announced | RecordState::InDoubt => EntryState::InDoubt,
            RecordState::Submitted => EntryState::Submitted,
            RecordState::Stored => EntryState::Stored,
            RecordState::Failed => EntryState::Failed,
        }
    }

    /// Returns the task id, if the server returned one. In doubt, it is the task id in an error response.
    #[must_use]
    pub fn task_id(&self) -> Option<TaskId> {
        self.record.task_id()
    }

    /// Returns the label of the request, if it has one.
    ///
    /// The default label is the key in a batch, and `piece 1`, `piece 2` and so on in a long text.
    /// [`Speak::label`](crate::Speak::label) replaces it; in a long text, all pieces then have the same label.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.record.about.label.as_deref()
    }

    /// Returns the text, if the store [keeps texts](super::StoreSettings::keep_text).
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.record.about.text.as_deref()
    }

    /// Returns the length of the text, in characters.
    #[must_use]
    pub fn characters(&self) -> usize {
        self.record.about.characters
    }

    /// Returns the voice, or `None` if the request leaves it out.
    #[must_use]
    pub fn voice(&self) -> Option<&str> {
        self.record.about.voice.as_deref()
    }

    /// Returns the number of the take, see [`Speak::take`](crate::Speak::take).
    #[must_use]
    pub fn take(&self) -> u32 {
        self.record.about.take
    }

    /// Returns the number of submissions that the server may have accepted without a conclusive response.
    #[must_use]
    pub fn attempts_in_doubt(&self) -> u32 {
        if self.under_way { self.record.prior_attempts() } else { self.record.in_doubt_attempts().count() }
    }

    /// Returns the duration of the audio, if it is known.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.record.seconds?).ok()
    }

    /// Returns the size of the audio in bytes, if the store has kept the audio. The file may have been removed since.
    #[must_use]
    pub fn audio_bytes(&self) -> Option<u64> {
        self.record.audio.as_ref().map(|audio| audio.bytes)
    }

    /// Returns the time of the last change, by this machine's clock.
    #[must_use]
    pub fn changed_at(&self) -> SystemTime {
        let since = Duration::try_from_secs_f64(self.record.at).unwrap_or_default();
        SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// Omits the text, which may be private.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("hash", &self.hash)
            .field("state", &self.state())
            .field("label", &self.label())
            .field("task_id", &self.task_id())
            .finish_non_exhaustive()
    }
}

/// A stream of the entries of a store, in the order of their hashes, from [`Store::entries`](super::Store::entries).
#[must_use = "streams do nothing unless polled"]
pub struct Entries(pub(super) Pin<Box<dyn Stream<Item = Result<Entry, Error>> + Send>>);

impl Entries {
    /// Returns the next entry, or `None` after the last one. Cancel safe: dropping the future loses no entry.
    ///
    /// Equivalent to `StreamExt::next`, without importing the trait.
    pub async fn next(&mut self) -> Option<Result<Entry, Error>> {
        StreamExt::next(self).await
    }
}

impl Stream for Entries {
    type Item = Result<Entry, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entries")
    }
}
