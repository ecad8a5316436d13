//! A simulator on its own thread.

use std::{io, sync::mpsc, thread};

use tokio::{runtime::Builder, sync::oneshot};

use super::{Simulator, builder::SimulatorBuilder};

impl SimulatorBuilder {
    /// Starts the simulator on its own thread, which runs until the [`Simulator`] is dropped. Returns when the
    /// sockets are open.
    ///
    /// Use it if your test blocks its thread. A `#[tokio::test]` has one thread by default, and a simulator that was
    /// [started](Self::start) there serves nothing while the test waits for a program:
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use distribute_ai::testing::Simulator;
    /// use std::process::Command;
    ///
    /// let simulator = Simulator::builder().start_on_thread()?;
    /// let output = Command::new("curl")
    ///     .args(["--silent", "--data", "", simulator.base_url()])
    ///     .output()?;
    /// assert!(String::from_utf8(output.stdout)?.contains("not found"));
    /// assert_eq!(simulator.requests(), 1);
    /// # Ok(()) }
    /// ```
    ///
    /// The thread has its own clock. If the test pauses the clock of its runtime, the simulator still
    /// runs in real time.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`start`](Self::start), and an error if the thread cannot be started.
    pub fn start_on_thread(self) -> io::Result<Simulator> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (open, closed) = oneshot::channel::<()>();
        let (sender, receiver) = mpsc::sync_channel(1);
        thread::Builder::new().name("simulator".to_owned()).spawn(move || {
            let started = runtime.block_on(self.start());
            let is_running = started.is_ok();
            if sender.send(started).is_ok() && is_running {
                // Ends when the sender is dropped.
                let _ = runtime.block_on(closed);
            }
        })?;
        let mut simulator = receiver.recv().map_err(io::Error::other)??;
        simulator.thread = Some(open);
        Ok(simulator)
    }
}
