//! The list of `cargo xtask deletions` is complete and current.

use std::{fs, path::Path};

use serde::Deserialize;

/// Calls that make files durable, or give them up.
const CALLS: &[&str] = &[
    ".sync_all(",
    ".sync_data(",
    ".sync_dir(",
    ".rename(",
    ".remove_file(",
    ".remove_dir(",
    ".try_lock(",
    ".unlock(",
    "self.not_sent(",
    ".revoke(",
];

#[derive(Deserialize)]
struct List {
    deletion: Vec<Deletion>,
}

#[derive(Deserialize)]
struct Deletion {
    name: String,
    file: String,
    code: String,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn list() -> Vec<Deletion> {
    let list = fs::read_to_string(root().join("tests/deletions.toml")).unwrap();
    toml::from_str::<List>(&list).unwrap().deletion
}

/// Returns the lines of the code that runs in programs of users, without tests, and without the layers whose job it is to
/// pass such calls on.
fn lines_of_code(directory: &Path, lines: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        let passes_on = ["src/ext/disk", "src/ext/world", "src/ext/store/database/watched.rs"];
        if passes_on.contains(&&*name) || name.ends_with("/tests") || name.ends_with("tests.rs") {
            continue;
        }
        if path.is_dir() {
            lines_of_code(&path, lines);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        lines.extend(code.lines().map(|line| (name.clone(), line.trim().to_owned())));
    }
}

#[test]
fn each_call_that_makes_files_durable_is_deleted_by_the_list() {
    let list = list();
    let mut lines = Vec::new();
    lines_of_code(&root().join("src/ext"), &mut lines);
    let calls: Vec<_> = lines
        .iter()
        .filter(|(_, line)| !line.starts_with("//") && CALLS.iter().any(|call| line.contains(call)))
        .collect();
    assert!(calls.len() > 20, "{calls:?}");
    for (file, line) in calls {
        let is_listed = list.iter().any(|deletion| deletion.file == *file && deletion.code.contains(&**line));
        assert!(is_listed, "{file}: `{line}` is not in tests/deletions.toml");
    }
}

#[test]
fn each_deletion_is_current() {
    for Deletion { name, file, code } in list() {
        let source = fs::read_to_string(root().join(&file)).unwrap();
        assert_eq!(source.matches(code.trim_matches('\n')).count(), 1, "{name}: its code in {file}");
    }
}
