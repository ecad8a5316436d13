//! The submit job: submits a claimed text with one request and records the outcome. A text that was not accepted
//! returns to the queue, so no text is between two attempts when a worker stops.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use distribute_ai::{Error, SpeechTask, TaskId};

use crate::{
    context::{StartTime, WorkerContext},
    ledger::{Claim, ClaimedText},
    messages::{describe, print_note},
    policy::{SubmitDecision, classify_submit_error},
    progress,
    retry::{isolate, retry_write},
};

pub(crate) async fn run(context: Arc<WorkerContext>, text: ClaimedText, time: StartTime) {
    context.submissions.fetch_add(1, Ordering::SeqCst);
    let claim = text.claim.clone();
    let (job, number) = (Arc::clone(&context), claim.number);
    let result = match isolate(async move { submit(&job, text, time).await }).await {
        Ok(result) => result,
        Err(problem) => {
            progress::finished(number, "in doubt", &problem);
            retry_write(&context, |_| {}, || context.store.mark_in_doubt(&claim, &problem, None))
                .await
                .map(drop)
        }
    };
    if let Err(error) = result {
        tracing::warn!(number, error = describe(&error), "outcome of the submission not stored");
    }
    context.submissions.fetch_sub(1, Ordering::SeqCst);
}

async fn submit(context: &WorkerContext, text: ClaimedText, time: StartTime) -> anyhow::Result<()> {
    let ClaimedText { claim, text, voice } = text;
    // A zero deadline means a single request.
    let speak = context.client.speak(text).deadline(Duration::ZERO);
    let speak = match voice {
        Some(voice) => speak.voice(voice.as_str()),
        None => speak,
    };
    // Directly before the request: from here until the outcome is recorded, a killed worker leaves the text in doubt.
    if context.is_stopping() || context.is_late(time) {
        let release = || context.store.release(&claim, Duration::ZERO, None);
        return retry_write(context, |_| {}, release).await.map(drop);
    }
    match speak.submit().await {
        Ok(task) => {
            context.end_pause();
            record_task(context, &claim, &task).await
        }
        Err(error) => record_error(context, &claim, &error).await,
    }
}

/// Records the id of a submitted task. The task is billed, so a failed write is retried, and the id is also
/// printed.
async fn record_task(context: &WorkerContext, claim: &Claim, task: &SpeechTask) -> anyhow::Result<()> {
    let (number, id) = (claim.number, task.id());
    let shown = exact(id.as_str());
    // Print the id to standard error, because logging may be turned off. Print it after the first failed
    // write, because this process may be killed before the last attempt.
    let on_first_error = |error: &anyhow::Error| {
        print_note!(
            "error: text {number} was submitted as task {shown}, but the database has not stored the id yet: \
             {}",
            describe(error)
        );
    };
    let recorded = retry_write(context, on_first_error, || async {
        if context.store.mark_submitted(claim, id.as_str()).await? {
            return Ok(true);
        }
        // An earlier attempt may have stored the id although it reported an error.
        let entry = context.store.entry(number).await?;
        Ok(entry.is_some_and(|entry| entry.task.as_deref() == Some(id.as_str())))
    });
    match recorded.await {
        Ok(true) => Ok(()),
        Ok(false) => {
            print_note!(
                "error: text {number} was submitted as task {shown}, but its claim is no longer in the database; \
                 keep the id: the text may be billed twice"
            );
            tracing::error!(number, task = shown, "task not stored, the text has another claim");
            anyhow::bail!("text {number} was claimed again while it was being submitted")
        }
        Err(error) => {
            print_note!(
                "error: text {number} was submitted as task {shown}, but the database did not store the id; \
                 keep the id to fetch the speech: {}",
                describe(&error)
            );
            tracing::error!(number, task = shown, "task submitted, but its id not stored in the database");
            Err(error)
        }
    }
}

/// Returns a task id on one line, from which it can be restored: it may be the only copy.
fn exact(id: &str) -> String {
    id.escape_debug().to_string()
}

/// Records the outcome of a failed submission.
async fn record_error(context: &WorkerContext, claim: &Claim, error: &Error) -> anyhow::Result<()> {
    let problem = error.to_string();
    // The state says this already.
    let problem = problem.strip_prefix("in doubt: ").unwrap_or(&problem);
    let decision = classify_submit_error(error);
    tracing::warn!(number = claim.number, ?decision, error = %problem, "submission failed");
    let store = &context.store;
    let after = match decision {
        SubmitDecision::Requeue { retry_after } => context.pause(retry_after),
        _ => Duration::ZERO,
    };
    retry_write(context, |_| {}, || async {
        match decision {
            SubmitDecision::Requeue { .. } | SubmitDecision::AccountRejected => {
                store.release(claim, after, Some(problem)).await
            }
            SubmitDecision::Failed => store.mark_rejected(claim, problem).await,
            SubmitDecision::InDoubt => {
                // An error response may contain a task id.
                let task = error.task_id().map(TaskId::as_str);
                let recorded = store.mark_in_doubt(claim, problem, task).await?;
                if let (false, Some(task)) = (recorded, task) {
                    print_note!(
                        "error: text {} may have been submitted as task {}, which the ledger did not store",
                        claim.number,
                        exact(task)
                    );
                }
                Ok(recorded)
            }
        }
    })
    .await?;
    match decision {
        SubmitDecision::AccountRejected => {
            context.stop_failed(format!("the server rejects every request of this account: {problem}"));
        }
        SubmitDecision::Failed => progress::finished(claim.number, "failed", problem),
        SubmitDecision::InDoubt => progress::finished(claim.number, "in doubt", problem),
        SubmitDecision::Requeue { .. } => {}
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::{Instant, SystemTime};

    use distribute_ai::{
        Client,
        testing::{Fault, Route, Script, Simulator},
    };

    use super::*;
    use crate::{connection::Connection, guard::Guard, ledger::tests::store_with_texts};

    async fn context(texts: &[&str], simulator: &Simulator) -> (tempfile::TempDir, Arc<WorkerContext>) {
        context_with(texts, simulator.client()).await
    }

    pub(crate) async fn context_with(
        texts: &[&str],
        client: Client,
    ) -> (tempfile::TempDir, Arc<WorkerContext>) {
        let (directory, store) = store_with_texts(texts).await;
        let connection = Connection { client, server: "s".into(), simulator: None };
        let guard = Guard::open(directory.path(), "e").unwrap();
        let out = directory.path().to_owned();
        (directory, Arc::new(WorkerContext::new(store, &connection, out, 15, guard)))
    }

    async fn state(context: &WorkerContext, number: i64) -> String {
        context.store.entry(number).await.unwrap().unwrap().state
    }

    #[tokio::test]
    async fn text_of_suspended_or_stopping_worker_is_not_sent_and_returns_to_queue() {
        let simulator = Simulator::start().await.unwrap();
        let (_directory, context) = context(&["One", "Two"], &simulator).await;
        let hour = Duration::from_hours(1);
        for suspended in [true, false] {
            let (text, time) = context.claim(1).await.unwrap().remove(0);
            // While the machine slept, another worker has declared the doubt.
            context.store.mark_in_doubt(&text.claim, "its worker stopped", None).await.unwrap();
            let slept = StartTime { monotonic: Instant::now(), wall: SystemTime::now() - hour };
            if !suspended {
                context.request_stop();
            }
            let number = text.claim.number;
            run(Arc::clone(&context), text, if suspended { slept } else { time }).await;
            assert_eq!(state(&context, number).await, "queued", "{suspended}");
        }
        assert_eq!(simulator.creates(), 0);
    }

    #[tokio::test]
    async fn text_is_sent_once_and_an_outage_pauses_the_worker() {
        let simulator = Simulator::builder()
            .script(Route::Create, Script::nth(1, Fault::status(429).retry_after(Duration::from_secs(40))))
            .start()
            .await
            .unwrap();
        let (_directory, context) = context(&["One", "Two"], &simulator).await;
        let (text, time) = context.claim(1).await.unwrap().remove(0);
        run(Arc::clone(&context), text, time).await;
        let entry = context.store.entry(1).await.unwrap().unwrap();
        assert_eq!((entry.state.as_str(), simulator.requests()), ("queued", 1));
        assert!((39..=40).contains(&entry.due_in), "{}", entry.due_in);
        assert!(tokio::time::timeout(Duration::from_millis(100), context.pause_ended()).await.is_err());
        context.end_pause();
        context.pause_ended().await;
    }
}
