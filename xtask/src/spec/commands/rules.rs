//! `spec checks`: prints the rules of `spec diff`.

use std::fmt::Write as _;

use crate::{
    failure::Failure,
    spec::diff::{Rule, rules},
    stdout,
};

/// Prints one line per rule: id, levels, meaning, and the id in oasdiff.
pub(crate) fn run() -> Result<(), Failure> {
    let table = rules().values().fold(String::new(), |mut table, rule| {
        let Rule { id, wire, .. } = rule;
        let (meaning, oasdiff) = (rule.meaning(), rule.oasdiff().unwrap_or("-"));
        let _ = writeln!(table, "{id:<56}{wire:<6}{meaning} [{oasdiff}]");
        table
    });
    stdout::print(&table)
}
