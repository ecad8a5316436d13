//! The client axis of `diff`, `drift` and `accept`: what the changes mean for code that uses the generated API.

use super::build::{self, Built, Tables};
use crate::{
    failure::Failure,
    json::Pointer,
    spec::{
        client::{self, Client},
        diagnostics,
        diff::{ClientLevel, Finding},
        document::Document,
        extract::Names,
        generator::{self, Items},
        key_origins,
    },
    workspace::Workspace,
};

/// Adds the effect on the client to findings between two sets of documents. Where a table has no name or constructor, the
/// suggested one is taken, so that an ordinary change does not read as a failure.
pub(super) fn add(
    root: &Workspace,
    findings: Vec<Finding>,
    old: &[&Document],
    new: &[&Document],
) -> Result<Vec<Finding>, Failure> {
    // Without a change of the documents, the client is the same.
    if findings.is_empty() {
        return Ok(findings);
    }
    let tables = Tables::read(root)?;
    let (old, old_items) = match generate(old, &tables, &tables.names)? {
        Ok(generated) => generated,
        Err(problems) => {
            let problems = problems.join("; ");
            diagnostics::warn([format!(
                "the effect on the client is unknown, because the old documents have none: {problems}"
            )]);
            return Ok(findings);
        }
    };
    let (new, new_items) = match generate(new, &tables, &tables.names.clone().or(&old.names))? {
        Ok(generated) => generated,
        Err(problems) => return Ok(with_each(findings, "client-not-generated", &problems)),
    };
    let before = Client { spec: &old.spec, origins: &old.origins, items: old_items };
    let after = Client { spec: &new.spec, origins: &new.origins, items: new_items };
    let unlisted = key_origins::unlisted(&new.spec, &key_origins::listed(root)?);
    let unlisted = unlisted.into_iter().map(|(origin, at): (String, Pointer)| format!("{origin} at {at}"));
    Ok(with_each(
        client::attribute(findings, &before, &after),
        "key-origin-unlisted",
        &unlisted.collect::<Vec<_>>(),
    ))
}

/// Adds a breaking finding for each problem.
fn with_each(mut findings: Vec<Finding>, rule: &str, problems: &[String]) -> Vec<Finding> {
    let problems =
        problems.iter().filter_map(|problem| Finding::of_client(rule, ClientLevel::Breaking, problem));
    findings.extend(problems);
    findings
}

/// Builds the documents and generates their client. The inner error has the reasons why that is not possible.
fn generate(
    documents: &[&Document],
    tables: &Tables,
    names: &Names,
) -> Result<Result<(Built, Items), Vec<String>>, Failure> {
    let built = match build::provisional(documents, tables, names) {
        Ok((built, _)) => built,
        Err(failure) => return Ok(Err(failure.errors().to_vec())),
    };
    Ok(match generator::generate(&built.spec)? {
        Ok(items) => Ok((built, items)),
        Err(problems) => {
            Err(problems.iter().map(|problem| build::describe(problem, &built.origins, documents)).collect())
        }
    })
}
