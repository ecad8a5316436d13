//! The rules of oasdiff v1.28: id, level, and the reason for each rule that is not adopted.

use std::{collections::HashMap, sync::LazyLock};

use crate::spec::diff::severity::WireLevel;

/// Returns the level of the rule in oasdiff, if oasdiff has a rule with this id.
pub(super) fn level(id: &str) -> Option<WireLevel> {
    LEVELS.get(id).copied()
}

static LEVELS: LazyLock<HashMap<&'static str, WireLevel>> =
    LazyLock::new(|| lines().map(|(id, level, _)| (id, level)).collect());

/// Returns the id and level of each rule, with the reason if the rule is not adopted.
pub(super) fn lines() -> impl Iterator<Item = (&'static str, WireLevel, Option<&'static str>)> {
    let lines = include_str!("oasdiff.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let mut cells = line.split('\t');
        let (id, level) = (cells.next()?, cells.next()?);
        let level = match level {
            "err" => WireLevel::Err,
            "warn" => WireLevel::Warn,
            _ => WireLevel::Info,
        };
        Some((id, level, cells.next()))
    })
}
