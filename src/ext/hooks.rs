//! Where the generated client lets us in: just before a request leaves, and around its sending.

use bytes::Bytes;
use progenitor_client::{ClientHooks, OperationInfo};
use reqwest::{
    Body, Request, Response, ResponseBuilderExt,
    header::{CONTENT_LENGTH, HeaderName, USER_AGENT},
};

use super::{
    body::OnceBody,
    client::{Shared, State},
    fault::words,
};
use crate::{ApiError, Client, generated::facts, types::ErrorBody};

/// The most of a refusal's body that is read. A proxy's error page is far smaller; what is larger is none.
const REFUSAL_LIMIT: usize = 64 * 1024;

/// Sent by the generator with every request; no document of the API knows it.
const UNDOCUMENTED: &str = "api-version";

impl ClientHooks<State> for Client {
    async fn pre<E>(&self, request: &mut Request, _: &OperationInfo) -> Result<(), ApiError<E>> {
        let state = self.state();
        *request.timeout_mut() = Some(state.request_timeout);
        let headers = request.headers_mut();
        headers.remove(UNDOCUMENTED);
        headers.insert(USER_AGENT, state.user_agent.clone());
        headers.insert(HeaderName::from_static(facts::KEY_HEADER), state.key.header());
        Ok(())
    }

    async fn exec(&self, mut request: Request, info: &OperationInfo) -> reqwest::Result<Response> {
        let witness = request.body_mut().take().map(|body| {
            let bytes = Bytes::copy_from_slice(body.as_bytes().unwrap_or_default());
            let (body, witness) = OnceBody::new(bytes);
            *request.body_mut() = Some(Body::wrap(body));
            witness
        });
        match self.client.execute(request).await {
            Ok(response) => {
                tracing::debug!(
                    operation = info.operation_id,
                    status = response.status().as_u16(),
                    "answered"
                );
                Ok(if response.status().is_success() {
                    response
                } else {
                    legible(response, self.state()).await
                })
            }
            Err(error) => {
                let unsent = witness.map_or(error.is_connect(), |witness| witness.unread());
                tracing::debug!(operation = info.operation_id, unsent, "not answered");
                // The error is the HTTP client's, and its address all of it that is ours to change: it stays only if
                // nobody can have seen the request. `Fault` reads that.
                Err(if unsent { error } else { error.without_url() })
            }
        }
    }
}

/// The same refusal with a body that the generated code can read, whatever the server or a proxy wrote: without this,
/// status and headers of a documented error with an HTML page are lost. The key is taken out should it be repeated.
async fn legible(mut response: Response, state: &Shared) -> Response {
    let mut body = Vec::new();
    // A body that breaks off is used as far as it came: the status is what counts.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > REFUSAL_LIMIT {
            body.truncate(REFUSAL_LIMIT);
            break;
        }
    }
    let message = state.key.redacted(&words(&String::from_utf8_lossy(&body)));
    let body = serde_json::to_vec(&ErrorBody { message }).expect("a string is JSON");

    let mut rewritten = http::Response::builder().status(response.status()).url(response.url().clone());
    if let Some(headers) = rewritten.headers_mut() {
        *headers = std::mem::take(response.headers_mut());
        headers.remove(CONTENT_LENGTH);
    }
    rewritten.body(body).expect("its parts come from a response").into()
}
