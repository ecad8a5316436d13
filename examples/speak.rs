//! Speaks a text into a file.
//!
//! ```sh
//! cargo run --example speak -- "Hello from Rust"
//! ```
//!
//! With `DISTRIBUTE_AI_API_KEY` set, the API speaks. Without it, a simulator on this machine makes a placeholder.

use std::{
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Parser;
use distribute_ai::{Client, Speech, SpeechTask, TaskId, testing::Simulator};
use futures_util::StreamExt;
use indicatif::ProgressBar;

/// Speaks a text into a WAV file.
///
/// Without `DISTRIBUTE_AI_API_KEY` in the environment nothing leaves this machine: a simulator stands in for the API, and
/// its sound is a placeholder.
#[derive(Parser)]
#[command(version, after_help = "Exit status: 0 spoken, 1 failed, 2 bad input")]
struct Args {
    /// The text, 2 to 4,096 characters; `-` reads it from standard input
    #[arg(required_unless_present = "resume")]
    text: Option<String>,

    /// A voice of the API (leo, nora) or the id of a voice file
    #[arg(long)]
    voice: Option<String>,

    /// Where to write the speech; an existing file is replaced
    #[arg(long, default_value = "speech.wav")]
    out: PathBuf,

    /// Fetch the speech of an earlier task instead of submitting a new one
    #[arg(long, value_name = "TASK", conflicts_with_all = ["text", "voice"])]
    resume: Option<TaskId>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => return refuse(&error),
        Err(help) => help.exit(),
    };
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            let bad_input =
                error.downcast_ref::<distribute_ai::Error>().is_none_or(distribute_ai::Error::is_invalid);
            ExitCode::from(if bad_input { 2 } else { 1 })
        }
    }
}

/// What is wrong with the arguments, in one line.
fn refuse(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    let problem: Vec<_> = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect();
    eprintln!("{}; try --help", problem.join(" "));
    ExitCode::from(2)
}

async fn run(args: Args) -> anyhow::Result<()> {
    // Before anything is paid for.
    check_target(&args.out)?;
    let text = args.text.map(read_text).transpose()?;

    let simulator = if std::env::var_os("DISTRIBUTE_AI_API_KEY").is_some_and(|key| !key.is_empty()) {
        None
    } else {
        eprintln!(
            "DISTRIBUTE_AI_API_KEY is not set: a simulator speaks; its sound is a placeholder, and nothing is billed"
        );
        Some(Simulator::start().await.context("could not start the simulator")?)
    };
    let client = match &simulator {
        Some(simulator) => simulator.client(),
        None => Client::from_env()?,
    };

    let task = match (args.resume, text) {
        (Some(id), _) => client.task(id),
        (None, text) => {
            let mut speak = client.speak(text.unwrap_or_default());
            if let Some(voice) = args.voice {
                speak = speak.voice(voice);
            }
            speak.submit().await?
        }
    };
    let speech = watch(&task).await?;
    let bytes = speech.save(&args.out).await?;
    println!("{}: {bytes} bytes", args.out.display());
    Ok(())
}

/// Shows the status as it moves: on a terminal in one line, elsewhere in a line each.
async fn watch(task: &SpeechTask) -> anyhow::Result<Speech> {
    let terminal = io::stderr().is_terminal();
    let line = if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    line.enable_steady_tick(Duration::from_millis(100));
    line.println(format!("task {}", task.id()));
    if !terminal {
        eprintln!("task {}", task.id());
    }
    let mut updates = task.updates();
    while let Some(update) = updates.next().await {
        let update = update?;
        let status = update.status().to_string();
        line.set_message(status.clone());
        if !terminal {
            eprintln!("{status}");
        }
        if let Some(speech) = update.into_speech() {
            line.finish_with_message(status);
            return Ok(speech);
        }
    }
    // The updates end without a speech only after the status ERROR, of which waiting makes the error.
    Ok(task.wait().await?)
}

fn read_text(text: String) -> anyhow::Result<String> {
    if text != "-" {
        return Ok(text);
    }
    let mut input = String::new();
    io::stdin().read_to_string(&mut input).context("standard input")?;
    Ok(input.trim_end().to_owned())
}

fn check_target(path: &Path) -> anyhow::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        bail!("--out {}: is a directory", path.display());
    }
    if !directory.is_dir() {
        bail!("--out {}: there is no directory {}", path.display(), directory.display());
    }
    Ok(())
}
