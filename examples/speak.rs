//! Speaks a text into a file.
//!
//! ```sh
//! cargo run --example speak -- "Hello from Rust"
//! ```
//!
//! With `DISTRIBUTE_AI_API_KEY` set, the API speaks. Without it, a simulator on this machine makes a placeholder.

use std::{
    cell::{Cell, OnceCell},
    fmt,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, anyhow};
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
    let progress = Progress::default();
    let outcome = match prepare(&args) {
        Ok(text) => tokio::select! {
            outcome = run(args, text, &progress) => outcome,
            // What was begun is dropped, and with it a file half written.
            _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
        },
        Err(error) => Err(error),
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("error: {error:#}");
    let ours = error.downcast_ref::<distribute_ai::Error>();
    let lost = ours.is_some_and(|error| error.is_failed() || error.is_not_found());
    if progress.submitting.get() && ours.is_none() {
        eprintln!("hint: it was being submitted: whether it is spoken, and billed, is not known");
    } else if let Some(id) = progress.task.get().filter(|_| !lost) {
        eprintln!("hint: the speech is not lost, fetch it with --resume {id}");
    }
    let bad_input = ours.map_or(error.is::<BadInput>(), distribute_ai::Error::is_invalid);
    ExitCode::from(if bad_input { 2 } else { 1 })
}

/// How far it came, for what is said when it ends badly.
#[derive(Default)]
struct Progress {
    submitting: Cell<bool>,
    /// The task, if it can be resumed.
    task: OnceCell<TaskId>,
}

/// Whatever can be wrong before anything is paid for; returns the text.
fn prepare(args: &Args) -> anyhow::Result<String> {
    check_target(&args.out)?;
    read_text(args.text.as_deref().unwrap_or_default())
}

/// An argument or a setting that is wrong, before anything was sent.
#[derive(Debug)]
struct BadInput(String);

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}

/// What is wrong with the arguments, in one line.
fn refuse(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    let problem: Vec<_> = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect();
    eprintln!("{}; try --help", problem.join(" "));
    ExitCode::from(2)
}

async fn run(args: Args, text: String, progress: &Progress) -> anyhow::Result<()> {
    let simulator = if is_set("DISTRIBUTE_AI_API_KEY") {
        None
    } else if args.resume.is_some() || is_set("DISTRIBUTE_AI_BASE_URL") {
        return Err(BadInput("DISTRIBUTE_AI_API_KEY is not set".into()).into());
    } else {
        Some(Simulator::start().await.context("could not start the simulator")?)
    };
    let client = match &simulator {
        Some(simulator) => simulator.client(),
        None => Client::from_env()?,
    };

    let task = if let Some(id) = args.resume {
        client.task(id)
    } else {
        let mut speak = client.speak(text);
        if let Some(voice) = args.voice {
            speak = speak.voice(voice);
        }
        progress.submitting.set(simulator.is_none());
        let task = speak.submit().await?;
        progress.submitting.set(false);
        task
    };
    if simulator.is_some() {
        eprintln!(
            "no DISTRIBUTE_AI_API_KEY: a simulator speaks; its sound is a placeholder, and nothing is billed"
        );
    } else {
        // A simulator's tasks end with this process; the API's can be resumed.
        progress.task.get_or_init(|| task.id());
    }
    let speech = watch(&task).await?;
    let bytes = speech.save(&args.out).await?;
    // The file is there, whether or not anybody reads this.
    let _ = writeln!(io::stdout(), "{}: {bytes} bytes", args.out.display());
    Ok(())
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
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

fn read_text(text: &str) -> anyhow::Result<String> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut input = String::new();
    io::stdin().read_to_string(&mut input).context("standard input")?;
    Ok(input.trim_end().to_owned())
}

/// Whether a file can be made there, tried with another one.
fn check_target(path: &Path) -> Result<(), BadInput> {
    let refused = |problem: String| Err(BadInput(format!("--out {}: {problem}", path.display())));
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() || path.to_string_lossy().ends_with(std::path::MAIN_SEPARATOR) {
        return refused("is a directory".into());
    }
    match path.metadata() {
        Ok(found) if !found.is_file() => return refused("is no regular file".into()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return refused(error.to_string()),
        _ => {}
    }
    if !directory.is_dir() {
        return refused(format!("there is no directory {}", directory.display()));
    }
    match tempfile::tempfile_in(directory) {
        Ok(_) => Ok(()),
        Err(error) => refused(format!("no file can be written there: {error}")),
    }
}
