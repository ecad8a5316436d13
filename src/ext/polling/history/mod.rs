//! The observations of one wait, as ages of the task. The module does not read a clock.

use std::time::Duration;

use super::{CompletedTask, Phase, Progress};

/// The longest server duration that is accepted. A longer one means that a clock of the server was not set.
const MAX_SERVER_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

/// The start of the observation of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ObservedFrom {
    /// From the submission: the first poll was made when the policy requested it.
    Submission,
    /// From some time after the submission: the age is known, but not the phases before the wait started.
    Later,
    /// From the resumption: the task was submitted elsewhere, so its age counts from the start of the wait.
    Resumption,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    observed_from: ObservedFrom,
    /// At most 4,096. Stored as `u16` because a batch may hold thousands of histories.
    characters: Option<u16>,
    phase: Phase,
    polls: u32,
    last_response: Duration,
    /// The age at the last response that reported the task waiting.
    waiting: Option<Duration>,
    /// The age from which the task counts as running.
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

    /// Marks that the wait started only after the first poll was due.
    pub(crate) fn observed_late(self) -> Self {
        Self { observed_from: ObservedFrom::Later, ..self }
    }

    pub(crate) fn resumed() -> Self {
        Self { observed_from: ObservedFrom::Resumption, ..Self::submitted(None) }
    }

    /// Records a response that reports an unfinished task.
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

    pub(crate) fn progress(
        &self,
        age: Duration,
        retry_after: Option<Duration>,
        remaining: Duration,
    ) -> Progress {
        Progress {
            age,
            phase: self.phase,
            in_phase: age.saturating_sub(self.running.unwrap_or_default()),
            since_last_poll: age.saturating_sub(self.last_response),
            polls: self.polls,
            characters: self.characters.map(u32::from),
            expected: None,
            retry_after,
            left: remaining,
        }
    }

    /// Returns the durations of a task that a response at this age reports as completed. `server` is the
    /// duration by the server's clock.
    ///
    /// Returns `None` if there is nothing to learn: a task that the first poll saw completed may have
    /// finished days ago.
    pub(crate) fn completed(&self, age: Duration, server: Option<Duration>) -> Option<CompletedTask> {
        let server = server.filter(|server| *server <= MAX_SERVER_DURATION);
        let age_known = self.observed_from != ObservedFrom::Resumption;
        let observed = self.polls > 0 || self.observed_from == ObservedFrom::Submission;
        if !observed && (!age_known || server.is_none()) {
            return None;
        }
        // The task finished between the last response and this one, whatever the server's clock says.
        let finished = server.filter(|_| age_known).map_or(midpoint(self.last_response, age), |server| {
            server.clamp(self.last_response, age.max(self.last_response))
        });
        let waited = self.waiting.filter(|_| age_known).map(|waiting| {
            // `running` is the midpoint between the last waiting and the first running response.
            let at_most = self.running.map_or(finished, |running| running + running.saturating_sub(waiting));
            (waiting, at_most)
        });
        let ran = match (self.waiting, self.running) {
            (None, Some(_)) => Some(finished).filter(|_| self.observed_from == ObservedFrom::Submission),
            (Some(_), Some(running)) => Some(finished.saturating_sub(running)),
            // The task started and finished between two polls.
            (Some(waiting), None) => Some(finished.saturating_sub(waiting) / 2),
            (None, None) => None,
        };
        // A resumed task was unfinished at least until the last response.
        let total =
            if age_known { Some(finished) } else { server.map(|server| server.max(self.last_response)) };
        Some(CompletedTask { total, waited, ran, characters: self.characters.map(u32::from) })
    }
}

fn midpoint(from: Duration, to: Duration) -> Duration {
    from + to.saturating_sub(from) / 2
}

#[cfg(test)]
mod tests;
