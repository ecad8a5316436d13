//! `spec build`: builds the spec from the committed documents, names and fixes.

use std::collections::BTreeMap;

use serde_json::Value;
use similar::TextDiff;

use crate::{
    failure::{ExitClass, Failure},
    json::{self, Pointer},
    spec::{
        constructors::{self, Constructors},
        diagnostics::{self, Diagnostic, Severity, fail_on},
        document::{self, Document, Strictness},
        errors,
        extract::{self, Named, Names, Origins},
        generator::{self, Problem},
        key_origins, merge,
        patches::{self, Fixes, Outdated},
        relax::{self, Relaxed, Report},
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
    let built = build(&documents, &Tables::read(root)?)?;
    let text = json::canonical(&built.spec);
    if check {
        return compare(root, &text);
    }
    check_generation(root, &built, &documents)?;
    let path = root.merged();
    transaction.commit(vec![Change::Write(path.clone(), text)])?;
    let rules = built.report.iter().map(|(rule, changes)| format!("  {rule}: {changes}\n"));
    stdout::print(&format!("{}\n{}", root.relative(&path), rules.collect::<String>()))
}

/// The tables written by hand that the build applies.
pub(crate) struct Tables {
    pub(crate) names: Names,
    pub(crate) fixes: Fixes,
    constructors: Constructors,
}

impl Tables {
    pub(crate) fn read(root: &Workspace) -> Result<Self, Failure> {
        let (names, fixes) = (Names::read(root)?, patches::read(root)?);
        Ok(Self { names, fixes, constructors: Constructors::read(root)? })
    }
}

/// The spec, with what is known about it.
pub(crate) struct Built {
    pub(crate) spec: Value,
    report: Report,
    pub(crate) origins: Origins,
    /// The table with the suggested names, and without unused ones. A later build with this table keeps the names.
    pub(crate) names: Names,
    /// The errors of the fixes that cannot be applied.
    pub(crate) outdated: Outdated,
    warnings: Vec<String>,
}

/// Builds the spec from the documents, without reading or writing files.
pub(crate) fn build(documents: &[Document], tables: &Tables) -> Result<Built, Failure> {
    let (built, problems) = provisional(&documents.iter().collect::<Vec<_>>(), tables, &tables.names)?;
    diagnostics::warn(built.warnings.iter().cloned());
    problems.map_or(Ok(built), Err)
}

/// Builds the spec as far as possible, so that one run finds the problems of all steps: with the suggested names and
/// constructors in place of missing ones, and without the fixes that cannot be applied. Returns the errors in the tables
/// and fixes too, with hints.
pub(crate) fn provisional(
    documents: &[&Document],
    tables: &Tables,
    names: &Names,
) -> Result<(Built, Option<Failure>), Failure> {
    let outdated = documents.iter().filter_map(|document| document.outdated.clone());
    let problems = outdated.reduce(Failure::worst);
    let merged = merge::documents_into_one(documents).map_err(|failure| {
        failure.hint(
            "correct one of the two pages in openapi/corrections/, or remove the line of one from openapi/sources.toml",
        )
    });
    let (merged, mut warnings) =
        match merged.and_then(|(merged, warnings)| Ok((errors::unify(merged)?, warnings))) {
            Ok(merged) => merged,
            Err(failure) => return Err(failure.after(problems)),
        };
    let Named { extracted, names, problems: naming } = extract::extract(merged, names);
    let problems = Failure::both(problems, naming);
    let Relaxed { document: relaxed, report, origins, warnings: relaxing } = relax::relax(extracted);
    warnings.extend(relaxing);
    let (fixed, outdated) = tables.fixes.apply(relaxed.clone());
    let problems = Failure::both(problems, patches::failure(&outdated));
    // A fix can make the document invalid, so validate it again.
    let errors_of = |document: &Value| {
        let errors =
            validate::validate(document).into_iter().filter(|error| error.severity == Severity::Error);
        let problem = |error: Diagnostic| Problem {
            pointer: error.pointer.as_str().to_owned(),
            message: error.message,
        };
        errors.map(|error| describe(&problem(error), &origins, documents)).collect::<Vec<_>>()
    };
    let errors = errors_of(&fixed);
    if !errors.is_empty() {
        let hint = if errors_of(&relaxed).is_empty() {
            "the pages are valid, so the error is in openapi/fixes.json"
        } else {
            "the pages are valid, but the build cannot express this part; correct the page in openapi/corrections/, or \
             the document in openapi/fixes.json"
        };
        return Err(Failure::new(ExitClass::Document, errors).hint(hint).after(problems));
    }
    let (spec, disagreements) = constructors::add(fixed, &tables.constructors);
    let problems = Failure::both(problems, disagreements);
    Ok((Built { spec, report, origins, names, outdated, warnings }, problems))
}

/// Generates the client, and fails if that is not possible: each error has its page and its place in the page.
pub(crate) fn check_generation(root: &Workspace, built: &Built, pages: &[Document]) -> Result<(), Failure> {
    let generated = generator::generate(&built.spec)?.map_err(|problems| {
        let pages: Vec<_> = pages.iter().collect();
        let errors = problems.iter().map(|problem| describe(problem, &built.origins, &pages));
        Failure::new(ExitClass::Document, errors.collect())
    })?;
    key_origins::check(&generated.key_servers, &key_origins::listed(root)?)
}

/// Returns the message of a problem, with the page and the place in it.
pub(super) fn describe(problem: &Problem, origins: &Origins, pages: &[&Document]) -> String {
    let built = Pointer::new(&problem.pointer);
    let tokens: Vec<_> = built.tokens().collect();
    let origin = match tokens.as_slice() {
        [components, schemas, name, ..] if components == "components" && schemas == "schemas" => {
            origins.get(name).and_then(|origins| origins.first()).cloned()
        }
        _ => None,
    };
    let place = origin.as_ref().unwrap_or(&built);
    let place: Vec<_> = place.tokens().collect();
    let operation = match place.as_slice() {
        [paths, path, method, ..] if paths == "paths" => Some((path, method)),
        _ => None,
    };
    let defined = match tokens.as_slice() {
        [components, section, name, ..] if origin.is_none() => {
            pages.iter().find(|page| page.value[components][section].get(name).is_some())
        }
        _ => None,
    };
    let operation = operation.and_then(|(path, method)| {
        let page = pages.iter().find(|page| page.value["paths"][path].get(method).is_some())?;
        // The parameters and servers of a path belong to no operation.
        let id = page.value["paths"][path][method]["operationId"].as_str();
        Some((page, id.map(|id| format!("operation {id}: ")).unwrap_or_default()))
    });
    let at = format!("openapi/distribute-ai.json: {built}: {}", problem.message);
    match (operation, origin) {
        (Some((page, id)), Some(origin)) => format!("page {}: {id}{origin}: {at}", page.name),
        (Some((page, id)), None) => format!("page {}: {id}{at}", page.name),
        (None, _) => defined.map_or(at.clone(), |page| format!("page {}: {at}", page.name)),
    }
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
    let hint = "`cargo xtask spec accept` accepts every page of openapi/sources.toml";
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
