//! `cargo bench --package xtask`: measures the run time of `spec diff` on documents of doubling size.

use std::{fs, path::Path, process::Command, time::Instant};

use serde_json::{Map, Value, json};

fn main() {
    let dir = tempfile::tempdir().expect("could not create a temporary directory");
    println!("operations       bytes  unchanged    changed  (milliseconds, best of 5)");
    for operations in [250, 500, 1_000, 2_000] {
        let base = write(dir.path(), "base.json", &document(operations, 1));
        write(dir.path(), "revision.json", &document(operations, 2));
        let (same, changed) = (best(dir.path(), "base.json"), best(dir.path(), "revision.json"));
        println!("{operations:>10}  {base:>10}  {same:>9.1}  {changed:>9.1}");
    }
}

fn write(dir: &Path, name: &str, document: &Value) -> usize {
    let text = document.to_string();
    fs::write(dir.join(name), &text).expect("could not write a document");
    text.len()
}

fn best(dir: &Path, revision: &str) -> f64 {
    let once = || {
        let start = Instant::now();
        let run = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["spec", "diff", "base.json", revision, "--fail-on", "none", "--format", "json"])
            .current_dir(dir)
            .output()
            .expect("could not start xtask");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        start.elapsed().as_secs_f64() * 1_000.0
    };
    (0..5).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// Returns a document with this many operations of three bodies each. Documents with different maxima differ
/// in every body.
fn document(operations: usize, maximum: usize) -> Value {
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
