//! What follows from an error, or from how a text is found: no I/O, only the rules.

use std::time::Duration;

use distribute_ai::Error;

use crate::entry::Entry;

/// How long a text that was not taken stays in the queue, unless the server says otherwise. Where the library has given up,
/// it has already tried for some seconds.
const PAUSE: Duration = Duration::from_secs(10);

/// The longest time between two looks at a task that takes long: nobody who has waited for hours minds five minutes.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// After so long, a task that the server does not know isn't late any more.
const UNKNOWN_FOR_GOOD: Duration = Duration::from_hours(24);

/// What becomes of a text whose submission brought an error.
#[derive(Debug, PartialEq)]
pub(crate) enum Submission {
    /// It was not taken: back into the queue.
    Back { after: Duration },
    /// It may have been taken: only a person may submit it again.
    InDoubt,
    /// Refused for good.
    Failed,
    /// Not the text was refused but the account: the next would be as well.
    Closed,
}

pub(crate) fn after_submission(error: &Error) -> Submission {
    if error.is_in_doubt() {
        Submission::InDoubt
    } else if is_about_the_account(error) {
        Submission::Closed
    } else if error.is_rate_limited() || error.is_unreachable() || is_for_now(error) {
        Submission::Back { after: error.retry_after().unwrap_or(PAUSE).max(PAUSE) }
    } else {
        Submission::Failed
    }
}

/// What becomes of a task that could not be collected.
#[derive(Debug, PartialEq)]
pub(crate) enum Collection {
    /// Come back: that costs nothing.
    Later { after: Duration },
    /// The server has given it up, refuses to tell of it, or has known nothing of it for a day.
    Failed,
    /// As for a submission.
    Closed,
}

/// After so long in the state "submitted".
pub(crate) fn after_collection(error: &Error, age: Duration) -> Collection {
    if error.is_failed() || (error.is_not_found() && age >= UNKNOWN_FOR_GOOD) || is_refused(error) {
        Collection::Failed
    } else if is_about_the_account(error) {
        Collection::Closed
    } else {
        // Everything else may pass: an outage, a full disk, an address that isn't there yet.
        Collection::Later { after: pause_at(age) }
    }
}

/// The older, the less often: a quarter of its age.
pub(crate) fn pause_at(age: Duration) -> Duration {
    (age / 4).clamp(Duration::from_secs(1), LONGEST_PAUSE)
}

/// Of a question that no repetition makes a better one. A task that isn't known may be known a little later.
fn is_refused(error: &Error) -> bool {
    error.is_rejected()
        && !is_about_the_account(error)
        && error
            .status()
            .is_some_and(|status| status.is_client_error() && !matches!(status.as_u16(), 404 | 408 | 429))
}

/// 401, 403: the key; 402: the money.
fn is_about_the_account(error: &Error) -> bool {
    error.is_rejected() && error.status().is_some_and(|status| matches!(status.as_u16(), 401..=403))
}

/// A 503 that said when to come back, later than the library was to wait.
fn is_for_now(error: &Error) -> bool {
    error.is_rejected() && error.status().is_some_and(|status| status.as_u16() == 503)
}

/// What to do with a text that a job was meant to submit, and that isn't in the queue any more.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// Somebody is submitting it: look again when that should be over.
    Watch,
    /// Whoever was submitting it is dead, or has had time enough: nobody has heard whether it was taken.
    Doubt,
    /// It has been submitted, or waits for a person.
    Settled,
}

/// The longest time that a submission can take, and some more: half a minute of repetitions, half a minute for the last
/// request, two minutes for the database. A reply that comes even later still ends the doubt.
const LONGEST_SUBMISSION: Duration = Duration::from_mins(5);

/// After so long in its state.
pub(crate) fn found(state: &str, owner_is_alive: bool, age: Duration) -> Found {
    match state {
        "submitting" if owner_is_alive && age < LONGEST_SUBMISSION => Found::Watch,
        "submitting" => Found::Doubt,
        _ => Found::Settled,
    }
}

/// Whose task it is that a job is meant to collect.
#[derive(Debug, PartialEq)]
pub(crate) enum Whose {
    /// Of the server that this worker talks to.
    Ours,
    /// Of a simulator that has ended with its worker: nothing is known of it any more, and nothing was billed.
    Nobodys,
    /// Of a server that another worker talks to.
    Others,
}

/// The name of a simulator: each worker without a key has its own.
pub(crate) const SIMULATOR: &str = "simulator ";

pub(crate) fn whose(entry: &Entry, ours: &str, owner_is_alive: bool) -> Whose {
    match entry.server.as_deref() {
        Some(server) if server == ours => Whose::Ours,
        Some(server) if server.starts_with(SIMULATOR) && !owner_is_alive => Whose::Nobodys,
        _ => Whose::Others,
    }
}

#[cfg(test)]
mod tests {
    use distribute_ai::testing::{Fault, Route, Script, Simulator, TaskOutcome};

    use super::*;

    /// The error of a submission that meets this.
    async fn refusal(fault: Fault) -> Error {
        let simulator = Simulator::start().await.unwrap();
        simulator.script(Route::Create, Script::always(fault));
        simulator.client().speak("Hello").deadline(Duration::ZERO).submit().await.unwrap_err()
    }

    #[tokio::test]
    async fn a_submission_is_repeated_only_if_it_was_not_taken() {
        let back = |seconds| Submission::Back { after: Duration::from_secs(seconds) };
        for (fault, expected) in [
            (Fault::reset(), Submission::InDoubt),
            (Fault::status(500), Submission::InDoubt),
            (Fault::status(503), Submission::InDoubt),
            (Fault::truncated_json(), Submission::InDoubt),
            (Fault::status(429), back(10)),
            (Fault::status(429).retry_after(Duration::from_mins(1)), back(60)),
            (Fault::status(503).retry_after(Duration::from_mins(1)), back(60)),
            (Fault::status(400), Submission::Failed),
            (Fault::status(404), Submission::Failed),
            (Fault::status(401), Submission::Closed),
            (Fault::status(402), Submission::Closed),
            (Fault::status(403), Submission::Closed),
        ] {
            let shown = format!("{fault:?}");
            assert_eq!(after_submission(&refusal(fault).await), expected, "{shown}");
        }
    }

    #[tokio::test]
    async fn what_is_invalid_fails_and_what_reached_nobody_goes_back() {
        let simulator = Simulator::start().await.unwrap();
        let client = simulator.client();
        let error = client.speak("x").submit().await.unwrap_err();
        assert_eq!(after_submission(&error), Submission::Failed);
        drop(simulator);
        let error = client.speak("Hello").submit().await.unwrap_err();
        assert_eq!(after_submission(&error), Submission::Back { after: PAUSE });
    }

    #[tokio::test]
    async fn a_task_is_given_up_only_if_the_server_has() {
        let at = |fate| {
            Simulator::builder()
                .running(Duration::ZERO)
                .waiting(Duration::ZERO)
                .outcomes(Script::always(fate))
        };
        let later = Collection::Later { after: Duration::from_secs(25) };
        for (fate, expected) in [
            (TaskOutcome::fails(), Collection::Failed),
            (TaskOutcome::never_ends(), later),
            (TaskOutcome::without_url(), Collection::Later { after: Duration::from_secs(25) }),
        ] {
            let simulator = at(fate).start().await.unwrap();
            let task = simulator.client().speak("Hello").submit().await.unwrap();
            let error = match task.wait().deadline(Duration::ZERO).await {
                Ok(speech) => speech.audio().unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(after_collection(&error, Duration::from_secs(100)), expected, "{error}");
        }
    }

    #[tokio::test]
    async fn what_is_refused_fails_and_what_is_not_known_may_be_late() {
        let (day, soon) = (Duration::from_hours(24), Duration::from_secs(100));
        let later = |seconds| Collection::Later { after: Duration::from_secs(seconds) };
        for (status, age, expected) in [
            (400, soon, Collection::Failed),
            (410, soon, Collection::Failed),
            (404, soon, later(25)),
            (404, day, Collection::Failed),
            (401, day, Collection::Closed),
            (403, soon, Collection::Closed),
            (500, soon, later(25)),
            (503, day, later(300)),
        ] {
            let simulator = Simulator::start().await.unwrap();
            let task = simulator.client().speak("Hello").submit().await.unwrap();
            simulator.script(Route::Result, Script::always(Fault::status(status)));
            let error = task.status().await.unwrap_err();
            assert_eq!(after_collection(&error, age), expected, "{status}: {error}");
        }
    }

    #[test]
    fn a_task_is_looked_at_the_less_often_the_older_it_is() {
        for (age, pause) in [(0, 1), (4, 1), (100, 25), (3_600, 300), (1_000_000, 300)] {
            assert_eq!(pause_at(Duration::from_secs(age)), Duration::from_secs(pause), "{age}");
        }
    }

    #[test]
    fn only_an_owner_who_is_dead_or_late_makes_a_doubt() {
        let soon = Duration::from_secs(1);
        assert_eq!(found("submitting", true, soon), Found::Watch);
        assert_eq!(found("submitting", false, soon), Found::Doubt);
        assert_eq!(found("submitting", true, LONGEST_SUBMISSION), Found::Doubt);
        for state in ["queued", "submitted", "done", "failed", "in doubt"] {
            assert_eq!(found(state, false, soon), Found::Settled, "{state}");
        }
    }

    #[test]
    fn only_a_simulator_can_forget() {
        let of = |server: &str| Entry {
            number: 1,
            state: "submitted".into(),
            since: 0,
            server: Some(server.into()),
            worker: Some("w".into()),
            claim: Some("w/1".into()),
            task: Some("t".into()),
            problem: None,
        };
        let (api, mine, other) = ("https://api.distribute.ai", "simulator 1", "simulator 2");
        assert_eq!(whose(&of(api), api, false), Whose::Ours);
        assert_eq!(whose(&of(api), mine, false), Whose::Others);
        assert_eq!(whose(&of(mine), mine, true), Whose::Ours);
        assert_eq!(whose(&of(other), mine, true), Whose::Others);
        assert_eq!(whose(&of(other), api, false), Whose::Nobodys);
    }
}
