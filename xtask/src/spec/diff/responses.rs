//! What an operation answers: statuses, headers, bodies.

use super::{
    body,
    finding::Values,
    node::{Node, Pair, matched},
    parameters,
    rules::Site,
    walk::{Walk, joined, nearest, same},
};

const KEY: &str = "responses";

pub(super) fn compare(walk: &mut Walk, operation: &Pair) {
    let parents = (nearest(&operation.base, KEY), nearest(&operation.revision, KEY));
    let matched = matched(statuses(&operation.base), statuses(&operation.revision));
    for (status, node) in matched.removed {
        let rule = format!("response-{}-removed", kind(&status));
        walk.say(&rule, (&node.at, &parents.1), &subject(&status), Values::default());
    }
    for (status, node) in matched.added {
        let rule = format!("response-{}-added", kind(&status));
        walk.say(&rule, (&parents.0, &node.at), &subject(&status), Values::default());
    }
    for (status, pair) in matched.both {
        response(walk, &pair, &subject(&status));
    }
    if let Some(pair) = operation.get(KEY) {
        walk.rest_where(&pair, KEY, |key| key.starts_with("x-"));
    }
}

fn response(walk: &mut Walk, pair: &Pair, subject: &str) {
    headers(walk, pair, subject);
    body::content(walk, pair, &body::RESPONSE, subject);
    if !walk.alike(pair.base.get("links").as_ref(), pair.revision.get("links").as_ref()) {
        walk.say_member("response-links-changed", pair, "links", subject);
    }
    walk.rest(pair, subject, &["headers", "content", "links"]);
}

fn headers(walk: &mut Walk, pair: &Pair, subject: &str) {
    let matched = matched(named(&pair.base), named(&pair.revision));
    let subject = |name: &str| joined(subject, &format!("header {name}"));
    for (name, node) in matched.removed {
        let rule = if node.flag("required") {
            "required-response-header-removed"
        } else {
            "optional-response-header-removed"
        };
        walk.say(rule, (&node.at, &pair.revision.at), &subject(&name), Values::default());
    }
    for (name, node) in matched.added {
        walk.say("response-header-added", (&pair.base.at, &node.at), &subject(&name), Values::default());
    }
    for (name, pair) in matched.both {
        header(walk, &pair, &subject(&name));
    }
}

/// HTTP does not tell capitals apart in the names of headers.
fn named<'a>(response: &Node<'a>) -> impl Iterator<Item = (String, Node<'a>)> {
    response.members_of("headers").into_iter().map(|(name, node)| (name.to_lowercase(), node))
}

fn header(walk: &mut Walk, pair: &Pair, subject: &str) {
    walk.flag(
        pair,
        "required",
        ("response-header-became-required", "response-header-became-optional"),
        subject,
    );
    walk.flag(pair, "deprecated", ("response-header-deprecated", "response-header-reactivated"), subject);
    let (before, after) = (pair.base.value, pair.revision.value);
    if ["style", "explode"].iter().any(|key| !same(before.get(key), after.get(key))) {
        walk.say(
            "response-header-style-changed",
            (&pair.base.at, &pair.revision.at),
            subject,
            Values::default(),
        );
    }
    parameters::content(walk, pair, Site::ResponseHeader, subject);
    walk.rest(pair, subject, &["required", "deprecated", "style", "explode", "schema", "content"]);
}

/// By status, as in `200`, `4XX` and `default`.
fn statuses<'a>(operation: &Node<'a>) -> Vec<(String, Node<'a>)> {
    let responses = operation.members_of(KEY);
    let named = responses.into_iter().filter(|(status, _)| !status.starts_with("x-"));
    named.map(|(status, node)| (status.to_uppercase().replace("DEFAULT", "default"), node)).collect()
}

fn kind(status: &str) -> &'static str {
    match status {
        "default" => "default",
        status if status.starts_with('2') => "success-status",
        _ => "non-success-status",
    }
}

fn subject(status: &str) -> String {
    format!("response {status}")
}
