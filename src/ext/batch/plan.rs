//! The requests that a job would submit, without sending anything.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};

use super::expected_time::{Limits, Texts, expected_seconds};
use crate::{
    Client, Error, Speak,
    ext::{
        polling::task_policy::TaskPolicy,
        store::{
            Plan, Store, StoreSettings, handle::Outlook, learned_names::LearnedNames, plan::PlanBuilder,
            rates::Rate,
        },
    },
};

/// The number of entries that are looked up at a time.
const LOOKUPS: usize = 64;

/// Returns the plan of a job with these limits and requests. A store that does not exist is not created.
pub(crate) async fn plan(
    client: &Client,
    settings: Option<&StoreSettings>,
    limits: Limits,
    requests: impl IntoIterator<Item = Speak>,
) -> Result<Plan, Error> {
    let disk = &client.inner().disk;
    let store = match settings {
        Some(settings) if settings.may_have_entries(disk) => {
            Some(Store::open_on(disk, settings.clone()).await?)
        }
        Some(_) => None,
        None => client.store().cloned(),
    };
    // Equal requests are submitted once if there will be a store.
    let has_store = settings.is_some() || store.is_some();
    let (mut plan, mut seen, mut redone) = (PlanBuilder::default(), HashSet::new(), HashSet::new());
    let mut entries = Vec::new();
    for speak in requests {
        let Ok(request) = speak.to_request() else {
            plan.invalid += 1;
            continue;
        };
        if has_store {
            let hash = speak.hash_of(&request);
            // `redo` speaks the text of an equal request again, and a second `redo` does not.
            let is_redone = speak.is_redone() && redone.insert(hash);
            if !seen.insert(hash) && !is_redone {
                plan.repeated += 1;
                continue;
            }
        }
        let Some(store) = &store else {
            let characters = request.input.chars().count();
            plan.add_new(characters, &LearnedNames::of(&client.baseurl, &request).rate, &Rate::default());
            continue;
        };
        entries.push(speak.entry_of(store, &request));
    }
    if let Some(entry) = entries.first() {
        entry.teach(&client.inner().policy).await;
    }
    let mut outlooks = stream::iter(entries).map(async |entry| entry.outlook().await).buffered(LOOKUPS);
    while let Some(outlook) = outlooks.next().await {
        match outlook? {
            Outlook::Stored => plan.stored += 1,
            Outlook::Submitted => plan.submitted += 1,
            Outlook::InDoubt => plan.in_doubt += 1,
            Outlook::New { characters, names, rate } => plan.add_new(characters, &names.rate, &rate),
        }
    }
    let mut plan = plan.build();
    let texts = Texts { count: plan.new, characters: plan.characters };
    let mut policy = TaskPolicy::new(Arc::clone(&client.inner().policy));
    let together = texts.seconds(|characters| expected_seconds(&mut policy, characters));
    let time = together.map(|together| limits.seconds(texts, together));
    plan.time = time.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(plan)
}
