//! Gives every operation the same error responses: any status that is no success, with an [`ERROR_BODY`].
//!
//! A server and the proxies before it send statuses and bodies that a page omits. The client therefore turns the body of
//! every error response into this schema: it sets `message` to the reason, and keeps the other members of a JSON object.
//! The error responses of a page may differ, or have no body, and nothing changes for users when a page adds one.

use serde_json::{Value, json};

use super::{
    extract::reference,
    traverse::{METHODS, resolve},
};
use crate::failure::Failure;

const ERROR_BODY: &str = "ErrorBody";

/// Replaces the error responses of all operations, and defines their body.
pub(super) fn unify(mut document: Value) -> Result<Value, Failure> {
    let body = json!({
        "type": "object",
        "description": "The body of an error response.",
        "properties": {"message": {"type": "string", "description": "The reason, as text."}},
        "required": ["message"],
        "additionalProperties": {},
    });
    // A built document has this schema already.
    let is_taken = |schema: &Value| {
        body.as_object().is_some_and(|of| of.iter().any(|(key, value)| schema[key] != *value))
    };
    if document["components"]["schemas"].get(ERROR_BODY).is_some_and(is_taken) {
        return Err(Failure::document(format!(
            "/components/schemas/{ERROR_BODY}: this name is taken by the body of all error responses; rename the schema \
             in openapi/corrections/"
        )));
    }
    let published = document.clone();
    let items = document["paths"].as_object_mut().into_iter().flatten();
    for (_, item) in items.filter(|(path, _)| path.starts_with('/')) {
        for method in METHODS {
            if let Some(Value::Object(responses)) = item.pointer_mut(&format!("/{method}/responses")) {
                let has_success = responses.keys().any(|status| status.starts_with('2'));
                // The default is for any other status: an error, if there is a success.
                if let Some(default) = responses.remove("default").filter(|_| !has_success) {
                    responses.insert("2XX".to_owned(), default);
                }
                for (status, response) in responses.iter_mut() {
                    if !status.starts_with('2') && !status.starts_with("x-") {
                        let description = resolve(&published, response)["description"].clone();
                        *response = error_response(&description);
                    }
                }
                for status in ["4XX", "5XX"] {
                    let any = || error_response(&json!("Any other error."));
                    responses.entry(status).or_insert_with(any);
                }
            }
        }
    }
    document["components"]["schemas"][ERROR_BODY] = body;
    Ok(document)
}

fn error_response(description: &Value) -> Value {
    json!({"description": description, "content": {"application/json": {"schema": reference(ERROR_BODY)}}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_responses_of_any_form_become_the_same() {
        let error =
            |schema: Value| json!({"description": "d", "content": {"application/json": {"schema": schema}}});
        let success = error(json!({"type": "string"}));
        let document = json!({
            "components": {"responses": {"Gone": {"description": "gone"}}},
            "paths": {"/a": {"post": {"responses": {
                "200": success,
                "302": {"description": "moved"},
                "400": error(json!({"type": "object", "properties": {"message": {"type": "string"}}})),
                "410": {"$ref": "#/components/responses/Gone"},
                "422": error(json!({"type": "array", "items": {"type": "string"}})),
                "default": error(json!({"type": "integer"})),
            }}, "get": {"responses": {"default": success, "5XX": {"description": "s"}}}}}});
        let unified = unify(document).unwrap();
        let body = |description: &str| error_response(&json!(description));
        assert_eq!(
            unified["paths"]["/a"]["post"]["responses"],
            json!({"200": success, "302": body("moved"), "400": body("d"), "410": body("gone"), "422": body("d"),
                "4XX": body("Any other error."), "5XX": body("Any other error.")})
        );
        assert_eq!(
            unified["paths"]["/a"]["get"]["responses"],
            json!({"2XX": success, "4XX": body("Any other error."), "5XX": body("s")})
        );
        assert_eq!(unified["components"]["schemas"][ERROR_BODY]["required"], json!(["message"]));
        assert_eq!(unify(unified.clone()).unwrap(), unified);
        let mut taken = unified;
        taken["components"]["schemas"][ERROR_BODY]["required"] = json!(["code"]);
        assert!(unify(taken).unwrap_err().to_string().contains("this name is taken"));
    }
}
