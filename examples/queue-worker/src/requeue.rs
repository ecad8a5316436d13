//! `again`: puts texts that failed or are in doubt back into the queue, and ends the delay of queued texts.

use std::collections::BTreeSet;

use crate::{
    InvalidInput, Outcome,
    messages::{print_line, printable},
    store::Store,
};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The keys of texts that failed, are in doubt or are delayed, as listed by `status`
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<i64>,
}

pub(crate) async fn run(store: &Store, args: &Args) -> anyhow::Result<Outcome> {
    let keys: BTreeSet<_> = args.keys.iter().copied().collect();
    let keys: Vec<_> = keys.into_iter().collect();
    let texts = store.requeue(&keys).await?.map_err(|(key, state)| {
        InvalidInput(match state {
            Some(state) => {
                format!("key {key}: state is {state}, expected failed, in doubt or delayed")
            }
            None => format!("key {key}: not found; `status` lists the keys"),
        })
    })?;
    for text in &texts {
        if let Some(task) = &text.task {
            print_line!("{}: earlier task {} may have been billed", text.number, printable(task));
        }
    }
    let delayed = texts.iter().filter(|text| text.was_delayed).count();
    if texts.len() > delayed {
        print_line!("{} requeued; each may be billed again", texts.len() - delayed);
    }
    if delayed > 0 {
        print_line!("{delayed} no longer delayed; submitted as soon as a worker is free");
    }
    Ok(Outcome::Success)
}
