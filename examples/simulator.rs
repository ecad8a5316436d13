//! The simulator in a process of its own, for programs of any language.
//!
//! ```sh
//! cargo run --example simulator -- --wait 2 --run 5
//! ```
//!
//! It prints the two variables that clients of this crate read; paste them into another terminal. Its sound is a
//! placeholder, and nothing is billed.

use std::{
    io::{self, Write},
    process::ExitCode,
    thread,
    time::Duration,
};

use clap::Parser;
use distribute_ai::testing::Simulator;
use tokio::sync::oneshot;

/// Stands in for the API on this machine, until Ctrl-C. Its sound is a placeholder, and nothing is billed.
///
/// It prints two variables to paste into the shell of whatever is to speak to it. When it ends, it forgets everything.
#[derive(Parser)]
#[command(version, after_help = "Exit status: 0 ended as it was told to, 1 failed, 2 bad arguments")]
struct Args {
    /// How long a task waits in the queue
    #[arg(long, value_name = "SECONDS", default_value = "0.3", value_parser = seconds)]
    wait: Duration,

    /// How long it runs then
    #[arg(long, value_name = "SECONDS", default_value = "0.7", value_parser = seconds)]
    run: Duration,

    /// How much longer for each character of its text
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    run_per_character: Duration,

    /// End with standard input as well: with the program that started it and holds the other end
    #[arg(long)]
    until_eof: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => return refuse(&error),
        Err(help) => help.exit(),
    };
    match serve(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
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

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds, such as 0.5".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

async fn serve(args: &Args) -> io::Result<()> {
    // It listens for the end before anybody can know of the beginning.
    let interrupted = tokio::spawn(tokio::signal::ctrl_c());
    tokio::task::yield_now().await;
    let simulator = Simulator::builder()
        .waiting(args.wait)
        .running(args.run)
        .running_per_character(args.run_per_character)
        .start()
        .await?;
    eprintln!("a simulator, until Ctrl-C: its sound is a placeholder, and nothing is billed");
    // In one piece, for a program that reads it.
    let (key, url) = (simulator.api_key(), simulator.base_url());
    let variables = format!("export DISTRIBUTE_AI_API_KEY={key}\nexport DISTRIBUTE_AI_BASE_URL={url}\n");
    io::stdout().write_all(variables.as_bytes())?;
    tokio::select! {
        interrupted = interrupted => interrupted.map_err(io::Error::other)?,
        () = end_of_input(), if args.until_eof => Ok(()),
    }
}

/// On a thread that nobody waits for: Ctrl-C ends this also while it reads.
async fn end_of_input() {
    let (ended, end) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ended.send(());
    });
    let _ = end.await;
}
