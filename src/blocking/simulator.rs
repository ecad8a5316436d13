use std::{io, ops::Deref, time::Duration};

use super::{Client, runtime::Runtime};
use crate::testing::{self, Host, SimulatorBuilder};

/// The [simulator](testing::Simulator) for tests without async, on a thread of its own.
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
/// It is a [`testing::Simulator`] for all that needs no waiting: scripts, outcomes, counts.
#[derive(Debug)]
#[must_use = "the simulator stops when it is dropped"]
pub struct Simulator {
    simulator: testing::Simulator,
    runtime: Runtime,
}

impl Simulator {
    /// Starts a simulator with the [defaults](SimulatorBuilder#default).
    ///
    /// # Errors
    ///
    /// When no loopback socket can be opened, or within an async runtime.
    pub fn start() -> io::Result<Self> {
        Self::builder().start_blocking()
    }

    /// A simulator with other settings; [`start_blocking`](SimulatorBuilder::start_blocking) starts it.
    pub fn builder() -> SimulatorBuilder {
        testing::Simulator::builder()
    }

    /// A client for this simulator. It polls every 50 ms, as fits tasks that take a second.
    ///
    /// # Panics
    ///
    /// When this machine has no usable TLS, which a client asks for even where it needs none, or no thread left.
    #[must_use]
    pub fn client(&self) -> Client {
        self.simulator.client_builder().build_blocking().expect("key and address are the simulator's own")
    }

    /// Nobody listens any more: [`testing::Simulator::go_down`], until [`testing::Simulator::come_up`].
    ///
    /// # Errors
    ///
    /// As there; or within an async runtime.
    pub fn go_down(&self, host: Host) -> io::Result<()> {
        on(&self.runtime, self.simulator.go_down(host))
    }

    /// Listens again: [`testing::Simulator::come_up`].
    ///
    /// # Errors
    ///
    /// As there; or within an async runtime.
    pub fn come_up(&self, host: Host) -> io::Result<()> {
        on(&self.runtime, self.simulator.come_up(host))
    }

    /// Goes down, and comes up by itself after this time: [`testing::Simulator::down_for`].
    ///
    /// # Errors
    ///
    /// As there; or within an async runtime.
    pub fn down_for(&self, host: Host, time: Duration) -> io::Result<()> {
        on(&self.runtime, self.simulator.down_for(host, time))
    }
}

/// For the [`blocking`](super) simulator.
#[cfg_attr(docsrs, doc(cfg(all(feature = "blocking", feature = "testing"))))]
impl SimulatorBuilder {
    /// Starts it on a thread of its own; it serves until it is dropped.
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
    /// Those of [`start`](Self::start); or within an async runtime.
    pub fn start_blocking(self) -> io::Result<Simulator> {
        let runtime = Runtime::start()?;
        let simulator = on(&runtime, self.start())?;
        Ok(Simulator { simulator, runtime })
    }
}

fn on<T>(runtime: &Runtime, future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    runtime.run(async { Ok(future.await) }).unwrap_or_else(|refusal| Err(io::Error::other(refusal)))
}

impl Deref for Simulator {
    type Target = testing::Simulator;

    fn deref(&self) -> &testing::Simulator {
        &self.simulator
    }
}
