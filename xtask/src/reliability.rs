//! `reliability`: runs the long tests of what is promised about crashes, and writes their results to
//! `docs/RELIABILITY.md`.

use crate::page::Page;

pub(crate) const PAGE: Page = Page {
    path: "docs/RELIABILITY.md",
    results: &[
        (
            "crashes",
            &[
                "sh",
                "-c",
                "CRASH_POINTS=${CRASH_POINTS:-10000000} cargo test --quiet --release --lib -p distribute-ai world::crashes::no_crash -- --nocapture",
            ],
        ),
        (
            "histories",
            &[
                "sh",
                "-c",
                "HISTORIES=1000 cargo test --quiet --release --lib -p distribute-ai world::crashes::same_seed -- --nocapture",
            ],
        ),
        ("deletions", &["cargo", "xtask", "deletions"]),
        ("mutants-audio", &[".ci/mutants", "audio"]),
        ("mutants-batch", &[".ci/mutants", "batch"]),
        ("mutants-client", &[".ci/mutants", "client"]),
        ("mutants-disk", &[".ci/mutants", "disk"]),
        ("mutants-long_text", &[".ci/mutants", "long_text"]),
        ("mutants-polling", &[".ci/mutants", "polling"]),
        ("mutants-retry", &[".ci/mutants", "retry"]),
        ("mutants-store", &[".ci/mutants", "store"]),
        ("mutants-transport", &[".ci/mutants", "transport"]),
        ("load", &[".ci/under_load", "20", "-p", "distribute-ai", "--test", "it"]),
        ("load-all", &[".ci/under_load", "3", "--workspace", "--lib", "--bins", "--tests"]),
    ],
};

#[cfg(test)]
mod tests {
    #[test]
    fn page_has_marks_for_every_result() {
        super::PAGE.assert_marks();
    }
}
