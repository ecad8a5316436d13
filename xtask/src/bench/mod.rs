//! `benchmarks`: runs the benchmarks and writes their results to `docs/BENCHMARKS.md`.

pub(crate) mod build_cost;
pub(crate) mod instructions;

use crate::page::Page;

pub(crate) const PAGE: Page = Page {
    path: "docs/BENCHMARKS.md",
    results: &[
        ("pacing", &["cargo", "bench", "--bench", "pacing", "--", "--svg", "docs"]),
        ("batch", &["cargo", "bench", "--bench", "batch"]),
        ("overhead", &["cargo", "bench", "--bench", "overhead"]),
        ("instructions", &["cargo", "xtask", "instructions"]),
        ("waiting", &["cargo", "bench", "--bench", "waiting"]),
        ("store", &["cargo", "bench", "--bench", "store"]),
        ("download", &["cargo", "bench", "--bench", "download"]),
        ("build", &["cargo", "xtask", "build-cost", "--rounds", "2"]),
        ("build-release", &["cargo", "xtask", "build-cost", "--release", "--rounds", "2"]),
    ],
};

#[cfg(test)]
mod tests {
    #[test]
    fn page_has_marks_for_every_result() {
        super::PAGE.assert_marks();
    }
}
