//! Decides what happens after an error, and what a job does with a text in an unexpected state. All functions
//! are pure.

use std::time::Duration;

use distribute_ai::{Error, ErrorKind};

use crate::entry::Entry;

/// The delay before a text that was not accepted is submitted again. A longer `Retry-After` takes precedence.
/// The library has already retried for some seconds before the text returns to the queue.
const REQUEUE_DELAY: Duration = Duration::from_secs(10);

/// The longest delay before a text that was not accepted is submitted again. Without this limit, one wrong
/// `Retry-After` would put off the text for years.
const MAX_REQUEUE_DELAY: Duration = Duration::from_mins(5);

/// The longest time between two polls of a slow task. For a task that takes hours, five minutes are
/// acceptable.
const MAX_POLL_INTERVAL: Duration = Duration::from_mins(5);

/// The age from which a task that the server does not know counts as failed.
const NOT_FOUND_GRACE: Duration = Duration::from_hours(24);

/// The decision after a submission failed.
#[derive(Debug, PartialEq)]
pub(crate) enum SubmitDecision {
    /// The server did not accept the text: put it back into the queue.
    Requeue { after: Duration },
    /// The server may have accepted the text: only a person may submit it again.
    InDoubt,
    /// The server rejected the text permanently.
    Failed,
    /// The server rejected the account, not the text: every other text would be rejected too.
    AccountRejected,
}

pub(crate) fn classify_submit_error(error: &Error) -> SubmitDecision {
    match error.kind() {
        ErrorKind::InDoubt => SubmitDecision::InDoubt,
        ErrorKind::RateLimited | ErrorKind::Unreachable => {
            let retry_after = error.retry_after().unwrap_or(REQUEUE_DELAY);
            SubmitDecision::Requeue { after: retry_after.clamp(REQUEUE_DELAY, MAX_REQUEUE_DELAY) }
        }
        _ if is_account_error(error) => SubmitDecision::AccountRejected,
        _ => SubmitDecision::Failed,
    }
}

/// The decision after the speech of a task could not be collected.
#[derive(Debug, PartialEq)]
pub(crate) enum CollectDecision {
    /// Try again later. Polling is not billed.
    Retry { after: Duration },
    /// The task failed, the server permanently rejects the poll, or the task is still unknown after a day.
    Failed,
    /// The server rejected the account, as for a submission.
    AccountRejected,
}

/// Decides what happens after a collect error. `age` is the time since the text entered the state
/// "submitted".
pub(crate) fn classify_collect_error(error: &Error, age: Duration) -> CollectDecision {
    match error.kind() {
        ErrorKind::Failed => CollectDecision::Failed,
        // The server may know the task later.
        ErrorKind::NotFound if age >= NOT_FOUND_GRACE => CollectDecision::Failed,
        _ if is_account_error(error) => CollectDecision::AccountRejected,
        ErrorKind::Rejected => CollectDecision::Failed,
        // All other errors are transient: an outage, a full disk, an audio URL that is not available yet.
        _ => CollectDecision::Retry { after: poll_interval(age) },
    }
}

/// Returns the time until the next poll of a task: a quarter of its age, from 1 second to 5 minutes.
pub(crate) fn poll_interval(age: Duration) -> Duration {
    (age / 4).clamp(Duration::from_secs(1), MAX_POLL_INTERVAL)
}

/// Returns `true` if the API key was rejected (401, 403) or a payment is required (402).
fn is_account_error(error: &Error) -> bool {
    error.is_rejected() && error.status().is_some_and(|status| matches!(status.as_u16(), 401..=403))
}

/// The state of a text that a submit job finds already claimed.
#[derive(Debug, PartialEq)]
pub(crate) enum ClaimState {
    /// A worker is submitting the text: check again after the submission should have finished.
    InProgress,
    /// The worker is dead or has exceeded the time limit: the result of the submission is unknown.
    Abandoned,
    /// The text has been submitted, or waits for a person's decision.
    Settled,
}

/// The age from which a submission counts as abandoned. A submission takes up to about three minutes: 30
/// seconds of retries, 30 seconds for the last request and two minutes of database retries. A response that
/// arrives even later still resolves the doubt.
const MAX_SUBMIT_DURATION: Duration = Duration::from_mins(5);

/// Classifies a text by its state, by its worker, and by its `age` in this state.
pub(crate) fn claim_state(state: &str, worker_is_alive: bool, age: Duration) -> ClaimState {
    match state {
        "submitting" if worker_is_alive && age < MAX_SUBMIT_DURATION => ClaimState::InProgress,
        "submitting" => ClaimState::Abandoned,
        _ => ClaimState::Settled,
    }
}

/// The server that holds the task of a collect job.
#[derive(Debug, PartialEq)]
pub(crate) enum TaskServer {
    /// The server that this worker uses.
    Own,
    /// A simulator that stopped together with its worker. The task is lost, and nothing was billed.
    LostSimulator,
    /// A server that another worker uses.
    Other,
}

/// The prefix of a simulator's server name. Each worker without an API key runs its own simulator.
pub(crate) const SIMULATOR_PREFIX: &str = "simulator ";

pub(crate) fn task_server(entry: &Entry, own_server: &str, worker_is_alive: bool) -> TaskServer {
    match entry.server.as_deref() {
        Some(server) if server == own_server => TaskServer::Own,
        Some(server) if server.starts_with(SIMULATOR_PREFIX) && !worker_is_alive => TaskServer::LostSimulator,
        _ => TaskServer::Other,
    }
}

#[cfg(test)]
mod tests {
    use distribute_ai::{
        Client,
        testing::{Fault, Route, Script, Simulator, TaskOutcome, httpmock::MockServer},
    };

    use super::*;

    /// Returns the error of a submission to a server with this fault.
    async fn submit_error(fault: Fault) -> Error {
        let simulator = Simulator::start().await.unwrap();
        simulator.script(Route::Create, Script::always(fault));
        simulator.client().speak("Hello").deadline(Duration::ZERO).submit().await.unwrap_err()
    }

    #[tokio::test]
    async fn submit_error_is_requeued_only_if_request_was_not_accepted() {
        let requeue = |seconds| SubmitDecision::Requeue { after: Duration::from_secs(seconds) };
        for (fault, expected) in [
            (Fault::reset(), SubmitDecision::InDoubt),
            (Fault::status(500), SubmitDecision::InDoubt),
            (Fault::status(503), SubmitDecision::InDoubt),
            (Fault::status(503).retry_after(Duration::from_mins(1)), SubmitDecision::InDoubt),
            (Fault::truncated_json(), SubmitDecision::InDoubt),
            (Fault::status(429), requeue(10)),
            (Fault::status(429).retry_after(Duration::from_mins(1)), requeue(60)),
            (Fault::status(429).retry_after(Duration::from_hours(1)), requeue(300)),
            (Fault::status(400), SubmitDecision::Failed),
            (Fault::status(404), SubmitDecision::Failed),
            (Fault::status(401), SubmitDecision::AccountRejected),
            (Fault::status(402), SubmitDecision::AccountRejected),
            (Fault::status(403), SubmitDecision::AccountRejected),
        ] {
            let label = format!("{fault:?}");
            assert_eq!(classify_submit_error(&submit_error(fault).await), expected, "{label}");
        }
    }

    #[tokio::test]
    async fn retry_after_delays_a_text_by_at_most_five_minutes() {
        for (retry_after, seconds) in
            [("0", 10), ("299", 299), ("301", 300), ("99999999999", 300), ("99999999999999999999", 300)]
        {
            let server = MockServer::start_async().await;
            server.mock_async(|_when, then| drop(then.status(429).header("retry-after", retry_after))).await;
            let client = Client::builder().api_key("key").base_url(server.base_url()).build().unwrap();
            let error = client.speak("Hello").deadline(Duration::ZERO).submit().await.unwrap_err();
            let after = Duration::from_secs(seconds);
            assert_eq!(classify_submit_error(&error), SubmitDecision::Requeue { after }, "{retry_after}");
        }
    }

    #[tokio::test]
    async fn submit_invalid_text_fails_and_unreachable_server_requeues() {
        let simulator = Simulator::start().await.unwrap();
        let client = simulator.client();
        let error = client.speak("x").submit().await.unwrap_err();
        assert_eq!(classify_submit_error(&error), SubmitDecision::Failed);
        drop(simulator);
        let error = client.speak("Hello").submit().await.unwrap_err();
        assert_eq!(classify_submit_error(&error), SubmitDecision::Requeue { after: REQUEUE_DELAY });
    }

    #[tokio::test]
    async fn collect_fails_only_if_task_has_failed_on_server() {
        let builder = |outcome| {
            Simulator::builder()
                .running(Duration::ZERO)
                .waiting(Duration::ZERO)
                .outcomes(Script::always(outcome))
        };
        let retry = CollectDecision::Retry { after: Duration::from_secs(25) };
        for (outcome, expected) in [
            (TaskOutcome::fails(), CollectDecision::Failed),
            (TaskOutcome::never_ends(), retry),
            (TaskOutcome::without_url(), CollectDecision::Retry { after: Duration::from_secs(25) }),
        ] {
            let simulator = builder(outcome).start().await.unwrap();
            let task = simulator.client().speak("Hello").submit().await.unwrap();
            let error = match task.wait().deadline(Duration::ZERO).await {
                Ok(speech) => speech.audio().unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(classify_collect_error(&error, Duration::from_secs(100)), expected, "{error}");
        }
    }

    #[tokio::test]
    async fn collect_rejected_poll_fails_and_unknown_task_is_retried() {
        let (day, soon) = (Duration::from_hours(24), Duration::from_secs(100));
        let retry = |seconds| CollectDecision::Retry { after: Duration::from_secs(seconds) };
        for (status, age, expected) in [
            (400, soon, CollectDecision::Failed),
            (410, soon, CollectDecision::Failed),
            (404, soon, retry(25)),
            (404, day, CollectDecision::Failed),
            (401, day, CollectDecision::AccountRejected),
            (403, soon, CollectDecision::AccountRejected),
            (500, soon, retry(25)),
            (503, day, retry(300)),
        ] {
            let simulator = Simulator::start().await.unwrap();
            let task = simulator.client().speak("Hello").submit().await.unwrap();
            simulator.script(Route::Result, Script::always(Fault::status(status)));
            let error = task.status().await.unwrap_err();
            assert_eq!(classify_collect_error(&error, age), expected, "{status}: {error}");
        }
    }

    #[test]
    fn poll_interval_grows_with_task_age() {
        for (age, interval) in [(0, 1), (4, 1), (100, 25), (3_600, 300), (1_000_000, 300)] {
            assert_eq!(poll_interval(Duration::from_secs(age)), Duration::from_secs(interval), "{age}");
        }
    }

    #[test]
    fn claim_is_abandoned_only_if_worker_is_dead_or_overdue() {
        let soon = Duration::from_secs(1);
        assert_eq!(claim_state("submitting", true, soon), ClaimState::InProgress);
        assert_eq!(claim_state("submitting", false, soon), ClaimState::Abandoned);
        assert_eq!(claim_state("submitting", true, MAX_SUBMIT_DURATION), ClaimState::Abandoned);
        for state in ["queued", "submitted", "done", "failed", "in doubt"] {
            assert_eq!(claim_state(state, false, soon), ClaimState::Settled, "{state}");
        }
    }

    #[test]
    fn task_is_lost_only_if_its_simulator_has_stopped() {
        let entry = |server: &str| Entry {
            number: 1,
            state: "submitted".into(),
            since: 0,
            server: Some(server.into()),
            worker: Some("w".into()),
            claim: Some("w/1".into()),
            task: Some("t".into()),
            problem: None,
        };
        let (api, own, other) = ("https://api.distribute.ai", "simulator 1", "simulator 2");
        assert_eq!(task_server(&entry(api), api, false), TaskServer::Own);
        assert_eq!(task_server(&entry(api), own, false), TaskServer::Other);
        assert_eq!(task_server(&entry(own), own, true), TaskServer::Own);
        assert_eq!(task_server(&entry(other), own, true), TaskServer::Other);
        assert_eq!(task_server(&entry(other), api, false), TaskServer::LostSimulator);
    }
}
