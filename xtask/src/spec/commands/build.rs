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
        extract::{self, Named, Names},
        merge,
        patches::{self, Fixes},
        relax::{self, Report},
        sources::{
            lockfile::Lock,
            manifest::{self, Sources},
        },
        validate,
    },
    stdout,
    transaction::{self, Change},
    workspace::Workspace,
};

pub(crate) fn run(root: &Workspace, check: bool) -> Result<(), Failure> {
    let documents = committed(root)?;
    let (built, report) = build(&documents, &Tables::read(root)?)?;
    let text = json::canonical(&built);
    if check {
        return compare(root, &text);
    }
    let path = root.merged();
    transaction::commit(vec![Change::Write(path.clone(), text)])?;
    let rules = report.iter().map(|(rule, changes)| format!("  {rule}: {changes}\n"));
    stdout::print(&format!("{}\n{}", root.relative(&path), rules.collect::<String>()))
}

/// The tables written by hand that the build applies.
pub(crate) struct Tables {
    names: Names,
    fixes: Fixes,
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
    let Provisional { spec, report, problems, .. } = provisional(documents, tables)?;
    problems.map_or(Ok((spec, report)), Err)
}

/// A spec with the suggested names and constructors in place of missing ones, and without the fixes that cannot be
/// applied.
pub(crate) struct Provisional {
    pub(crate) spec: Value,
    pub(crate) report: Report,
    /// The table with the suggested names, and without unused ones. A later build with this table keeps the names.
    #[expect(dead_code, reason = "for comparing the generated clients of two documents")]
    pub(crate) names: Names,
    /// The errors in the tables and fixes, with hints.
    pub(crate) problems: Option<Failure>,
}

/// Builds the spec as far as possible, so that one run finds the problems of all steps.
pub(crate) fn provisional(documents: &[Document], tables: &Tables) -> Result<Provisional, Failure> {
    let outdated = documents.iter().filter_map(|document| document.outdated.clone());
    let problems = outdated.reduce(Failure::worst);
    let merged = match merge::documents_into_one(documents) {
        Ok(merged) => merged,
        Err(failure) => return Err(failure.after(problems)),
    };
    let Named { extracted, names, problems: naming } = extract::extract(merged, &tables.names);
    let problems = Failure::both(problems, naming);
    let relaxed = match relax::relax(extracted) {
        Ok(relaxed) => relaxed,
        Err(failure) => return Err(failure.after(problems)),
    };
    diagnostics::warn(relaxed.warnings);
    let (fixed, outdated) = tables.fixes.apply(relaxed.document);
    let problems = Failure::both(problems, outdated);
    // A fix can make the document invalid, so validate it again.
    let errors = validate::validate(&fixed);
    let errors = diagnostics::lines("openapi/distribute-ai.json", &errors, diagnostics::Severity::Error);
    if !errors.is_empty() {
        let failure = Failure::new(ExitClass::Document, errors);
        let failure = failure.hint("the pages are valid, so the error is in openapi/fixes.json");
        return Err(failure.after(problems));
    }
    let (spec, disagreements) = constructors::add(fixed, &tables.constructors);
    let problems = Failure::both(problems, disagreements);
    Ok(Provisional { spec, report: relaxed.report, names, problems })
}

/// Reads the committed documents, and checks that they are unchanged since they were fetched.
fn committed(root: &Workspace) -> Result<Vec<Document>, Failure> {
    let sources = manifest::read(root)?;
    let texts = upstream(root, &sources)?;
    fail_on(Lock::read(root)?.disagreements(&sources, &texts)).map_err(|failure| {
        failure.hint("`cargo xtask spec fetch` writes the lockfile and the documents again")
    })?;
    let corrections = patches::read_corrections(root, &sources)?;
    document::collect_pages(texts.iter().map(|(page, text)| {
        let name = format!("openapi/upstream/{page}.json");
        Document::read_page(&name, text, corrections.get(page), Strictness::Generation)
    }))
}

fn upstream(root: &Workspace, sources: &Sources) -> Result<BTreeMap<String, String>, Failure> {
    let mut texts = BTreeMap::new();
    let mut failures = None;
    for name in sources.keys() {
        match transaction::read(&root.upstream(name), ExitClass::Document) {
            Ok(text) => drop(texts.insert(name.clone(), text)),
            Err(failure) => failures = Some(failure.after(failures)),
        }
    }
    let hint = "`cargo xtask spec fetch` fetches every page of openapi/sources.toml";
    failures.map_or(Ok(texts), |failure| Err(failure.hint(hint)))
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
