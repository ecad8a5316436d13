//! Reads an OpenAPI document from standard input, generates the client as `build.rs` does, and prints its public
//! surface as JSON: `{"items": {…}, "key_servers": […]}`, or `{"problems": [{"pointer": …, "message": …}]}`.
//!
//! `cargo xtask spec` runs this program as a child process, because some documents make the generator panic or
//! overflow its stack.

#[path = "../../build/generate.rs"]
mod generate;
mod items;
mod scan;
#[cfg(test)]
mod tests;

use std::{
    io::{self, Read as _},
    path::Path,
    process::{self, ExitCode},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use self::generate::{Parts, Problem};

/// The time limit. A document of this API takes less than a second.
const TIMEOUT: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    thread::spawn(|| {
        thread::sleep(TIMEOUT);
        eprintln!("no result after {} s", TIMEOUT.as_secs());
        process::exit(3);
    });
    let mut text = String::new();
    let read = io::stdin().read_to_string(&mut text);
    let document: Value = match read.map_err(|error| error.to_string()).and_then(|_| parse(&text)) {
        Ok(document) => document,
        Err(error) => {
            eprintln!("standard input: {error}");
            return ExitCode::from(2);
        }
    };
    let output = match surface(&document) {
        Ok(items) => {
            let server = |(pointer, url): &(String, String)| json!({"pointer": pointer, "url": url});
            let servers = generate::facts::key_servers(&document);
            json!({"items": items, "key_servers": servers.iter().map(server).collect::<Vec<_>>()})
        }
        Err(problems) => {
            let problem = |problem: &Problem| json!({"pointer": problem.pointer, "message": problem.message});
            json!({"problems": problems.iter().map(problem).collect::<Vec<_>>()})
        }
    };
    println!("{output}");
    ExitCode::SUCCESS
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Returns the public items of the client, or why it cannot be built.
fn surface(document: &Value) -> Result<Value, Vec<Problem>> {
    let generated = generate::generate(document, Parts { schemas: true, mock: true })?;
    // The build script formats the files, which panics on syntax that is not supported.
    generated.files().for_each(|(_, file)| drop(prettyplease::unparse(file)));
    let own = scan::own_methods(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/ext"));
    let problems = scan::problems(&generated.client, document, &own);
    if problems.is_empty() { Ok(items::items(&generated.client, document)) } else { Err(problems) }
}
