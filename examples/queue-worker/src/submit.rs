//! The submit job: claims a text, submits it once and records the outcome.

use std::{future::Future, time::Duration};

use distribute_ai::{Error, SpeechTask};

use crate::{
    context::WorkerContext,
    entry::now,
    ledger::{Claim, ClaimedText},
    messages::{print_note, printable},
    policy::{ClaimState, SubmitDecision, claim_state, classify_submit_error},
    supervisor::MAX_MISSED_HEARTBEATS,
};

/// The deadline for the library's retries of a request that was not accepted. After the deadline, the text
/// returns to the queue, where it blocks no other text.
const SUBMIT_DEADLINE: Duration = Duration::from_secs(30);

/// The number of attempts to write the outcome of a submission to the database. The pauses double up to five
/// seconds, and each attempt takes at most five seconds, so all attempts take about two minutes.
const MAX_WRITE_ATTEMPTS: u32 = 15;

/// The timeout of one write. Without this, a hanging connection would block the next attempt.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) async fn run(context: &WorkerContext, number: i64) -> anyhow::Result<()> {
    let claim = context.new_claim(number);
    // From here until the outcome is recorded, a killed worker leaves the text in doubt.
    match context.store.claim(&claim).await {
        Ok(Some(text)) => submit(context, &claim, text).await,
        Ok(None) => check_existing_claim(context, number).await,
        Err(error) => {
            // The claim may be stored although the database reported an error. No request was sent, so
            // release the claim.
            let problem = "the database did not confirm the claim";
            retry_write(|| context.store.release(&claim, Duration::ZERO, problem)).await?;
            Err(error)
        }
    }
}

async fn submit(
    context: &WorkerContext,
    claim: &Claim,
    ClaimedText { text, voice }: ClaimedText,
) -> anyhow::Result<()> {
    let speak = context.client.speak(text).deadline(SUBMIT_DEADLINE);
    let speak = match voice {
        Some(voice) => speak.voice(voice.as_str()),
        None => speak,
    };
    match speak.submit().await {
        Ok(task) => record_task(context, claim, &task).await,
        Err(error) => record_error(context, claim, &error).await,
    }
}

/// Records the id of a submitted task. The task is billed, so a failed write is retried, and the id is also
/// printed.
async fn record_task(context: &WorkerContext, claim: &Claim, task: &SpeechTask) -> anyhow::Result<()> {
    let (number, id) = (claim.number, task.id());
    let shown = printable(id.as_str());
    // Print the id to standard error, because logging may be turned off. Print it after the first failed
    // write, because this process may be killed before the last attempt.
    let on_first_error = |error: &anyhow::Error| {
        print_note!(
            "error: text {number} was submitted as task {shown}, but the database has not stored the id yet: \
             {error:#}"
        );
    };
    let recorded = retry_write_with(on_first_error, || async {
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
            tracing::error!(number, task = shown, "duplicate task submitted and billed for the same text");
            Err(anyhow::anyhow!("text {number} was requeued with `again` while it was being submitted"))
        }
        Err(error) => {
            print_note!(
                "error: text {number} was submitted as task {shown}, but the database did not store the id; \
                 keep the id to fetch the speech: {error:#}"
            );
            tracing::error!(number, task = shown, "task submitted, but its id not stored in the database");
            Err(error)
        }
    }
}

/// Records the outcome of a failed submission.
async fn record_error(context: &WorkerContext, claim: &Claim, error: &Error) -> anyhow::Result<()> {
    let problem = error.to_string();
    let decision = classify_submit_error(error);
    tracing::warn!(number = claim.number, ?decision, error = %problem, "submission failed");
    let store = &context.store;
    retry_write(|| async {
        match decision {
            SubmitDecision::Requeue { after } => store.release(claim, after, &problem).await,
            SubmitDecision::AccountRejected => store.release(claim, Duration::ZERO, &problem).await,
            SubmitDecision::Failed => store.mark_rejected(claim, &problem).await,
            SubmitDecision::InDoubt => {
                // An error response may contain a task id.
                let task = error.task_id().map(distribute_ai::TaskId::as_str);
                let recorded = store.mark_in_doubt(claim.number, &claim.id, &problem, task).await?;
                if let (false, Some(task)) = (recorded, task) {
                    tracing::error!(
                        number = claim.number,
                        task = printable(task),
                        "possibly billed task not stored in the ledger"
                    );
                }
                Ok(recorded)
            }
        }
    })
    .await?;
    if decision == SubmitDecision::AccountRejected {
        context.stop_account_rejected(problem);
    }
    Ok(())
}

/// Checks a text that is already claimed: by an earlier run of this job, or by a worker that apalis considers
/// dead. If the claim is abandoned, marks the text as in doubt.
async fn check_existing_claim(context: &WorkerContext, number: i64) -> anyhow::Result<()> {
    let store = &context.store;
    let Some(entry) = store.entry(number).await? else { return Ok(()) };
    let Some(claim) = &entry.claim else { return Ok(()) };
    let dead_after = context.heartbeat * MAX_MISSED_HEARTBEATS;
    let is_alive = match &entry.worker {
        Some(worker) => store.is_worker_alive(worker, dead_after).await?,
        None => false,
    };
    let age = Duration::from_secs(now().saturating_sub(entry.since).try_into().unwrap_or_default());
    match claim_state(&entry.state, is_alive, age) {
        ClaimState::Settled => {}
        ClaimState::InProgress => drop(store.recheck_claim(number, claim, dead_after).await?),
        ClaimState::Abandoned => {
            let problem =
                "its worker stopped during the submission, so the server may have accepted the text";
            if store.mark_in_doubt(number, claim, problem, None).await? {
                tracing::warn!(number, problem, "text marked as in doubt");
            }
        }
    }
    Ok(())
}

/// Retries a database write until it succeeds or [`MAX_WRITE_ATTEMPTS`] attempts have failed.
async fn retry_write<T, F>(write: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    retry_write_with(|_| {}, write).await
}

/// Like [`retry_write`], and calls `on_first_error` after the first failed attempt.
async fn retry_write_with<T, F>(
    on_first_error: impl Fn(&anyhow::Error),
    mut write: impl FnMut() -> F,
) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let mut write = async || match tokio::time::timeout(WRITE_TIMEOUT, write()).await {
        Ok(result) => result,
        Err(_) => anyhow::bail!("the database did not respond within {} s", WRITE_TIMEOUT.as_secs()),
    };
    let mut pause = Duration::from_millis(100);
    for attempt in 1..MAX_WRITE_ATTEMPTS {
        match write().await {
            Ok(value) => return Ok(value),
            Err(error) => {
                if attempt == 1 {
                    on_first_error(&error);
                }
                tracing::warn!(attempt, error = format!("{error:#}"), "database write failed, retrying");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
    write().await
}
