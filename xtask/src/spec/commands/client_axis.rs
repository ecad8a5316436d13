//! The client axis of `diff`, `drift` and `accept`: what the changes mean for code that uses the generated API.

use super::build::{self, Built, Tables};
use crate::{
    failure::Failure,
    spec::{
        client::{self, Client},
        diagnostics,
        diff::{ClientLevel, DocumentChange, Finding},
        document::Document,
        extract::Origins,
        generator::{self, Generated, Problem},
        key_origins,
        patches::Outdated,
    },
    workspace::Workspace,
};

/// Adds the effect on the client to findings between two sets of documents. Where a table lacks a name or constructor, the
/// suggested one is taken, so that an ordinary change does not read as a failure. A fix that cannot be applied to one of the
/// sets is left out of both, with a warning.
pub(super) fn add(
    root: &Workspace,
    findings: Vec<Finding>,
    old: &[&Document],
    new: &[&Document],
) -> Result<Vec<Finding>, Failure> {
    // Documents of one meaning may have different clients, or one that cannot be built.
    let [before, after] = [old, new].map(|documents| documents.iter().map(|document| document.corrected()));
    if findings.is_empty() && before.eq(after) {
        return Ok(findings);
    }
    let mut tables = Tables::read(root)?;
    let mut left_out = false;
    let (old_built, new_built, refusals) = loop {
        let (old_built, old_problems) = match build::provisional(old, &tables, &tables.names) {
            Ok(built) => built,
            Err(failure) => return Ok(unknown(findings, failure.errors())),
        };
        let names = tables.names.clone().or(&old_built.names);
        let (new_built, new_problems) = match build::provisional(new, &tables, &names) {
            Ok(built) => built,
            Err(failure) => {
                return Ok(with_each(findings, DocumentChange::ClientNotGenerated, failure.errors()));
            }
        };
        // Otherwise a fix of one client would show as a change of its public items.
        let one_sided = one_sided(&old_built.outdated, &new_built.outdated);
        if one_sided.is_empty() {
            break (old_built, new_built, only_new(new_problems.as_ref(), old_problems.as_ref()));
        }
        left_out = true;
        diagnostics::warn(
            one_sided.values().map(|error| format!("{error}; the clients are compared without this fix")),
        );
        tables.fixes.leave_out(one_sided.into_keys().collect());
    };
    let (old_client, new_client) = match (generate(&old_built, old)?, generate(&new_built, new)?) {
        (Ok(old_client), Ok(new_client)) => (old_client, new_client),
        (Ok(_), Err(problems)) => {
            return Ok(with_each(findings, DocumentChange::ClientNotGenerated, &problems));
        }
        // Without the fix, the old documents may have no client either.
        (Err(_), Err(problems)) if left_out => {
            return Ok(with_each(findings, DocumentChange::ClientNotGenerated, &problems));
        }
        (Err(problems), _) => return Ok(unknown(findings, &problems)),
    };
    let before = Client { origins: &old_built.origins, items: &old_client.items };
    let after = Client { origins: &new_built.origins, items: &new_client.items };
    let findings = with_differences(root, findings, (&before, &after), &new_client)?;
    if findings.is_empty() {
        diagnostics::warn(refusals);
    }
    Ok(findings)
}

/// Adds the effect on the client to findings between two built documents, whose clients are generated from them as they are.
pub(super) fn add_built(
    root: &Workspace,
    findings: Vec<Finding>,
    [old, new]: [&Document; 2],
) -> Result<Vec<Finding>, Failure> {
    if old.value == new.value {
        return Ok(findings);
    }
    let generate = |document: &Document| {
        let describe =
            |problem: Problem| format!("{}: {}: {}", document.name, problem.pointer, problem.message);
        let generated = generator::generate(&document.value)?;
        Ok(generated.map_err(|problems| problems.into_iter().map(describe).collect::<Vec<_>>()))
    };
    let (old_client, new_client) = match (generate(old)?, generate(new)?) {
        (Ok(old_client), Ok(new_client)) => (old_client, new_client),
        (Ok(_), Err(problems)) => {
            return Ok(with_each(findings, DocumentChange::ClientNotGenerated, &problems));
        }
        (Err(problems), _) => return Ok(unknown(findings, &problems)),
    };
    let origins = Origins::default();
    let before = Client { origins: &origins, items: &old_client.items };
    let after = Client { origins: &origins, items: &new_client.items };
    with_differences(root, findings, (&before, &after), &new_client)
}

/// Adds the differences of the clients to the findings, and the servers that must not receive the key.
fn with_differences(
    root: &Workspace,
    findings: Vec<Finding>,
    (before, after): (&Client, &Client),
    generated: &Generated,
) -> Result<Vec<Finding>, Failure> {
    let unlisted = key_origins::unlisted(&generated.key_servers, &key_origins::listed(root)?);
    let unlisted = unlisted.into_iter().map(|(origin, at)| format!("{origin} at {at}"));
    let findings = client::attribute(findings, before, after);
    Ok(with_each(findings, DocumentChange::KeyOriginUnlisted, &unlisted.collect::<Vec<_>>()))
}

/// Returns the errors in the tables and fixes that only the new documents have.
fn only_new(new: Option<&Failure>, old: Option<&Failure>) -> Vec<String> {
    let [new, old] = [new, old].map(|failure| failure.map_or(&[][..], Failure::errors));
    new.iter().filter(|error| !old.contains(error)).cloned().collect()
}

/// Adds a breaking finding for each problem.
fn with_each(mut findings: Vec<Finding>, change: DocumentChange, problems: &[String]) -> Vec<Finding> {
    let problems = problems.iter().map(|problem| Finding::of_client(change, ClientLevel::Breaking, problem));
    findings.extend(problems);
    findings
}

/// Returns the findings without the effect on the client, and prints why it is unknown.
fn unknown(findings: Vec<Finding>, problems: &[String]) -> Vec<Finding> {
    let problems = problems.join("; ");
    diagnostics::warn([format!(
        "the effect on the client is unknown, because the old documents have none: {problems}"
    )]);
    findings
}

/// Returns the fixes that can be applied to one of the documents only.
fn one_sided(old: &Outdated, new: &Outdated) -> Outdated {
    let only = |one: &Outdated, other: &Outdated| {
        let one = one.iter().filter(|(number, _)| !other.contains_key(number));
        one.map(|(number, error)| (*number, error.clone())).collect::<Outdated>()
    };
    only(old, new).into_iter().chain(only(new, old)).collect()
}

/// Generates the client of the documents. The inner error has the reasons why that is not possible.
fn generate(built: &Built, documents: &[&Document]) -> Result<Result<Generated, Vec<String>>, Failure> {
    let describe = |problem| build::describe(&problem, &built.origins, documents);
    Ok(generator::generate(&built.spec)?.map_err(|problems| problems.into_iter().map(describe).collect()))
}
