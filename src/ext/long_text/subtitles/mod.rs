//! Subtitles and chapters as text, in the formats WebVTT and SRT.

mod layout;

use std::{fmt::Write, path::Path, time::Duration};

use self::layout::screens;
use super::{heading::title, recording::Recording, sections::lines};
use crate::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    WebVtt,
    Srt,
}

impl Format {
    /// Returns the format for the ending of a path.
    pub(super) fn of_path(path: &Path) -> Result<Self, Error> {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        match ending.to_str() {
            Some("vtt") => Ok(Self::WebVtt),
            Some("srt") => Ok(Self::Srt),
            _ => {
                let path = path.display().to_string();
                Err(Error::invalid("subtitles", format!("{path:?}, expected the ending .vtt or .srt")))
            }
        }
    }

    /// Returns the subtitles of a recording.
    pub(super) fn subtitles(self, recording: &Recording) -> String {
        let mut file = if self == Self::WebVtt { "WEBVTT\n\n".to_owned() } else { String::new() };
        let screens = recording.pieces().iter().flat_map(|piece| screens(recording.text(), piece));
        let mut number = 0;
        for screen in screens {
            let (start, end) = (milliseconds(screen.cue.start()), milliseconds(screen.cue.end()));
            // An empty line would end the subtitle.
            let lines =
                screen.lines.iter().filter(|line| !line.trim().is_empty()).map(|line| self.escape(line));
            let lines: Vec<_> = lines.collect();
            if start == end || lines.is_empty() {
                continue;
            }
            number += 1;
            if self == Self::Srt {
                let _ = writeln!(file, "{number}");
            }
            let _ = write!(
                file,
                "{} --> {}\n{}\n\n",
                self.timestamp(start),
                self.timestamp(end),
                lines.join("\n")
            );
        }
        file
    }

    /// Formats a time. The hours have two digits, or more if needed.
    fn timestamp(self, milliseconds: u64) -> String {
        let (seconds, milliseconds) = (milliseconds / 1000, milliseconds % 1000);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let separator = if self == Self::WebVtt { '.' } else { ',' };
        format!("{hours:02}:{minutes:02}:{seconds:02}{separator}{milliseconds:03}")
    }

    fn escape(self, line: &str) -> String {
        match self {
            Self::WebVtt => line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
            Self::Srt => {
                let text = line.replace("-->", "--\u{2060}>");
                text.replace('<', "<\u{2060}").replace('{', "{\u{2060}")
            }
        }
    }
}

/// Returns the chapters of a recording as WebVTT. `headings` are the byte indices at which chapters start.
pub(super) fn chapters(recording: &Recording, headings: &[usize]) -> String {
    let pieces = recording.pieces();
    let piece_of = |heading: &usize| pieces.partition_point(|piece| piece.bytes().end <= *heading);
    let mut headings: Vec<_> = headings.iter().map(|heading| (piece_of(heading), *heading)).collect();
    // A heading that is too short for a piece of its own belongs to the chapter before.
    headings.dedup_by_key(|(piece, _)| *piece);
    let start_of =
        |piece: usize| pieces.get(piece).map_or(recording.duration(), super::recording::Cue::start);
    let starts = headings.iter().map(|(piece, _)| start_of(*piece));
    let starts: Vec<_> = starts.chain([recording.duration()]).map(milliseconds).collect();
    let mut file = "WEBVTT\n\n".to_owned();
    for ((_, heading), times) in headings.iter().zip(starts.windows(2)) {
        let (_, line) = lines(&recording.text()[*heading..]).next().unwrap_or_default();
        let title = Format::WebVtt.escape(&layout::display(title(line)));
        // A chapter without audio has no duration.
        if times[0] < times[1] && !title.is_empty() {
            let [start, end] = [times[0], times[1]].map(|time| Format::WebVtt.timestamp(time));
            let _ = write!(file, "{start} --> {end}\n{title}\n\n");
        }
    }
    file
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
