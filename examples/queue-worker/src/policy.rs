//! Decides what happens after an error. All functions are pure.

use std::time::Duration;

use distribute_ai::{Error, ErrorKind};

/// The first and the longest pause of a worker after the server has not accepted a text. A longer `Retry-After`
/// takes precedence.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// The longest pause for a `Retry-After`. Without this limit, one wrong value would stop the worker for years.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The longest time between two polls of a slow task. For a task that takes hours, five minutes are
/// acceptable.
const MAX_POLL_INTERVAL: Duration = Duration::from_mins(5);

/// The age from which a task that the server does not know counts as failed.
const NOT_FOUND_GRACE: Duration = Duration::from_hours(24);

/// The decision after a submission failed.
#[derive(Debug, PartialEq)]
pub(crate) enum SubmitDecision {
    /// The server did not accept the text: put it back into the queue.
    Requeue { retry_after: Option<Duration> },
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
            SubmitDecision::Requeue { retry_after: error.retry_after() }
        }
        _ if is_account_error(error) => SubmitDecision::AccountRejected,
        _ => SubmitDecision::Failed,
    }
}

/// Returns the pause after a number of failures in a row: 1 second, doubling to 30 seconds, or the longer
/// `Retry-After`, up to 5 minutes.
pub(crate) fn outage_pause(failures: u32, retry_after: Option<Duration>) -> Duration {
    let backoff = FIRST_PAUSE * 2_u32.pow(failures.saturating_sub(1).min(5));
    backoff.min(LONGEST_BACKOFF).max(retry_after.unwrap_or_default()).min(LONGEST_PAUSE)
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

/// The prefix of a simulator's server name. Each worker without an API key runs its own simulator.
pub(crate) const SIMULATOR_PREFIX: &str = "simulator ";

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
        let requeue = |seconds: u64| SubmitDecision::Requeue {
            retry_after: (seconds > 0).then_some(Duration::from_secs(seconds)),
        };
        for (fault, expected) in [
            (Fault::reset(), SubmitDecision::InDoubt),
            (Fault::status(500), SubmitDecision::InDoubt),
            (Fault::status(503), SubmitDecision::InDoubt),
            (Fault::status(503).retry_after(Duration::from_mins(1)), SubmitDecision::InDoubt),
            (Fault::truncated_json(), SubmitDecision::InDoubt),
            (Fault::status(429), requeue(0)),
            (Fault::status(429).retry_after(Duration::from_mins(1)), requeue(60)),
            (Fault::status(429).retry_after(Duration::from_mins(4)), requeue(240)),
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
    async fn retry_after_pauses_a_worker_by_at_most_five_minutes() {
        for (retry_after, seconds) in
            [("0", 1), ("299", 299), ("301", 300), ("99999999999", 300), ("99999999999999999999", 300)]
        {
            let server = MockServer::start_async().await;
            server.mock_async(|_when, then| drop(then.status(429).header("retry-after", retry_after))).await;
            let client = Client::builder().api_key("key").base_url(server.base_url()).build().unwrap();
            let error = client.speak("Hello").deadline(Duration::ZERO).submit().await.unwrap_err();
            let SubmitDecision::Requeue { retry_after: parsed } = classify_submit_error(&error) else {
                panic!()
            };
            assert_eq!(outage_pause(1, parsed), Duration::from_secs(seconds), "{retry_after}");
        }
    }

    #[test]
    fn pause_doubles_up_to_thirty_seconds() {
        let pauses: Vec<_> = (1..=7).map(|failures| outage_pause(failures, None).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(outage_pause(u32::MAX, Some(Duration::from_secs(40))), Duration::from_secs(40));
    }

    #[tokio::test]
    async fn submit_invalid_text_fails_and_unreachable_server_requeues() {
        let simulator = Simulator::start().await.unwrap();
        let client = simulator.client();
        let error = client.speak("x").submit().await.unwrap_err();
        assert_eq!(classify_submit_error(&error), SubmitDecision::Failed);
        drop(simulator);
        let error = client.speak("Hello").deadline(Duration::ZERO).submit().await.unwrap_err();
        assert_eq!(classify_submit_error(&error), SubmitDecision::Requeue { retry_after: None });
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
}
