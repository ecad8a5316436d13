//! A refusal that names a task is none: the id is of something that may be paid for.
//!
//! The generated code reads the message of a documented refusal and drops the rest of its body, but keeps the headers.
//! So that is where the id travels from the hooks to [`Fault`](super::fault::Fault).

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::TaskId;
use crate::types::TaskCreated;

/// Ours: what a server sends under this name with a refusal is taken out.
const HEADER: HeaderName = HeaderName::from_static("distribute-ai-named-task");

/// Puts the id that the body of a refusal names, if it does, among its headers.
pub(crate) fn keep(body: &str, headers: &mut HeaderMap) {
    headers.remove(HEADER);
    if let Ok(created) = serde_json::from_str::<TaskCreated>(body)
        && !created.id.is_empty()
        // As JSON: an id may hold what no header can.
        && let Ok(value) = HeaderValue::try_from(serde_json::Value::from(created.id).to_string())
    {
        headers.insert(HEADER, value);
    }
}

/// The id that was kept.
pub(crate) fn kept(headers: &HeaderMap) -> Option<TaskId> {
    serde_json::from_slice(headers.get(HEADER)?.as_bytes()).ok().map(|id: String| TaskId::from_server(id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn through(body: &str) -> Option<TaskId> {
        let mut headers = HeaderMap::new();
        keep(body, &mut headers);
        kept(&headers)
    }

    #[test]
    fn an_id_comes_through_whatever_is_in_it() {
        for id in ["t1", "two\nlines", "\"quoted\"", "größe"] {
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
    fn a_header_that_a_server_sends_is_no_id() {
        let mut headers = HeaderMap::from_iter([(HEADER, HeaderValue::from_static("\"forged\""))]);
        keep("{}", &mut headers);
        assert_eq!(kept(&headers), None);
    }
}
