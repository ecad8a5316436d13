//! What the answers to a wait have told, as ages of the task: without a clock.

use std::time::Duration;

use super::{CompletedTask, Phase, Progress};

/// The longest that a server's own duration is believed: beyond it, a clock was never set.
const MAX_SERVER_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

/// Since when a task is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ObservedFrom {
    /// Since its submission: it was first asked for when the policy wanted.
    Submission,
    /// It was submitted some time before anyone waited: its age is known, but not what it did meanwhile.
    Later,
    /// It was submitted elsewhere: its age counts from the wait.
    Resumption,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    observed_from: ObservedFrom,
    /// At most 4,096; there may be many waits.
    characters: Option<u16>,
    phase: Phase,
    polls: u32,
    last_response: Duration,
    /// The last answer that said it waits.
    waiting: Option<Duration>,
    /// From when on it counts as running.
    running: Option<Duration>,
}

impl History {
    pub(crate) fn submitted(characters: Option<u16>) -> Self {
        Self {
            observed_from: ObservedFrom::Submission,
            characters,
            phase: Phase::Unknown,
            polls: 0,
            last_response: Duration::ZERO,
            waiting: None,
            running: None,
        }
    }

    /// The wait begins only after the first poll was due.
    pub(crate) fn observed_late(self) -> Self {
        Self { observed_from: ObservedFrom::Later, ..self }
    }

    pub(crate) fn resumed() -> Self {
        Self { observed_from: ObservedFrom::Resumption, ..Self::submitted(None) }
    }

    /// An answer that is not the last.
    pub(crate) fn on_response(&mut self, phase: Phase, age: Duration) {
        if phase != Phase::Running {
            self.waiting = Some(age);
            self.running = None;
        } else if self.running.is_none() {
            self.running = Some(self.waiting.map_or(Duration::ZERO, |waiting| midpoint(waiting, age)));
        }
        self.phase = phase;
        self.last_response = age;
        self.polls += 1;
    }

    pub(crate) fn progress(&self, age: Duration, retry_after: Option<Duration>, left: Duration) -> Progress {
        Progress {
            age,
            phase: self.phase,
            in_phase: age.saturating_sub(self.running.unwrap_or_default()),
            since_last_poll: age.saturating_sub(self.last_response),
            polls: self.polls,
            characters: self.characters.map(u32::from),
            retry_after,
            left,
        }
    }

    /// The task is done, as an answer at this age says; `server` is the server's own duration. None where there is
    /// nothing to learn: a task that was done before anyone asked may have been so for days.
    pub(crate) fn completed(&self, age: Duration, server: Option<Duration>) -> Option<CompletedTask> {
        let server = server.filter(|server| *server <= MAX_SERVER_DURATION);
        let aged = self.observed_from != ObservedFrom::Resumption;
        let watched = self.polls > 0 || self.observed_from == ObservedFrom::Submission;
        if !watched && (!aged || server.is_none()) {
            return None;
        }
        // The last answer saw it undone, and this one sees it done: whatever the server's clock says, it was between.
        let done = server.filter(|_| aged).map_or(midpoint(self.last_response, age), |server| {
            server.clamp(self.last_response, age.max(self.last_response))
        });
        let waited = self.waiting.filter(|_| aged).map(|waiting| {
            // The first answer that said it runs is as far behind the middle as the last that said it waits before.
            let at_most = self.running.map_or(done, |running| running + running.saturating_sub(waiting));
            (waiting, at_most)
        });
        let ran = match (self.waiting, self.running) {
            (None, Some(_)) => Some(done).filter(|_| self.observed_from == ObservedFrom::Submission),
            (Some(_), Some(running)) => Some(done.saturating_sub(running)),
            // It began and ended between two polls.
            (Some(waiting), None) => Some(done.saturating_sub(waiting) / 2),
            (None, None) => None,
        };
        // It was seen undone for as long as it was watched.
        let total = if aged { Some(done) } else { server.map(|server| server.max(self.last_response)) };
        Some(CompletedTask { total, waited, ran, characters: self.characters.map(u32::from) })
    }
}

fn midpoint(from: Duration, to: Duration) -> Duration {
    from + to.saturating_sub(from) / 2
}

#[cfg(test)]
mod tests;
