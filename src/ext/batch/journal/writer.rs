//! Appends entries to a storage on its own thread. Entries that arrive during a sync are written and synced together.

use std::{
    io,
    sync::{Arc, OnceLock},
    thread,
};

use tokio::sync::{mpsc, oneshot};

/// The storage of a journal.
pub(crate) trait Storage: Send + 'static {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything appended so far survives a crash.
    fn sync(&mut self) -> io::Result<()>;
}

#[derive(Clone)]
pub(super) struct Writer {
    entries: mpsc::UnboundedSender<PendingWrite>,
    /// The first error. Nothing is written after it, because it may have left an incomplete line.
    first_error: Arc<OnceLock<Arc<io::Error>>>,
}

struct PendingWrite {
    bytes: Vec<u8>,
    /// Notified when the entry is synced.
    synced: Option<oneshot::Sender<()>>,
}

impl Writer {
    /// Starts the thread, which runs until the last clone is dropped. The receiver is notified when the thread has ended.
    ///
    /// A blocking thread of the runtime would delay the end of the runtime, and other files that are being saved.
    pub(super) fn start(storage: impl Storage) -> io::Result<(Self, oneshot::Receiver<()>)> {
        let (entries, queue) = mpsc::unbounded_channel();
        let (done, closed) = oneshot::channel();
        let first_error = Arc::new(OnceLock::new());
        let shared = Arc::clone(&first_error);
        thread::Builder::new().name("distribute-ai journal".to_owned()).spawn(move || {
            write_all(storage, queue, &shared);
            let _ = done.send(());
        })?;
        Ok((Self { entries, first_error }, closed))
    }

    /// Writes an entry and returns when it is synced.
    pub(super) async fn write_synced(&self, bytes: Vec<u8>) -> Result<(), Arc<io::Error>> {
        let (synced, synced_result) = oneshot::channel();
        let sent = self.entries.send(PendingWrite { bytes, synced: Some(synced) });
        if sent.is_ok() && synced_result.await.is_ok() {
            return Ok(());
        }
        Err(self.first_error().unwrap_or_else(|| Arc::new(io::Error::other("the journal is closed"))))
    }

    /// Writes an entry without waiting for it.
    pub(super) fn write(&self, bytes: Vec<u8>) {
        // If the thread has ended, the next synced write returns its error.
        let _ = self.entries.send(PendingWrite { bytes, synced: None });
    }

    pub(super) fn first_error(&self) -> Option<Arc<io::Error>> {
        self.first_error.get().cloned()
    }
}

fn write_all(
    mut storage: impl Storage,
    mut queue: mpsc::UnboundedReceiver<PendingWrite>,
    first_error: &OnceLock<Arc<io::Error>>,
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
            storage.append(&bytes).and_then(|()| if waiting.is_empty() { Ok(()) } else { storage.sync() });
        if let Err(error) = written {
            tracing::error!(%error, "journal write failed, no more requests are submitted");
            let _ = first_error.set(Arc::new(error));
            // Pending and later writes find the channel closed, and return this error.
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

    /// A storage in memory with the number of synced bytes. Fails from a given length on.
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
    async fn synced_write_returns_after_sync_and_keeps_the_order() {
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
    async fn after_a_write_error_nothing_is_written_and_every_write_fails() {
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
