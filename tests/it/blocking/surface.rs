//! What the async client can, the blocking one can, by the same name.

use std::{collections::BTreeSet, fs, path::Path};

/// The public methods in a file, by their names.
fn methods(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)).unwrap();
    let names = text.lines().filter_map(|line| {
        // An iterator's is public without a word.
        let of_an_iterator = || line.strip_prefix("    fn ").filter(|rest| rest.starts_with("next("));
        let public = line.strip_prefix("    pub fn ").or(line.strip_prefix("    pub async fn "));
        let rest = public.or_else(of_an_iterator)?;
        rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().map(str::to_owned)
    });
    names.collect()
}

/// Compares two files, but for what is asynchronous only and what is blocking only.
#[track_caller]
fn the_same(file: &str, blocking: &str, only_async: &[&str], only_blocking: &[&str]) {
    let (theirs, ours) = (methods(&format!("ext/{file}")), methods(&format!("blocking/{blocking}")));
    assert!(!theirs.is_empty() && !ours.is_empty(), "{file} or {blocking} is read wrongly");
    let missing: Vec<_> = theirs.difference(&ours).collect();
    assert_eq!(missing, only_async, "blocking/{blocking} lacks what ext/{file} has");
    let more: Vec<_> = ours.difference(&theirs).collect();
    assert_eq!(more, only_blocking, "blocking/{blocking} has what ext/{file} lacks");
}

#[test]
fn the_methods_are_the_same() {
    the_same("client.rs", "client.rs", &[], &["batch", "build_blocking", "builder", "from_env"]);
    // What awaits is a method here.
    the_same("speak.rs", "speak.rs", &[], &["wait"]);
    the_same("task.rs", "task.rs", &[], &["wait_for"]);
    the_same("updates.rs", "updates.rs", &[], &[]);
    the_same("speech.rs", "speech.rs", &[], &[]);
    the_same("audio.rs", "audio.rs", &[], &[]);
    the_same("batch/mod.rs", "batch.rs", &["batch", "start"], &[]);
    the_same("batch/results.rs", "results.rs", &[], &[]);
    // A narration that goes on by itself, to be watched or stopped, is for those who can wait for two things at once.
    the_same("long_text/mod.rs", "in_pieces.rs", &["start"], &[]);
}
