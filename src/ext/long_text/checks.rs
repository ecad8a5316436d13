//! Checks before anything is sent.

use std::collections::HashSet;

use super::{
    InPieces,
    sections::{SectionSplitter, headings, sections},
    splitter::max_characters_range,
};
use crate::{
    Error,
    ext::store::{Store, StoreSettings},
};

impl InPieces {
    /// Checks the settings and the first piece, which a batch would validate only later. Returns the splitter of the
    /// text, and the byte index of each heading.
    pub(super) fn split_checked(&self) -> Result<(SectionSplitter, Vec<usize>), Error> {
        let range = max_characters_range();
        if !range.contains(&self.max_characters) {
            let (value, min, max) = (self.max_characters, range.start(), range.end());
            return Err(Error::invalid(
                "max_characters",
                format!("{value} is out of range, expected {min} to {max}"),
            ));
        }
        if self.config.limits.max_in_flight == 0 {
            return Err(Error::invalid("max_in_flight", "0 is too small, expected at least 1"));
        }
        if self.speak.is_redone() {
            let problem =
                "the whole text would be billed again; use `InPieces::redo` with the numbers of the pieces";
            return Err(Error::invalid("redo", problem));
        }
        self.pauses.check()?;
        let needs_headings = self.pauses.chapter.is_some() || self.chapters.is_some();
        let headings = if needs_headings { headings(&self.text, &*self.is_heading) } else { Vec::new() };
        let sections = sections(&self.text, self.pauses.paragraph.is_some(), &headings);
        let splitter = SectionSplitter::new(sections, self.max_characters);
        let Some((first, _)) = splitter.clone().next(&self.text) else {
            let problem = "contains only white space and invisible characters, expected at least one other";
            return Err(Error::invalid("input", problem));
        };
        self.speak.piece(&self.text[first]).to_request()?;
        self.check_redo(splitter.clone())?;
        Ok((splitter, headings))
    }

    /// Refuses to speak pieces again whose other pieces are in no store, because these would be billed again, too.
    pub(super) fn refuse_redo_of_everything(&self, store: &StoreSettings) -> Result<(), Error> {
        let may_have_entries = store.may_have_entries(&self.speak.client().inner().disk);
        if self.redo.is_empty() || may_have_entries { Ok(()) } else { Err(redo_of_everything()) }
    }

    /// Does the same if the store has no entry of this text.
    pub(super) async fn refuse_redo_without_entries(
        &self,
        store: &Store,
        mut splitter: SectionSplitter,
    ) -> Result<(), Error> {
        if self.redo.is_empty() {
            return Ok(());
        }
        while let Some((bytes, _)) = splitter.next(&self.text) {
            if store.get(&self.speak.piece(&self.text[bytes]).hash()?).await?.is_some() {
                return Ok(());
            }
        }
        Err(redo_of_everything())
    }

    /// Checks that the pieces that are spoken again exist.
    /// Adds the pieces that equal one of `redo` to them: they have one speech.
    pub(super) fn redo_equal_pieces(&mut self, splitter: &SectionSplitter) {
        if self.redo.is_empty() {
            return;
        }
        let (text, redo) = (&self.text, &self.redo);
        let pieces = || {
            let mut splitter = splitter.clone();
            (1..).zip(std::iter::from_fn(move || Some(&text[splitter.next(text)?.0])))
        };
        let chosen = pieces().filter(|(number, _)| redo.contains(number));
        let chosen: HashSet<_> = chosen.map(|(_, piece)| piece).collect();
        self.redo = pieces().filter(|(_, piece)| chosen.contains(piece)).map(|(number, _)| number).collect();
    }

    fn check_redo(&self, mut splitter: SectionSplitter) -> Result<(), Error> {
        let (Some(first), Some(last)) = (self.redo.first(), self.redo.last()) else { return Ok(()) };
        let count = std::iter::from_fn(|| splitter.next(&self.text)).count();
        let wrong = if *first == 0 { first } else { last };
        if (1..=count).contains(wrong) {
            return Ok(());
        }
        Err(Error::invalid("redo", format!("piece {wrong} does not exist, expected 1 to {count}")))
    }
}

fn redo_of_everything() -> Error {
    let problem =
        "the other pieces are not in a store and would be billed again; use the store of the first run";
    Error::invalid("redo", problem)
}
