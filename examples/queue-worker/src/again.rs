//! `again`: a person has decided.

use std::collections::BTreeSet;

use crate::{BadInput, Outcome, store::Store};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The keys of texts that failed or are in doubt, as `status` shows them
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<i64>,
}

pub(crate) async fn run(store: &Store, args: &Args) -> anyhow::Result<Outcome> {
    let keys: BTreeSet<_> = args.keys.iter().copied().collect();
    let keys: Vec<_> = keys.into_iter().collect();
    let tasks = store.again(&keys).await?.map_err(|(key, state)| {
        BadInput(match state {
            Some(state) => format!("{key} is {state}: only what failed or is in doubt can be put back"),
            None => format!("there is no text {key}"),
        })
    })?;
    for (key, task) in tasks {
        println!("{key} was task {task}, which may have been paid for");
    }
    println!("{} put back into the queue; each may be billed again", keys.len());
    Ok(Outcome::Fine)
}
