//! The log of a test.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing::{
    Dispatch,
    subscriber::{DefaultGuard, set_default},
};

/// The events that the current thread has logged since the start, from level INFO on.
pub(crate) struct CapturedLog {
    text: Buffer,
    _capture: DefaultGuard,
    /// With only one subscriber, `tracing` disables an event if a thread without a subscriber is the first to reach it.
    _second_subscriber: Dispatch,
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    pub(crate) fn start() -> Self {
        let second_subscriber = Dispatch::new(tracing_subscriber::registry());
        let text = Buffer::default();
        let buffer = text.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || buffer.clone()).finish();
        Self { text, _capture: set_default(subscriber), _second_subscriber: second_subscriber }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.text.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
