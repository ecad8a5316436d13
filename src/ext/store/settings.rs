use std::{
    fmt, io,
    path::{Path, PathBuf},
};

#[cfg(doc)]
use super::Store;
use super::database::{Database, ENTRIES_FILE};
use crate::ext::disk::Disk;

/// The directory of a [`Store`] and its settings, from [`Store::at`].
///
/// Each method that takes a store takes a path too, with the default settings, or a store that is open:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("speeches");
/// use distribute_ai::{Client, store::Store};
///
/// let client = Client::builder().api_key("your-key").store(&path).build()?;
/// let other = Client::builder().api_key("your-key").store(Store::at(&path).keep_audio(false)).build()?;
/// # Ok(()) }
/// ```
///
/// # Default
///
/// - `keep_audio`: true
/// - `keep_text`: false
/// - `max_audio_bytes`: unlimited
#[derive(Clone)]
#[must_use = "settings do nothing until they are passed to `store` or `Store::open`"]
pub struct StoreSettings {
    pub(super) place: Place,
    pub(super) options: Options,
}

#[derive(Clone)]
pub(super) enum Place {
    Directory(PathBuf),
    Open(Database),
}

/// The settings that each handle of a store has for itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) keep_audio: bool,
    pub(crate) keep_text: bool,
    pub(crate) max_audio_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { keep_audio: true, keep_text: false, max_audio_bytes: None }
    }
}

impl StoreSettings {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { place: Place::Directory(directory), options: Options::default() }
    }

    /// Returns the settings of an empty store whose directory is not known yet.
    pub(crate) fn none() -> Self {
        Self::new(PathBuf::new())
    }

    pub(crate) fn directory(&self) -> &Path {
        match &self.place {
            Place::Directory(directory) => directory,
            Place::Open(database) => database.directory(),
        }
    }

    /// Returns `true` if an earlier run may have left entries.
    pub(crate) fn may_have_entries(&self, disk: &Disk) -> bool {
        match &self.place {
            Place::Open(_) => true,
            Place::Directory(directory) if directory.as_os_str().is_empty() => false,
            Place::Directory(directory) => match disk.metadata(&directory.join(ENTRIES_FILE)) {
                Ok(_) => true,
                // If the directory cannot be searched, there may be entries.
                Err(error) => error.kind() != io::ErrorKind::NotFound,
            },
        }
    }

    /// Sets whether the audio of each finished speech is kept in the directory.
    ///
    /// When a speech is finished, its audio is downloaded to the store before the speech is returned. If this download
    /// fails, a warning is logged and the audio is missing from the entry.
    ///
    /// With `false`, the store keeps entries without audio. A later request for the same speech then sends one poll, and its
    /// audio is downloaded again. The API does not document how long the server keeps audio.
    pub fn keep_audio(mut self, keep: bool) -> Self {
        self.options.keep_audio = keep;
        self
    }

    /// Sets whether each entry contains the text that is spoken. Without the text, a [label](crate::Speak::label) identifies
    /// the entry.
    pub fn keep_text(mut self, keep: bool) -> Self {
        self.options.keep_text = keep;
        self
    }

    /// Sets the maximum size of all audio files in the directory together, in bytes.
    ///
    /// If the files exceed the limit after a download, the least recently used are removed until at most 90 % of the limit is
    /// left. Their entries stay, so the audio can be downloaded again. The file that was just downloaded stays, even if it
    /// alone is larger.
    pub fn max_audio_bytes(mut self, bytes: u64) -> Self {
        self.options.max_audio_bytes = Some(bytes);
        self
    }
}

macro_rules! from_path {
    ($($path:ty),+) => {
        $(impl From<$path> for StoreSettings {
            fn from(directory: $path) -> Self {
                Self::new(PathBuf::from(directory))
            }
        })+
    };
}

from_path!(&str, &String, String, &PathBuf, PathBuf);

impl From<&Path> for StoreSettings {
    fn from(directory: &Path) -> Self {
        Self::new(directory.to_owned())
    }
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { keep_audio, keep_text, max_audio_bytes } = &self.options;
        f.debug_struct("StoreSettings")
            .field("directory", &self.directory())
            .field("keep_audio", keep_audio)
            .field("keep_text", keep_text)
            .field("max_audio_bytes", max_audio_bytes)
            .finish_non_exhaustive()
    }
}
