//! The simulated network: it loses, refuses and delays requests.

use std::{future::poll_fn, io, pin::pin, sync::LazyLock, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http_body::Body as _;
use reqwest::{
    Body, Client, Method, Request, Response, ResponseBuilderExt,
    dns::{Name, Resolve, Resolving},
};
use serde_json::Value;
use tokio::time::sleep;

use super::current;

/// The outcome of a request on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Answered,
    /// No connection is made.
    NotConnected,
    /// The connection is lost before the server has the request.
    LostBefore,
    /// The connection is lost before the client has the response.
    LostAfter,
    /// The server refuses the request, and asks for a pause, which may be absurd.
    RateLimited,
    /// The request arrives twice, as from a proxy that repeats it.
    Twice,
    /// The response belongs to another task. Not to a create, because each has a connection of its own.
    OfAnotherTask,
    /// The server does not know the task at the moment.
    Forgotten,
}

impl Delivery {
    pub(super) const FAILURES: [Self; 7] = [
        Self::NotConnected,
        Self::LostBefore,
        Self::LostAfter,
        Self::RateLimited,
        Self::Twice,
        Self::OfAnotherTask,
        Self::Forgotten,
    ];

    /// Replaces a delivery that is impossible for the call.
    fn of(self, call: &Call) -> Self {
        match (self, call) {
            (Self::OfAnotherTask | Self::Forgotten, Call::Create { .. }) => Self::Twice,
            (Self::OfAnotherTask, Call::Audio { .. }) => Self::Forgotten,
            _ => self,
        }
    }
}

/// The values of `Retry-After` in a 429.
pub(super) const PAUSES: [&str; 6] = ["1", "0", "120", "31536000", "-1", "soon"];

/// An HTTP client that finds no host, so that it makes no connection.
static WITHOUT_HOSTS: LazyLock<Client> = LazyLock::new(|| {
    let builder = Client::builder().no_proxy().dns_resolver(NoHost);
    builder.build().expect("valid settings")
});

struct NoHost;

impl Resolve for NoHost {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(async { Err("no such host".into()) })
    }
}

/// Sends a request to the simulated server. Returns it as the error if the thread is without one.
pub(crate) async fn exchange(mut request: Request) -> Result<reqwest::Result<Response>, Request> {
    let Some(world) = current::world() else { return Err(request) };
    let (delivery, delay, pause) = world.next_delivery();
    if !delay.is_zero() {
        sleep(delay).await;
    }
    if delivery == Delivery::NotConnected {
        return Ok(WITHOUT_HOSTS.get("http://unknown.invalid").send().await);
    }
    let mut text = Vec::new();
    if let Some(body) = request.body_mut() {
        let mut body = pin!(body);
        while let Some(Ok(frame)) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
            text.extend(frame.into_data().unwrap_or_default());
        }
    }
    let call = Call::of(&request, &text);
    let delivery = delivery.of(&call);
    world.step(&format!("{call} sent"), |_, client| client.on_sent(&call));
    let (status, body) = match delivery {
        Delivery::RateLimited => (429, Vec::new()),
        Delivery::LostBefore => (0, Vec::new()),
        Delivery::Forgotten => (404, Vec::new()),
        Delivery::OfAnotherTask => world.serve_another(&call),
        Delivery::Twice => {
            world.serve_unheard(&call);
            world.serve(&call)
        }
        _ => world.serve(&call),
    };
    sleep(Duration::from_millis(100)).await;
    let is_lost = matches!(delivery, Delivery::LostBefore | Delivery::LostAfter);
    world.step(&format!("{call} {delivery:?}"), |server, client| client.on_answered(&call, delivery, server));
    let mut response = http::Response::builder().url(request.url().clone());
    if status == 429 {
        response = response.header("retry-after", pause);
    }
    let body = if is_lost { Err(io::Error::other("connection lost")) } else { Ok(Bytes::from(body)) };
    // A success without a body is what a lost response looks like.
    let response = response.status(if is_lost { 200 } else { status });
    let body = Body::wrap_stream(stream::iter([body]));
    Ok(Ok(response.body(body).expect("a valid response").into()))
}

/// A call of the API or of the audio host.
pub(super) enum Call {
    Create { text: String },
    Poll { id: String },
    Audio { id: String },
}

impl Call {
    fn of(request: &Request, body: &[u8]) -> Self {
        if request.method() == Method::GET {
            let id = request.url().path_segments().and_then(|mut path| path.next_back());
            return Self::Audio { id: id.unwrap_or_default().to_owned() };
        }
        let body: Value = serde_json::from_slice(body).expect("JSON");
        match (body["input"].as_str(), body["id"].as_str()) {
            (Some(text), _) => Self::Create { text: text.to_owned() },
            (None, id) => Self::Poll { id: id.expect("the id of a task").to_owned() },
        }
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create { text } => write!(f, "create {text:?}"),
            Self::Poll { id } => write!(f, "poll {}", &id[..8]),
            Self::Audio { id } => write!(f, "audio {}", &id[..8]),
        }
    }
}
