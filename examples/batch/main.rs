//! Converts each line of a text file to speech and saves one WAV file per line. After a crash, run the
//! program again to continue.
//!
//! ```sh
//! cargo run --example batch -- lines.txt --out speeches
//! cargo run --example batch -- script.csv --plan
//! ```
//!
//! If `DISTRIBUTE_AI_API_KEY` is set, the program uses the API. Otherwise it starts a local simulator, whose
//! audio is a placeholder.

mod input;

use std::{
    fmt, fs,
    io::{self, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Parser;
use distribute_ai::{
    Client, Speech,
    batch::{Progress, Results},
    testing::Simulator,
};
use indicatif::{ProgressBar, ProgressStyle};
use input::{Format, InvalidInput, audio_path};

/// Converts each line of a text file to speech and saves one WAV file per line.
///
/// If `DISTRIBUTE_AI_API_KEY` is set, the program keeps a store in the output directory. Run the same command
/// again after a crash, or after you have changed some lines. It submits new lines, lines that the server has
/// rejected, and lines whose task has failed, which may be billed again. Otherwise a local simulator replaces the
/// API, and its tasks are lost at exit.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 all lines spoken, 1 some lines not spoken or interrupted, 2 invalid input"
)]
struct Args {
    /// The file with the texts: one per line; or a key, a tab and a text per line (.tsv); or the columns key and
    /// text (.csv). Empty texts are skipped
    lines: PathBuf,

    /// The form of the file, if its ending does not tell it
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// The directory for the speeches: KEY.wav, or 1.wav, 2.wav and so on. It is created if necessary
    #[arg(long, default_value = "speeches")]
    out: PathBuf,

    /// The voice: one of the API's names (leo, nora) or the id of a voice file
    #[arg(long, default_value = "leo")]
    voice: String,

    /// The maximum number of requests to the API per second
    #[arg(long, default_value_t = 20.0)]
    rate: f64,

    /// The maximum number of lines at a time
    #[arg(long, default_value_t = 64)]
    in_flight: usize,

    /// The directory of the store [default: the directory `store` in --out]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// Shows what would be submitted, and sends nothing
    #[arg(long)]
    plan: bool,

    /// Stops before the audio of this run exceeds this number of seconds
    #[arg(long, value_name = "SECONDS")]
    max_seconds: Option<f64>,

    /// Stops after this number of submissions
    #[arg(long, value_name = "COUNT")]
    max_submissions: Option<usize>,

    /// Speaks the lines with these keys again, which is billed again in each run
    #[arg(long, value_name = "KEY", num_args = 1..)]
    again: Vec<String>,

    /// The time limit for each line, in seconds. An outage is waited out until then
    #[arg(long, default_value_t = 600)]
    deadline: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            let library_error = error.downcast_ref::<distribute_ai::Error>();
            let is_invalid =
                library_error.map_or(error.is::<InvalidInput>(), distribute_ai::Error::is_invalid);
            ExitCode::from(if is_invalid { 2 } else { 1 })
        }
    }
}

/// Returns a client for the API. Without an API key, starts a simulator and returns a client for the
/// simulator.
async fn connect() -> anyhow::Result<(Client, Option<Simulator>)> {
    let is_set = |variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    if is_set("DISTRIBUTE_AI_API_KEY") {
        return Ok((Client::from_env()?, None));
    }
    if is_set("DISTRIBUTE_AI_BASE_URL") {
        let problem = "DISTRIBUTE_AI_API_KEY is not set; set it to use DISTRIBUTE_AI_BASE_URL";
        return Err(InvalidInput(problem.into()).into());
    }
    let simulator = Simulator::start().await.context("could not start the simulator")?;
    eprintln!(
        "DISTRIBUTE_AI_API_KEY is not set: using a local simulator; its audio is a placeholder, nothing is \
         billed, and no store is kept"
    );
    Ok((simulator.client(), Some(simulator)))
}

/// Runs the batch. Returns `true` if every line was spoken and saved.
async fn run(args: &Args) -> anyhow::Result<bool> {
    let lines = input::read(&args.lines, args.format)?;
    if let Some(unknown) = args.again.iter().find(|again| lines.iter().all(|(key, _)| key != *again)) {
        return Err(InvalidInput(format!("--again {unknown}: no line has this key")).into());
    }
    let (client, simulator) = connect().await?;
    let store = args.store.clone().unwrap_or_else(|| args.out.join("store"));

    let deadline = Duration::from_secs(args.deadline);
    let requests = lines.into_iter().map(|(key, line)| {
        let speak = client.speak(line).voice(args.voice.as_str()).deadline(deadline);
        let speak = if args.again.contains(&key) { speak.redo() } else { speak };
        (key, speak)
    });
    let mut batch = client.batch(requests).max_in_flight(args.in_flight).requests_per_second(args.rate);
    if simulator.is_none() {
        batch = batch.store(&store);
    }
    if args.plan {
        print_line(batch.plan().await?)?;
        return Ok(true);
    }
    if let Some(seconds) = args.max_seconds {
        batch = batch.max_seconds(seconds);
    }
    if let Some(count) = args.max_submissions {
        batch = batch.max_submissions(count);
    }
    fs::create_dir_all(&args.out)
        .map_err(|error| InvalidInput(format!("--out {}: {error}", args.out.display())))?;
    let mut results = batch.run().await?;

    let bar = progress_bar(&results);
    report_outages(&results, bar.clone());
    let mut saved = Saved { again: args.again.clone(), ..Saved::default() };
    tokio::select! {
        () = save_all(&mut results, &args.out, &bar, &mut saved) => {}
        // Dropping the other future removes a partly written file.
        _ = tokio::signal::ctrl_c() => {
            bar.finish_and_clear();
            saved.stop(results).await?;
            if simulator.is_some() {
                bail!("interrupted");
            }
            bail!("interrupted; {}", how_to_continue(&args.again, &saved.again));
        }
    }
    let progress = results.progress().borrow().clone();
    bar.finish_and_clear();
    print_summary(&progress, saved.unsaved, &args.out, &store);
    if saved.unsaved > 0 && simulator.is_none() {
        eprintln!(
            "hint: speeches that are not saved: {}; saving them is not billed: correct the cause, then {}",
            saved.unsaved,
            how_to_continue(&args.again, &saved.again)
        );
    }
    if saved.failed_tasks > 0 && simulator.is_none() {
        eprintln!(
            "hint: lines whose task failed: {}; the next run submits them again, which may be billed again",
            saved.failed_tasks
        );
    }
    Ok(saved.errors == 0)
}

/// The results that were saved.
#[derive(Default)]
struct Saved {
    errors: usize,
    /// The number of speeches whose file could not be written.
    unsaved: usize,
    failed_tasks: usize,
    /// The lines of `--again` that are not spoken again yet.
    again: Vec<String>,
}

/// Saves each speech when it is finished, and prints each error.
async fn save_all(results: &mut Results<String>, out: &Path, bar: &ProgressBar, saved: &mut Saved) {
    while let Some((key, result)) = results.next().await {
        saved.again.retain(|again| *again != key || result.is_err());
        let outcome = match result {
            Ok(speech) => {
                let file = speech.save(audio_path(out, &key)).await;
                saved.unsaved += usize::from(file.is_err());
                file.map(drop)
            }
            Err(error) => {
                saved.failed_tasks += usize::from(error.is_failed());
                Err(error)
            }
        };
        if let Err(error) = outcome {
            saved.errors += 1;
            // With its causes.
            bar.suspend(|| eprintln!("line {key}: {:#}", anyhow::Error::from(error)));
        }
    }
}

impl Saved {
    /// Waits for pending submissions, so that the store records every task id.
    async fn stop(&mut self, results: Results<String>) -> anyhow::Result<()> {
        eprintln!("stopping: waiting for pending submissions; press Ctrl-C to stop at once");
        tokio::select! {
            unfinished = results.stop() => {
                let is_spoken = |key: &String| {
                    unfinished.iter().any(|(found, result)| found == key && result.is_ok())
                };
                self.again.retain(|key| !is_spoken(key));
                report_unfinished(unfinished);
                Ok(())
            }
            _ = tokio::signal::ctrl_c() => bail!("interrupted; lines that were being submitted may be in doubt"),
        }
    }
}

/// Returns what continues an interrupted run. `left` are the lines of `again` that are not spoken again yet.
fn how_to_continue(again: &[String], left: &[String]) -> String {
    match (again, left) {
        ([], _) => "run the same command again to continue".to_owned(),
        (_, []) => "run the command without --again to continue: its lines are done".to_owned(),
        _ => format!(
            "run the command with --again {} to continue: its other lines are done, and would be billed again",
            left.join(" ")
        ),
    }
}

/// Prints the errors after a stop. Most lines were only stopped, so one line of output counts them.
fn report_unfinished(results: Vec<(String, Result<Speech, distribute_ai::Error>)>) {
    let mut stopped = 0;
    for (key, result) in results {
        match result {
            Err(error) if error.is_stopped() => stopped += 1,
            Err(error) => eprintln!("line {key}: {:#}", anyhow::Error::from(error)),
            // The store contains the task, so that the next run saves the speech.
            Ok(_) => stopped += 1,
        }
    }
    eprintln!("lines in progress that were stopped: {stopped}");
}

/// Returns a progress bar that follows the batch. The bar is hidden if standard error is not a terminal.
fn progress_bar<K>(results: &Results<K>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("the template is valid");
    let bar = ProgressBar::new(0).with_style(style);
    let (mut progress, updated_bar) = (results.progress(), bar.clone());
    tokio::spawn(async move {
        while progress.changed().await.is_ok() {
            let current = progress.borrow_and_update().clone();
            let total = current.queued.unwrap_or_default() + current.in_flight + current.ended();
            updated_bar.set_length(total as u64);
            updated_bar.set_position(current.ended() as u64);
            let remaining =
                current.time_left.map(|time| format!(", {} s remaining", time.as_secs())).unwrap_or_default();
            updated_bar.set_message(format!("{:.0} requests/s{remaining}", current.requests_per_second));
            // Ten updates per second are enough for a reader.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    bar
}

/// Prints a line when submissions stop because the server does not respond as it should, and when they continue.
fn report_outages<K>(results: &Results<K>, bar: ProgressBar) {
    let mut progress = results.progress();
    tokio::spawn(async move {
        let mut is_available = true;
        while progress.changed().await.is_ok() {
            let now_available = progress.borrow_and_update().unavailable_since.is_none();
            if now_available != is_available {
                is_available = now_available;
                let text = if is_available {
                    "the server responds again: submissions continue"
                } else {
                    "no usable response to a submission: waiting for the server, or until the deadline of each line"
                };
                bar.suspend(|| eprintln!("{text}"));
            }
        }
    });
}

/// Prints a line. A reader may have closed standard output, as `head` does.
fn print_line(line: impl fmt::Display) -> io::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

fn print_summary(progress: &Progress, not_saved: usize, out: &Path, store: &Path) {
    let Progress { done, failed, in_doubt, .. } = progress;
    // A speech whose file is missing is finished, but not done.
    let (done, not_saved) =
        (done - not_saved, if not_saved > 0 { format!(", {not_saved} not saved") } else { String::new() });
    // Ignore a closed standard output: the files have been saved anyway.
    let _ = writeln!(
        io::stdout(),
        "{done} done, {failed} failed, {in_doubt} in doubt{not_saved}; output directory: {}",
        out.display()
    );
    if *in_doubt > 0 {
        eprintln!(
            "hint: requests in doubt may have been billed; list and settle them with \
             `cargo run --example store -- {} --state in_doubt`",
            store.display()
        );
    }
}
