//! References to other files: loads the files and makes one document of all.
//!
//! The document gets a member [`EXTERNAL_FILES`] with the files by their paths, and every reference becomes one within the
//! document. Only files in the directory of the document are loaded. Where OpenAPI allows no reference, the target is copied.

mod include;
mod loader;
mod target;
mod walk;

use std::collections::{BTreeSet, VecDeque};

use serde_json::Value;

use self::{
    include::{Inclusions, Place, expand},
    loader::Loader,
    target::Target,
    walk::{Reference, walk},
};
use super::source::Location;
use crate::{
    json::{Object, Pointer, percent_decoded},
    spec::{traverse::EXTERNAL_FILES, validate::object_model::DOCUMENT},
};

/// The maximum number of errors that are reported. Each pointer can be as long as the document.
const MAX_ERRORS: usize = 1_000;

/// Returns the document with all files to which it refers.
///
/// # Errors
///
/// Returns one line for each reference that is not allowed or leads nowhere, and for each problem of a file.
pub(super) fn bundle(
    name: &str,
    document: Value,
    location: &Result<Location, String>,
) -> Result<Value, Vec<String>> {
    let mut bundle = Bundle {
        loader: Loader::new(name, document, location),
        errors: Vec::new(),
        edits: Vec::new(),
        inclusions: Inclusions::new(),
    };
    bundle.follow();
    bundle.finish()
}

struct Bundle<'a> {
    loader: Loader<'a>,
    errors: Vec<String>,
    /// The file, the pointer and the new text of each reference that changes.
    edits: Vec<(usize, Pointer, String)>,
    inclusions: Inclusions,
}

impl Bundle<'_> {
    /// Follows all references, from the document on. Each target is visited once as each kind, so a cycle ends.
    fn follow(&mut self) {
        let (mut seen, mut targets) = (BTreeSet::new(), BTreeSet::new());
        let mut pending = VecDeque::from([(0, Pointer::default(), &DOCUMENT)]);
        while let Some((file, at, kind)) = pending.pop_front() {
            let Some(value) = self.loader.value(file).pointer(at.as_str()) else { continue };
            let mut references = Vec::new();
            let mut is_new = |at: &Pointer, model: usize| seen.insert((file, at.clone(), model));
            walk(kind, value, &at, &mut is_new, &mut references);
            for reference in references {
                let kind = reference.kind;
                if let Some((target, pointer)) = self.add(file, reference)
                    && targets.insert((target, pointer.clone(), std::ptr::from_ref(kind) as usize))
                {
                    pending.push_back((target, pointer, kind));
                }
                self.errors.extend(self.loader.take_errors());
                if self.errors.len() >= MAX_ERRORS {
                    self.errors.truncate(MAX_ERRORS);
                    self.errors.push(format!("too many errors, only the first {MAX_ERRORS} are reported"));
                    return;
                }
            }
        }
    }

    /// Records a reference, and returns the place to which it leads.
    fn add(&mut self, file: usize, reference: Reference) -> Option<Place> {
        let Reference { at, text, is_inclusion, .. } = reference;
        // Validation reports it, as in a document without other files.
        if is_inclusion && file == 0 && text.starts_with('#') {
            return None;
        }
        match self.resolve(file, &text) {
            Ok(resolved) => {
                let (place, new) = resolved?;
                if is_inclusion {
                    self.inclusions.insert((file, at), place.clone());
                } else if new != text {
                    self.edits.push((file, at, new));
                }
                Some(place)
            }
            Err(message) => {
                let line = format!("{}: {at}: {message}; found {text:?}", self.loader.name(file));
                self.errors.push(line);
                None
            }
        }
    }

    /// Returns the place to which a reference leads, and its new text. Returns `None` if the file has errors
    /// that were reported.
    fn resolve(&mut self, from: usize, text: &str) -> Result<Option<(Place, String)>, String> {
        let Target { path, fragment } = Target::parse(text)?;
        let file = match path {
            None => from,
            Some(path) => match self.loader.load(from, &path)? {
                Some(file) => file,
                None => return Ok(None),
            },
        };
        let is_within_document = from == 0 && file == 0;
        let pointer = percent_decoded(&fragment).map(Pointer::new);
        let pointer = pointer.filter(|pointer| {
            // Validation reports the references within the document.
            is_within_document || self.loader.value(file).pointer(pointer.as_str()).is_some()
        });
        let Some(pointer) = pointer else {
            let message =
                format!("expected a JSON pointer to a value of {} after `#`", self.loader.name(file));
            return Err(if text.starts_with('#') && file > 0 {
                format!("{message}, or the path of the document before it")
            } else {
                format!("{message}, such as #/Pet")
            });
        };
        let new = match self.loader.path(file) {
            _ if is_within_document && text.starts_with('#') => text.to_owned(),
            None => format!("#{fragment}"),
            Some(path) => {
                let file = Pointer::default().child(EXTERNAL_FILES).child(path);
                format!("#{}{fragment}", file.as_str().replace('%', "%25"))
            }
        };
        Ok(Some(((file, pointer), new)))
    }

    fn finish(mut self) -> Result<Value, Vec<String>> {
        for (file, at, new) in self.edits {
            if let Some(reference) = self.loader.value_mut(file).pointer_mut(at.as_str()) {
                *reference = new.into();
            }
        }
        match expand(&self.loader.values(), &self.inclusions) {
            Ok(expanded) => {
                for (file, value) in expanded {
                    *self.loader.value_mut(file) = value;
                }
            }
            Err(((file, at), message)) => {
                self.errors.push(format!("{}: {at}: {message}", self.loader.name(file)));
            }
        }
        let name = self.loader.name(0).to_owned();
        let (mut document, files) = self.loader.into_values();
        if let Some(object) = document.as_object_mut().filter(|_| !files.is_empty())
            && object
                .insert(EXTERNAL_FILES.to_owned(), files.into_iter().collect::<Object>().into())
                .is_some()
        {
            let message = "reserved for the files to which the document refers; rename the extension";
            self.errors.push(format!("{name}: /{EXTERNAL_FILES}: {message}"));
        }
        if self.errors.is_empty() { Ok(document) } else { Err(self.errors) }
    }
}

#[cfg(test)]
mod tests;
