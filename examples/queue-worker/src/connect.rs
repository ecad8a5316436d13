//! Rejects a connection if the machine was suspended while it was opened. Each submission opens a connection, and
//! sends its request directly afterwards.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use distribute_ai::{Client, ClientBuilder};
use tower::{BoxError, Layer, Service};

use crate::context::StartTime;

/// The longest time for opening a connection. The client gives up after 10 seconds that the machine is awake.
pub(crate) const LIMIT: Duration = Duration::from_secs(15);

/// Builds a client for the API. Its submission fails without being sent if opening the connection takes longer than the
/// limit: the machine was suspended.
pub(crate) fn api_client(client: ClientBuilder, limit: Duration) -> Result<Client, distribute_ai::Error> {
    client.configure_http(move |http| http.connector_layer(OnTime { inner: (), limit })).build()
}

/// A connector that checks the time of each connection.
#[derive(Clone, Debug)]
struct OnTime<S> {
    inner: S,
    limit: Duration,
}

impl<S> Layer<S> for OnTime<()> {
    type Service = OnTime<S>;

    fn layer(&self, inner: S) -> OnTime<S> {
        OnTime { inner, limit: self.limit }
    }
}

impl<S, R> Service<R> for OnTime<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (started, limit, connecting) = (StartTime::now(), self.limit, self.inner.call(request));
        Box::pin(async move {
            let connection = connecting.await?;
            if started.elapsed() > limit {
                return Err("the process was suspended while the connection was opened".into());
            }
            Ok(connection)
        })
    }
}

#[cfg(test)]
mod tests {
    use distribute_ai::{ErrorKind, testing::Simulator};

    use super::*;

    #[tokio::test]
    async fn submission_on_a_late_connection_is_not_sent() {
        let simulator = Simulator::start().await.unwrap();
        for (limit, creates) in [(Duration::ZERO, 0), (LIMIT, 1)] {
            let client = api_client(simulator.client_builder(), limit);
            let submitted = client.unwrap().speak("Hello").deadline(Duration::ZERO).submit().await;
            assert_eq!(
                submitted.map_err(|error| error.kind()).err(),
                (creates == 0).then_some(ErrorKind::Unreachable)
            );
            assert_eq!(simulator.requests(), creates);
        }
    }
}
