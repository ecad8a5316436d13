//! Shows what a store contains, and changes it.
//!
//! ```sh
//! cargo run --example store -- speeches/store
//! cargo run --example store -- speeches/store --state in_doubt
//! cargo run --example store -- speeches/store settle 3f2a9c --not-billed
//! ```

use std::{
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{ArgGroup, Parser, Subcommand, builder::TypedValueParser};
use distribute_ai::{
    TaskId,
    store::{Entry, RequestHash, Settlement, Store},
};

/// Shows what a store contains, and changes it. Sends nothing.
#[derive(Parser)]
#[command(version, after_help = "Exit status: 0 success, 1 failure, 2 invalid input")]
struct Args {
    /// The directory of the store. The example `batch` keeps it in speeches/store, and `speak --file` in
    /// speech.wav.store until the file is complete
    directory: PathBuf,

    /// Lists only entries in this state
    #[arg(long, value_parser = ["announced", "submitted", "stored", "failed", "in_doubt"])]
    state: Option<String>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Settles an entry in doubt, after you have found out whether it was billed
    #[command(group = ArgGroup::new("settlement").required(true))]
    Settle {
        /// The hash of the entry, or its first digits
        hash: String,
        /// It was not billed: the next run submits it, or returns the earlier speech after a redo
        #[arg(long, group = "settlement")]
        not_billed: bool,
        /// It was billed, as this task: the next run waits for the task
        #[arg(long, value_name = "TASK", group = "settlement")]
        #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new().map(TaskId::new_unchecked))]
        billed: Option<TaskId>,
    },
    /// Removes an entry and its audio. The next run submits its text again, which is billed
    Forget {
        /// The hash of the entry, or its first digits
        hash: String,
    },
    /// Removes the least recently used audio files, until at most this number of bytes is left
    Prune {
        /// The number of bytes
        max_audio_bytes: u64,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            let library_error = error.downcast_ref::<distribute_ai::Error>();
            let is_invalid =
                library_error.map_or(error.is::<InvalidInput>(), distribute_ai::Error::is_invalid);
            ExitCode::from(if is_invalid { 2 } else { 1 })
        }
    }
}

/// An invalid argument.
#[derive(Debug)]
struct InvalidInput(String);

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidInput {}

async fn run(args: &Args) -> anyhow::Result<()> {
    check_directory(&args.directory)?;
    let store = Store::open(&args.directory).await?;
    match &args.command {
        None => list(&store, args.state.as_deref()).await,
        Some(Command::Settle { hash, billed, .. }) => {
            let settlement = billed.clone().map_or(Settlement::NotBilled, Settlement::Billed);
            Ok(store.settle(&find(&store, hash).await?, settlement).await?)
        }
        Some(Command::Forget { hash }) => {
            store.forget(&find(&store, hash).await?).await?;
            Ok(())
        }
        Some(Command::Prune { max_audio_bytes }) => {
            let removed = store.prune(*max_audio_bytes).await?;
            Ok(print_line(format!("{removed} bytes removed"))?)
        }
    }
}

/// Checks that the directory is a store. Without this, `Store::open` would create a store in any directory.
fn check_directory(directory: &Path) -> Result<(), InvalidInput> {
    let is_store = |directory: &Path| directory.join("entries.redb").is_file();
    if is_store(directory) {
        return Ok(());
    }
    let inner = directory.join("store");
    let hint = if is_store(&inner) { format!("; did you mean {}?", inner.display()) } else { String::new() };
    let problem = "not a store, expected a directory with a file entries.redb";
    Err(InvalidInput(format!("{}: {problem}{hint}", directory.display())))
}

async fn list(store: &Store, state: Option<&str>) -> anyhow::Result<()> {
    let (mut entries, mut count) = (store.entries(), 0);
    while let Some(entry) = entries.next().await {
        let entry = entry?;
        if state.is_none_or(|state| entry.state().as_str() == state) {
            count += 1;
            print_line(line(&entry))?;
        }
    }
    Ok(print_line(format!("{count} entries"))?)
}

/// Prints a line. A reader may have closed standard output, as `head` does.
fn print_line(line: impl fmt::Display) -> io::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Returns an id on one line. The server chooses the id, which could control the terminal or forge a line.
fn printable(id: &TaskId) -> String {
    id.as_str().chars().take(256).flat_map(char::escape_debug).collect()
}

fn line(entry: &Entry) -> String {
    let mut line = format!("{} {:9} {:5} characters", entry.hash(), entry.state(), entry.characters());
    let duration = entry.duration().map(|duration| format!("{:.1} s", duration.as_secs_f64()));
    let task = entry.task_id().map(|id| format!("task {}", printable(&id)));
    let parts =
        [duration, entry.voice().map(str::to_owned), entry.label().map(|label| format!("{label:?}")), task];
    for part in parts.into_iter().flatten() {
        line.push_str("  ");
        line.push_str(&part);
    }
    line
}

/// Returns the hash that starts with these digits.
async fn find(store: &Store, start: &str) -> anyhow::Result<RequestHash> {
    if let Ok(hash) = start.parse() {
        return Ok(hash);
    }
    if start.len() < 6 {
        return Err(InvalidInput(format!("hash: {start:?} is too short, expected at least 6 digits")).into());
    }
    let (mut entries, mut found) = (store.entries(), Vec::new());
    while let Some(entry) = entries.next().await {
        let hash = entry?.hash();
        if hash.to_string().starts_with(&start.to_lowercase()) {
            found.push(hash);
        }
    }
    match found.as_slice() {
        [hash] => Ok(*hash),
        [] => Err(InvalidInput(format!("hash: no entry starts with {start:?}")).into()),
        more => {
            Err(InvalidInput(format!("hash: {} entries start with {start:?}, expected one", more.len()))
                .into())
        }
    }
}
