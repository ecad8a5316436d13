//! The client axis of `spec drift`, beside the fixes and the tables.

use serde_json::{Value, json};

use crate::{
    client_axis::{BODY, CREATE, RESULT, SUCCESS, at, edited, received, sent},
    support::Root,
};

/// Returns the report of `drift` after edits of a page, and its warnings.
fn drift(page: &str, edits: &Value) -> (Value, String) {
    let root = Root::live();
    root.write_pages();
    let document = edited(&root.json(&format!("openapi/upstream/{page}.json")), edits);
    root.write_page(page, &document);
    let result = root.xtask("spec drift --from pages --format json --fail-on none");
    (serde_json::from_str(&result.assert_success()).unwrap(), result.stderr())
}

#[test]
fn fix_that_no_longer_applies_is_left_out_of_both_clients_with_a_warning() {
    let (report, stderr) = drift("speech-create", &at(sent("voice/anyOf/1/description"), json!("A file.")));
    assert_eq!((&report["wire"], &report["client"]), (&json!("info"), &json!("none")), "{report:#}");
    let warnings: Vec<_> = stderr.lines().collect();
    let [warning] = warnings.as_slice() else { panic!("{stderr}") };
    assert!(warning.starts_with("warning: openapi/fixes.json: fix 3 (a voice "), "{stderr}");
    assert!(warning.ends_with("; the clients are compared without this fix"), "{stderr}");

    let required = json!(["id", "status", "created", "model", "results", "cost"]);
    let edits = json!({
        received("cost"): {"type": "number"}, format!("{RESULT}{SUCCESS}/required"): required});
    let (report, stderr) = drift("speech-result", &edits);
    assert!(stderr.contains("warning: openapi/fixes.json: fix 5 ("), "{stderr}");
    assert_eq!(report["client"], "compatible", "{report:#}");
    let text = report.to_string();
    assert!(text.contains("types::SpeechResult::cost: field added"), "{report:#}");
    assert!(!text.contains("types::SpeechResult::created"), "{report:#}");
}

#[test]
fn drift_reports_what_accept_refuses_although_the_api_is_the_same() {
    // No client: a finding.
    for (page, edits, expected) in [
        ("speech-create", at("/openapi".to_owned(), json!("3.0.4")), "3.0.4"),
        (
            "speech-create",
            at("/components/securitySchemes/ApiKeyAuth/name".to_owned(), json!("Authorization")),
            "ApiKeyAuth",
        ),
    ] {
        let (report, _) = drift(page, &edits);
        assert_eq!((&report["wire"], &report["client"]), (&json!("none"), &json!("breaking")), "{report:#}");
        let finding = &report["findings"][0];
        assert_eq!(finding["rule"], "client-not-generated", "{report:#}");
        assert!(finding["message"].as_str().unwrap().contains(expected), "{report:#}");
    }
    // A guard: a warning.
    for schema in [json!({"type": "number", "nullable": false}), json!({"allOf": [{"type": "number"}]})] {
        let (report, stderr) = drift("speech-result", &at(received("created"), schema));
        assert_eq!(report["findings"], json!([]), "{report:#}");
        assert!(
            stderr.starts_with("warning: openapi/fixes.json: fix 4 (") && stderr.lines().count() == 1,
            "{stderr}"
        );
    }
    let order =
        at(format!("{RESULT}{SUCCESS}/required"), json!(["results", "model", "created", "status", "id"]));
    let (report, stderr) = drift("speech-result", &order);
    assert_eq!((&report["findings"], stderr.as_str()), (&json!([]), ""));
}

#[test]
fn drift_reports_the_new_types_of_a_body_that_became_a_component() {
    let root = Root::live();
    let page = root.json("openapi/upstream/speech-create.json");
    let body = page.pointer(&format!("{CREATE}{BODY}")).unwrap();
    let reference = json!({"$ref": "#/components/schemas/CreateSpeech"});
    let edits = json!({"/components/schemas": {"CreateSpeech": body}, format!("{CREATE}{BODY}"): reference});
    let (report, _) = drift("speech-create", &edits);
    assert_eq!((&report["wire"], &report["client"]), (&json!("none"), &json!("breaking")), "{report:#}");
    assert!(report.to_string().contains("types::SpeechRequest: struct removed"), "{report:#}");
}
