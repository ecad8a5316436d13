//! Runs the simulator in its own process, for client programs in any language.
//!
//! ```sh
//! cargo run --example simulator -- --wait 2 --run 5
//! ```
//!
//! The program prints the two environment variables that clients of this crate read. Paste them into another
//! terminal. The audio is a placeholder, and nothing is billed. For the requests, and for the control API below
//! `/_simulator/`, with curl and Python, see "Programs in other languages" in `docs/guide/testing.md`.

use std::{
    io::{self, Write},
    process::ExitCode,
    thread,
    time::Duration,
};

use clap::Parser;
use distribute_ai::testing::{Simulator, SimulatorBuilder};
use tokio::sync::oneshot;
use tracing_subscriber::{
    Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// Runs a local simulator of the API until Ctrl-C. Its audio is a placeholder, and nothing is billed.
///
/// The simulator prints two environment variables. Set them in the shell of the client program. When the
/// simulator stops, its tasks are lost.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 stopped by Ctrl-C or end of input, 1 failure, 2 invalid arguments"
)]
struct Args {
    /// The time until a task is PROCESSING
    #[arg(long, value_name = "SECONDS", default_value = "0.3", value_parser = parse_seconds)]
    wait: Duration,

    /// The time that a task is PROCESSING
    #[arg(long, value_name = "SECONDS", default_value = "0.7", value_parser = parse_seconds)]
    run: Duration,

    /// The additional run time for each character of the text
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = parse_seconds)]
    run_per_character: Duration,

    /// The maximum number of tasks that run at once; others wait in the queue
    #[arg(long, value_name = "TASKS")]
    capacity: Option<usize>,

    /// The port of the API on 127.0.0.1 [default: a free port]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// The port of the audio host on 127.0.0.1 [default: a free port]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    audio_port: u16,

    /// The URL at which clients reach the API, if a proxy forwards it to the port
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,

    /// The URL at which clients reach the audio host, if a proxy forwards it to the audio port
    #[arg(long, value_name = "URL")]
    public_audio_url: Option<String>,

    /// The only API key that the simulator accepts [default: simulator-key]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,

    /// Gives the same text the same task id in every run
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// Does not log the requests to standard error
    #[arg(long)]
    quiet: bool,

    /// Also stops at the end of standard input, so that the simulator ends with the program that started it
    #[arg(long)]
    until_eof: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.use_stderr() => return report_usage_error(&error),
        Err(help) => help.exit(),
    };
    match serve(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(if error.kind() == io::ErrorKind::InvalidInput { 2 } else { 1 })
        }
    }
}

/// Prints clap's error message on one line. Returns exit status 2.
fn report_usage_error(error: &clap::Error) -> ExitCode {
    let text = error.to_string();
    let problem: Vec<_> = text.split("\n\n").next().unwrap_or_default().split_whitespace().collect();
    eprintln!("{}; try --help", problem.join(" "));
    ExitCode::from(2)
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds, such as 0.5".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn builder(args: &Args) -> SimulatorBuilder {
    let mut builder = Simulator::builder()
        .control_api()
        .waiting(args.wait)
        .running(args.run)
        .running_per_character(args.run_per_character)
        .port(args.port)
        .audio_port(args.audio_port);
    if let Some(places) = args.capacity {
        builder = builder.capacity(places);
    }
    if let Some(url) = &args.public_url {
        builder = builder.public_url(url);
    }
    if let Some(url) = &args.public_audio_url {
        builder = builder.public_audio_url(url);
    }
    if let Some(key) = &args.key {
        builder = builder.api_key(key);
    }
    if let Some(seed) = args.seed {
        builder = builder.seed(seed);
    }
    builder
}

/// Logs each request of the simulator to standard error.
fn log_requests() {
    let requests =
        Targets::new().with_target("distribute_ai::testing", tracing_subscriber::filter::LevelFilter::INFO);
    let log = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false).with_target(false);
    tracing_subscriber::registry().with(log.with_filter(requests)).init();
}

async fn serve(args: &Args) -> io::Result<()> {
    // Install the Ctrl-C handler before the first output: a program that reads the output may send the signal
    // at once.
    let interrupted = tokio::spawn(tokio::signal::ctrl_c());
    tokio::task::yield_now().await;
    if !args.quiet {
        log_requests();
    }
    let simulator = builder(args).start().await.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => io::Error::new(error.kind(), format!("--key: {error}")),
        _ => error,
    })?;
    eprintln!("simulator running until Ctrl-C; its audio is a placeholder, nothing is billed");
    // Use a single write, so that a program that reads the output receives both lines together.
    let (key, url) = (simulator.api_key(), simulator.base_url());
    let variables = format!("export DISTRIBUTE_AI_API_KEY={key}\nexport DISTRIBUTE_AI_BASE_URL={url}\n");
    io::stdout().write_all(variables.as_bytes())?;
    tokio::select! {
        interrupted = interrupted => interrupted.map_err(io::Error::other)?,
        () = end_of_input(), if args.until_eof => Ok(()),
    }
}

/// Waits for the end of standard input. A detached thread reads the input, so that Ctrl-C also works during a
/// read.
async fn end_of_input() {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = sender.send(());
    });
    let _ = receiver.await;
}
