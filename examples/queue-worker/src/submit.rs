//! The job that submits a text: claim it, send it once, write down what came of it.

use std::{future::Future, time::Duration};

use distribute_ai::{Error, SpeechTask};

use crate::{
    decide::{Found, Submission, after_submission, found},
    entry::now,
    ledger::{Claim, Order},
    life::DEATHS,
    speaker::Speaker,
};

/// For the repetitions that the library makes of what was not taken. What is still not taken then waits in the queue,
/// where it holds up nobody.
const DEADLINE: Duration = Duration::from_secs(30);

/// How often what came of a submission is written if the database does not take it: with pauses that double up to five
/// seconds, and five for each try at most, for about two minutes.
const WRITES: u32 = 15;

/// How long the database may take for one of them: a connection that hangs must not hold up the next try.
const WRITE: Duration = Duration::from_secs(5);

pub(crate) async fn run(speaker: &Speaker, number: i64) -> anyhow::Result<()> {
    let claim = speaker.claim(number);
    // From here on until the outcome is written, a kill leaves the text in doubt.
    match speaker.store.claim(&claim).await {
        Ok(Some(order)) => submit(speaker, &claim, order).await,
        Ok(None) => overtaken(speaker, number).await,
        Err(error) => {
            // It may be claimed all the same, if the database's answer was lost. Nothing was sent.
            insist(|| speaker.store.give_back(&claim, Duration::ZERO, "the database did not answer")).await?;
            Err(error)
        }
    }
}

async fn submit(speaker: &Speaker, claim: &Claim, Order { text, voice }: Order) -> anyhow::Result<()> {
    let speak = speaker.client.speak(text).deadline(DEADLINE);
    let speak = match voice {
        Some(voice) => speak.voice(voice.as_str()),
        None => speak,
    };
    match speak.submit().await {
        Ok(task) => keep(speaker, claim, &task).await,
        Err(error) => settle(speaker, claim, &error).await,
    }
}

/// Writes down the id of what was paid for, whatever happens.
async fn keep(speaker: &Speaker, claim: &Claim, task: &SpeechTask) -> anyhow::Result<()> {
    let (number, id) = (claim.number, task.id());
    // Not by the log alone: somebody may have turned that off. And at once: this process may not live to the last try.
    let tell = |error: &anyhow::Error| {
        eprintln!(
            "error: text {number} is submitted as task {id}, which the database has not taken yet: {error:#}"
        );
    };
    let kept = insist_and(tell, || async {
        if speaker.store.submitted(claim, id.as_str()).await? {
            return Ok(true);
        }
        // Written before, by an attempt whose own reply was lost?
        let entry = speaker.store.entry(number).await?;
        Ok(entry.is_some_and(|entry| entry.task.as_deref() == Some(id.as_str())))
    });
    match kept.await {
        Ok(true) => Ok(()),
        Ok(false) => {
            tracing::error!(number, task = %id, "submitted, and billed, beside another submission of the same text");
            Err(anyhow::anyhow!("somebody has put {number} back into the queue while it was being submitted"))
        }
        Err(error) => {
            eprintln!(
                "error: text {number} is submitted as task {id}, which the database did not take: {error:#}"
            );
            tracing::error!(number, task = %id, "submitted, and the database did not take the id");
            Err(error)
        }
    }
}

/// Writes down what an error means.
async fn settle(speaker: &Speaker, claim: &Claim, error: &Error) -> anyhow::Result<()> {
    let problem = error.to_string();
    let verdict = after_submission(error);
    tracing::warn!(number = claim.number, ?verdict, "{problem}");
    let store = &speaker.store;
    insist(|| async {
        match verdict {
            Submission::Back { after } => store.give_back(claim, after, &problem).await,
            Submission::Closed => store.give_back(claim, Duration::ZERO, &problem).await,
            Submission::Failed => store.refused(claim, &problem).await,
            Submission::InDoubt => {
                // A refusal may name a task all the same.
                let task = error.task_id().map(distribute_ai::TaskId::as_str);
                let kept = store.doubt(claim.number, &claim.id, &problem, task).await?;
                if let (false, Some(task)) = (kept, task) {
                    tracing::error!(number = claim.number, task, "may be billed, and is not in the ledger");
                }
                Ok(kept)
            }
        }
    })
    .await?;
    if verdict == Submission::Closed {
        speaker.stop(problem);
    }
    Ok(())
}

/// Somebody was here before: this worker in an earlier life, or another that apalis took for dead.
async fn overtaken(speaker: &Speaker, number: i64) -> anyhow::Result<()> {
    let store = &speaker.store;
    let Some(entry) = store.entry(number).await? else { return Ok(()) };
    let Some(claim) = &entry.claim else { return Ok(()) };
    let dead_after = speaker.heartbeat * DEATHS;
    let is_alive = match &entry.worker {
        Some(worker) => store.is_alive(worker, dead_after).await?,
        None => false,
    };
    let age = Duration::from_secs(now().saturating_sub(entry.since).try_into().unwrap_or_default());
    match found(&entry.state, is_alive, age) {
        Found::Settled => {}
        Found::Watch => drop(store.watch(number, claim, dead_after).await?),
        Found::Doubt => {
            let problem = "its worker was lost while submitting it; whether it was taken is not known";
            if store.doubt(number, claim, problem, None).await? {
                tracing::warn!(number, "in doubt: {problem}");
            }
        }
    }
    Ok(())
}

/// Until the database takes it, or it would be too long.
async fn insist<T, F>(write: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    insist_and(|_| {}, write).await
}

/// The same, and tells of the first failure.
async fn insist_and<T, F>(tell: impl Fn(&anyhow::Error), mut write: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let mut write = async || match tokio::time::timeout(WRITE, write()).await {
        Ok(written) => written,
        Err(_) => anyhow::bail!("no answer after {} s", WRITE.as_secs()),
    };
    let mut pause = Duration::from_millis(100);
    for attempt in 1..WRITES {
        match write().await {
            Ok(written) => return Ok(written),
            Err(error) => {
                if attempt == 1 {
                    tell(&error);
                }
                tracing::warn!("the database did not take it, and is asked again: {error:#}");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
    write().await
}
