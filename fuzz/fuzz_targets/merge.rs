//! Fuzzes the merge of two documents, and the preparation of the merged document for the generator.
#![no_main]

use fuzz::{documents, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::Value;
use xtask::fuzzing::{canonical, changes, equal, made_ready, merged, parse, refusals};

const NAMES: &str = include_str!("../../openapi/names.toml");

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    let Some(texts) = documents(data) else { return };
    let [Ok(first), Ok(second)] = texts.map(parse) else { return };
    // Only valid documents are merged.
    for document in [&first, &second] {
        if !refusals(document).is_empty() {
            return;
        }
        let alone = merged(std::slice::from_ref(document)).expect("one document merges without conflicts");
        assert!(changes(document, &alone).0.is_empty(), "{:?}", changes(document, &alone).0);
    }

    let forward = merged(&[first.clone(), second.clone()]);
    assert_eq!(forward, merged(&[first.clone(), second.clone()]), "merging is deterministic");
    let backward = merged(&[second.clone(), first.clone()]);
    match (forward, backward) {
        (Ok(forward), Ok(backward)) => {
            assert_eq!(refusals(&forward), [""; 0], "the merged document is valid");
            assert_contains_operations(&forward, &[&first, &second]);
            assert_eq!(
                paths(&forward),
                paths(&backward),
                "the paths do not depend on the order of documents"
            );
            let remerged =
                merged(std::slice::from_ref(&forward)).expect("the merged document merges without conflicts");
            assert!(equal(&remerged, &forward), "{}", canonical(&forward));
            if let Ok(prepared) = made_ready(forward, NAMES) {
                assert_eq!(
                    canonical(&prepared),
                    canonical(&parse(&canonical(&prepared)).expect("valid JSON"))
                );
            }
        }
        (Err(forward), Err(backward)) => {
            assert!(!forward.is_empty() && !backward.is_empty(), "a failed merge has an error")
        }
        (forward, backward) => panic!("only one order merges: {forward:?} {backward:?}"),
    }
});

/// Asserts that the merged document contains every operation of each document.
fn assert_contains_operations(merged: &Value, documents: &[&Value]) {
    for document in documents {
        for (path, methods) in paths(document) {
            for method in methods {
                let operation = merged["paths"][&path].get(&method);
                assert!(operation.is_some(), "{path} {method} is missing: {}", canonical(merged));
            }
        }
    }
}

/// Returns the sorted paths with the methods of each.
fn paths(document: &Value) -> Vec<(String, Vec<String>)> {
    let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut paths: Vec<_> = members(&document["paths"])
        .into_iter()
        .filter(|(path, _)| path.starts_with('/'))
        .map(|(path, item)| {
            let mut methods: Vec<_> = members(&item).into_iter().map(|(method, _)| method).collect();
            methods.retain(|method| ["get", "put", "post", "delete", "patch"].contains(&method.as_str()));
            methods.sort();
            (path, methods)
        })
        .collect();
    paths.sort();
    paths
}
