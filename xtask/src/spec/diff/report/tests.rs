use serde_json::{Value, json};

use super::*;
use crate::spec::diff::{ClientLevel, diff};

fn findings() -> Vec<Finding> {
    let document = |kind: &str, description: &str| {
        json!({"openapi": "3.0.3", "paths": {"/a": {"get": {"description": description, "responses": {"200": {
            "description": "d", "content": {"application/json": {"schema": {"type": kind}}}}}}}}})
    };
    let mut findings = diff(&document("string", "a"), &document("integer", "<b> | @c\n\u{1}%"));
    let changed =
        findings.iter_mut().find(|finding| finding.rule.id == "response-body-type-changed").unwrap();
    changed.add_difference(ClientLevel::Breaking, "Client::a(): type is now `i64`".to_owned());
    findings
}

fn render(format: Format) -> String {
    let options = ReportOptions { format, fail_on: FailOn::Err, axis: Axis::Wire, ignore: None };
    options.render(&findings(), "new.json")
}

#[test]
fn text_report_lists_worst_first_and_ends_with_summary() {
    let text = render(Format::Text);
    assert!(
        text.starts_with("err  breaking   GET /a: response 200 application/json: type or format changed"),
        "{text}"
    );
    assert!(text.contains("\n                Client::a(): type is now `i64`\n"), "{text}");
    assert!(text.ends_with("2 changes; wire err, client breaking\n"), "{text}");
}

#[test]
fn json_report_has_the_documented_keys() {
    let value: Value = serde_json::from_str(&render(Format::Json)).unwrap();
    assert_eq!((&value["wire"], &value["client"]), (&json!("err"), &json!("breaking")));
    let keys: Vec<_> = value["findings"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "base_pointer",
            "client",
            "fingerprint",
            "message",
            "operation",
            "revision_pointer",
            "rule",
            "surface",
            "wire"
        ]
    );
    assert_eq!(value["findings"][0]["surface"], json!(["Client::a(): type is now `i64`"]));
    let none = json::render(&[]);
    let none: Value = serde_json::from_str(&none).unwrap();
    assert_eq!(none, json!({"findings": [], "wire": "none", "client": "none"}));
}

#[test]
fn markdown_report_escapes_untrusted_text() {
    let text = render(Format::Markdown);
    assert!(text.contains(r"<b> \| @c"), "{text}");
    assert_eq!(text.lines().count(), 6, "{text}");
}

/// Each cell with untrusted text is one code span, whatever the text. Only a code span is neutral for GitHub.
#[test]
fn markdown_report_has_untrusted_text_in_code_spans_only() {
    let hostile = r"#1 owner/repo#1 GH-1 @name https://x.y <b> `@name` ``@name`` | \| \\| \` *a* [a](b) \";
    let document = |kind: &str| {
        json!({"openapi": "3.0.3", "paths": {format!("/{hostile}\u{202e}\n"): {"get": {
            "description": hostile, "responses": {"200": {"description": hostile, "content": {"text/plain": {
                "schema": {"type": kind}}}}}}}}})
    };
    let report = markdown(&diff(&document("string"), &document("integer")));
    let row = report.lines().last().unwrap();
    assert!(row.contains("#1 owner/repo#1 GH-1 @name https://x.y <b> '@name' ''@name''"), "{row}");
    // As GitHub splits a row: a backslash escapes the next character.
    let (mut cells, mut escaped) = (vec![String::new()], false);
    for c in row.chars() {
        if c == '|' && !escaped {
            cells.push(String::new());
        } else {
            cells.last_mut().unwrap().push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    let cells: Vec<_> = cells.iter().map(|cell| cell.trim()).collect();
    assert_eq!(cells.len(), 7, "{cells:#?}");
    for cell in &cells[3..6] {
        assert!(cell.starts_with('`') && cell.ends_with('`') && cell.matches('`').count() == 2, "{cell}");
    }
}

#[test]
fn reports_replace_control_characters_of_untrusted_names() {
    let document = |kind: &str| {
        json!({"openapi": "3.0.3", "paths": {"/a\u{1b}[31m\r\n": {"get": {"responses": {"200": {
            "description": "d", "content": {"\u{9b}7m\u{202e}\u{200b}\u{2028}\nerror: forged": {"schema": {"type": kind}}}}}}}}})
    };
    let findings = diff(&document("string"), &document("integer"));
    let reports = [
        text::render(&findings),
        markdown(&findings),
        github::render(&findings, "new.json"),
        junit::render(&findings, |_| true),
    ];
    for report in reports {
        assert!(report.contains("forged"), "{report:?}");
        assert!(!report.contains(['\u{202e}', '\u{200b}', '\u{2028}']), "{report:?}");
        assert!(!report.contains(|c: char| c.is_control() && c != '\n'), "{report:?}");
        assert!(!report.contains("\nerror: forged"), "{report:?}");
    }
}

#[test]
fn github_annotation_is_one_escaped_line() {
    let text = render(Format::Github);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("::notice file=new.json,title=description-changed::GET /a: "), "{text}");
    assert!(text.contains("%25") && !text.contains("%\""), "{text}");
}

#[test]
fn junit_test_case_fails_if_finding_reaches_threshold() {
    let text = render(Format::Junit);
    assert!(text.contains("tests=\"2\" failures=\"1\""), "{text}");
    assert_eq!(text.matches("<failure ").count(), 1, "{text}");
    assert!(text.contains("&lt;b&gt;"), "{text}");
    assert!(junit::render(&[], |_| true).contains("name=\"no change\"/>"));
}
