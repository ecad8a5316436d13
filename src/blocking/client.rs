use super::{Batch, Speak, SpeechTask, Store, runtime::Runtime};
use crate::{TaskId, batch::IntoSpeak};

/// A blocking client for the API: the API key, the base URL, the connections and a thread that drives them.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let (key, url) = (simulator.api_key().to_owned(), simulator.base_url());
/// use distribute_ai::blocking::Client;
///
/// let client = Client::builder().api_key(key).base_url(url).build()?;
/// let speech = client.speak("Hello from Rust.").voice("nora").run()?;
/// speech.save(std::env::temp_dir().join("hello.wav"))?;
/// # Ok(()) }
/// ```
///
/// This type is the blocking counterpart of [`crate::Client`]. Cloning is cheap, and clones share
/// one client and its thread. The [module](super) describes threads and async code.
#[derive(Clone, Debug)]
pub struct Client {
    inner: crate::Client,
    runtime: Runtime,
}

impl Client {
    pub(super) fn new(inner: crate::Client, runtime: Runtime) -> Self {
        Self { inner, runtime }
    }

    /// Creates a speech request for a text of 2 to 4,096 characters.
    ///
    /// Nothing is sent until you call [`Speak::run`] or [`Speak::submit`]. The text is validated then. For a
    /// longer text, use [`Speak::in_pieces`].
    pub fn speak(&self, input: impl Into<String>) -> Speak {
        Speak::new(self.inner.speak(input), self.runtime.clone())
    }

    /// Returns the store that all requests of the client use, if it has one.
    #[must_use]
    pub fn store(&self) -> Option<Store> {
        let store = self.inner.store()?;
        Some(Store::new(store.clone(), self.runtime.clone()))
    }

    /// Returns a handle to an existing task, which this or another process submitted. No request is sent.
    ///
    /// ```no_run
    /// # fn run(client: distribute_ai::blocking::Client) -> Result<(), distribute_ai::Error> {
    /// let id = "1b671a64-40d5-491e-99b0-da01ff1f3341".parse()?;
    /// let speech = client.task(id).wait().run()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn task(&self, id: TaskId) -> SpeechTask {
        SpeechTask::new(self.inner.task(id), self.runtime.clone())
    }

    /// Creates a batch from an iterator of `(key, request)`, where a request is a text or a [`Speak`].
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::blocking::Simulator::start()?;
    /// # let client = simulator.client();
    /// # let directory = std::env::temp_dir();
    /// let lines = ["Call me Ishmael.", "Some years ago."];
    /// let requests = lines
    ///     .iter()
    ///     .enumerate()
    ///     .map(|(number, line)| (number, client.speak(*line).voice("nora")));
    /// let batch = client.batch(requests).max_in_flight(8).requests_per_second(20.0);
    ///
    /// for (number, speech) in batch.run()? {
    ///     // Returning early would stop the batch.
    ///     match speech.and_then(|speech| speech.save(directory.join(format!("{number}.wav")))) {
    ///         Ok(bytes) => println!("line {number}: {bytes} bytes"),
    ///         Err(error) => eprintln!("line {number}: {error}"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// The iterator is read completely at once. [`Batch::run`] validates the batch. Nothing is sent until
    /// you read the results.
    pub fn batch<K>(&self, requests: impl IntoIterator<Item = (K, impl IntoSpeak)>) -> Batch<K> {
        Batch::new(self.inner.batch(requests), self.runtime.clone())
    }
}
