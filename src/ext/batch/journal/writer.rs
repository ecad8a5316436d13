//! Appends lines to a file, many at once: those that come while the disk is busy are written and synced together.

use std::{
    fs::File,
    io::{self, Write},
    sync::{Arc, OnceLock},
};

use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinHandle, spawn_blocking},
};

#[derive(Clone)]
pub(super) struct Writer {
    lines: mpsc::UnboundedSender<Line>,
    /// The first thing that went wrong; after it nothing is written, as it may have left half a line.
    broken: Arc<OnceLock<Arc<io::Error>>>,
}

struct Line {
    bytes: Vec<u8>,
    /// Told when it is on the disk.
    synced: Option<oneshot::Sender<()>>,
}

impl Writer {
    /// Writes on a thread of its own for as long as there is a clone of it.
    pub(super) fn start(file: File) -> (Self, JoinHandle<()>) {
        let (lines, queue) = mpsc::unbounded_channel();
        let broken = Arc::new(OnceLock::new());
        let shared = Arc::clone(&broken);
        let closed = spawn_blocking(move || write_all(&file, queue, &shared));
        (Self { lines, broken }, closed)
    }

    /// Returns when it is on the disk.
    pub(super) async fn write_through(&self, bytes: Vec<u8>) -> Result<(), Arc<io::Error>> {
        let (synced, on_disk) = oneshot::channel();
        let sent = self.lines.send(Line { bytes, synced: Some(synced) });
        if sent.is_ok() && on_disk.await.is_ok() {
            return Ok(());
        }
        Err(self.broken().unwrap_or_else(|| Arc::new(io::Error::other("the journal was closed"))))
    }

    /// Returns at once: what it says is worth less than a wait.
    pub(super) fn write(&self, bytes: Vec<u8>) {
        // Without the thread there is nobody to write, and the next request will say so.
        let _ = self.lines.send(Line { bytes, synced: None });
    }

    pub(super) fn broken(&self) -> Option<Arc<io::Error>> {
        self.broken.get().cloned()
    }
}

fn write_all(file: &File, mut queue: mpsc::UnboundedReceiver<Line>, broken: &OnceLock<Arc<io::Error>>) {
    let (mut bytes, mut waiting) = (Vec::new(), Vec::new());
    while let Some(first) = queue.blocking_recv() {
        bytes.clear();
        let mut next = Some(first);
        while let Some(line) = next {
            bytes.extend_from_slice(&line.bytes);
            waiting.extend(line.synced);
            next = queue.try_recv().ok();
        }
        if let Err(error) = write(file, &bytes, !waiting.is_empty()) {
            tracing::error!(%error, "the journal can't be written; nothing more will be sent");
            let _ = broken.set(Arc::new(error));
            // Whoever waits, now or later, finds the channel closed and this error.
            return;
        }
        for synced in waiting.drain(..) {
            let _ = synced.send(());
        }
    }
}

fn write(mut file: &File, bytes: &[u8], sync: bool) -> io::Result<()> {
    file.write_all(bytes)?;
    if sync { file.sync_data() } else { Ok(()) }
}
