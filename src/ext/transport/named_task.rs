//! A refusal that names a task is none: the id is of something that may be paid for.
//!
//! The generated code reads the message of a documented refusal and drops the rest of its body, but keeps the headers.
//! So that is where the id travels from the hooks to [`Fault`](super::fault::Fault).

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::api_key::ApiKey;
use crate::{TaskId, types::TaskCreated};

const HEADER: HeaderName = HeaderName::from_static("distribute-ai-named-task");

/// The header is ours: what a server sends under its name is taken out of every reply.
pub(crate) fn forget(headers: &mut HeaderMap) {
    headers.remove(HEADER);
}

/// Puts the id that the body of a refusal names, if it does, among its headers. Freed of the key, as all that is kept of
/// a refusal; but read first: without the key another text may be JSON.
pub(crate) fn keep(body: &str, key: &ApiKey, headers: &mut HeaderMap) {
    if let Ok(created) = serde_json::from_str::<TaskCreated>(body)
        && !created.id.is_empty()
        && let Ok(value) = HeaderValue::try_from(as_json(&key.redact(&created.id)))
    {
        headers.insert(HEADER, value);
    }
}

/// An id may hold what no header can; as JSON, it doesn't, but for one character that JSON leaves as it is.
fn as_json(id: &str) -> String {
    serde_json::Value::from(id).to_string().replace('\u{7f}', "\\u007f")
}

/// The id that was kept.
pub(crate) fn kept(headers: &HeaderMap) -> Option<TaskId> {
    serde_json::from_slice(headers.get(HEADER)?.as_bytes()).ok().map(|id: String| TaskId::from_server(id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "sk-\"1";

    fn through(body: &str) -> Option<TaskId> {
        let mut headers = HeaderMap::new();
        keep(body, &ApiKey::new(KEY).unwrap(), &mut headers);
        kept(&headers)
    }

    #[test]
    fn an_id_comes_through_whatever_is_in_it() {
        for id in ["t1", "two\nlines", "del\u{7f}", "\0", "\"quoted\"", "größe"] {
            let body = json!({"id": id, "message": "queue full"}).to_string();
            assert_eq!(through(&body).unwrap().as_str(), id);
        }
    }

    #[test]
    fn what_names_no_task_keeps_none() {
        for body in ["", "<h1>502</h1>", "[]", "{}", r#"{"id": ""}"#, r#"{"id": 7}"#, r#"{"message": "no"}"#]
        {
            assert_eq!(through(body), None, "{body}");
        }
    }

    #[test]
    fn the_key_in_an_id_is_taken_out_and_one_that_breaks_the_json_makes_no_id() {
        let body = json!({"id": format!("t1-{KEY}-2")}).to_string();
        assert_eq!(through(&body).unwrap().as_str(), "t1-[redacted]-2");
        assert_eq!(through(&format!("{{\"id\": \"t1-{KEY}-2\"}}")), None);
    }

    #[test]
    fn a_header_that_a_server_sends_is_no_id() {
        let mut headers = HeaderMap::from_iter([(HEADER, HeaderValue::from_static("\"forged\""))]);
        forget(&mut headers);
        assert_eq!(kept(&headers), None);
    }
}
