//! The thread that owns a database. A blocking thread of the runtime would delay the end of the runtime.

use std::{
    io,
    sync::mpsc::{self, Sender},
    thread::{self, JoinHandle},
};

use super::{engine::Engine, work::Work};

pub(super) struct Thread {
    /// Empty only during the drop.
    queue: Option<Sender<Box<dyn Work>>>,
    thread: Option<JoinHandle<()>>,
}

impl Thread {
    /// Starts the thread. `registration` is dropped when the database is closed.
    pub(super) fn start(mut engine: Engine, registration: impl Send + 'static) -> io::Result<Self> {
        let (queue, works) = mpsc::channel::<Box<dyn Work>>();
        let thread = thread::Builder::new().name("distribute-ai store".to_owned()).spawn(move || {
            while let Ok(first) = works.recv() {
                engine.execute([first].into_iter().chain(works.try_iter()).collect());
            }
            drop(engine);
            drop(registration);
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    pub(super) fn submit(&self, work: Box<dyn Work>) {
        if let Some(queue) = &self.queue {
            // If the thread has ended, the work is dropped, and its caller is told so.
            let _ = queue.send(work);
        }
    }
}

impl Drop for Thread {
    /// Waits until the last works are durable and the file is unlocked: the process may end after this.
    fn drop(&mut self) {
        self.queue = None;
        // A work that holds the last handle drops it on the thread itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }
}
