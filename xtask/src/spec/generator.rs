//! Runs the code generation of `build.rs`, as the program `surface` in a child process.
//!
//! Only the generator knows for which documents it generates code. It may panic, overflow its stack or run for long,
//! which ends the child only. The program is not a dependency of this tool, because its crates would be built for every
//! command.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    schema_locations::component_of,
    traverse::{METHODS, operations},
};
use crate::{
    child,
    failure::Failure,
    json::{Object, Pointer},
};

/// The time for a document. That of the API takes less than a second.
const LIMIT: Duration = Duration::from_secs(120);

/// A part of a document for which no client can be generated.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Problem {
    /// A JSON pointer in the document. It is empty if the place is unknown.
    pub(crate) pointer: String,
    pub(crate) message: String,
}

/// A server that receives the API key, and its pointer in the document.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct KeyServer {
    pub(crate) pointer: String,
    pub(crate) url: String,
}

/// A generated client.
#[derive(Debug, Deserialize)]
pub(crate) struct Generated {
    pub(crate) items: Items,
    pub(crate) key_servers: Vec<KeyServer>,
}

/// The public items of a generated client, by path.
pub(crate) type Items = Object;

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Generated(Generated),
    Refused { problems: Vec<Problem> },
}

/// Generates the client, and returns its public items and servers, or all problems.
pub(crate) fn generate(document: &Value) -> Result<Result<Generated, Vec<Problem>>, Failure> {
    let program = program()?;
    Ok(match run(program, document)? {
        Ok(Answer::Generated(generated)) => Ok(generated),
        Ok(Answer::Refused { problems }) if problems.iter().all(|problem| !problem.pointer.is_empty()) => {
            Err(problems)
        }
        Ok(Answer::Refused { problems }) => Err(locate(program, document, problems)?),
        Err(failed) => {
            Err(locate(program, document, vec![Problem { pointer: String::new(), message: failed }])?)
        }
    })
}

/// Returns the path of the program, after building it once.
fn program() -> Result<&'static Path, Failure> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built =
        PROGRAM.get_or_init(|| build().map_err(|error| format!("could not build `surface`: {error}")));
    built.as_deref().map_err(Failure::usage)
}

fn build() -> Result<PathBuf, String> {
    // In its own directory, because cargo remembers a failure of the compiler in a directory that does not exist any more.
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../surface");
    let output = child::cargo()
        .args(["build", "--quiet", "--message-format", "json-render-diagnostics"])
        .current_dir(directory)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo: {}", output.status));
    }
    let lines = String::from_utf8_lossy(&output.stdout);
    let executable = lines.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    executable.ok_or_else(|| "cargo printed no executable".to_owned())
}

/// Runs the program. The inner error tells how it ended without an answer.
fn run(program: &Path, document: &Value) -> Result<Result<Answer, String>, Failure> {
    let mut command = Command::new(program);
    command.env_remove("RUST_BACKTRACE");
    let output = child::output(command, document.to_string().as_bytes(), LIMIT)
        .map_err(|error| Failure::io(program, error))?;
    let Some(output) = output else {
        let seconds = LIMIT.as_secs();
        return Err(Failure::document(format!(
            "the generator has not ended after {seconds} s: the document is too large"
        )));
    };
    if output.status.success() {
        let answer = serde_json::from_slice(&output.stdout);
        return Ok(answer.map_err(|error| format!("the generator's answer: {error}")));
    }
    Ok(Err(reason(&output)))
}

/// Returns why the program failed: the message of its panic, or its last words.
fn reason(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let mut lines =
        stderr.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("note:"));
    if lines.any(|line| line.contains(" panicked at ")) {
        let message = lines.next().unwrap_or("no message");
        return format!("the generator panicked: {}", truncated(message));
    }
    let last = stderr.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    format!("the generator failed: {} {}", output.status, truncated(last)).trim_end().to_owned()
}

fn truncated(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Finds the operations for which the generator fails, by trying each alone. If it fails without operations, finds the
/// components.
fn locate(program: &Path, document: &Value, failed: Vec<Problem>) -> Result<Vec<Problem>, Failure> {
    let mut parts = Vec::new();
    if problem_of(run(program, &with_operation(document, None))?).is_none() {
        let operations = operations(document).into_iter().map(|(at, ..)| at);
        parts.extend(operations.map(|at| (with_operation(document, Some(&at)), at)));
    } else {
        let components = document.pointer("/components/schemas").and_then(Value::as_object);
        let names = components.into_iter().flatten().map(|(name, _)| name);
        parts.extend(
            names.map(|name| {
                (with_component(document, name), Pointer::new("/components/schemas").child(name))
            }),
        );
    }
    let mut problems = Vec::new();
    for (part, pointer) in parts {
        if let Some(message) = problem_of(run(program, &part)?) {
            problems.push(Problem { pointer: pointer.to_string(), message });
        }
    }
    Ok(if problems.is_empty() { failed } else { problems })
}

/// Returns why the code is missing, if the place is unknown.
fn problem_of(answer: Result<Answer, String>) -> Option<String> {
    match answer {
        Ok(Answer::Generated(_)) => None,
        Ok(Answer::Refused { problems }) => {
            problems.into_iter().find(|problem| problem.pointer.is_empty()).map(|problem| problem.message)
        }
        Err(failed) => Some(failed),
    }
}

/// Returns the document with one of its operations, or with none.
fn with_operation(document: &Value, at: Option<&Pointer>) -> Value {
    let mut reduced = document.clone();
    reduced["paths"] = json!({});
    if let Some(at) = at
        && let [_, path, method] = at.tokens().collect::<Vec<_>>().as_slice()
    {
        let mut item = document["paths"][path].clone();
        if let Value::Object(members) = &mut item {
            members.retain(|key, _| key == method || !METHODS.contains(&key.as_str()));
        }
        reduced["paths"][path] = item;
    }
    reduced
}

/// Returns the document without operations, and with only the component and those that it refers to.
fn with_component(document: &Value, name: &str) -> Value {
    let mut reduced = with_operation(document, None);
    let all = &document["components"]["schemas"];
    let mut kept = Map::new();
    let mut pending = vec![name.to_owned()];
    while let Some(name) = pending.pop() {
        if let Some(schema) = all.get(&name).filter(|_| !kept.contains_key(&name)) {
            references(schema, &mut pending);
            kept.insert(name, schema.clone());
        }
    }
    reduced["components"]["schemas"] = kept.into();
    reduced
}

/// Collects the components that a schema refers to.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(component_of(members).map(str::to_owned));
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}
