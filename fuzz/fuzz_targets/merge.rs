//! Two documents of any content in one, and the way of that one to the generator.
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
    let [Ok(one), Ok(other)] = texts.map(parse) else { return };
    // Only what is valid is merged.
    for document in [&one, &other] {
        if !refusals(document).is_empty() {
            return;
        }
        let alone = merged(std::slice::from_ref(document)).expect("one document agrees with itself");
        assert!(changes(document, &alone).0.is_empty(), "{:?}", changes(document, &alone).0);
    }

    let there = merged(&[one.clone(), other.clone()]);
    assert_eq!(there, merged(&[one.clone(), other.clone()]), "it is the same each time");
    let back = merged(&[other.clone(), one.clone()]);
    match (there, back) {
        (Ok(there), Ok(back)) => {
            assert_eq!(refusals(&there), [""; 0], "what is merged is valid");
            says_what_both_say(&there, &[&one, &other]);
            assert_eq!(paths(&there), paths(&back), "the order of documents is nothing");
            let again = merged(std::slice::from_ref(&there)).expect("it agrees with itself");
            assert!(equal(&again, &there), "{}", canonical(&there));
            if let Ok(ready) = made_ready(there, NAMES) {
                assert_eq!(canonical(&ready), canonical(&parse(&canonical(&ready)).expect("it is JSON")));
            }
        }
        (Err(there), Err(back)) => assert!(!there.is_empty() && !back.is_empty(), "a refusal has its reason"),
        (there, back) => panic!("one order is refused: {there:?} {back:?}"),
    }
});

/// Every operation of each document is there.
fn says_what_both_say(merged: &Value, documents: &[&Value]) {
    for document in documents {
        for (path, methods) in paths(document) {
            for method in methods {
                let found = merged["paths"][&path].get(&method);
                assert!(found.is_some(), "{path} {method} is lost: {}", canonical(merged));
            }
        }
    }
}

/// The paths, and what stands in each.
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
