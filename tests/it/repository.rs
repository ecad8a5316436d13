//! Rules of the repository that the compiler cannot check.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use serde_json::Value;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns every file in the source folders whose path ends with `ending`.
pub(crate) fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let folders = [
        "src",
        "build",
        "tests",
        "examples",
        "benches",
        "xtask",
        "openapi",
        "fuzz/src",
        "fuzz/fuzz_targets",
        ".github",
    ];
    let mut pending: Vec<_> = folders.map(|name| root().join(name)).into();
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn changelog_has_section_for_current_version() {
    let heading = format!("\n## {}\n", env!("CARGO_PKG_VERSION"));
    assert!(read("CHANGELOG.md").contains(&heading), "CHANGELOG.md has no section `{}`", heading.trim());
}

#[test]
fn readme_names_minimum_rust_version_of_manifest() {
    let promise = format!("Rust {} or newer", env!("CARGO_PKG_RUST_VERSION"));
    assert!(read("README.md").contains(&promise), "README.md does not say `{promise}`");
}

#[test]
fn manifest_gives_reason_for_every_dependency() {
    for manifest in ["Cargo.toml", "xtask/Cargo.toml", "fuzz/Cargo.toml", "examples/queue-worker/Cargo.toml"]
    {
        let text = read(manifest);
        let tables = ["[dependencies]", "[build-dependencies]"];
        for table in tables.iter().filter_map(|name| text.split_once(name)).map(|(_, rest)| rest) {
            let mut is_explained = false;
            for line in table.trim_start().lines().take_while(|line| !line.starts_with('[')) {
                // A comment applies to the lines below it, up to an empty line or the next comment.
                is_explained = if line.starts_with('#') { true } else { is_explained && !line.is_empty() };
                assert!(
                    is_explained || line.is_empty(),
                    "{manifest}: `{line}` has no comment with its reason"
                );
            }
        }
    }
}

#[test]
fn repository_has_no_ignored_test() {
    for file in files(".rs") {
        let text = fs::read_to_string(&file).unwrap();
        let ignored = text.lines().position(|line| line.trim_start().starts_with("#[ignore"));
        assert_eq!(ignored, None, "{}", file.display());
    }
}

#[test]
fn workflow_and_contributing_run_same_commands_as_ci() {
    let commands: Vec<String> = read(".ci/run")
        .lines()
        .filter_map(|line| Some(line.split_once("step cargo ")?.1.to_owned()))
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");
    let guide = read("CONTRIBUTING.md");
    for command in commands {
        assert!(
            guide.contains(&format!("cargo {command}")),
            "CONTRIBUTING.md does not mention `cargo {command}`"
        );
    }
    assert!(read(".github/workflows/ci.yml").contains("- run: .ci/run"));
}

/// Each `uses:` must name a commit, because a tag can move, and its version in a comment.
#[test]
fn workflow_actions_are_pinned_by_commit() {
    let mut count = 0;
    for workflow in files(".yml") {
        let text = fs::read_to_string(&workflow).unwrap();
        for line in text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses:"))
        {
            let (_, pin) = line.split_once('@').unwrap_or_default();
            let (commit, version) = pin.split_once(" # v").unwrap_or_default();
            let hex = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            let numbers = version.split('.').filter(|number| number.parse::<u32>().is_ok()).count();
            assert!(
                hex && numbers == 3,
                "{}: `{line}` is not pinned by commit and version",
                workflow.display()
            );
            count += 1;
        }
    }
    assert!(count > 3, "{count} actions");
}

#[test]
fn workflow_declares_permissions_and_only_jobs_may_write() {
    for workflow in files(".yml").iter().filter(|path| path.parent().unwrap().ends_with("workflows")) {
        let text = fs::read_to_string(workflow).unwrap();
        let (above, jobs) = text.split_once("\njobs:").unwrap();
        assert!(above.contains("\npermissions:"), "{}: no permissions above `jobs`", workflow.display());
        assert!(!above.contains("write") && !jobs.contains("write-all"), "{}", workflow.display());
    }
}

#[test]
fn fuzz_target_has_seed_and_runs_in_ci() {
    let manifest = read("fuzz/Cargo.toml");
    let mut manifest_targets: Vec<_> =
        manifest.split("[[bin]]\nname = \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    manifest_targets.sort_unstable();
    let mut target_files: Vec<_> = fs::read_dir(root().join("fuzz/fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    target_files.sort_unstable();
    assert_eq!(manifest_targets, target_files);
    for target in manifest_targets {
        let seeds = fs::read_dir(root().join("fuzz/seeds").join(target));
        assert!(seeds.is_ok_and(|mut seeds| seeds.next().is_some()), "{target} has no seed");
    }
    // Without target names, the command runs every target.
    assert!(read(".ci/run").lines().any(|line| line == "step cargo xtask fuzz"));
}

#[test]
fn tool_versions_are_named_only_in_ci_tools() {
    let tools = read(".ci/tools");
    for name in ["cargo-deny", "cargo-fuzz", "cargo-hack", "cargo-semver-checks"] {
        let version = tools.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        let version = version.unwrap_or_else(|| panic!("{name} has no version"));
        let other_files = [read(".ci/run"), read("CONTRIBUTING.md"), read(".github/workflows/ci.yml")];
        assert!(
            !other_files.iter().any(|text| text.contains(version)),
            "{name} {version} is repeated outside .ci/tools"
        );
    }
}

#[test]
fn spec_request_descriptions_do_not_describe_responses() {
    let spec: Value = serde_json::from_str(&read("openapi/distribute-ai.json")).unwrap();
    for (path, schema) in [("/async/speech/create", "SpeechRequest"), ("/async/speech/result", "TaskQuery")] {
        let body = &spec["paths"][path]["post"]["requestBody"]["description"];
        let schema = &spec["components"]["schemas"][schema]["description"];
        for description in [body, schema].map(|value| value.as_str().unwrap_or_default()) {
            assert!(
                !description.starts_with("Returns") && !description.contains("response"),
                "{description}"
            );
        }
    }
}

/// Adds the identifiers of each `cfg(…)`, `cfg!(…)` and `cfg_attr(…)`.
fn add_conditions(tokens: TokenStream, inside: bool, found: &mut Vec<String>) {
    let mut is_condition = inside;
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                is_condition = inside || name == "cfg" || name == "cfg_attr";
                found.extend(inside.then(|| name.to_string()));
            }
            TokenTree::Group(group) => {
                add_conditions(group.stream(), is_condition, found);
                is_condition = inside;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Every fuzz build of a program that uses this crate sets `cfg(fuzzing)`.
#[test]
fn entry_points_of_fuzz_targets_are_not_in_fuzz_builds_of_other_crates() {
    let mut conditions = Vec::new();
    for path in files(".rs").iter().chain([&root().join("build.rs")]) {
        let path = path.strip_prefix(root()).unwrap();
        if path.starts_with("fuzz") {
            continue;
        }
        let mut found = Vec::new();
        add_conditions(read(path).parse().unwrap(), false, &mut found);
        assert!(!found.contains(&"fuzzing".to_owned()), "{} has `cfg(fuzzing)`", path.display());
        conditions.append(&mut found);
    }
    assert!(conditions.iter().filter(|name| *name == "distribute_ai_fuzzing").count() > 10, "{conditions:?}");
}
