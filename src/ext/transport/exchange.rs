//! The place where requests leave the process.

use reqwest::{Client, Request, Response};

/// Sends a request, without redirects and retries of our own.
pub(crate) async fn execute(client: &Client, request: Request) -> reqwest::Result<Response> {
    // A simulated network answers in the tests of crashes.
    #[cfg(test)]
    let request = match crate::ext::world::network::exchange(client, request).await {
        Ok(result) => return result,
        Err(request) => request,
    };
    client.execute(request).await
}
