//! `again`: puts texts that failed or are in doubt back into the queue.

use std::collections::BTreeSet;

use crate::{InvalidInput, Outcome, store::Store};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The keys of texts that failed or are in doubt, as listed by `status`
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<i64>,
}

pub(crate) async fn run(store: &Store, args: &Args) -> anyhow::Result<Outcome> {
    let keys: BTreeSet<_> = args.keys.iter().copied().collect();
    let keys: Vec<_> = keys.into_iter().collect();
    let tasks = store.requeue(&keys).await?.map_err(|(key, state)| {
        InvalidInput(match state {
            Some(state) => format!("key {key}: state is {state}, expected failed or in doubt"),
            None => format!("key {key}: not found; `status` lists the texts that failed or are in doubt"),
        })
    })?;
    for (key, task) in tasks {
        println!("{key}: earlier task {task} may have been billed");
    }
    println!("{} requeued; each may be billed again", keys.len());
    Ok(Outcome::Success)
}
