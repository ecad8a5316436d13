//! `cargo bench --package xtask`: measures the CPU time and the memory of `spec diff`, on documents of doubling size and on
//! documents that are expensive to compare.

use std::{env, fs, path::Path, process::Command};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};
use serde_json::{Map, Value, json};

fn main() {
    let arguments: Vec<_> = env::args().collect();
    if let [_, flag, revision, ..] = arguments.as_slice()
        && flag == "--measure"
    {
        return measure(revision);
    }
    let dir = tempfile::tempdir().expect("could not create a temporary directory");
    println!(
        "document                           KB  unchanged    changed  memory  (CPU milliseconds, best of 5; MiB)"
    );
    let growing =
        [1_000, 2_000, 4_000].map(|n| (format!("{n} operations"), operations(n, 1), operations(n, 2)));
    let unions = [5_000, 10_000, 20_000].map(|n| (format!("union of {n} enums"), union(n, 0), union(n, 5)));
    let recursive =
        ("40 recursive schemas, 400 operations".to_owned(), recursive("string"), recursive("integer"));
    for (name, base, revision) in growing.into_iter().chain(unions).chain([recursive]) {
        let size = write(dir.path(), "base.json", &base) / 1_000;
        write(dir.path(), "revision.json", &revision);
        let (same, _) = best(dir.path(), "base.json");
        let (changed, memory) = best(dir.path(), "revision.json");
        println!("{name:<36}{size:>6}  {same:>9}  {changed:>9}  {memory:>6}");
    }
}

fn write(dir: &Path, name: &str, document: &Value) -> usize {
    let text = document.to_string();
    fs::write(dir.join(name), &text).expect("could not write a document");
    text.len()
}

/// Returns the CPU time in milliseconds and the memory in MiB.
fn best(dir: &Path, revision: &str) -> (u64, u64) {
    let once = || {
        let this = env::current_exe().expect("the path of this program");
        let run = Command::new(this).args(["--measure", revision]).current_dir(dir).output();
        let run = run.expect("could not start this program");
        let printed = String::from_utf8_lossy(&run.stdout).into_owned();
        let mut numbers = printed.split_whitespace().map(|number| number.parse().expect("a number"));
        numbers
            .next()
            .zip(numbers.next())
            .unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&run.stderr)))
    };
    let runs: Vec<(u64, u64)> = (0..5).map(|_| once()).collect();
    let cpu = runs.iter().map(|run| run.0).min();
    cpu.zip(runs.iter().map(|run| run.1).min()).expect("a run")
}

/// Runs `spec diff` and prints the CPU time in milliseconds and the memory in MiB. In a process of its own, because the
/// system tells the largest memory of all children.
fn measure(revision: &str) {
    let run = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["spec", "diff", "base.json", revision, "--fail-on", "none", "--format", "json"])
        .output()
        .expect("could not start xtask");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the usage of a child");
    let milliseconds = |time: TimeVal| time.tv_sec() * 1_000 + time.tv_usec() / 1_000;
    println!(
        "{} {}",
        milliseconds(usage.user_time()) + milliseconds(usage.system_time()),
        usage.max_rss() / 1_024
    );
}

/// Returns a document of one operation.
fn one_operation(schema: &Value) -> Value {
    let content = json!({"application/json": {"schema": schema}});
    let operation = json!({"operationId": "o", "requestBody": {"content": content}, "responses": {"200": {"description": "d"}}});
    json!({"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"post": operation}}})
}

/// Returns a document with a union of enums of one value each, as schemars writes documented variants.
fn union(length: usize, first: usize) -> Value {
    let words = (first..first + length)
        .map(|n| json!({"type": "string", "enum": [format!("w{n}")], "description": "d"}));
    one_operation(&json!({"oneOf": words.collect::<Vec<_>>()}))
}

/// Returns a document of schemas that all refer to each other.
fn recursive(last: &str) -> Value {
    let reference = |n: usize| json!({"$ref": format!("#/components/schemas/S{n}")});
    let schemas: Map<_, _> = (0..40)
        .map(|n| {
            let mut properties: Map<_, _> =
                (0..40).map(|other| (format!("p{other}"), reference(other))).collect();
            properties.insert("z".to_owned(), json!({"type": last}));
            (format!("S{n}"), json!({"type": "object", "properties": properties}))
        })
        .collect();
    let paths: Map<_, _> = (0..400)
        .map(|n| {
            let content = json!({"application/json": {"schema": reference(n % 40)}});
            let operation = json!({"operationId": format!("o{n}"), "requestBody": {"content": content},
                "responses": {"200": {"description": "d", "content": content}}});
            (format!("/path/{n}"), json!({"post": operation}))
        })
        .collect();
    json!({"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": paths, "components": {"schemas": schemas}})
}

/// Returns a document with this many operations of three bodies each. Documents with different maxima differ
/// in every body.
fn operations(operations: usize, maximum: usize) -> Value {
    let properties: Map<_, _> = (0..10)
        .map(|n| {
            (format!("p{n}"), json!({"type": "array", "items": {"type": "integer", "maximum": maximum}}))
        })
        .collect();
    let error = json!({"description": "d", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/E"}}}});
    let paths: Map<_, _> = (0..operations)
        .map(|n| {
            let content =
                json!({"application/json": {"schema": {"type": "object", "properties": properties}}});
            let operation = json!({"operationId": format!("o{n}"), "requestBody": {"content": content},
                "responses": {"200": {"description": "d", "content": content}, "400": error}});
            (format!("/path/{n}"), json!({"post": operation}))
        })
        .collect();
    let error =
        json!({"type": "object", "properties": {"message": {"type": "string", "maxLength": maximum}}});
    json!({"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": paths,
        "components": {"schemas": {"E": error}}})
}
