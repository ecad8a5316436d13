//! Sends create requests. With a store, it checks and updates the entry of the request first.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use tokio::task::JoinError;
use tracing::Instrument;

use crate::{
    Billed, Client, Error, TaskId,
    ext::{
        retry::{
            label::Label,
            submit::{AttemptError, Submission, send_once, submit},
        },
        store::handle::{Announced, EntryHandle, Found},
        transport::{call, failure::Failure},
    },
    types::{SpeechRequest, TaskCreated},
};

/// Is called with the task id as soon as the server has accepted the request.
pub(crate) type OnSubmitted = Arc<dyn Fn(&TaskId) + Send + Sync>;

/// Calls the user's code. A panic there must not lose the task id.
pub(crate) fn call_on_submitted(callback: &(dyn Fn(&TaskId) + Send + Sync), id: &TaskId) {
    if catch_unwind(AssertUnwindSafe(|| callback(id))).is_err() {
        tracing::error!(task = id.printable(), "`on_submitted` panicked, the task continues");
    }
}

/// The task of a request that has an entry in a store.
pub(crate) enum Submitted {
    Now(TaskId),
    /// By an earlier call, perhaps in another process.
    Before(TaskId),
}

/// Submits a request unless its entry says that it may be billed.
pub(crate) async fn submit_once(
    client: &Client,
    request: Arc<SpeechRequest>,
    time_limit: Duration,
    mut submission: Submission,
    on_submitted: Option<OnSubmitted>,
    entry: &EntryHandle,
) -> Result<Submitted, Error> {
    let deadline = submission.deadline();
    let found = entry.lookup(Some(deadline)).await;
    // An earlier run may have submitted the request.
    match found.map_err(|error| error.billed_at_least(Billed::Maybe))? {
        Found::New(prior_attempts) => submission.set_prior_attempts(prior_attempts),
        found => return submitted_before(found, time_limit),
    }
    let attempt = || async {
        let attempt = match entry.announce(Some(deadline)).await.map_err(AttemptError::NotSent)? {
            Announced::Claimed(attempt) => attempt,
            Announced::Found(Found::Busy) => return Err(AttemptError::NotSent(busy(time_limit))),
            // The error of an entry in doubt counts the attempts of this call already.
            Announced::Found(found) => return Ok(submitted_before(found, time_limit)),
        };
        // A call that submitted the same request before this one may have been asked for a pause.
        if client.inner().cooldown.ends_at().is_some() {
            return Err(AttemptError::Paused);
        }
        let prior_attempts = attempt.prior_attempts();
        let (client, request, on_submitted) = (client.clone(), Arc::clone(&request), on_submitted.clone());
        // On its own task, so that dropping the caller's future does not cut it off.
        let sent = tokio::spawn(
            async move {
                let label = Label::Request(Arc::clone(&request));
                let sent = attempt.send(send_once(send_create(&client, &request), &label)).await;
                if let (Ok(id), Some(callback)) = (&sent, on_submitted) {
                    call_on_submitted(&*callback, id);
                }
                sent
            }
            .in_current_span(),
        );
        let stopped = |error: JoinError| {
            let problem = if error.is_panic() {
                "code that `configure_http` has added to the HTTP client panicked"
            } else {
                "the async runtime shut down before the response arrived"
            };
            AttemptError::NotSent(Error::in_doubt(1, format!("{problem}: {error}")))
        };
        let sent = sent.await.map_err(stopped)?;
        let id = sent.map_err(|failure| AttemptError::Failed(Box::new(failure), Some(prior_attempts)))?;
        Ok(Ok(Submitted::Now(id)))
    };
    submit(&client.inner().cooldown, submission, attempt).await?
}

fn submitted_before(found: Found, time_limit: Duration) -> Result<Submitted, Error> {
    match found {
        Found::Submitted(id) => Ok(Submitted::Before(id)),
        Found::Stored(speech) => Ok(Submitted::Before(speech.id)),
        Found::InDoubt(error) => Err(error),
        Found::Busy => Err(busy(time_limit)),
        Found::New(_) => unreachable!("a new request is submitted"),
    }
}

/// Returns the error of a request that another call was submitting until the deadline.
pub(crate) fn busy(time_limit: Duration) -> Error {
    let problem = "another call is submitting the same request".to_owned();
    Error::deadline(time_limit, None, None).with_problem(problem)
}

/// Sends one create request, without retries.
pub(crate) async fn send_create(client: &Client, request: &SpeechRequest) -> Result<TaskId, Failure> {
    let inner = client.inner();
    let check = |created: &TaskCreated| {
        let problem = if created.id.is_empty() {
            "the task id is empty"
        } else if inner.key.is_in_id(&created.id) {
            "the task id contains the API key"
        } else if !inner.unfinished.insert(&TaskId::new_unchecked(&*created.id)) {
            "the task id belongs to another task, which is not finished"
        } else {
            return Ok(());
        };
        Err(problem.to_owned())
    };
    match call::send(client.async_speech_create(request), &inner.key, &[], check).await {
        Ok(created) => Ok(TaskId::new_unchecked(created.value.id)),
        Err(failure) => {
            // This client may have submitted the task.
            if let Some(id) = &failure.task_id {
                inner.unfinished.insert(id);
            }
            Err(Failure { redirects_possible: inner.custom_http_client, ..failure })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::ErrorKind,
        path::Path,
        sync::atomic::{AtomicBool, Ordering},
    };

    use reqwest::StatusCode;
    use tokio::time::Instant;

    use super::*;
    use crate::ext::{
        captured_log::CapturedLog,
        disk::{
            Disk,
            simulated::{Fault, State},
        },
        error::ApiErrorResponse,
        store::Store,
        test_server::{TestServer, cut, response},
        transport::{failure::FailureKind, instant::saturating_add},
    };

    #[tokio::test]
    async fn request_whose_entry_cannot_be_read_may_be_billed() {
        let is_broken = Arc::new(AtomicBool::new(false));
        let broken = Arc::clone(&is_broken);
        let disk = Disk::simulated(State::with_directory(Path::new("/d")), move |_, _| {
            broken.load(Ordering::Relaxed).then_some(Fault::Fails(ErrorKind::Other))
        });
        let store = Store::open_on(&disk, "/d/store".into()).await.unwrap();
        is_broken.store(true, Ordering::Relaxed);
        let client = Client::builder().api_key("k").build().unwrap();
        // The first one is not announced, and so not sent. The database is opened again for the next one.
        for billed in [Billed::No, Billed::Maybe] {
            let prepared = client.speak("Hello.").prepare(Some(&store)).unwrap();
            let (request, time_limit, entry) =
                (prepared.request, prepared.time_limit, prepared.entry.unwrap());
            let deadline = saturating_add(Instant::now(), time_limit);
            let submission = Submission::new(Label::Key("a".into()), deadline, 0);
            let error =
                submit_once(&client, request, time_limit, submission, None, &entry).await.err().unwrap();
            assert!(error.is_io() && error.billed() == billed, "{error:?}");
        }
    }

    #[tokio::test]
    async fn submission_with_a_store_is_logged_in_the_span_of_its_caller() {
        let log = CapturedLog::start();
        let server = TestServer::start([response("200 OK", &[], r#"{"id": "t1"}"#)]).await;
        let store = Store::in_memory();
        let client = Client::builder().api_key("k").base_url(&server.url).store(&store).build().unwrap();
        client.speak("Hello.").submit().instrument(tracing::info_span!("caller")).await.unwrap();
        let text = log.text();
        let submitted = text.lines().find(|line| line.contains("task submitted")).expect(&text);
        assert!(submitted.contains("caller: "), "{submitted}");
    }

    #[tokio::test]
    async fn retry_that_waits_for_another_call_until_its_deadline_stays_in_doubt() {
        // It closes each connection.
        let server = TestServer::start([]).await;
        let store = Store::in_memory();
        let client = Client::builder().api_key("k").base_url(&server.url).store(&store).build().unwrap();
        let speak = client.speak("Hello.").resubmit_in_doubt(1);
        let entry = speak.to_entry(&store).unwrap();
        let submitting = tokio::spawn(speak.deadline(Duration::from_secs(1)).submit());
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Another call takes its turn in the pause before the retry.
        let other = entry.announce(None).await;
        assert!(matches!(other, Ok(Announced::Claimed(_))));
        let error = submitting.await.unwrap().err().unwrap();
        assert!(error.is_in_doubt(), "{error}");
    }

    #[tokio::test]
    async fn rejected_request_is_in_doubt_if_an_equal_one_is_in_doubt_since_its_lookup() {
        let server = TestServer::start([response("402 Payment Required", &[], "{}")]).await;
        let store = Store::in_memory();
        let client = Client::builder().api_key("k").base_url(&server.url).store(&store).build().unwrap();
        // It looks its entry up at once, and waits for the end of the pause then.
        let (status, retry_after) = (StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_millis(300)));
        let pause = ApiErrorResponse { status, message: None, retry_after, request_id: None };
        client.inner().cooldown.on_error_response(&pause);
        let speak = client.speak("Hello.").resubmit_in_doubt(1);
        let entry = speak.to_entry(&store).unwrap();
        let equal = async {
            let attempt = entry.announced().await;
            attempt.send(async { Err(Failure::new(FailureKind::ConnectionLost)) }).await.unwrap_err();
        };
        let (submitted, ()) = tokio::join!(speak.submit(), equal);
        let error = submitted.err().unwrap();
        assert!(error.is_in_doubt() && error.status() == Some(StatusCode::PAYMENT_REQUIRED), "{error:?}");
    }

    #[tokio::test]
    async fn request_in_doubt_of_an_earlier_run_stays_in_doubt_after_a_rejection() {
        let rejected = response("402 Payment Required", &[], "{}");
        let server = TestServer::start([cut(response("200 OK", &[], "{}")), rejected]).await;
        let store = Store::in_memory();
        let client = Client::builder().api_key("k").base_url(&server.url).store(&store).build().unwrap();
        for resubmissions in [0, 1] {
            let speak = client.speak("Hello.").resubmit_in_doubt(resubmissions);
            let error = speak.submit().await.err().unwrap();
            assert!(error.is_in_doubt(), "{error}");
        }
        assert_eq!(server.requests().len(), 2);
    }
}
