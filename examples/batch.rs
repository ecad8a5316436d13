//! Speaks each line of a file into a file of its own; run it again after a crash, and it goes on where it was.
//!
//! ```sh
//! cargo run --example batch -- lines.txt --out speeches
//! ```
//!
//! With `DISTRIBUTE_AI_API_KEY` set, the API speaks. Without it, a simulator on this machine makes placeholders.

use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Parser;
use distribute_ai::{
    Client,
    batch::{Progress, Results},
    testing::Simulator,
};
use indicatif::{ProgressBar, ProgressStyle};

/// Speaks each line of a file into a WAV file of its own.
///
/// With `DISTRIBUTE_AI_API_KEY` in the environment it keeps a journal beside the speeches: run the same command again
/// after a crash, and nothing is submitted twice. Without it a simulator stands in for the API, and forgets all at its end.
#[derive(Parser)]
#[command(version, after_help = "Exit status: 0 all are spoken, 1 some are not, 2 bad input")]
struct Args {
    /// The text, a line for each speech; empty lines are left out
    lines: PathBuf,

    /// A directory for the speeches, 1.wav and so on; made if it isn't there
    #[arg(long, default_value = "speeches")]
    out: PathBuf,

    /// A voice of the API (leo, nora) or the id of a voice file
    #[arg(long, default_value = "leo")]
    voice: String,

    /// Requests to the API per second, at most
    #[arg(long, default_value_t = 20.0)]
    rate: f64,

    /// Speeches under way at a time, at most
    #[arg(long, default_value_t = 64)]
    in_flight: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether all were spoken.
async fn run(args: &Args) -> anyhow::Result<bool> {
    let text = fs::read_to_string(&args.lines).with_context(|| args.lines.display().to_string())?;
    fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;

    let simulator = match std::env::var_os("DISTRIBUTE_AI_API_KEY") {
        Some(_) => None,
        None => Some(Simulator::start().await.context("could not start the simulator")?),
    };
    let client = simulator.as_ref().map_or_else(Client::from_env, |simulator| Ok(simulator.client()))?;
    if simulator.is_some() {
        eprintln!(
            "no DISTRIBUTE_AI_API_KEY: a simulator speaks placeholders; nothing is billed or kept for later"
        );
    }

    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let requests = lines.map(|(at, line)| (at + 1, client.speak(line.trim()).voice(args.voice.as_str())));
    let mut batch = client.batch(requests).max_in_flight(args.in_flight).requests_per_second(args.rate);
    if simulator.is_none() {
        batch = batch.journal(args.out.join("journal.jsonl"));
    }
    let mut results = batch.start().await?;

    let bar = progress_bar(&results);
    let mut complete = true;
    loop {
        let next = tokio::select! {
            next = results.next() => next,
            _ = tokio::signal::ctrl_c() => {
                // What is being submitted is heard to the end, so that no id is lost; the journal has them all.
                for (number, end) in results.stop().await {
                    if let Err(error) = end {
                        eprintln!("line {number}: {error}");
                    }
                }
                bail!("interrupted; run the same command again to go on");
            }
        };
        let Some((number, speech)) = next else { break };
        let path = args.out.join(format!("{number}.wav"));
        let outcome = match speech {
            // From an earlier run. A file is there whole or not at all.
            Ok(_) if path.exists() => Ok(()),
            Ok(speech) => speech.save(&path).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            complete = false;
            bar.suspend(|| eprintln!("line {number}: {error}"));
        }
    }
    let end = results.progress().borrow().clone();
    bar.finish_and_clear();
    tell(&end, &args.out);
    Ok(complete)
}

/// Follows the progress on a terminal; elsewhere there is none to be seen.
fn progress_bar<K>(results: &Results<K>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("the template is right");
    let bar = ProgressBar::new(0).with_style(style);
    let (mut progress, shown) = (results.progress(), bar.clone());
    tokio::spawn(async move {
        while progress.changed().await.is_ok() {
            let now = progress.borrow_and_update().clone();
            let total = now.queued.unwrap_or_default() + now.in_flight + now.ended();
            shown.set_length(total as u64);
            shown.set_position(now.ended() as u64);
            let left = now.time_left.map(|time| format!(", {} s left", time.as_secs())).unwrap_or_default();
            shown.set_message(format!("{:.0} requests/s{left}", now.requests_per_second));
            // Often enough for an eye.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    bar
}

fn tell(end: &Progress, out: &Path) {
    let Progress { done, failed, in_doubt, .. } = end;
    println!("{done} spoken into {}, {failed} failed, {in_doubt} in doubt", out.display());
    if *in_doubt > 0 {
        eprintln!("hint: what is in doubt may have been billed; the journal has the time of each");
    }
}
