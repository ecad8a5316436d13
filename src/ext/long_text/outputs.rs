//! The text files that are written next to the audio: subtitles and chapters.

use std::{path::Path, sync::Arc};

use tokio::task::spawn_blocking;

use super::{
    recording::Recording,
    subtitles::{Format, chapters},
};
use crate::{
    Error,
    ext::{audio::atomic_file::AtomicFile, disk::Disk},
};

/// The text files of a narration, which are created before anything is sent and written at the end.
pub(super) struct TextFiles {
    subtitles: Option<(Format, AtomicFile)>,
    chapters: Option<AtomicFile>,
    /// The byte index of each heading.
    headings: Vec<usize>,
}

impl TextFiles {
    /// Creates temporary files, which replace the files when they are complete.
    pub(super) async fn create(
        disk: &Disk,
        subtitles: Option<&Path>,
        chapters: Option<&Path>,
        headings: Vec<usize>,
    ) -> Result<Self, Error> {
        let format = subtitles.map(Format::of_path).transpose()?;
        let subtitles = match format.zip(subtitles) {
            Some((format, path)) => Some((format, AtomicFile::create(disk, path.to_owned()).await?)),
            None => None,
        };
        let chapters = match chapters {
            Some(path) => Some(AtomicFile::create(disk, path.to_owned()).await?),
            None => None,
        };
        Ok(Self { subtitles, chapters, headings })
    }

    pub(super) async fn write(self, recording: &Arc<Recording>) -> Result<(), Error> {
        if let Some((format, file)) = self.subtitles {
            write(file, recording, move |recording| format.subtitles(recording)).await?;
        }
        if let Some(file) = self.chapters {
            write(file, recording, move |recording| chapters(recording, &self.headings)).await?;
        }
        Ok(())
    }
}

/// Writes a text of the recording. The layout of a book takes seconds, in which other tasks of the runtime run.
async fn write(
    mut file: AtomicFile,
    recording: &Arc<Recording>,
    text: impl FnOnce(&Recording) -> String + Send + 'static,
) -> Result<(), Error> {
    let recording = Arc::clone(recording);
    let text = spawn_blocking(move || text(&recording)).await;
    let text = text.map_err(|error| Error::stopped().with_source(error))?;
    file.write(text.into()).await?;
    file.finish().await.map(drop)
}
