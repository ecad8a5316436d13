//! The place where requests leave the process.

use reqwest::{Client, Request, Response};

/// Sends a request.
pub(crate) async fn execute(client: &Client, request: Request) -> reqwest::Result<Response> {
    // A fuzz target supplies the responses; without any, the request is sent.
    #[cfg(distribute_ai_fuzzing)]
    let request = match crate::ext::fuzzing::fake_response(request).await {
        Ok(response) => return Ok(response),
        Err(request) => request,
    };
    // A simulated network answers in the tests of crashes.
    #[cfg(test)]
    let request = match crate::ext::world::network::exchange(request).await {
        Ok(result) => return result,
        Err(request) => request,
    };
    client.execute(request).await
}
