//! The requests of a batch: pairs of a key and a text or a [`Speak`].

use std::{
    borrow::Cow,
    collections::{HashSet, VecDeque},
    fmt,
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

use futures_core::Stream;

use crate::{Client, Speak};

/// A request of a batch: a text, a [`Speak`] with its settings, or a type of your own.
///
/// A text is a `&str`, `String`, `Cow<str>`, `Box<str>`, `Arc<str>` or `Rc<str>`, or a reference to one of
/// them. For settings, use a `Speak`. For your own types, implement this trait:
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
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::testing::Simulator::start().await?;
/// # let client = simulator.client();
/// let dialogue = [
///     Line { speaker: "leo", text: "Who's there?" },
///     Line { speaker: "nora", text: "Nay, answer me." },
/// ];
/// let mut results = client.batch(dialogue.into_iter().enumerate()).run().await?;
/// # assert!(results.next().await.is_some_and(|(_, speech)| speech.is_ok()));
/// # Ok(()) }
/// ```
///
/// A [`TaskId`](crate::TaskId) is not accepted, because it would be spoken and billed:
///
/// ```compile_fail
/// # fn run(client: distribute_ai::Client, ids: Vec<distribute_ai::TaskId>) {
/// client.batch(ids.into_iter().enumerate());
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a request of a batch",
    label = "expected `(key, request)` with a text or a `Speak` as the request",
    note = "a text is a `&str`, `String`, `Cow<str>`, `Box<str>`, `Arc<str>` or a reference to one of them",
    note = "implement `IntoSpeak` for your own type"
)]
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

/// Implements the trait for types of text. `AsRef<str>` would be too general: a task id would be spoken, and billed.
macro_rules! text {
    ($($text:ty),+) => {
        $(impl IntoSpeak for $text {
            fn into_speak(self, client: &Client) -> Speak {
                let text: &str = self.as_ref();
                client.speak(text)
            }
        })+
    };
}

text!(
    &str,
    &&str,
    &String,
    &&String,
    Cow<'_, str>,
    &Cow<'_, str>,
    Box<str>,
    Arc<str>,
    &Arc<str>,
    Rc<str>,
    &Rc<str>
);

/// A list of requests, which takes less memory as it gets shorter.
pub(crate) struct List<K>(VecDeque<(K, Speak)>);

impl<K> List<K> {
    pub(crate) fn next(&mut self) -> Option<(K, Speak)> {
        let next = self.0.pop_front();
        if self.0.len() < self.0.capacity() / 2 {
            self.0.shrink_to_fit();
        }
        next
    }
}

/// The requests of a batch that are not started.
pub(crate) enum Queue<K> {
    List(List<K>),
    /// A stream, and the keys that it has yielded.
    Stream(Pin<Box<dyn Stream<Item = (K, Speak)> + Send>>, HashSet<String>),
}

impl<K> Queue<K> {
    pub(crate) fn list(requests: Vec<(K, Speak)>) -> Self {
        Self::List(List(requests.into()))
    }

    pub(crate) fn stream(requests: impl Stream<Item = (K, Speak)> + Send + 'static) -> Self {
        Self::Stream(Box::pin(requests), HashSet::new())
    }

    /// Returns the requests that are still in the queue, if it is a list.
    pub(crate) fn as_list(&self) -> Option<&[(K, Speak)]> {
        match self {
            // Nothing is added to the list, so it is contiguous.
            Self::List(List(list)) => Some(list.as_slices().0),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_returns_requests_in_order_and_its_memory() {
        let client = Client::builder().api_key("k").build().unwrap();
        let mut queue = Queue::list((0..1_000).map(|key| (key, client.speak("Hello."))).collect());
        let Queue::List(list) = &mut queue else { panic!("a list") };
        let keys: Vec<_> = std::iter::from_fn(|| list.next()).map(|(key, _)| key).take(900).collect();
        assert_eq!(keys, (0..900).collect::<Vec<_>>());
        assert!(list.0.capacity() <= 200, "{}", list.0.capacity());
        assert_eq!(queue.as_list().unwrap()[0].0, 900);
    }
}
