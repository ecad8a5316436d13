//! `spec build`: builds the spec from the committed documents, names and fixes.

use std::collections::BTreeMap;

use serde_json::Value;
use similar::TextDiff;

use crate::{
    failure::{ExitClass, Failure},
    json,
    spec::{
        constructors::{self, Constructors},
        diagnostics::{self, fail_on},
        document::{self, Document, Strictness},
        extract::{self, Names},
        merge, patches,
        relax::{self, Report},
        sources::{
            lockfile::Lock,
            manifest::{self, Sources},
        },
        validate,
    },
    stdout,
    transaction::{self, Change, Transaction},
    workspace::Workspace,
};

pub(crate) fn run(root: &Workspace, check: bool) -> Result<(), Failure> {
    let transaction = Transaction::begin(root.openapi_dir())?;
    let documents = committed(root)?;
    let (built, report) = build(&documents, &Tables::read(root)?)?;
    let text = json::canonical(&built);
    if check {
        return compare(root, &text);
    }
    let path = root.merged();
    transaction.commit(vec![Change::Write(path.clone(), text)])?;
    let rules = report.iter().map(|(rule, changes)| format!("  {rule}: {changes}\n"));
    stdout::print(&format!("{}\n{}", root.relative(&path), rules.collect::<String>()))
}

/// The tables written by hand that the build applies.
pub(crate) struct Tables {
    names: Names,
    fixes: Vec<patches::Fix>,
    constructors: Constructors,
}

impl Tables {
    pub(crate) fn read(root: &Workspace) -> Result<Self, Failure> {
        let (names, fixes) = (Names::read(root)?, patches::read(root)?);
        Ok(Self { names, fixes, constructors: Constructors::read(root)? })
    }
}

/// Builds the spec from the documents, without reading or writing files.
pub(crate) fn build(documents: &[Document], tables: &Tables) -> Result<(Value, Report), Failure> {
    let merged = merge::documents_into_one(documents)?;
    let relaxed = relax::relax(extract::extract(merged, &tables.names)?)?;
    diagnostics::warn(relaxed.warnings);
    let corrected = patches::apply(relaxed.document, &tables.fixes)?;
    // A fix can make the document invalid, so validate it again.
    let problems = validate::validate(&corrected);
    let errors = diagnostics::lines("openapi/distribute-ai.json", &problems, diagnostics::Severity::Error);
    if !errors.is_empty() {
        let failure = Failure::new(ExitClass::Document, errors);
        return Err(failure.hint("the pages are valid, so the error is in openapi/fixes.json"));
    }
    Ok((constructors::add(corrected, &tables.constructors)?, relaxed.report))
}

/// Reads the committed documents, and checks that they are unchanged since they were fetched.
fn committed(root: &Workspace) -> Result<Vec<Document>, Failure> {
    let sources = manifest::read(root)?;
    let texts = upstream(root, &sources)?;
    fail_on(Lock::read(root)?.disagreements(&sources, &texts)).map_err(|failure| {
        failure.hint(
            "`git restore openapi` restores what was accepted; `cargo xtask spec accept` accepts the pages of openapi/sources.toml",
        )
    })?;
    document::collect(texts.iter().map(|(name, text)| {
        Document::read(&format!("openapi/upstream/{name}.json"), text, Strictness::Generation)
    }))
}

fn upstream(root: &Workspace, sources: &Sources) -> Result<BTreeMap<String, String>, Failure> {
    let mut texts = BTreeMap::new();
    for name in sources.keys() {
        let path = root.upstream(name);
        let text = transaction::read(&path, ExitClass::Document).map_err(|failure| {
            failure.hint("`cargo xtask spec accept` accepts every page of openapi/sources.toml")
        })?;
        texts.insert(name.clone(), text);
    }
    Ok(texts)
}

fn compare(root: &Workspace, built: &str) -> Result<(), Failure> {
    let path = root.merged();
    let file = root.relative(&path);
    let found = if path.exists() { transaction::read(&path, ExitClass::Usage)? } else { String::new() };
    if found == built {
        return stdout::print(&format!("{file} is up to date\n"));
    }
    let diff = TextDiff::from_lines(&found, built);
    let old = format!("{file} (current)");
    let new = format!("{file} (built)");
    stdout::print(&diff.unified_diff().context_radius(3).header(&old, &new).to_string())?;
    let failure = Failure::new(ExitClass::Stale, vec![format!("{file} is stale")]);
    Err(failure.hint("`cargo xtask spec build` writes it; corrections belong in openapi/fixes.json"))
}
