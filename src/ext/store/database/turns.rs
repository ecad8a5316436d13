//! Runs works without a thread of its own, for tests.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;

use super::{engine::Engine, work::Work};

pub(super) struct Turns {
    state: Arc<Mutex<State>>,
    /// `true` if works run as a task of the runtime, in groups as on the thread. Otherwise, they run at once.
    waits_for_runtime: bool,
}

struct State {
    engine: Engine,
    queue: Vec<Box<dyn Work>>,
}

impl Turns {
    pub(super) fn of_caller(engine: Engine) -> Self {
        Self::new(engine, false)
    }

    pub(super) fn of_runtime(engine: Engine) -> Self {
        Self::new(engine, true)
    }

    fn new(engine: Engine, waits_for_runtime: bool) -> Self {
        Self { state: Arc::new(Mutex::new(State { engine, queue: Vec::new() })), waits_for_runtime }
    }

    pub(super) fn submit(&self, work: Box<dyn Work>) {
        let is_first = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.queue.push(work);
            state.queue.len() == 1
        };
        let state = Arc::downgrade(&self.state);
        match Handle::try_current() {
            Ok(runtime) if self.waits_for_runtime => {
                if is_first {
                    runtime.spawn(async move {
                        if let Some(state) = state.upgrade() {
                            execute(&state);
                        }
                    });
                }
            }
            _ => execute(&self.state),
        }
    }
}

fn execute(state: &Mutex<State>) {
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let works = std::mem::take(&mut state.queue);
    if !works.is_empty() {
        state.engine.execute(works);
    }
}

impl Drop for Turns {
    /// Makes the last works durable, as the drop of a thread.
    fn drop(&mut self) {
        execute(&self.state);
    }
}
