//! Divides the text of a piece into subtitles.

use std::{ops::Range, time::Duration};

use unicode_segmentation::UnicodeSegmentation;

use crate::ext::{
    long_text::{
        boundary::{Kind, boundaries},
        recording::{Cue, sentences},
    },
    speakable::count_speakable,
};

/// The maximum length of a line, in columns, as is usual for television.
const LINE_COLUMNS: usize = 42;

/// The time for which a subtitle is shown, if the text allows it.
const MIN_TIME: Duration = Duration::from_secs(1);
const MAX_TIME: Duration = Duration::from_secs(7);

/// A subtitle: what a screen shows at a time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Screen {
    pub(super) cue: Cue,
    /// One or two lines, not escaped.
    pub(super) lines: Vec<String>,
}

/// Returns the subtitles of a piece, in order.
pub(super) fn screens(text: &str, piece: &Cue) -> Vec<Screen> {
    let layout = Layout::new(text, piece);
    let mut parts = Vec::new();
    for sentence in sentences(text, piece.bytes()) {
        let part = layout.part(&sentence);
        layout.split(part, &mut parts);
    }
    let parts = layout.merge_short(parts);
    let bytes: Vec<_> = parts.iter().map(Part::bytes).collect();
    let cues = piece.divide(text, &bytes);
    let screens = cues.into_iter().zip(parts).map(|(cue, part)| {
        let lines = layout.lines(part).unwrap_or_else(|| vec![part]);
        Screen { cue, lines: lines.iter().map(|line| display(&text[line.bytes()])).collect() }
    });
    screens.collect()
}

/// Returns a text as it is shown: white space is one space, and control characters are removed.
pub(super) fn display(text: &str) -> String {
    let is_removed = |c: char| c.is_control() && !is_breaking_space(c);
    let text = text.replace(is_removed, "");
    let words = text.split(is_breaking_space).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// Returns `true` for white space that may be replaced by one space.
fn is_breaking_space(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}')
}

/// Returns the number of columns of a character as the user sees it.
fn columns(grapheme: &str) -> usize {
    let is_wide = |c| {
        matches!(c,
            '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}'
            | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1faff}'
            | '\u{1f1e6}'..='\u{1f1ff}' | '\u{20000}'..='\u{3fffd}')
    };
    if grapheme.starts_with(is_wide) { 2 } else { 1 }
}

/// A position in the text, with what comes before it in the piece.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    byte: usize,
    columns: usize,
    speakable: usize,
    /// White space ends at this position. A run of white space takes one column.
    after_space: bool,
}

impl Point {
    /// Returns a later position.
    fn advance(self, text: &str, byte: usize) -> Self {
        let segment = &text[self.byte..byte];
        let (mut columns, mut after_space) = (self.columns, self.after_space);
        for grapheme in segment.graphemes(true) {
            let is_space = grapheme.starts_with(is_breaking_space);
            columns += match (is_space, after_space) {
                (true, true) => 0,
                (true, false) => 1,
                (false, _) => self::columns(grapheme),
            };
            after_space = is_space;
        }
        Self { byte, columns, speakable: self.speakable + count_speakable(segment), after_space }
    }
}

#[derive(Clone, Copy, Debug)]
struct Part {
    start: Point,
    end: Point,
}

impl Part {
    fn bytes(&self) -> Range<usize> {
        self.start.byte..self.end.byte
    }

    fn columns(&self) -> usize {
        self.end.columns - self.start.columns
    }
}

/// A position at which a part may be split. The white space from `end` to `start` is not shown.
#[derive(Clone, Copy, Debug)]
struct Break {
    end: Point,
    start: Point,
    kind: Kind,
}

impl Break {
    fn split(&self, part: Part) -> [Part; 2] {
        [Part { end: self.end, ..part }, Part { start: self.start, ..part }]
    }

    /// Rates the parts before and after the break, in percent; 0 is the best. Parts of equal length are good, but the end
    /// of a sentence or a clause may be farther from the middle than the end of a word.
    fn rate(&self, part: Part) -> usize {
        let [before, after] = self.split(part).map(|part| part.columns());
        let distance = before.abs_diff(after) * 50 / part.columns().max(1);
        let penalty = match self.kind {
            Kind::Paragraph | Kind::Sentence => 0,
            Kind::Clause | Kind::DoubtfulSentence => 8,
            Kind::Line | Kind::Word => 25,
            Kind::WordPart | Kind::Abbreviation => 45,
        };
        distance + penalty
    }
}

/// The piece, with every position at which it may be split.
struct Layout<'a> {
    text: &'a str,
    breaks: Vec<Break>,
    start: Point,
    end: Point,
    duration: Duration,
}

impl<'a> Layout<'a> {
    fn new(text: &'a str, piece: &Cue) -> Self {
        let bytes = piece.bytes();
        let start = Point { byte: bytes.start, ..Point::default() };
        let mut last = start;
        let breaks = boundaries(&text[bytes.clone()]).into_iter().map(|boundary| {
            let end = last.advance(text, bytes.start + boundary.end);
            last = end.advance(text, bytes.start + boundary.start);
            Break { end, start: last, kind: boundary.kind }
        });
        let breaks = breaks.collect();
        Self { text, breaks, start, end: last.advance(text, bytes.end), duration: piece.duration() }
    }

    /// Returns the part between two positions, which are at breaks or at the ends of the piece.
    fn part(&self, bytes: &Range<usize>) -> Part {
        let before = self.breaks.partition_point(|at| at.start.byte <= bytes.start);
        let until = self.breaks.partition_point(|at| at.end.byte < bytes.end);
        let start = before.checked_sub(1).map_or(self.start, |index| self.breaks[index].start);
        Part { start, end: self.breaks.get(until).map_or(self.end, |at| at.end) }
    }

    /// Splits a part until each fits on a screen, or cannot be split any further.
    fn split(&self, part: Part, parts: &mut Vec<Part>) {
        let best = || self.breaks(part).into_iter().min_by_key(|at| at.rate(part));
        match (!self.fits(part)).then(best).flatten() {
            Some(best) => {
                for half in best.split(part) {
                    self.split(half, parts);
                }
            }
            None => parts.push(part),
        }
    }

    /// Merges subtitles that would be shown too short a time with those before them, if they fit on one screen.
    fn merge_short(&self, parts: Vec<Part>) -> Vec<Part> {
        let mut merged: Vec<Part> = Vec::new();
        for part in parts {
            if let Some(last) = merged.last_mut() {
                let both = Part { start: last.start, ..part };
                let shortest = self.duration_of(*last).min(self.duration_of(part));
                // The formats have times in milliseconds.
                let is_required = shortest < Duration::from_millis(1);
                if is_required || (shortest < MIN_TIME && self.fits(both)) {
                    *last = both;
                    continue;
                }
            }
            merged.push(part);
        }
        merged
    }

    fn fits(&self, part: Part) -> bool {
        self.duration_of(part) <= MAX_TIME && self.lines(part).is_some()
    }

    /// Returns the estimated time of a part, as a share of the piece's time.
    fn duration_of(&self, part: Part) -> Duration {
        let speakable = (part.end.speakable - part.start.speakable) as u128;
        let total = self.end.speakable.max(1) as u128;
        let nanos = self.duration.as_nanos() * speakable / total;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Divides a part into one or two lines. Returns `None` if it is too long.
    fn lines(&self, part: Part) -> Option<Vec<Part>> {
        if part.columns() <= LINE_COLUMNS {
            return Some(vec![part]);
        }
        let fits = |at: &Break| at.split(part).iter().all(|line| line.columns() <= LINE_COLUMNS);
        let best = self.breaks(part).into_iter().filter(fits).min_by_key(|at| at.rate(part))?;
        Some(best.split(part).to_vec())
    }

    /// Returns the positions at which a part may be split. A word that is longer than a line may be split between
    /// any two characters.
    fn breaks(&self, part: Part) -> Vec<Break> {
        let first = self.breaks.partition_point(|at| at.end.byte <= part.start.byte);
        let last = self.breaks.partition_point(|at| at.start.byte < part.end.byte);
        if first < last {
            return self.breaks[first..last].to_vec();
        }
        if part.columns() <= LINE_COLUMNS {
            return Vec::new();
        }
        let mut at = part.start;
        let points = self.text[part.bytes()].grapheme_indices(true).skip(1).map(|(index, _)| {
            at = at.advance(self.text, part.start.byte + index);
            Break { end: at, start: at, kind: Kind::WordPart }
        });
        points.collect()
    }
}
