//! Speaks a text into a file.
//!
//! ```sh
//! cargo run --example speak -- "Hello from Rust"
//! cargo run --example speak -- --file book.txt --out book.wav
//! ```
//!
//! With `DISTRIBUTE_AI_API_KEY` set, the API speaks. Without it, a simulator on this machine makes a placeholder.

use std::{
    cell::{Cell, OnceCell},
    fmt, fs,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    pin::pin,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, anyhow};
use clap::Parser;
use distribute_ai::{Client, Speak, Speech, SpeechTask, TaskId, long_text, testing::Simulator};
use indicatif::{ProgressBar, ProgressStyle};

/// Speaks a text into a WAV file.
///
/// Without `DISTRIBUTE_AI_API_KEY` in the environment nothing leaves this machine: a simulator stands in for the API, and
/// its sound is a placeholder.
#[derive(Parser)]
#[command(version, after_help = "Exit status: 0 spoken, 1 failed, 2 bad input")]
struct Args {
    /// The text, 2 to 4,096 characters; `-` reads it from standard input
    #[arg(required_unless_present_any = ["resume", "file"])]
    text: Option<String>,

    /// Speak this file, a text of any length, in pieces joined into one; after an error run it again, and it goes on
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "resume"])]
    file: Option<PathBuf>,

    /// With --file: submit once more what is in doubt or was given up by the server, though it may be billed again
    #[arg(long, requires = "file")]
    again: bool,

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
        Ok(text) if args.file.is_some() => run_file(&args, text, &progress).await,
        Ok(text) => tokio::select! {
            outcome = run(&args, text, &progress) => outcome,
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
    } else if let Some(line) = args.file.as_ref().and(ours).and_then(|error| line_of(error, &args)) {
        eprintln!("hint: that piece begins in line {line}");
        if ours.is_some_and(|error| error.is_in_doubt() || error.is_failed()) {
            eprintln!("hint: run it with --again to submit that piece once more, which may be billed again");
        } else if !progress.simulated.get() {
            eprintln!("hint: what was submitted is noted; run the same command again to go on");
        }
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
    /// By a simulator, which forgets everything when this ends.
    simulated: Cell<bool>,
    /// The task, if it can be resumed.
    task: OnceCell<TaskId>,
}

/// Whatever can be wrong before anything is paid for; returns the text.
fn prepare(args: &Args) -> anyhow::Result<String> {
    check_target(&args.out)?;
    if let Some(file) = &args.file {
        return Ok(read_file(file)?);
    }
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

/// A client, and the simulator that it talks to if there is no key.
async fn connect(args: &Args) -> anyhow::Result<(Client, Option<Simulator>)> {
    if is_set("DISTRIBUTE_AI_API_KEY") {
        return Ok((Client::from_env()?, None));
    }
    if args.resume.is_some() || is_set("DISTRIBUTE_AI_BASE_URL") {
        return Err(BadInput("DISTRIBUTE_AI_API_KEY is not set".into()).into());
    }
    let simulator = Simulator::start().await.context("could not start the simulator")?;
    Ok((simulator.client(), Some(simulator)))
}

/// What to speak, and how.
fn speech_of(client: &Client, text: String, args: &Args) -> Speak {
    let speak = client.speak(text);
    match &args.voice {
        Some(voice) => speak.voice(voice.as_str()),
        None => speak,
    }
}

async fn run(args: &Args, text: String, progress: &Progress) -> anyhow::Result<()> {
    let (client, simulator) = connect(args).await?;
    let task = if let Some(id) = &args.resume {
        client.task(id.clone())
    } else {
        progress.submitting.set(simulator.is_none());
        let task = speech_of(&client, text, args).submit().await?;
        progress.submitting.set(false);
        task
    };
    if simulator.is_some() {
        tell_of_the_simulator();
    } else {
        // A simulator's tasks end with this process; the API's can be resumed.
        progress.task.get_or_init(|| task.id());
    }
    let speech = watch(&task).await?;
    let bytes = speech.save(&args.out).await?;
    tell_of_the_file(&args.out, bytes);
    Ok(())
}

/// A long text, piece by piece.
async fn run_file(args: &Args, text: String, told: &Progress) -> anyhow::Result<()> {
    let (client, simulator) = connect(args).await?;
    told.simulated.set(simulator.is_some());
    let times = u32::from(args.again);
    let speak = speech_of(&client, text, args).resubmit_in_doubt(times);
    let mut pieces = speak.in_pieces().resubmit_failed(times);
    let forgotten = tempfile::tempdir()?;
    if simulator.is_some() {
        // It knows nothing any more when this process ends: a journal that outlives it would be of no use.
        pieces = pieces.journal(forgotten.path().join("journal"));
    }
    let mut narration = pieces.start(&args.out).await?;
    if simulator.is_some() {
        tell_of_the_simulator();
    }
    let (mut progress, mut bar) = (narration.progress(), Bar::default());
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    let bytes = loop {
        tokio::select! {
            bytes = &mut narration => break bytes,
            Ok(()) = progress.changed() => bar.show(&progress.borrow_and_update()),
            _ = &mut interrupted => {
                // What is being submitted is heard to the end, so that no id is lost.
                narration.stop().await;
                bar.line.finish_and_clear();
                let next = if simulator.is_some() { "" } else { "; run the same command again to go on" };
                return Err(anyhow!("interrupted{next}"));
            }
        }
    };
    bar.line.finish_and_clear();
    tell_of_the_file(&args.out, bytes?);
    Ok(())
}

/// How far a long text is: on a terminal a bar, elsewhere a line now and then.
struct Bar {
    line: ProgressBar,
    terminal: bool,
    told: usize,
}

impl Default for Bar {
    fn default() -> Self {
        let terminal = io::stderr().is_terminal();
        let line = if terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let style = "{bar:30} {pos}/{len} characters, {msg}, {eta} left";
        line.set_style(ProgressStyle::with_template(style).expect("the template is right"));
        Self { line, terminal, told: 0 }
    }
}

impl Bar {
    fn show(&mut self, now: &long_text::Progress) {
        self.line.set_length(now.characters as u64);
        self.line.set_position(now.saved as u64);
        self.line.set_message(format!("{} pieces", now.pieces));
        let percent = now.saved * 100 / now.characters.max(1);
        if !self.terminal && percent >= self.told + 5 {
            self.told = percent;
            eprintln!("{} of {} characters, {} pieces", now.saved, now.characters, now.pieces);
        }
    }
}

/// Where the piece of an error begins in the file, as an editor counts.
fn line_of(error: &distribute_ai::Error, args: &Args) -> Option<usize> {
    let text = read_file(args.file.as_ref()?).ok()?;
    Some(text.get(..error.piece()?.bytes.start)?.matches('\n').count() + 1)
}

fn tell_of_the_simulator() {
    eprintln!(
        "no DISTRIBUTE_AI_API_KEY: a simulator speaks; its sound is a placeholder, and nothing is billed"
    );
}

fn tell_of_the_file(path: &Path, bytes: u64) {
    // The file is there, whether or not anybody reads this.
    let _ = writeln!(io::stdout(), "{}: {bytes} bytes", path.display());
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

fn read_file(path: &Path) -> Result<String, BadInput> {
    let refused = |problem: &dyn fmt::Display| BadInput(format!("--file {}: {problem}", path.display()));
    let bytes = fs::read(path).map_err(|error| refused(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        refused(&format!("is no text in UTF-8 from byte {at} on"))
    })?;
    if text.trim().is_empty() {
        return Err(refused(&"there is nothing in it to speak"));
    }
    Ok(text)
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
