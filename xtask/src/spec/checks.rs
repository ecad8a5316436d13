//! `spec checks`: the table of rules, as `spec diff` judges by it.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::diff::{Rule, rules};
use crate::{error::Failure, json::canonical, stdout};

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// Columns
    Text,
    /// A table
    Markdown,
    /// A list of objects
    Json,
}

pub(crate) fn run(format: Format) -> Result<(), Failure> {
    let rules = rules().values();
    stdout::print(&match format {
        Format::Text => text(rules),
        Format::Markdown => markdown(rules),
        Format::Json => canonical(&rules.map(object).collect()),
    })
}

fn text<'a>(rules: impl Iterator<Item = &'a Rule>) -> String {
    rules.fold(String::new(), |mut out, rule| {
        let Rule { id, wire, client, .. } = rule;
        let _ = writeln!(
            out,
            "{id:<56}{wire:<6}{client:<12}{} [{}]",
            rule.meaning(),
            rule.oasdiff().unwrap_or("-")
        );
        out
    })
}

fn markdown<'a>(rules: impl Iterator<Item = &'a Rule>) -> String {
    let head = "| rule | wire | client | meaning | oasdiff |\n|---|---|---|---|---|\n".to_owned();
    rules.fold(head, |mut out, rule| {
        let Rule { id, wire, client, .. } = rule;
        let _ = writeln!(
            out,
            "| `{id}` | {wire} | {client} | {} | {} |",
            rule.meaning(),
            rule.oasdiff().unwrap_or("-")
        );
        out
    })
}

fn object(rule: &Rule) -> Value {
    json!({
        "rule": rule.id,
        "wire": rule.wire.as_str(),
        "client": rule.client.as_str(),
        "meaning": rule.meaning(),
        "oasdiff": rule.oasdiff(),
    })
}
