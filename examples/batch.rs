//! Converts each line of a text file to speech and saves one WAV file per line. After a crash, run the
//! program again to continue.
//!
//! ```sh
//! cargo run --example batch -- lines.txt --out speeches
//! ```
//!
//! If `DISTRIBUTE_AI_API_KEY` is set, the program uses the API. Otherwise it starts a local simulator, whose
//! audio is a placeholder.

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

/// Converts each line of a text file to speech and saves one WAV file per line.
///
/// If `DISTRIBUTE_AI_API_KEY` is set, the program keeps a journal in the output directory. Run the same
/// command again after a crash: nothing is submitted twice. Otherwise a local simulator replaces the API, and
/// its tasks are lost at exit.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 all lines spoken, 1 some lines not spoken or interrupted, 2 invalid input"
)]
struct Args {
    /// The text file, with one text per line; empty lines are skipped
    lines: PathBuf,

    /// The directory for the speeches: 1.wav, 2.wav and so on. It is created if necessary
    #[arg(long, default_value = "speeches")]
    out: PathBuf,

    /// The voice: one of the API's names (leo, nora) or the id of a voice file
    #[arg(long, default_value = "leo")]
    voice: String,

    /// The maximum number of requests to the API per second
    #[arg(long, default_value_t = 20.0)]
    rate: f64,

    /// The maximum number of tasks in flight
    #[arg(long, default_value_t = 64)]
    in_flight: usize,

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

/// An invalid argument or setting, detected before the first request.
#[derive(Debug)]
struct InvalidInput(String);

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidInput {}

/// Reads the text file.
fn read_lines(path: &Path) -> Result<String, InvalidInput> {
    let invalid = |problem: &dyn fmt::Display| InvalidInput(format!("{}: {problem}", path.display()));
    let bytes = fs::read(path).map_err(|error| invalid(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        invalid(&format!("invalid UTF-8 at byte {offset}, expected UTF-8 text; convert the file"))
    })?;
    // Some editors put a byte order mark before the first line.
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    if text.trim().is_empty() {
        return Err(invalid(&"file is empty or contains only white space, expected a text per line"));
    }
    Ok(text)
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
         billed, and no journal is kept"
    );
    Ok((simulator.client(), Some(simulator)))
}

/// Runs the batch. Returns `true` if every line was spoken and saved.
async fn run(args: &Args) -> anyhow::Result<bool> {
    let text = read_lines(&args.lines)?;
    fs::create_dir_all(&args.out)
        .map_err(|error| InvalidInput(format!("--out {}: {error}", args.out.display())))?;
    let (client, simulator) = connect().await?;

    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let deadline = Duration::from_secs(args.deadline);
    let requests = lines.map(|(index, line)| {
        (index + 1, client.speak(line.trim()).voice(args.voice.as_str()).deadline(deadline))
    });
    let mut batch = client.batch(requests).max_in_flight(args.in_flight).requests_per_second(args.rate);
    if simulator.is_none() {
        batch = batch.journal(args.out.join("journal.jsonl"));
    }
    let mut results = batch.run().await?;

    let bar = progress_bar(&results);
    report_outages(&results, bar.clone());
    let mut complete = true;
    loop {
        let next = tokio::select! {
            next = results.next() => next,
            _ = tokio::signal::ctrl_c() => {
                bar.finish_and_clear();
                eprintln!("stopping: waiting for pending submissions; press Ctrl-C to stop at once");
                // Wait for pending submissions, so that the journal records every task id.
                tokio::select! {
                    unfinished = results.stop() => report_unfinished(unfinished),
                    _ = tokio::signal::ctrl_c() => bail!("interrupted; some lines are in doubt"),
                }
                let hint = if simulator.is_some() { "" } else { "; run the same command again to continue" };
                bail!("interrupted{hint}");
            }
        };
        let Some((number, result)) = next else { break };
        let path = args.out.join(format!("{number}.wav"));
        let outcome = match result {
            // An earlier run has saved this file. `save` is atomic, so an existing file is complete.
            Ok(_) if path.exists() => Ok(()),
            Ok(speech) => speech.save(&path).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            complete = false;
            // With its causes.
            bar.suspend(|| eprintln!("line {number}: {:#}", anyhow::Error::from(error)));
        }
    }
    let progress = results.progress().borrow().clone();
    bar.finish_and_clear();
    print_summary(&progress, &args.out);
    Ok(complete)
}

/// Prints the errors after a stop. Most lines were only stopped, so one line of output counts them.
fn report_unfinished(results: Vec<(usize, Result<Speech, distribute_ai::Error>)>) {
    let mut stopped = 0;
    for (number, result) in results {
        match result {
            Err(error) if error.is_stopped() => stopped += 1,
            Err(error) => eprintln!("line {number}: {:#}", anyhow::Error::from(error)),
            // The journal contains the task, so that the next run saves the speech.
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

/// Prints a line when the server becomes unavailable, and when it responds again.
fn report_outages<K>(results: &Results<K>, bar: ProgressBar) {
    let mut progress = results.progress();
    tokio::spawn(async move {
        let mut is_available = true;
        while progress.changed().await.is_ok() {
            let now_available = progress.borrow_and_update().unavailable_since.is_none();
            if now_available != is_available {
                is_available = now_available;
                let text = if is_available {
                    "the server is available again"
                } else {
                    "the server is unavailable: waiting until it responds, or until the deadline of each line"
                };
                bar.suspend(|| eprintln!("{text}"));
            }
        }
    });
}

fn print_summary(progress: &Progress, out: &Path) {
    let Progress { done, failed, in_doubt, .. } = progress;
    // Ignore a closed standard output: the files have been saved anyway.
    let _ = writeln!(
        io::stdout(),
        "{done} done, {failed} failed, {in_doubt} in doubt; output directory: {}",
        out.display()
    );
    if *in_doubt > 0 {
        eprintln!(
            "hint: requests in doubt may have been billed; the journal contains the time of each request"
        );
    }
}
