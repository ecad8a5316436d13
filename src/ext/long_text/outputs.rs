//! The text files that are written next to the audio: subtitles and chapters.

use std::path::{Path, PathBuf};

use super::{
    recording::Recording,
    subtitles::{Format, chapters},
};
use crate::{Error, ext::audio::atomic_file::AtomicFile};

/// The text files of a narration, which are created before anything is sent and written at the end.
pub(super) struct TextFiles {
    subtitles: Option<(Format, AtomicFile)>,
    chapters: Option<AtomicFile>,
    /// The byte index of each heading.
    headings: Vec<usize>,
}

impl TextFiles {
    /// Checks the paths and creates temporary files, which replace the files when they are complete.
    pub(super) async fn create(
        (audio, journal): (&Path, &Path),
        subtitles: Option<&Path>,
        chapters: Option<&Path>,
        headings: Vec<usize>,
    ) -> Result<Self, Error> {
        let format = subtitles.map(Format::of_path).transpose()?;
        if let Some(path) = chapters
            && Format::of_path(path).ok() != Some(Format::WebVtt)
        {
            return Err(Error::invalid(
                "chapter_file",
                format!("{}, expected the ending .vtt", quoted(path)),
            ));
        }
        let others = [("subtitles", subtitles), ("chapter_file", chapters)];
        let mut used = vec![canonical(audio).await];
        for (field, path) in [("journal", Some(journal))].into_iter().chain(others) {
            let Some(path) = path else { continue };
            let target = canonical(path).await;
            if used.contains(&target) {
                let problem = format!("{} is the path of another file of this narration", quoted(path));
                return Err(Error::invalid(field, problem + ", expected a different path"));
            }
            used.push(target);
        }
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

    pub(super) async fn write(self, recording: &Recording) -> Result<(), Error> {
        if let Some((format, mut file)) = self.subtitles {
            file.write(format.subtitles(recording).as_bytes()).await?;
            file.finish().await?;
        }
        if let Some(mut file) = self.chapters {
            file.write(chapters(recording, &self.headings).as_bytes()).await?;
            file.finish().await?;
        }
        Ok(())
    }
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
