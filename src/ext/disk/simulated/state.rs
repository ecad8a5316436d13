//! The content of a simulated disk: as programs see it, as a power failure leaves it, and the changes in between.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::ext::disk::directory_of;

pub(super) type FileId = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Directory,
    File(FileId),
}

/// The names and files of a disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Content {
    pub(super) names: BTreeMap<PathBuf, Node>,
    pub(super) files: BTreeMap<FileId, Arc<Vec<u8>>>,
}

/// A change that is not on disk until its file or directory is synced.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Write {
        file: FileId,
        offset: u64,
        bytes: Arc<[u8]>,
    },
    SetLength {
        file: FileId,
        length: u64,
    },
    /// New values of names in one directory. They change together.
    Names {
        directory: PathBuf,
        names: Vec<(PathBuf, Option<Name>)>,
    },
}

/// The file or directory of a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Name(Node);

/// The part of a change that a power failure leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Nothing,
    Everything,
    /// These bytes of a write. Other changes are kept as a whole.
    Bytes(Range<usize>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    live: Content,
    durable: Content,
    pending: Vec<Change>,
    next_file: FileId,
    /// The order of the last changes of files.
    modified: BTreeMap<FileId, u64>,
    clock: u64,
    locked: BTreeSet<FileId>,
}

impl State {
    /// Returns an empty disk with one directory.
    pub(crate) fn with_directory(path: &Path) -> Self {
        let mut state = Self::default();
        for content in [&mut state.live, &mut state.durable] {
            for ancestor in path.ancestors() {
                content.names.insert(ancestor.to_owned(), Node::Directory);
            }
        }
        state
    }

    /// Returns the changes that a power failure may lose.
    pub(crate) fn pending(&self) -> &[Change] {
        &self.pending
    }

    /// Returns whether a file is locked.
    pub(crate) fn has_lock(&self) -> bool {
        !self.locked.is_empty()
    }

    /// Returns the disk after the process was killed: nothing is lost, and nothing is locked.
    pub(crate) fn after_kill(&self) -> Self {
        Self { locked: BTreeSet::new(), ..self.clone() }
    }

    /// Returns the disk after a power failure that left these parts of the pending changes.
    pub(crate) fn after_power_failure(&self, kept: impl IntoIterator<Item = Kept>) -> Self {
        let mut content = self.durable.clone();
        for (change, kept) in self.pending.iter().zip(kept) {
            content.apply(change, &kept);
        }
        content.remove_unreachable();
        let named: BTreeSet<_> = content.names.values().filter_map(Node::file).collect();
        content.files.retain(|file, _| named.contains(file));
        Self {
            live: content.clone(),
            durable: content,
            pending: Vec::new(),
            locked: BTreeSet::new(),
            ..self.clone()
        }
    }

    pub(super) fn node(&self, path: &Path) -> io::Result<Node> {
        self.live.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn bytes(&self, file: FileId) -> &[u8] {
        self.live.files.get(&file).map_or(&[], |bytes| bytes)
    }

    pub(super) fn modified(&self, file: FileId) -> u64 {
        self.modified.get(&file).copied().unwrap_or_default()
    }

    pub(super) fn children(&self, directory: &Path) -> Vec<PathBuf> {
        let is_child = |path: &&PathBuf| path.parent() == Some(directory);
        self.live.names.keys().filter(is_child).cloned().collect()
    }

    pub(super) fn touch(&mut self, file: FileId) {
        self.clock += 1;
        self.modified.insert(file, self.clock);
    }

    /// Returns `false` if the file is locked already.
    pub(super) fn lock(&mut self, file: FileId) -> bool {
        self.locked.insert(file)
    }

    pub(super) fn unlock(&mut self, file: FileId) {
        self.locked.remove(&file);
    }

    pub(crate) fn create_file(&mut self, path: &Path) -> FileId {
        self.next_file += 1;
        let file = self.next_file;
        for content in [&mut self.live, &mut self.durable] {
            content.files.insert(file, Arc::default());
        }
        self.touch(file);
        self.set_names(path, vec![(path.to_owned(), Some(Node::File(file)))]);
        file
    }

    pub(super) fn create_directory(&mut self, path: &Path) {
        self.set_names(path, vec![(path.to_owned(), Some(Node::Directory))]);
    }

    pub(crate) fn remove(&mut self, path: &Path) {
        self.set_names(path, vec![(path.to_owned(), None)]);
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path, node: Node) {
        assert_eq!(directory_of(from), directory_of(to), "only names of one directory change together");
        self.set_names(to, vec![(from.to_owned(), None), (to.to_owned(), Some(node))]);
    }

    fn set_names(&mut self, path: &Path, names: Vec<(PathBuf, Option<Node>)>) {
        let directory = directory_of(path).to_owned();
        let names = names.into_iter().map(|(path, node)| (path, node.map(Name))).collect();
        self.change(Change::Names { directory, names });
    }

    pub(super) fn write(&mut self, file: FileId, offset: u64, bytes: &[u8]) {
        self.touch(file);
        self.change(Change::Write { file, offset, bytes: bytes.into() });
    }

    pub(super) fn set_length(&mut self, file: FileId, length: u64) {
        self.touch(file);
        self.change(Change::SetLength { file, length });
    }

    fn change(&mut self, change: Change) {
        self.live.apply(&change, &Kept::Everything);
        self.pending.push(change);
    }

    pub(super) fn sync_file(&mut self, file: FileId) {
        self.settle(|change| change.file() == Some(file), true);
    }

    pub(super) fn sync_directory(&mut self, directory: &Path) {
        self.settle(|change| matches!(change, Change::Names { directory: of, .. } if of == directory), true);
    }

    /// Forgets the changes of a file, as Linux does if they cannot be written: programs still see them, and later syncs
    /// succeed without them.
    pub(super) fn fail_sync(&mut self, file: FileId) {
        self.settle(|change| change.file() == Some(file), false);
    }

    fn settle(&mut self, is_meant: impl Fn(&Change) -> bool, is_kept: bool) {
        for change in std::mem::take(&mut self.pending) {
            if !is_meant(&change) {
                self.pending.push(change);
            } else if is_kept {
                self.durable.apply(&change, &Kept::Everything);
            }
        }
    }
}

impl Node {
    pub(super) fn file(&self) -> Option<FileId> {
        match self {
            Self::Directory => None,
            Self::File(file) => Some(*file),
        }
    }
}

impl Change {
    fn file(&self) -> Option<FileId> {
        match self {
            Self::Write { file, .. } | Self::SetLength { file, .. } => Some(*file),
            Self::Names { .. } => None,
        }
    }

    /// Returns the number of bytes of a write, which may be kept in part.
    pub(crate) fn length(&self) -> usize {
        match self {
            Self::Write { bytes, .. } => bytes.len(),
            Self::SetLength { .. } | Self::Names { .. } => 0,
        }
    }
}

impl Content {
    /// Removes the names in directories that are missing. A directory that is created again later is empty.
    fn remove_unreachable(&mut self) {
        // A directory comes before the names in it.
        for (path, node) in std::mem::take(&mut self.names) {
            if path.parent().is_none_or(|parent| self.names.contains_key(parent)) {
                self.names.insert(path, node);
            }
        }
    }

    fn apply(&mut self, change: &Change, kept: &Kept) {
        match change {
            _ if *kept == Kept::Nothing => {}
            Change::Write { file, offset, bytes } => {
                let range = match kept {
                    Kept::Bytes(range) => range.clone(),
                    _ => 0..bytes.len(),
                };
                let Some(content) = self.files.get_mut(file) else { return };
                let content = Arc::make_mut(content);
                let start = usize::try_from(*offset).expect("files are small") + range.start;
                let end = start + range.len();
                if content.len() < end {
                    set_length(content, end);
                }
                content[start..end].copy_from_slice(&bytes[range]);
            }
            Change::SetLength { file, length } => {
                let Some(content) = self.files.get_mut(file) else { return };
                set_length(Arc::make_mut(content), usize::try_from(*length).expect("files are small"));
            }
            Change::Names { names, .. } => {
                for (path, node) in names {
                    match node {
                        Some(Name(node)) => self.names.insert(path.clone(), *node),
                        None => self.names.remove(path),
                    };
                }
            }
        }
    }
}

/// `Vec::resize` writes one byte at a time without optimisation.
fn set_length(content: &mut Vec<u8>, length: usize) {
    match length.checked_sub(content.len()) {
        Some(missing) => content.extend_from_slice(&vec![0; missing]),
        None => content.truncate(length),
    }
}
