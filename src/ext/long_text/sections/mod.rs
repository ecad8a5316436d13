//! Sections: the parts of a text at whose ends a piece always ends, which are paragraphs or chapters.

use std::{cmp::Reverse, ops::Range, time::Duration};

use super::{
    boundary::{Whitespace, whitespace_runs},
    splitter::Splitter,
};
use crate::{Error, ext::speakable::is_speakable, generated::facts::INPUT_LENGTH};

/// The longest pause. A much longer one would fill the disk with silence after the pieces are billed.
const MAX_PAUSE: Duration = Duration::from_secs(60 * 60);

/// The gap between a piece and the piece before. A later one has a longer pause, usually.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    #[default]
    Piece,
    Paragraph,
    Chapter,
}

/// The length of the silence before a piece.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pauses {
    pub(super) piece: Duration,
    pub(super) paragraph: Option<Duration>,
    pub(super) chapter: Option<Duration>,
}

impl Pauses {
    /// Refuses a pause that is too long.
    pub(super) fn check(&self) -> Result<(), Error> {
        let (piece, paragraph, chapter) = (Some(self.piece), self.paragraph, self.chapter);
        for (field, pause) in [("pause", piece), ("paragraph_pause", paragraph), ("chapter_pause", chapter)] {
            if let Some(pause) = pause.filter(|pause| *pause > MAX_PAUSE) {
                let problem = format!("{pause:?} is too long, expected at most {MAX_PAUSE:?}");
                return Err(Error::invalid(field, problem));
            }
        }
        Ok(())
    }

    /// Returns the pause for what separates two pieces.
    pub(super) fn before(&self, gap: Gap) -> Duration {
        let paragraph = self.paragraph.unwrap_or(self.piece);
        match gap {
            Gap::Piece => self.piece,
            Gap::Paragraph => paragraph,
            Gap::Chapter => self.chapter.unwrap_or(paragraph),
        }
    }
}

/// A part of a text, which starts at `start` and ends at the start of the next section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) start: usize,
    /// The gap between the section and the section before.
    pub(super) gap: Gap,
}

/// Divides a text at the ends of paragraphs, before headings, at both, or not at all. The first section starts at 0.
///
/// A section that cannot be spoken separately is a part of the section before it, or after it at the start of the text.
pub(super) fn sections(text: &str, paragraphs: bool, headings: &[usize]) -> Vec<Section> {
    let mut starts: Vec<_> =
        headings.iter().map(|start| Section { start: *start, gap: Gap::Chapter }).collect();
    if paragraphs {
        let ends = whitespace_runs(text).filter(Whitespace::ends_paragraph);
        starts.extend(ends.map(|space| Section { start: space.end, gap: Gap::Paragraph }));
    }
    starts.sort_unstable_by_key(|section| (section.start, Reverse(section.gap)));
    starts.dedup_by_key(|section| section.start);
    let mut sections = vec![Section { start: 0, gap: Gap::Piece }];
    let mut before = 0;
    for (index, section) in starts.iter().enumerate() {
        let end = starts.get(index + 1).map_or(text.len(), |next| next.start);
        // The shorter one first: many sections that join the one before would otherwise take quadratic time.
        if is_standalone(&text[section.start..end]) && is_standalone(&text[before..section.start]) {
            sections.push(*section);
            before = section.start;
        }
    }
    sections
}

/// Returns the byte index of each heading.
pub(super) fn headings(text: &str, is_heading: impl Fn(&str) -> bool) -> Vec<usize> {
    let headings = lines(text).filter(|(_, line)| line.contains(char::is_alphanumeric) && is_heading(line));
    headings.map(|(start, _)| start).collect()
}

/// Returns `true` if a section can be spoken separately. The API needs a minimum length, for which white space counts.
fn is_standalone(section: &str) -> bool {
    section.contains(char::is_alphanumeric)
        && is_speakable(section)
        && section.chars().nth(INPUT_LENGTH.start().saturating_sub(1)).is_some()
}

/// Returns the lines that are not empty, without white space and byte order mark around them, with their byte indices.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_outside = |c: char| c.is_whitespace() || c == '\u{feff}';
    let mut next = 0;
    let lines = text.split_inclusive(['\n', '\r', '\u{c}', '\u{2028}', '\u{2029}']).map(move |line| {
        let start = next + (line.len() - line.trim_start_matches(is_outside).len());
        next += line.len();
        (start, line.trim_matches(is_outside))
    });
    lines.filter(|(_, line)| !line.is_empty())
}

/// Splits each section of a text into pieces.
#[derive(Clone, Debug)]
pub(super) struct SectionSplitter {
    sections: Vec<Section>,
    current: usize,
    splitter: Splitter,
    max_characters: usize,
    /// The gap between the next piece and the last one.
    gap: Gap,
}

impl SectionSplitter {
    /// Creates a splitter. `max_characters` must be in [`max_characters_range`](super::splitter::max_characters_range),
    /// and there must be a section.
    pub(super) fn new(sections: Vec<Section>, max_characters: usize) -> Self {
        let splitter = Splitter::new(max_characters);
        Self { sections, current: 0, splitter, max_characters, gap: Gap::Piece }
    }

    /// Returns the byte range of the next piece, and what separates it from the piece before. `text` must be the same in
    /// each call.
    pub(super) fn next(&mut self, text: &str) -> Option<(Range<usize>, Gap)> {
        loop {
            let start = self.sections.get(self.current)?.start;
            let end = self.sections.get(self.current + 1).map_or(text.len(), |next| next.start);
            if let Some(piece) = self.splitter.next(&text[start..end]) {
                let gap = std::mem::take(&mut self.gap);
                return Some((start + piece.start..start + piece.end, gap));
            }
            self.current += 1;
            self.gap = self.gap.max(self.sections.get(self.current)?.gap);
            self.splitter = Splitter::new(self.max_characters);
        }
    }
}

#[cfg(test)]
mod tests;
