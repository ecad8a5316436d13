//! Promises of the repository that no compiler checks.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below these, except what builds leave.
pub(crate) fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let places = [
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
    let mut open: Vec<_> = places.map(|name| root().join(name)).into();
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn the_version_has_its_part_in_the_changelog() {
    let heading = format!("\n## {}\n", env!("CARGO_PKG_VERSION"));
    assert!(read("CHANGELOG.md").contains(&heading), "no `{}`", heading.trim());
}

#[test]
fn the_readme_names_the_oldest_rust_that_the_manifest_promises() {
    let promised = format!("Rust {} or newer", env!("CARGO_PKG_RUST_VERSION"));
    assert!(read("README.md").contains(&promised), "no `{promised}`");
}

#[test]
fn every_dependency_has_its_reason() {
    for manifest in ["Cargo.toml", "xtask/Cargo.toml", "fuzz/Cargo.toml", "examples/queue-worker/Cargo.toml"]
    {
        let text = read(manifest);
        let tables = ["[dependencies]", "[build-dependencies]"];
        for table in tables.iter().filter_map(|name| text.split_once(name)).map(|(_, rest)| rest) {
            let mut explained = false;
            for line in table.trim_start().lines().take_while(|line| !line.starts_with('[')) {
                // A comment holds for the lines below it, up to an empty one or the next comment.
                explained = if line.starts_with('#') { true } else { explained && !line.is_empty() };
                assert!(explained || line.is_empty(), "{manifest}: why `{line}`?");
            }
        }
    }
}

#[test]
fn no_test_is_ignored() {
    for file in files(".rs") {
        let text = fs::read_to_string(&file).unwrap();
        let ignored = text.lines().position(|line| line.trim_start().starts_with("#[ignore"));
        assert_eq!(ignored, None, "{}", file.display());
    }
}

#[test]
fn the_workflows_and_the_guide_run_what_ci_runs() {
    let commands: Vec<String> = read(".ci/run")
        .lines()
        .filter_map(|line| Some(line.split_once("step cargo ")?.1.to_owned()))
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");
    let guide = read("CONTRIBUTING.md");
    for command in commands {
        assert!(guide.contains(&format!("cargo {command}")), "CONTRIBUTING.md lacks `cargo {command}`");
    }
    assert!(read(".github/workflows/ci.yml").contains("- run: .ci/run"));
}

/// What follows `uses:` must be a commit, which nobody can move, with the version that it is in a comment.
#[test]
fn every_action_is_pinned_by_its_commit() {
    let mut count = 0;
    for workflow in files(".yml") {
        let text = fs::read_to_string(&workflow).unwrap();
        for line in text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses:"))
        {
            let (_, pin) = line.split_once('@').unwrap_or_default();
            let (commit, version) = pin.split_once(" # v").unwrap_or_default();
            let hex = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            let numbers = version.split('.').filter(|number| number.parse::<u32>().is_ok()).count();
            assert!(hex && numbers == 3, "{}: `{line}` is not pinned", workflow.display());
            count += 1;
        }
    }
    assert!(count > 3, "{count} actions");
}

#[test]
fn every_workflow_says_what_it_may_and_only_a_job_may_write() {
    for workflow in files(".yml").iter().filter(|path| path.parent().unwrap().ends_with("workflows")) {
        let text = fs::read_to_string(workflow).unwrap();
        let (above, jobs) = text.split_once("\njobs:").unwrap();
        assert!(above.contains("\npermissions:"), "{}: none above its jobs", workflow.display());
        assert!(!above.contains("write") && !jobs.contains("write-all"), "{}", workflow.display());
    }
}

#[test]
fn every_fuzz_target_has_a_seed_and_is_run() {
    let manifest = read("fuzz/Cargo.toml");
    let mut named: Vec<_> =
        manifest.split("[[bin]]\nname = \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    named.sort_unstable();
    let mut there: Vec<_> = fs::read_dir(root().join("fuzz/fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    there.sort_unstable();
    assert_eq!(named, there);
    for target in named {
        let seeds = fs::read_dir(root().join("fuzz/seeds").join(target));
        assert!(seeds.is_ok_and(|mut seeds| seeds.next().is_some()), "{target} has no seed");
    }
    // Without names it is all of them.
    assert!(read(".ci/run").lines().any(|line| line == "step cargo xtask fuzz"));
}

#[test]
fn the_tools_are_named_with_their_versions_in_one_place() {
    let tools = read(".ci/tools");
    for name in ["cargo-deny", "cargo-fuzz", "cargo-hack", "cargo-semver-checks"] {
        let version = tools.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        let version = version.unwrap_or_else(|| panic!("{name} has no version"));
        let elsewhere = [read(".ci/run"), read("CONTRIBUTING.md"), read(".github/workflows/ci.yml")];
        assert!(!elsewhere.iter().any(|text| text.contains(version)), "{name} {version} is said twice");
    }
}

#[test]
fn the_descriptions_of_what_is_sent_are_not_those_of_what_comes_back() {
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
