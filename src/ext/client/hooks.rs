//! Where the generated client lets us in: just before a request leaves, and around its sending.

use progenitor_client::{ClientHooks, OperationInfo};
use reqwest::{
    Body, Request, Response, ResponseBuilderExt, StatusCode, Url,
    header::{CONTENT_LENGTH, HeaderName, USER_AGENT},
};
use serde_json::json;

use super::{ClientState, Inner};
use crate::{
    ApiError, Client,
    ext::transport::{
        failure::error_message,
        named_task,
        once_body::{OnceBody, SendGuard},
        retry_after::retry_after,
    },
    generated::facts,
};

/// The most of a reply that is read. What the API says is a few hundred bytes; what is larger comes from elsewhere, and
/// is cut.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// Says of a text that it is one, and in which order its bytes are.
const BOM: &str = "\u{feff}";

/// Sent by the generator with every request; no document of the API knows it.
const API_VERSION_HEADER: &str = "api-version";

impl ClientHooks<ClientState> for Client {
    async fn pre<E>(&self, request: &mut Request, _: &OperationInfo) -> Result<(), ApiError<E>> {
        let state = self.inner();
        *request.timeout_mut() = Some(state.request_timeout);
        let headers = request.headers_mut();
        headers.remove(API_VERSION_HEADER);
        if let Some(agent) = &state.user_agent {
            headers.insert(USER_AGENT, agent.clone());
        }
        headers.insert(HeaderName::from_static(facts::KEY_HEADER), state.key.header());
        Ok(())
    }

    async fn exec(&self, mut request: Request, info: &OperationInfo) -> reqwest::Result<Response> {
        if self.inner().custom_http_client {
            // Changes nothing about where it goes, but a redirect to the same place comes back without it.
            request.url_mut().set_query(Some(""));
        }
        let url = request.url().clone();
        let claim = guard_body(&mut request);
        let answer = match execute(self, request).await {
            Ok(response) => self.read_response(response, url).await.map_err(reqwest::Error::without_url),
            // The error is the HTTP client's, and its address all of it that is ours to change: it stays only if
            // nobody has seen the request and nobody will. `Fault` reads that.
            Err(error) if claim.is_some_and(|claim| claim.revoke()) => Err(error.with_url(url)),
            Err(error) => Err(error.without_url()),
        };
        let operation = info.operation_id;
        match &answer {
            Ok(response) => tracing::debug!(operation, status = response.status().as_u16(), "answered"),
            Err(error) => tracing::debug!(operation, unsent = error.url().is_some(), "not answered"),
        }
        answer
    }
}

/// Puts a body in place that can tell whether it was read.
fn guard_body(request: &mut Request) -> Option<SendGuard> {
    let (body, claim) = OnceBody::new(request.body_mut().take()?);
    *request.body_mut() = Some(Body::wrap(body));
    Some(claim)
}

impl Client {
    /// The whole of an answer, in a form that the generated code can read.
    async fn read_response(&self, mut response: Response, asked: Url) -> reqwest::Result<Response> {
        let state = self.inner();
        if *response.url() != asked {
            return Ok(redirected_response(&response));
        }
        if !response.status().is_success()
            && let Some(time) = retry_after(response.headers())
        {
            // For every request of this client, not only the one that was told.
            state.cooldown.extend(time);
        }
        named_task::forget(response.headers_mut());
        let mut text = decode_text(read_body(&mut response).await?);
        if !response.status().is_success() {
            named_task::keep(&text, &state.key, response.headers_mut());
            text = to_error_body(&text, state);
        }
        Ok(replace_body(response, asked, text))
    }
}

async fn execute(client: &Client, request: Request) -> reqwest::Result<Response> {
    // Answers in the place of a server. Nobody else who builds for a fuzzer has any ready.
    #[cfg(fuzzing)]
    let request = match crate::ext::fuzzing::fake_response(request).await {
        Ok(answer) => return Ok(answer),
        Err(request) => request,
    };
    client.client.execute(request).await
}

/// As much as there is, or as is let in. What broke off stands if it is whole all the same: a `{"id": …}` is too dear to
/// be thrown away for a connection that ended badly, and of a refusal it is the status that counts.
async fn read_body(response: &mut Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while body.len() < MAX_RESPONSE_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(error) if response.status().is_success() => {
                let json = body.strip_prefix(BOM.as_bytes()).unwrap_or(&body);
                let whole = serde_json::from_slice::<serde::de::IgnoredAny>(json).is_ok();
                return if whole { Ok(body) } else { Err(error) };
            }
            Ok(None) | Err(_) => break,
        }
    }
    body.truncate(MAX_RESPONSE_BYTES);
    Ok(body)
}

/// JSON is text. One broken character in an id, or the mark that some servers put before a text, must not cost the id.
fn decode_text(body: Vec<u8>) -> String {
    let text =
        String::from_utf8(body).unwrap_or_else(|body| String::from_utf8_lossy(body.as_bytes()).into_owned());
    text.strip_prefix(BOM).map(str::to_owned).unwrap_or(text)
}

/// The body of a refusal as the generated code can read it, whatever the server or a proxy wrote: without this, status
/// and headers of a documented error with an HTML page are lost. The key is taken out should it be repeated.
fn to_error_body(text: &str, state: &Inner) -> String {
    json!({"message": state.key.redact(&error_message(text))}).to_string()
}

/// An HTTP client of the user's has followed a redirect, and this is the answer of another address to another request.
/// The one that was asked for got no answer but the redirect.
fn redirected_response(response: &Response) -> Response {
    let message = format!("redirected to {}", response.url().origin().ascii_serialization());
    let body = json!({"message": message}).to_string();
    let redirect = http::Response::builder().status(StatusCode::FOUND);
    redirect.body(body).expect("a status and a body make a response").into()
}

/// The response with this body in the place of its own, and all else as it was.
fn replace_body(mut response: Response, url: Url, body: String) -> Response {
    let mut rebuilt = http::Response::builder().status(response.status()).version(response.version());
    if let Some(headers) = rebuilt.headers_mut() {
        *headers = std::mem::take(response.headers_mut());
        headers.remove(CONTENT_LENGTH);
    }
    if let Some(extensions) = rebuilt.extensions_mut() {
        *extensions = std::mem::take(response.extensions_mut());
    }
    rebuilt.url(url).body(body).expect("its parts come from a response").into()
}
