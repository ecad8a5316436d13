//! The client axis of `diff`, `drift` and `accept`: what the changes mean for code that uses the generated API.

use super::build::{self, Built, Tables};
use crate::{
    failure::Failure,
    spec::{
        client::{self, Client},
        diagnostics,
        diff::{ClientLevel, DocumentChange, Finding},
        document::Document,
        extract::Names,
        generator::{self, Generated},
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
    let (old, old_client) = match generate(old, &tables, &tables.names)? {
        Ok(generated) => generated,
        Err(problems) => {
            let problems = problems.join("; ");
            diagnostics::warn([format!(
                "the effect on the client is unknown, because the old documents have none: {problems}"
            )]);
            return Ok(findings);
        }
    };
    let (new, new_client) = match generate(new, &tables, &tables.names.clone().or(&old.names))? {
        Ok(generated) => generated,
        Err(problems) => return Ok(with_each(findings, DocumentChange::ClientNotGenerated, &problems)),
    };
    let before = Client { origins: &old.origins, items: &old_client.items };
    let after = Client { origins: &new.origins, items: &new_client.items };
    let unlisted = key_origins::unlisted(&new_client.key_servers, &key_origins::listed(root)?);
    let unlisted = unlisted.into_iter().map(|(origin, at)| format!("{origin} at {at}"));
    Ok(with_each(
        client::attribute(findings, &before, &after),
        DocumentChange::KeyOriginUnlisted,
        &unlisted.collect::<Vec<_>>(),
    ))
}

/// Adds a breaking finding for each problem.
fn with_each(mut findings: Vec<Finding>, change: DocumentChange, problems: &[String]) -> Vec<Finding> {
    let problems = problems.iter().map(|problem| Finding::of_client(change, ClientLevel::Breaking, problem));
    findings.extend(problems);
    findings
}

/// Builds the documents and generates their client. The inner error has the reasons why that is not possible.
fn generate(
    documents: &[&Document],
    tables: &Tables,
    names: &Names,
) -> Result<Result<(Built, Generated), Vec<String>>, Failure> {
    let built = match build::provisional(documents, tables, names) {
        Ok((built, _)) => built,
        Err(failure) => return Ok(Err(failure.errors().to_vec())),
    };
    Ok(match generator::generate(&built.spec)? {
        Ok(generated) => Ok((built, generated)),
        Err(problems) => {
            Err(problems.iter().map(|problem| build::describe(problem, &built.origins, documents)).collect())
        }
    })
}
