//! The requests of a batch: pairs of a key and a text or a [`Speak`].

use std::{collections::HashSet, fmt, pin::Pin, vec};

use futures_core::Stream;
use futures_util::StreamExt;

use crate::{Client, Speak};

/// A request of a batch: a [`Speak`] with its settings, a text, or a type of your own.
///
/// ```
/// use distribute_ai::{Client, Speak, batch::IntoSpeak};
///
/// struct Line {
///     speaker: &'static str,
///     text: &'static str,
/// }
///
/// impl IntoSpeak for Line {
///     fn into_speak(self, client: &Client) -> Speak {
///         client.speak(self.text).voice(self.speaker)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// let dialogue = [
///     Line { speaker: "leo", text: "Who's there?" },
///     Line { speaker: "nora", text: "Nay, answer me." },
/// ];
/// let mut results = client.batch(dialogue.into_iter().enumerate()).run();
/// # assert!(results.next().await.is_some_and(|(_, speech)| speech.is_ok()));
/// # Ok(()) }
/// ```
pub trait IntoSpeak {
    /// Returns the request for this client.
    fn into_speak(self, client: &Client) -> Speak;
}

impl IntoSpeak for Speak {
    fn into_speak(self, _: &Client) -> Speak {
        self
    }
}

impl IntoSpeak for String {
    fn into_speak(self, client: &Client) -> Speak {
        client.speak(self)
    }
}

impl IntoSpeak for &str {
    fn into_speak(self, client: &Client) -> Speak {
        client.speak(self)
    }
}

/// The requests that [`Client::batch`] accepts: an iterator or a stream of `(key, request)`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// use futures_util::{StreamExt, stream};
///
/// let list = client.batch([("a", "Good morning."), ("b", "Good night.")]);
/// let endless = client.batch(stream::repeat("Again.").enumerate());
/// # Ok(()) }
/// ```
///
/// An iterator is read completely before anything is sent, so that duplicate keys are found. A
/// stream is read while the batch runs, so it may be endless.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as the requests of a batch",
    note = "expected an iterator or a `Send + 'static` stream of `(key, request)`; a key is `Display + Send`, a request a `Speak`, a `String` or a `&str`"
)]
pub trait IntoRequests<K, By> {
    /// Returns the requests as a list or a stream.
    #[doc(hidden)]
    fn into_requests(self, client: &Client) -> Requests<K>;
}

/// Marks an iterator of requests. The compiler infers this type. See [`IntoRequests`].
#[derive(Debug)]
pub enum ByIterator {}

/// Marks a stream of requests. The compiler infers this type. See [`IntoRequests`].
#[derive(Debug)]
pub enum ByStream {}

impl<K, R, I> IntoRequests<K, ByIterator> for I
where
    I: IntoIterator<Item = (K, R)>,
    R: IntoSpeak,
{
    fn into_requests(self, client: &Client) -> Requests<K> {
        let speaks = self.into_iter().map(|(key, request)| (key, request.into_speak(client)));
        Requests(Queue::list(speaks.collect()))
    }
}

impl<K, R, S> IntoRequests<K, ByStream> for S
where
    S: Stream<Item = (K, R)> + Send + 'static,
    R: IntoSpeak,
{
    fn into_requests(self, client: &Client) -> Requests<K> {
        let client = client.clone();
        Requests(Queue::stream(self.map(move |(key, request)| (key, request.into_speak(&client)))))
    }
}

#[doc(hidden)]
pub struct Requests<K>(pub(super) Queue<K>);

impl<K> fmt::Debug for Requests<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The requests of a batch that are not started.
pub(crate) enum Queue<K> {
    List(vec::IntoIter<(K, Speak)>),
    /// A stream, and the keys that it has yielded.
    Stream(Pin<Box<dyn Stream<Item = (K, Speak)> + Send>>, HashSet<String>),
}

impl<K> Queue<K> {
    pub(crate) fn list(requests: Vec<(K, Speak)>) -> Self {
        Self::List(requests.into_iter())
    }

    pub(crate) fn stream(requests: impl Stream<Item = (K, Speak)> + Send + 'static) -> Self {
        Self::Stream(Box::pin(requests), HashSet::new())
    }

    /// Returns the requests that are still in the queue, if it is a list.
    pub(crate) fn as_list(&self) -> Option<&[(K, Speak)]> {
        match self {
            Self::List(list) => Some(list.as_slice()),
            Self::Stream(..) => None,
        }
    }
}

impl<K> fmt::Debug for Queue<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_list() {
            Some(list) => write!(f, "{} requests", list.len()),
            None => f.write_str("a stream of requests"),
        }
    }
}
