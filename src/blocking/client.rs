use super::{Batch, Speak, SpeechTask, runtime::Runtime};
use crate::{ClientBuilder, Error, TaskId, batch::IntoSpeak};

/// A client of the API that waits: the key, the address, the connections, and a thread for them.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let simulator = distribute_ai::blocking::Simulator::start()?;
/// # let (key, url) = (simulator.api_key().to_owned(), simulator.base_url());
/// use distribute_ai::blocking::Client;
///
/// let client = Client::builder().api_key(key).base_url(url).build_blocking()?;
/// let speech = client.speak("Hello from Rust.").voice("nora").wait()?;
/// speech.save(std::env::temp_dir().join("hello.wav"))?;
/// # Ok(()) }
/// ```
///
/// It is [`crate::Client`] otherwise: cloning is cheap, and clones are one client. See the [module](super) for threads
/// and async code.
#[derive(Clone, Debug)]
pub struct Client {
    client: crate::Client,
    runtime: Runtime,
}

impl Client {
    /// Settings for a client; [`build_blocking`](ClientBuilder::build_blocking) makes it.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// As [`crate::Client::from_env`]: for the key in `DISTRIBUTE_AI_API_KEY`, at the address in `DISTRIBUTE_AI_BASE_URL`
    /// if that is set.
    ///
    /// ```no_run
    /// let client = distribute_ai::blocking::Client::from_env()?;
    /// # Ok::<(), distribute_ai::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_invalid`](Error::is_invalid): the key is not set or is empty; or as [`ClientBuilder::build_blocking`].
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build_blocking()
    }

    /// Speaks a text of 2 to 4,096 characters.
    ///
    /// Nothing is sent until [`Speak::wait`] or [`Speak::submit`]; the text is checked then.
    pub fn speak(&self, input: impl Into<String>) -> Speak {
        Speak::new(self.client.speak(input), self.runtime.clone())
    }

    /// Comes back to a task by its id, in this process or another. Sends nothing by itself.
    ///
    /// ```no_run
    /// # fn run(client: distribute_ai::blocking::Client) -> Result<(), distribute_ai::Error> {
    /// let id = "1b671a64-40d5-491e-99b0-da01ff1f3341".parse()?;
    /// let speech = client.task(id).wait()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn task(&self, id: TaskId) -> SpeechTask {
        SpeechTask::new(self.client.task(id), self.runtime.clone())
    }

    /// Speaks many texts: every iterator of `(key, request)`, where a request is a [`Speak`] or a text alone. It is read
    /// to its end at once.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let simulator = distribute_ai::blocking::Simulator::start()?;
    /// # let client = simulator.client();
    /// # let directory = std::env::temp_dir();
    /// let lines = ["Call me Ishmael.", "Some years ago."];
    /// let requests = lines.iter().enumerate().map(|(number, line)| (number, client.speak(*line).voice("nora")));
    ///
    /// for (number, speech) in client.batch(requests).max_in_flight(8).requests_per_second(20.0).run()? {
    ///     match speech {
    ///         Ok(speech) => drop(speech.save(directory.join(format!("{number}.wav")))?),
    ///         Err(error) => eprintln!("line {number}: {error}"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn batch<K>(&self, requests: impl IntoIterator<Item = (K, impl IntoSpeak)>) -> Batch<K> {
        Batch::new(self.client.batch(requests), self.runtime.clone())
    }
}

/// For the [`blocking`](super) client.
#[cfg_attr(docsrs, doc(cfg(feature = "blocking")))]
impl ClientBuilder {
    /// The client that waits, with a thread of its own.
    ///
    /// ```
    /// let client = distribute_ai::blocking::Client::builder().api_key("your-key").build_blocking()?;
    /// # Ok::<(), distribute_ai::Error>(())
    /// ```
    ///
    /// An [`http_client`](Self::http_client) should not be used by an async runtime as well: a connection belongs to the
    /// runtime that opened it.
    ///
    /// # Errors
    ///
    /// Those of [`build`](Self::build); [`is_invalid`](Error::is_invalid), too, if this machine has no thread left.
    pub fn build_blocking(self) -> Result<Client, Error> {
        let client = self.build()?;
        let runtime = Runtime::start().map_err(|error| {
            Error::invalid("blocking client", "could not start its thread").with_source(error)
        })?;
        Ok(Client { client, runtime })
    }
}
