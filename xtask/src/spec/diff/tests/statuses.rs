//! Statuses that are described by a single status, a range or the default response.

use serde_json::{Map, Value, json};

use crate::spec::diff::{diff, finding::worst};

/// Returns a document with these statuses, each with the type of its body. An empty type means no body.
fn document(statuses: &[(&str, &str)]) -> Value {
    let response = |kind: &str| match kind {
        "" => json!({"description": "d"}),
        kind => json!({"description": kind, "content": {"application/json": {"schema": {"type": kind}}}}),
    };
    let responses: Map<_, _> =
        statuses.iter().map(|(status, kind)| ((*status).to_owned(), response(kind))).collect();
    json!({"paths": {"/a": {"get": {"responses": responses}}}})
}

type Statuses<'a> = &'a [(&'a str, &'a str)];

#[track_caller]
fn assert_levels(cases: &[(Statuses, Statuses, &str)]) {
    for (base, revision, expected) in cases {
        let findings = diff(&document(base), &document(revision));
        let messages: Vec<_> = findings.iter().map(|finding| &finding.message).collect();
        assert_eq!(worst(&findings).0.as_str(), *expected, "{base:?} {revision:?} {messages:#?}");
    }
}

#[test]
fn body_that_changes_with_its_status_is_an_error() {
    let (old, new) = ("string", "integer");
    assert_levels(&[
        (&[("404", old)], &[("4XX", new)], "err"),
        (&[("default", old)], &[("404", new)], "err"),
        (&[("default", old)], &[("200", new)], "err"),
        (&[("default", old)], &[("2XX", new), ("default", old)], "err"),
        (&[("2XX", old)], &[("2XX", old), ("200", new)], "err"),
        (&[("4XX", old)], &[("4XX", old), ("404", new)], "err"),
        (&[("4XX", new), ("404", old)], &[("4XX", new)], "err"),
        (&[("200", old), ("default", new)], &[("default", new)], "err"),
        (&[("4XX", old)], &[("404", new)], "err"),
        (&[("5XX", old)], &[("default", new)], "err"),
    ]);
}

#[test]
fn body_that_keeps_its_description_is_no_error() {
    let same = "string";
    assert_levels(&[
        (&[("202", same)], &[("2XX", same)], "info"),
        (&[("2XX", same), ("201", same)], &[("2XX", same)], "info"),
        (&[("2XX", same)], &[("2XX", same), ("201", same)], "info"),
        (&[("200", same), ("default", same)], &[("default", same)], "info"),
        (&[("default", same)], &[("200", same), ("default", same)], "info"),
        (&[("4XX", same)], &[("default", same)], "info"),
    ]);
}

#[test]
fn default_beside_a_success_status_describes_errors() {
    let (body, error) = ("string", "object");
    assert_levels(&[
        (&[("200", body), ("default", error)], &[("200", body), ("201", body), ("default", error)], "info"),
        (&[("200", body), ("201", body), ("default", error)], &[("200", body), ("default", error)], "err"),
        (&[("200", body), ("default", error)], &[("200", body), ("401", ""), ("default", error)], "info"),
        (&[("200", body), ("default", error)], &[("200", body), ("404", body), ("default", error)], "err"),
        (&[("200", ""), ("default", error)], &[("default", error)], "err"),
        (&[("200", body)], &[("201", body)], "err"),
    ]);
}

#[test]
fn redirect_is_not_called_an_error() {
    let [base, revision] = [&[("200", "")][..], &[("200", ""), ("302", "")]].map(document);
    for findings in [diff(&base, &revision), diff(&revision, &base)] {
        assert!(!findings[0].message.contains("error"), "{}", findings[0].message);
    }
}
