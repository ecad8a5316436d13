//! Appends lines to a file, many at once: those that come while the disk is busy are written and synced together.

use std::{
    io,
    sync::{Arc, OnceLock},
    thread,
};

use tokio::sync::{mpsc, oneshot};

/// Where the lines go.
pub(crate) trait Storage: Send + 'static {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when all of it is on the disk, and will be found there.
    fn sync(&mut self) -> io::Result<()>;
}

#[derive(Clone)]
pub(super) struct Writer {
    lines: mpsc::UnboundedSender<PendingWrite>,
    /// The first thing that went wrong; after it nothing is written, as it may have left half a line.
    first_error: Arc<OnceLock<Arc<io::Error>>>,
}

struct PendingWrite {
    bytes: Vec<u8>,
    /// Told when it is on the disk.
    synced: Option<oneshot::Sender<()>>,
}

impl Writer {
    /// Writes on a thread of its own for as long as there is a clone of it; the other end is told when it has ended. Not
    /// on a thread of the runtime's: that would keep the runtime from ending, and those who save files waiting.
    pub(super) fn start(disk: impl Storage) -> io::Result<(Self, oneshot::Receiver<()>)> {
        let (lines, queue) = mpsc::unbounded_channel();
        let (done, closed) = oneshot::channel();
        let broken = Arc::new(OnceLock::new());
        let shared = Arc::clone(&broken);
        thread::Builder::new().name("distribute-ai journal".to_owned()).spawn(move || {
            write_all(disk, queue, &shared);
            let _ = done.send(());
        })?;
        Ok((Self { lines, first_error: broken }, closed))
    }

    /// Returns when it is on the disk.
    pub(super) async fn write_synced(&self, bytes: Vec<u8>) -> Result<(), Arc<io::Error>> {
        let (synced, on_disk) = oneshot::channel();
        let sent = self.lines.send(PendingWrite { bytes, synced: Some(synced) });
        if sent.is_ok() && on_disk.await.is_ok() {
            return Ok(());
        }
        Err(self.first_error().unwrap_or_else(|| Arc::new(io::Error::other("the journal was closed"))))
    }

    /// Returns at once: what it says is worth less than a wait.
    pub(super) fn write(&self, bytes: Vec<u8>) {
        // Without the thread there is nobody to write, and the next request will say so.
        let _ = self.lines.send(PendingWrite { bytes, synced: None });
    }

    pub(super) fn first_error(&self) -> Option<Arc<io::Error>> {
        self.first_error.get().cloned()
    }
}

fn write_all(
    mut disk: impl Storage,
    mut queue: mpsc::UnboundedReceiver<PendingWrite>,
    broken: &OnceLock<Arc<io::Error>>,
) {
    let (mut bytes, mut waiting) = (Vec::new(), Vec::new());
    while let Some(first) = queue.blocking_recv() {
        bytes.clear();
        let mut next = Some(first);
        while let Some(line) = next {
            bytes.extend_from_slice(&line.bytes);
            waiting.extend(line.synced);
            next = queue.try_recv().ok();
        }
        let written =
            disk.append(&bytes).and_then(|()| if waiting.is_empty() { Ok(()) } else { disk.sync() });
        if let Err(error) = written {
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What was appended, and how much of it was synced; fails from some append on.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<(String, usize)>>, usize);

    impl Storage for Memory {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let mut state = self.0.lock().unwrap();
            if self.1 > 0 && state.0.len() >= self.1 {
                return Err(io::Error::other("full"));
            }
            state.0.push_str(std::str::from_utf8(bytes).unwrap());
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            let mut state = self.0.lock().unwrap();
            state.1 = state.0.len();
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_is_written_through_is_synced_when_it_returns_and_the_rest_in_order() {
        let disk = Memory::default();
        let (writer, closed) = Writer::start(disk.clone()).unwrap();
        writer.write(b"a".to_vec());
        writer.write_synced(b"b".to_vec()).await.unwrap();
        assert_eq!(*disk.0.lock().unwrap(), ("ab".to_owned(), 2));
        writer.write(b"c".to_vec());
        drop(writer);
        closed.await.unwrap();
        assert_eq!(*disk.0.lock().unwrap(), ("abc".to_owned(), 2));
    }

    #[tokio::test]
    async fn after_a_failure_nothing_is_written_and_everybody_is_told() {
        let disk = Memory(Arc::default(), 1);
        let (writer, _closed) = Writer::start(disk.clone()).unwrap();
        writer.write_synced(b"a".to_vec()).await.unwrap();
        assert!(writer.first_error().is_none());
        for _ in 0..2 {
            let error = writer.write_synced(b"b".to_vec()).await.unwrap_err();
            assert_eq!(error.to_string(), "full");
        }
        assert_eq!(writer.first_error().unwrap().to_string(), "full");
        assert_eq!(disk.0.lock().unwrap().0, "a");
    }
}
