//! The hooks that the generated client calls: before a request is sent, and around sending it.

use progenitor_client::{ClientHooks, OperationInfo};
use reqwest::{
    Body, Request, Response, ResponseBuilderExt, StatusCode, Url,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue, USER_AGENT},
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{ClientState, Inner, address::host_and_port};
use crate::{
    ApiError, Client,
    ext::{
        error::ApiErrorResponse,
        transport::{
            call, content_encoding, exchange,
            failure::error_message,
            json_parts::is_json,
            lenient::without_addresses,
            once_body::{OnceBody, SendGuard},
            request_id::request_id,
            retry_after::retry_after,
        },
    },
    generated::facts,
};

/// The maximum number of bytes that are read of an error response, and of a response of [`SPEECH_OPERATIONS`], which has a
/// few hundred bytes. A longer body is truncated.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// The maximum number of bytes that are read of any other success, which may contain images. A longer body is truncated.
const MAX_SUCCESS_BYTES: usize = 64 * 1024 * 1024;

/// The byte order mark, which some servers put before a text.
const BOM: &str = "\u{feff}";

/// The header that the generator adds to every request, and that the API does not document.
static API_VERSION_HEADER: HeaderName = HeaderName::from_static("api-version");

/// The operations of speech, whose many requests may be in flight at once.
const SPEECH_OPERATIONS: [&str; 2] = [CREATE_OPERATION, "async_speech_result"];

/// The operation that is billed, and never sent on a connection that was used before.
const CREATE_OPERATION: &str = "async_speech_create";

#[doc(hidden)]
impl ClientHooks<ClientState> for Client {
    async fn pre<E>(&self, request: &mut Request, info: &OperationInfo) -> Result<(), ApiError<E>> {
        let inner = self.inner();
        *request.timeout_mut() = Some(inner.request_timeout);
        let headers = request.headers_mut();
        headers.remove(&API_VERSION_HEADER);
        if let Some(agent) = &inner.user_agent {
            headers.insert(USER_AGENT, agent.clone());
        }
        if !facts::WITHOUT_KEY.contains(&info.operation_id) {
            headers.insert(HeaderName::from_static(facts::KEY_HEADER), inner.key.header());
        }
        // A body in an unknown encoding would lose the id of a billed task.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        Ok(())
    }

    async fn exec(&self, mut request: Request, info: &OperationInfo) -> reqwest::Result<Response> {
        let (inner, operation, sent_at) = (self.inner(), info.operation_id, Instant::now());
        if inner.custom_http_client {
            mark_for_redirect_detection(request.url_mut());
        }
        let url = request.url().clone();
        let guard = guard_body(&mut request);
        let http = inner.submit_client.as_ref().filter(|_| operation == CREATE_OPERATION);
        let (result, not_sent) = match exchange::execute(http.unwrap_or(&self.client), request).await {
            Ok(response) => (self.read_response(response, &url, operation, sent_at).await, false),
            Err(error) => (Err(error), guard.is_some_and(|guard| guard.revoke())),
        };
        if let Ok(response) = &result {
            tracing::debug!(operation, status = response.status().as_u16(), "response received");
        } else {
            call::record(|report| (report.not_sent, report.host) = (not_sent, host_and_port(&url)));
            tracing::debug!(operation, not_sent, "request failed");
        }
        // The URL of a redirect may contain any text from a server.
        result.map_err(reqwest::Error::without_url)
    }
}

/// Marks the URL so that a redirect changes it, even a redirect to the same address.
///
/// A custom HTTP client may follow redirects, and reqwest does not report how many it has followed.
/// The response carries the URL of the last request, which a server sets with its `Location`
/// header. The mark is an empty query or an empty last parameter, so it does not change the
/// parameters. Limit: a `Location` that repeats the mark exactly is not detected.
fn mark_for_redirect_detection(url: &mut Url) {
    let query = url.query().map_or_else(String::new, |query| format!("{query}&"));
    url.set_query(Some(&query));
}

/// Replaces the body with a body that records whether it was read.
fn guard_body(request: &mut Request) -> Option<SendGuard> {
    let (body, guard) = OnceBody::new(request.body_mut().take()?, call::take_on_written());
    *request.body_mut() = Some(Body::wrap(body));
    Some(guard)
}

impl Client {
    /// Reads the response and returns it in a form that the generated code can parse.
    ///
    /// If the connection is lost, a success is used if its JSON is complete, because the JSON may
    /// contain the id of a billed task. An error response is always used, because its status is enough.
    async fn read_response(
        &self,
        mut response: Response,
        url: &Url,
        operation: &str,
        sent_at: Instant,
    ) -> reqwest::Result<Response> {
        let (inner, status) = (self.inner(), response.status());
        if response.url() != url {
            if response.url().origin() == url.origin() {
                let (text, _) = read_text(&mut response, MAX_RESPONSE_BYTES).await;
                call::record(|report| report.task_id = call::task_id_in(&text, &inner.key));
            }
            return Ok(redirected_response(&response));
        }
        let retry_after = retry_after(response.headers());
        let request_id = request_id(response.headers(), &inner.key);
        call::record(|report| report.request_id.clone_from(&request_id));
        if status.is_success() {
            inner.cooldown.on_success(sent_at);
        } else {
            let error_response = ApiErrorResponse { status, message: None, retry_after, request_id };
            inner.cooldown.on_error_response(&error_response);
        }
        let is_large = status.is_success() && !SPEECH_OPERATIONS.contains(&operation);
        let limit = if is_large { MAX_SUCCESS_BYTES } else { MAX_RESPONSE_BYTES };
        let (mut text, lost) = read_text(&mut response, limit).await;
        if operation == CREATE_OPERATION {
            call::record(|report| report.task_id = call::task_id_in(&text, &inner.key));
        }
        if !status.is_success() {
            text = to_error_body(&text, lost.is_some(), inner);
        } else if let Some(error) = lost
            && !is_json(&text)
        {
            call::record(|report| report.partial = Some((status, text)));
            return Err(error);
        } else {
            call::record(|report| report.retry_after = retry_after);
            text = inner.key.redact_success(text);
        }
        inner.key.redact_headers(response.headers_mut());
        Ok(replace_body(response, url, text))
    }
}

/// Reads and decodes up to `limit` bytes. If the connection is lost, also returns the error.
async fn read_text(response: &mut Response, limit: usize) -> (String, Option<reqwest::Error>) {
    let (mut body, mut lost) = (Vec::new(), None);
    while body.len() < limit {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => {
                lost = Some(error);
                break;
            }
        }
    }
    body.truncate(limit);
    let body =
        content_encoding::decode(response.headers(), body, limit).unwrap_or_else(|(body, encoding)| {
            call::record(|report| report.encoding = Some(encoding));
            body
        });
    (decode_text(body), lost)
}

/// Decodes a body as UTF-8, without a byte order mark. Invalid bytes are replaced, so that the task
/// id is not lost.
fn decode_text(body: Vec<u8>) -> String {
    let text =
        String::from_utf8(body).unwrap_or_else(|body| String::from_utf8_lossy(body.as_bytes()).into_owned());
    text.strip_prefix(BOM).map(str::to_owned).unwrap_or(text)
}

/// Returns an error body that the generated code can parse, without the key.
///
/// Without this, an HTML page under a documented error status would lose the status and the headers. The other members of
/// a JSON object are kept if the body is no longer than a message may be.
fn to_error_body(text: &str, is_cut: bool, inner: &Inner) -> String {
    let excerpt = |text: &str| if is_cut { inner.key.excerpt_of_cut(text) } else { inner.key.excerpt(text) };
    let mut body: Map<String, Value> = serde_json::from_str(&excerpt(text)).unwrap_or_default();
    body.insert("message".to_owned(), excerpt(&without_addresses(&error_message(text))).into());
    Value::Object(body).to_string()
}

/// Returns a 302 in place of a response that another address has sent.
///
/// The custom HTTP client has followed a redirect. The only response to the request itself was the redirect.
fn redirected_response(response: &Response) -> Response {
    let message = format!("redirected to {}", response.url().origin().ascii_serialization());
    let body = json!({"message": message}).to_string();
    let redirect = http::Response::builder().status(StatusCode::FOUND);
    redirect.body(body).expect("a status and a body make a response").into()
}

/// Returns the response with another body.
fn replace_body(mut response: Response, url: &Url, body: String) -> Response {
    let mut rebuilt = http::Response::builder().status(response.status()).version(response.version());
    if let Some(headers) = rebuilt.headers_mut() {
        *headers = std::mem::take(response.headers_mut());
        headers.remove(CONTENT_LENGTH);
        headers.remove(CONTENT_ENCODING);
    }
    if let Some(extensions) = rebuilt.extensions_mut() {
        *extensions = std::mem::take(response.extensions_mut());
    }
    rebuilt.url(url.clone()).body(body).expect("the parts come from a response").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirect_mark_keeps_an_existing_query() {
        for (url, marked) in [
            ("https://example.com/a", "https://example.com/a?"),
            ("https://example.com/a?page=2&all", "https://example.com/a?page=2&all&"),
        ] {
            let mut url: Url = url.parse().unwrap();
            mark_for_redirect_detection(&mut url);
            assert_eq!(url.as_str(), marked);
        }
    }

    #[tokio::test]
    async fn success_of_another_operation_may_have_two_mebibytes() {
        let client = Client::builder().api_key("k").build().unwrap();
        let url: Url = "https://example.com/images".parse().unwrap();
        let body = "x".repeat(2 * 1024 * 1024);
        for (operation, length) in [("images", body.len()), (CREATE_OPERATION, 1024 * 1024)] {
            let response = http::Response::builder().url(url.clone()).body(body.clone()).unwrap();
            let read = client.read_response(response.into(), &url, operation, Instant::now()).await.unwrap();
            assert_eq!(read.text().await.unwrap().len(), length);
        }
    }
}
