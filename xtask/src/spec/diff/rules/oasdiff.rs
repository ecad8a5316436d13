//! The rules of oasdiff v1.28, by id and level, with the reason beside each that is not taken over.

use std::{collections::HashMap, sync::LazyLock};

use crate::spec::diff::severity::WireLevel;

/// oasdiff's level for the rule, if it has one of that id.
pub(super) fn level(id: &str) -> Option<WireLevel> {
    LEVELS.get(id).copied()
}

static LEVELS: LazyLock<HashMap<&'static str, WireLevel>> =
    LazyLock::new(|| lines().map(|(id, level, _)| (id, level)).collect());

/// Id, level and, for a rule that is not taken over, the reason.
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
