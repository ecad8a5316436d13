//! The text files that are written next to the audio: subtitles and chapters.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::task::spawn_blocking;

use super::{
    recording::Recording,
    subtitles::{Format, chapters},
};
use crate::{Error, ext::audio::atomic_file::AtomicFile};

/// Checks that the paths of all files of a narration are different, and have the right endings.
pub(super) async fn check_paths(
    audio: &Path,
    store: &Path,
    subtitles: Option<&Path>,
    chapters: Option<&Path>,
) -> Result<(), Error> {
    subtitles.map(Format::of_path).transpose()?;
    if let Some(path) = chapters
        && Format::of_path(path).ok() != Some(Format::WebVtt)
    {
        return Err(Error::invalid("chapters", format!("{}, expected the ending .vtt", quoted(path))));
    }
    let others = [("subtitles", subtitles), ("chapters", chapters)];
    let mut used = vec![canonical(audio).await];
    for (field, path) in [("store", Some(store))].into_iter().chain(others) {
        let Some(path) = path else { continue };
        let target = canonical(path).await;
        if used.contains(&target) {
            let problem = format!("{} is the path of another file of this narration", quoted(path));
            return Err(Error::invalid(field, problem + ", expected a different path"));
        }
        used.push(target);
    }
    Ok(())
}

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
        subtitles: Option<&Path>,
        chapters: Option<&Path>,
        headings: Vec<usize>,
    ) -> Result<Self, Error> {
        let format = subtitles.map(Format::of_path).transpose()?;
        let subtitles = match format.zip(subtitles) {
            Some((format, path)) => Some((format, AtomicFile::create(path.to_owned()).await?)),
            None => None,
        };
        let chapters = match chapters {
            Some(path) => Some(AtomicFile::create(path.to_owned()).await?),
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
    file.write(text.as_bytes()).await?;
    file.finish().await.map(drop)
}

fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

/// Returns the same path for every name of a file, whether the file exists or not.
async fn canonical(path: &Path) -> PathBuf {
    if let Ok(path) = tokio::fs::canonicalize(path).await {
        return path;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => match tokio::fs::canonicalize(parent).await {
            Ok(parent) => parent.join(name),
            Err(_) => absolute,
        },
        _ => absolute,
    }
}
