//! Converts a text to speech and saves the audio as a WAV file.
//!
//! ```sh
//! cargo run --example speak -- "Hello from Rust"
//! cargo run --example speak -- --file book.txt --out book.wav
//! ```
//!
//! If `DISTRIBUTE_AI_API_KEY` is set, the program uses the API. Otherwise it starts a local simulator, whose
//! audio is a placeholder.

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
use clap::{Parser, builder::TypedValueParser};
use distribute_ai::{
    Client, ClientBuilder, ErrorKind, Speak, Speech, SpeechTask, TaskId, long_text, store::Store,
    testing::Simulator,
};
use indicatif::{ProgressBar, ProgressStyle};

/// Converts a text to speech and saves the audio as a WAV file.
///
/// If `DISTRIBUTE_AI_API_KEY` is not set, a local simulator replaces the API. Its audio is a placeholder, and
/// nothing is sent over the network.
#[derive(Parser)]
#[command(version, after_help = "Exit status: 0 success, 1 failure or interrupted, 2 invalid input")]
struct Args {
    /// The text, 2 to 4,096 characters; `-` reads the text from standard input
    #[arg(required_unless_present_any = ["resume", "file"])]
    text: Option<String>,

    /// Speaks a UTF-8 text file of any length, in pieces that are joined into one WAV file. After an outage or
    /// Ctrl-C, run the same command again to continue
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "resume"])]
    file: Option<PathBuf>,

    /// With --file: submits a piece again that is in doubt, and once more within this run a piece that fails on
    /// the server; each may be billed again
    #[arg(long, requires = "file")]
    resubmit: bool,

    /// With --file and --store: speaks the pieces with these numbers again, which is billed again
    #[arg(long, value_name = "PIECE", num_args = 1.., requires_all = ["file", "store"])]
    again: Vec<usize>,

    /// With --file: shows what would be submitted, and sends nothing
    #[arg(long, requires = "file")]
    plan: bool,

    /// With --file: stops before the audio of this run exceeds this number of seconds
    #[arg(long, value_name = "SECONDS", requires = "file")]
    max_seconds: Option<f64>,

    /// A directory that records the state and the audio of each request
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    store: Option<PathBuf>,

    /// With --file: also writes subtitles to this file, which ends in .vtt (WebVTT) or .srt
    #[arg(long, value_name = "FILE", requires = "file")]
    subtitles: Option<PathBuf>,

    /// The voice: one of the API's names (leo, nora) or the id of a voice file
    #[arg(long)]
    voice: Option<String>,

    /// The path of the WAV file; an existing file is replaced
    #[arg(long, default_value = "speech.wav")]
    out: PathBuf,

    /// Fetches the speech of an earlier task instead of submitting a new task
    #[arg(long, value_name = "TASK", conflicts_with_all = ["text", "voice"])]
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new().map(TaskId::new_unchecked))]
    resume: Option<TaskId>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => return report_usage_error(&error),
        Err(help) => help.exit(),
    };
    let state = RunState::default();
    let outcome = match prepare(&args) {
        Ok(text) if args.file.is_some() => run_file(&args, text, &state).await,
        Ok(text) => tokio::select! {
            outcome = run(&args, text, &state) => outcome,
            // Dropping the other future cancels the request and removes a partly written file.
            _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
        },
        Err(error) => Err(error),
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("error: {error:#}");
    let library_error = error.downcast_ref::<distribute_ai::Error>();
    let task_in_doubt = library_error.filter(|error| error.is_in_doubt()).and_then(|error| error.task_id());
    let is_lost = library_error.is_some_and(|error| error.is_failed() || error.is_not_found());
    if state.submitting.get() && library_error.is_none() {
        // Between two attempts, no request is in progress.
        eprintln!("hint: if a request was in progress, the server may have accepted and billed the text");
    } else if let Some(error) = args.file.as_ref().and(library_error) {
        if let Some(line) = line_of_piece(error, &args) {
            eprintln!("hint: the piece starts at line {line}");
        }
        if let Some(hint) = next_step(error, &args).filter(|_| state.recorded.get()) {
            eprintln!("hint: {hint}");
        }
    } else if let Some(id) = state.task.get().filter(|_| !is_lost).map(argument) {
        eprintln!("hint: the task is still available; run with --resume {id} to fetch the speech");
    } else if let Some(id) = task_in_doubt {
        let (task, id) = (printable(id), argument(id));
        eprintln!("hint: the text may be task {task}; run with --resume {id} to fetch the speech");
    }
    let is_invalid_input = library_error.map_or(error.is::<InvalidInput>(), distribute_ai::Error::is_invalid);
    ExitCode::from(if is_invalid_input { 2 } else { 1 })
}

/// Returns what the user can do after an error of a long text.
fn next_step(error: &distribute_ai::Error, args: &Args) -> Option<String> {
    let store = store_of(args).display().to_string();
    let in_store = |command: &str| format!("`cargo run --example store -- {store} {command}`");
    if let Some(id) = error.task_id().filter(|_| error.is_in_doubt()) {
        // No resubmission is allowed, because the task can be polled.
        let settle = in_store(&format!("settle HASH --billed {}", argument(id)));
        return Some(format!("the piece may be task {}: settle the entry with {settle}", printable(id)));
    }
    let hint = match (error.kind(), error.status().map(|status| status.as_u16())) {
        (ErrorKind::Invalid, _) => return None,
        // Resubmissions of earlier runs count, so a run with --resubmit may have sent nothing.
        (ErrorKind::InDoubt, _) if args.resubmit => {
            let (list, settle) = (in_store("--state in_doubt"), in_store("settle HASH --not-billed"));
            return Some(format!(
                "the piece is not submitted again until you settle its entry: check the bill, list the entry with \
                 {list}, and settle it, for example with {settle}"
            ));
        }
        (ErrorKind::InDoubt, _) => "run with --resubmit to submit the piece again; it may be billed again",
        (ErrorKind::Failed, _) => "the next run submits the piece again, which may be billed again",
        (ErrorKind::NotFound, _) => {
            let forget = in_store("forget HASH");
            return Some(format!(
                "check the API key; to submit the piece again, which is billed again, forget its entry with {forget}"
            ));
        }
        (ErrorKind::Stopped, _) if error.task_id().is_none() && args.max_seconds.is_some() => {
            "submitted pieces are recorded in the store; run with a higher --max-seconds to continue"
        }
        (ErrorKind::Download, _) => {
            let number = error.piece().map_or("PIECE".to_owned(), |piece| piece.number.to_string());
            return Some(format!(
                "run the same command again to continue; if the audio of the piece remains unusable, speak the piece \
                 again with --store {store} --again {number}, which is billed again"
            ));
        }
        (ErrorKind::Unauthorized, _) | (ErrorKind::Rejected, Some(402)) => {
            "correct the API key or the account, then run the same command again"
        }
        (ErrorKind::Rejected, Some(400..500)) => {
            "the server will reject the piece again; correct the text or the voice first"
        }
        _ => "submitted pieces are recorded in the store; run the same command again to continue",
    };
    Some(hint.to_owned())
}

/// Returns the store of a long text, which is next to the file by default.
fn store_of(args: &Args) -> PathBuf {
    args.store.clone().unwrap_or_else(|| {
        let mut path = args.out.clone().into_os_string();
        path.push(".store");
        path.into()
    })
}

/// The state of the run. It selects the hints that are printed after an error.
#[derive(Default)]
struct RunState {
    submitting: Cell<bool>,
    /// `true` if a store records the submitted pieces of a file: after the start, except with a simulator.
    recorded: Cell<bool>,
    /// The id of the submitted task, if the task can be resumed.
    task: OnceCell<TaskId>,
}

/// The longest text of one request, in characters.
const MAX_CHARACTERS: usize = 4096;

/// Checks the input and the output paths before anything is billed. Returns the text.
fn prepare(args: &Args) -> anyhow::Result<String> {
    // `requires` accepts these options with a text, because a text excludes --file.
    let options = [
        ("--resubmit", args.resubmit),
        ("--again", !args.again.is_empty()),
        ("--plan", args.plan),
        ("--max-seconds", args.max_seconds.is_some()),
        ("--subtitles", args.subtitles.is_some()),
    ];
    if let Some((option, _)) = options.iter().find(|(_, is_given)| *is_given && args.file.is_none()) {
        return Err(InvalidInput(format!("{option} needs --file; try --help")).into());
    }
    let outputs = [("--out", Some(&args.out)), ("--subtitles", args.subtitles.as_ref())];
    for (option, path) in outputs.into_iter().filter_map(|(option, path)| Some((option, path?))) {
        check_output(option, path)?;
        if args.file.as_ref().is_some_and(|file| is_same_file(file, path)) {
            let problem = format!("{option} {}: path is that of --file", path.display());
            return Err(
                InvalidInput(problem + "; choose another path, because the text would be lost").into()
            );
        }
    }
    if let Some(file) = &args.file {
        return Ok(read_file(file)?);
    }
    let text = read_text(args.text.as_deref().unwrap_or_default())?;
    let length = text.chars().count();
    if length > MAX_CHARACTERS {
        let problem = format!("text: {length} characters, expected at most {MAX_CHARACTERS}");
        return Err(InvalidInput(problem + "; save it to a file and use --file").into());
    }
    Ok(text)
}

/// An invalid argument or setting, detected before the first request.
#[derive(Debug)]
struct InvalidInput(String);

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidInput {}

/// Prints clap's error message on one line. Returns exit status 2.
fn report_usage_error(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    let problem: Vec<_> = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect();
    eprintln!("{}; try --help", problem.join(" "));
    ExitCode::from(2)
}

/// Returns a client for the API. Without an API key, starts a simulator and returns a client for the
/// simulator.
async fn connect(args: &Args) -> anyhow::Result<(Client, Option<Simulator>)> {
    if is_set("DISTRIBUTE_AI_API_KEY") {
        let builder = ClientBuilder::from_env()?;
        let builder = args.store.iter().fold(builder, ClientBuilder::store);
        return Ok((builder.build()?, None));
    }
    if args.resume.is_some() || is_set("DISTRIBUTE_AI_BASE_URL") {
        let problem = "DISTRIBUTE_AI_API_KEY is not set; set it to use --resume or DISTRIBUTE_AI_BASE_URL";
        return Err(InvalidInput(problem.into()).into());
    }
    if !args.again.is_empty() {
        let problem =
            "DISTRIBUTE_AI_API_KEY is not set; set it to use --again, because a local simulator has no store";
        return Err(InvalidInput(problem.into()).into());
    }
    let simulator = Simulator::start().await.context("could not start the simulator")?;
    Ok((simulator.client(), Some(simulator)))
}

/// Builds the speech request with the voice of the arguments.
fn build_request(client: &Client, text: String, args: &Args) -> Speak {
    let speak = client.speak(text);
    match &args.voice {
        Some(voice) => speak.voice(voice.as_str()),
        None => speak,
    }
}

async fn run(args: &Args, text: String, state: &RunState) -> anyhow::Result<()> {
    let (client, simulator) = connect(args).await?;
    let task = if let Some(id) = &args.resume {
        client.task(id.clone())
    } else {
        state.submitting.set(simulator.is_none());
        let task = build_request(&client, text, args).submit().await?;
        state.submitting.set(false);
        task
    };
    if simulator.is_some() {
        report_simulator();
    } else {
        // Only tasks of the API can be resumed: the simulator's tasks end with this process.
        state.task.get_or_init(|| task.id().clone());
    }
    let speech = watch(&task).await?;
    let bytes = speech.save(&args.out).await?;
    report_file(&args.out, bytes);
    Ok(())
}

/// Speaks a long text piece by piece.
async fn run_file(args: &Args, text: String, state: &RunState) -> anyhow::Result<()> {
    let (client, simulator) = connect(args).await?;
    let times = u32::from(args.resubmit);
    let speak = build_request(&client, text, args).resubmit_in_doubt(times);
    let mut pieces = speak.in_pieces().resubmit_failed(times);
    let temporary = tempfile::tempdir()?;
    if simulator.is_some() {
        // The simulator loses its tasks when this process ends, so a later run could not use the store.
        pieces = pieces.store(Store::at(temporary.path()).keep_audio(false));
    }
    if let Some(subtitles) = &args.subtitles {
        pieces = pieces.subtitles(subtitles);
    }
    if let Some(seconds) = args.max_seconds {
        pieces = pieces.max_seconds(seconds);
    }
    pieces = pieces.redo(args.again.iter().copied());
    if args.plan {
        if simulator.is_none() && store_of(args).is_dir() {
            // Without this, the plan would not know the pieces of an unfinished run.
            pieces = pieces.store(store_of(args));
        }
        return Ok(print_line(pieces.plan().await?)?);
    }
    let mut narration = pieces.start(&args.out).await?;
    state.recorded.set(simulator.is_none());
    if simulator.is_some() {
        report_simulator();
    }
    let (mut progress, mut bar) = (narration.progress(), Bar::default());
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    let recording = loop {
        tokio::select! {
            recording = &mut narration => break recording,
            Ok(()) = progress.changed() => bar.update(&progress.borrow_and_update()),
            _ = &mut interrupted => {
                bar.line.finish_and_clear();
                eprintln!("stopping: waiting for pending submissions; press Ctrl-C to stop at once");
                // Wait for pending submissions, so that no task id is lost.
                tokio::select! {
                    stopped = narration.stop() => if let Some(recording) = stopped.transpose() {
                        break recording;
                    },
                    _ = tokio::signal::ctrl_c() => return Err(anyhow!("interrupted; pieces that were being submitted may be in doubt")),
                }
                let hint = if simulator.is_some() { "" } else { "; run the same command again to continue" };
                return Err(anyhow!("interrupted{hint}"));
            }
        }
    };
    bar.line.finish_and_clear();
    report_file(&args.out, recording?.bytes());
    Ok(())
}

/// The progress of a long text: a progress bar on a terminal, otherwise a line for every 5 percent.
struct Bar {
    line: ProgressBar,
    terminal: bool,
    last_percent: usize,
}

impl Default for Bar {
    fn default() -> Self {
        let terminal = io::stderr().is_terminal();
        let line = if terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let style = "{bar:30} {pos}/{len} characters, {msg}, {eta} remaining";
        line.set_style(ProgressStyle::with_template(style).expect("the template is valid"));
        Self { line, terminal, last_percent: 0 }
    }
}

impl Bar {
    fn update(&mut self, progress: &long_text::Progress) {
        self.line.set_length(progress.characters as u64);
        self.line.set_position(progress.saved as u64);
        let pieces = match progress.pieces {
            1 => "1 piece saved".to_owned(),
            pieces => format!("{pieces} pieces saved"),
        };
        self.line.set_message(pieces.clone());
        let percent = progress.saved * 100 / progress.characters.max(1);
        if !self.terminal && percent >= self.last_percent + 5 {
            self.last_percent = percent;
            eprintln!("{} of {} characters, {pieces}", progress.saved, progress.characters);
        }
    }
}

/// Returns the line number, counted from 1, at which the piece of the error starts in the input file.
fn line_of_piece(error: &distribute_ai::Error, args: &Args) -> Option<usize> {
    let text = read_file(args.file.as_ref()?).ok()?;
    let before = text.get(..error.piece()?.bytes.start)?.replace("\r\n", "\n");
    Some(before.matches(['\n', '\r']).count() + 1)
}

fn report_simulator() {
    eprintln!(
        "DISTRIBUTE_AI_API_KEY is not set: using a local simulator; its audio is a placeholder, nothing is \
         billed, and no store is kept"
    );
}

fn report_file(path: &Path, bytes: u64) {
    // Ignore a closed standard output: the file has been saved anyway.
    let _ = writeln!(io::stdout(), "{}: {bytes} bytes", path.display());
}

/// Prints a line. A reader may have closed standard output, as `head` does.
fn print_line(line: impl fmt::Display) -> io::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Returns an id on one line. The server chooses the id, which could control the terminal or forge a line.
fn printable(id: &TaskId) -> String {
    id.as_str().chars().take(256).flat_map(char::escape_debug).collect()
}

/// Returns an id as an argument of a command that a user may copy into a shell.
fn argument(id: &TaskId) -> String {
    let id = printable(id);
    let is_plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_plain { id } else { format!("'{}'", id.replace('\'', r"'\''")) }
}

/// Waits for the task and prints each change of its status. A terminal shows one line that is updated.
async fn watch(task: &SpeechTask) -> anyhow::Result<Speech> {
    let terminal = io::stderr().is_terminal();
    let line = if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    line.enable_steady_tick(Duration::from_millis(100));
    line.suspend(|| eprintln!("task {}", printable(task.id())));
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
    // The updates end without a speech only if the task status is ERROR. `wait` converts this status into an
    // error.
    Ok(task.wait().await?)
}

fn read_text(text: &str) -> anyhow::Result<String> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut input = Vec::new();
    io::stdin().read_to_end(&mut input).context("could not read standard input")?;
    let input = parse_utf8(input).map_err(|problem| InvalidInput(format!("standard input: {problem}")))?;
    Ok(input.trim_end().to_owned())
}

fn read_file(path: &Path) -> Result<String, InvalidInput> {
    let invalid = |problem: &dyn fmt::Display| InvalidInput(format!("--file {}: {problem}", path.display()));
    let bytes = fs::read(path).map_err(|error| invalid(&error))?;
    let text = parse_utf8(bytes).map_err(|problem| invalid(&problem))?;
    match text.trim().chars().count() {
        0 => Err(invalid(&"file is empty or contains only white space, expected a text")),
        1 => Err(invalid(&"file contains 1 character, expected at least 2")),
        _ => Ok(text),
    }
}

/// Decodes a text, without the byte order mark that some editors put before it.
fn parse_utf8(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        format!("invalid UTF-8 at byte {offset}, expected UTF-8 text; convert the text")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Returns `true` if both paths lead to one existing file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

/// Checks that the path of this option can be written: creates a temporary file in the same directory.
fn check_output(option: &str, path: &Path) -> Result<(), InvalidInput> {
    let invalid = |problem: String| Err(InvalidInput(format!("{option} {}: {problem}", path.display())));
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.as_os_str().is_empty() {
        return invalid("path is empty, expected a file".into());
    }
    if path.is_dir() || path.to_string_lossy().ends_with(std::path::MAIN_SEPARATOR) {
        return invalid("path is a directory, expected a file".into());
    }
    match path.metadata() {
        Ok(found) if !found.is_file() => return invalid("path exists and is not a regular file".into()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return invalid(error.to_string()),
        _ => {}
    }
    if !directory.is_dir() {
        return invalid(format!("directory {} does not exist; create it first", directory.display()));
    }
    match tempfile::tempfile_in(directory) {
        Ok(_) => Ok(()),
        Err(error) => invalid(format!("could not create a file in {}: {error}", directory.display())),
    }
}
