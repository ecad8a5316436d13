//! A disk in memory: it counts, fills up, fails, and loses what is not synced.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use redb::StorageBackend;

use crate::ext::store::database::reserve::Reserve;

const BLOCK: u64 = 4096;

/// The blocks of the reserve.
const RESERVE: usize = 256;

/// `ENOSPC`.
const FULL: i32 = 28;

#[derive(Clone, Debug)]
pub(super) struct MemoryDisk(Arc<Mutex<State>>);

#[derive(Debug)]
pub(super) struct State {
    pub(super) bytes: Vec<u8>,
    synced: Vec<u8>,
    /// The blocks that were written. Others need no space, as in a sparse file.
    blocks: BTreeSet<u64>,
    pub(super) free: usize,
    pub(super) is_reserve_filled: bool,
    pub(super) syncs: usize,
    /// The number of writes, syncs and changes of the length.
    pub(super) changes: usize,
    /// The change that fails, and how many after it.
    pub(super) failing: Option<(usize, usize)>,
    pub(super) bytes_read: usize,
    pub(super) is_unreadable: bool,
    pub(super) fills: usize,
}

impl MemoryDisk {
    pub(super) fn new(blocks: usize) -> Self {
        Self::with_content(Vec::new(), blocks)
    }

    fn with_content(bytes: Vec<u8>, free: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            synced: bytes.clone(),
            bytes,
            blocks: BTreeSet::new(),
            free,
            is_reserve_filled: false,
            syncs: 0,
            changes: 0,
            failing: None,
            bytes_read: 0,
            is_unreadable: false,
            fills: 0,
        })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Returns the disk after a power failure now: with the synced bytes only.
    pub(super) fn after_power_failure(&self) -> Self {
        Self::with_content(self.state().synced.clone(), usize::MAX)
    }

    /// Returns the disk after the process was killed now.
    pub(super) fn after_kill(&self) -> Self {
        Self::with_content(self.state().bytes.clone(), usize::MAX)
    }
}

impl State {
    fn change(&mut self) -> io::Result<()> {
        self.changes += 1;
        match self.failing {
            Some((first, count)) if (first..first + count).contains(&self.changes) => {
                Err(io::Error::other("injected"))
            }
            _ => Ok(()),
        }
    }
}

impl StorageBackend for MemoryDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.is_unreadable {
            return Err(io::Error::other("unreadable"));
        }
        state.bytes_read += out.len();
        let start = usize::try_from(offset).unwrap();
        let found = state.bytes.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.bytes.resize(usize::try_from(len).unwrap(), 0);
        let removed = state.blocks.split_off(&len.div_ceil(BLOCK));
        state.free += removed.len();
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.syncs += 1;
        state.synced = state.bytes.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        for block in offset / BLOCK..(offset + data.len() as u64).div_ceil(BLOCK) {
            if !state.blocks.contains(&block) {
                state.free = state.free.checked_sub(1).ok_or(io::Error::from_raw_os_error(FULL))?;
                state.blocks.insert(block);
            }
        }
        let start = usize::try_from(offset).unwrap();
        state.bytes[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }
}

impl Reserve for MemoryDisk {
    fn fill(&mut self) -> io::Result<()> {
        let mut state = self.state();
        state.fills += 1;
        if !state.is_reserve_filled {
            state.free = state.free.checked_sub(RESERVE).ok_or(io::Error::from_raw_os_error(FULL))?;
            state.is_reserve_filled = true;
        }
        Ok(())
    }

    fn release(&mut self) {
        let mut state = self.state();
        if std::mem::take(&mut state.is_reserve_filled) {
            state.free += RESERVE;
        }
    }
}
