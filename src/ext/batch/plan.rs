//! What a job would submit, without sending anything.

use std::collections::HashSet;

use futures_util::{StreamExt, stream};

use crate::{
    Client, Error, Speak,
    ext::store::{
        Plan, Store, StoreSettings, handle::Outlook, learned_names::LearnedNames, plan::PlanBuilder, rates::Rate,
    },
};

/// The number of entries that are looked up at a time.
const LOOKUPS: usize = 64;

/// Returns the plan of these requests. A store that does not exist is not created.
pub(crate) async fn plan(
    client: &Client,
    settings: Option<&StoreSettings>,
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
    let (mut plan, mut seen) = (PlanBuilder::default(), HashSet::new());
    let mut entries = Vec::new();
    for speak in requests {
        let Ok(request) = speak.to_request() else {
            plan.add_invalid();
            continue;
        };
        if has_store && !seen.insert(speak.hash()?) {
            plan.add_repeated();
            continue;
        }
        let Some(store) = &store else {
            let characters = request.input.chars().count();
            plan.add_new(characters, &LearnedNames::of(&client.baseurl, &request).rate, &Rate::default());
            continue;
        };
        entries.push(speak.to_entry(store)?);
    }
    let mut outlooks = stream::iter(entries).map(async |entry| entry.outlook().await).buffered(LOOKUPS);
    while let Some(outlook) = outlooks.next().await {
        match outlook? {
            Outlook::Stored => plan.add_stored(),
            Outlook::Submitted => plan.add_submitted(),
            Outlook::InDoubt => plan.add_in_doubt(),
            Outlook::New { characters, names, rate } => plan.add_new(characters, &names.rate, &rate),
        }
    }
    Ok(plan.build())
}
