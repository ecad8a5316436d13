//! `spec checks`: prints the rules of `spec diff`.

use std::fmt::Write as _;

use crate::{
    failure::Failure,
    spec::diff::{Rule, rules},
    stdout,
};

/// Prints one line per rule: id, level, meaning, the id in oasdiff, and why the level differs from that of oasdiff.
pub(crate) fn run() -> Result<(), Failure> {
    let table = rules().values().fold(String::new(), |mut table, rule| {
        let Rule { id, wire, .. } = rule;
        let oasdiff = match (rule.oasdiff(), rule.departure()) {
            (Some(id), Some((level, reason))) => format!("{id}: {level} there, but {reason}"),
            (Some(id), None) => id.to_owned(),
            (None, _) => "-".to_owned(),
        };
        let _ = writeln!(table, "{id:<56}{wire:<6}{} [{oasdiff}]", rule.meaning());
        table
    });
    stdout::print(&table)
}
