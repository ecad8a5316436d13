use std::{io, ops::Deref, sync::Arc, time::Duration};

use super::{Client, runtime::Runtime};
use crate::testing::{self, Host, SimulatorBuilder};

/// A [simulator](testing::Simulator) for tests without async, which runs on its own thread.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use distribute_ai::{
///     blocking::Simulator,
///     testing::{Fault, Route, Script},
/// };
///
/// let simulator = Simulator::start()?;
/// simulator.script(Route::Result, Script::nth(3, Fault::status(503)));
///
/// simulator.client().speak("Hello").wait()?;
///
/// assert_eq!(simulator.spoken(), ["Hello"]);
/// assert_eq!(simulator.faults(), 1);
/// # Ok(()) }
/// ```
///
/// The type dereferences to [`testing::Simulator`] for methods that do not wait, such as scripts
/// and counters.
#[derive(Debug)]
#[must_use = "the simulator stops when it is dropped"]
pub struct Simulator {
    simulator: Arc<testing::Simulator>,
    runtime: Runtime,
}

impl Simulator {
    /// Starts a simulator with the [defaults](SimulatorBuilder#default).
    ///
    /// # Errors
    ///
    /// Returns an error if no loopback socket can be opened, or if called in an async task.
    pub fn start() -> io::Result<Self> {
        Self::builder().start_blocking()
    }

    /// Creates a builder for a simulator with other settings.
    ///
    /// [`start_blocking`](SimulatorBuilder::start_blocking) starts the simulator.
    pub fn builder() -> SimulatorBuilder {
        testing::Simulator::builder()
    }

    /// Creates a client for this simulator, which polls every 50 ms.
    ///
    /// # Panics
    ///
    /// Panics if a thread cannot be started, or if TLS cannot be initialised on this machine. A
    /// client requires TLS even for `http` URLs.
    #[must_use]
    pub fn client(&self) -> Client {
        self.simulator
            .client_builder()
            .build_blocking()
            .expect("the API key and base URL of the simulator are valid")
    }

    /// Stops listening until [`come_up`](Self::come_up) is called.
    ///
    /// See [`testing::Simulator::go_down`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`testing::Simulator::go_down`], and an error if called in an async task.
    pub fn go_down(&self, host: Host) -> io::Result<()> {
        let simulator = Arc::clone(&self.simulator);
        run_io(&self.runtime, async move { simulator.go_down(host).await })
    }

    /// Starts listening again on the same port. Does nothing if the host is up.
    ///
    /// See [`testing::Simulator::come_up`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`testing::Simulator::come_up`], and an error if called in an async task.
    pub fn come_up(&self, host: Host) -> io::Result<()> {
        let simulator = Arc::clone(&self.simulator);
        run_io(&self.runtime, async move { simulator.come_up(host).await })
    }

    /// Stops listening for `time`, then starts again automatically.
    ///
    /// See [`testing::Simulator::down_for`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`testing::Simulator::down_for`], and an error if called in an async task.
    pub fn down_for(&self, host: Host, time: Duration) -> io::Result<()> {
        let simulator = Arc::clone(&self.simulator);
        run_io(&self.runtime, async move { simulator.down_for(host, time).await })
    }
}

/// Starts the [`blocking`](super) simulator.
#[cfg_attr(docsrs, doc(cfg(all(feature = "blocking", feature = "testing"))))]
impl SimulatorBuilder {
    /// Starts the simulator on its own thread. The simulator runs until it is dropped.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::blocking::Simulator;
    /// use std::time::Duration;
    ///
    /// let simulator = Simulator::builder().waiting(Duration::ZERO).start_blocking()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`start`](Self::start), and an error if called in an async task.
    pub fn start_blocking(self) -> io::Result<Simulator> {
        let runtime = Runtime::start()?;
        let simulator = run_io(&runtime, self.start())?;
        Ok(Simulator { simulator: Arc::new(simulator), runtime })
    }
}

fn run_io<T: Send + 'static>(
    runtime: &Runtime,
    future: impl Future<Output = io::Result<T>> + Send + 'static,
) -> io::Result<T> {
    runtime.run(async { Ok(future.await) }).unwrap_or_else(|error| Err(io::Error::other(error)))
}

impl Deref for Simulator {
    type Target = testing::Simulator;

    fn deref(&self) -> &testing::Simulator {
        &self.simulator
    }
}
