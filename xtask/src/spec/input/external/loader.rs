//! Loads each file of a document once.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::spec::input::{
    format, path,
    source::{Location, MAX_BYTES},
};

/// The maximum number of files of a document.
const MAX_FILES: usize = 10_000;

/// The document and the files that were loaded.
pub(super) struct Loader<'a> {
    location: &'a Result<Location, String>,
    files: Vec<File>,
    /// The index of each file by its path. `None` if the file could not be read.
    indexes: BTreeMap<String, Option<usize>>,
    bytes: u64,
    errors: Vec<String>,
}

struct File {
    name: String,
    /// The path in the directory. Empty if the location of the document is unknown.
    path: String,
    value: Value,
}

impl<'a> Loader<'a> {
    pub(super) fn new(name: &str, document: Value, location: &'a Result<Location, String>) -> Self {
        let path = location.as_ref().map(|location| location.path.clone()).unwrap_or_default();
        let indexes = BTreeMap::from([(path.clone(), Some(0))]);
        let files = vec![File { name: name.to_owned(), path, value: document }];
        Self { location, files, indexes, bytes: 0, errors: Vec::new() }
    }

    /// Returns the index of the file to which a path leads from another file. Returns `None` if the file has errors, which
    /// [`take_errors`](Self::take_errors) returns once.
    ///
    /// # Errors
    ///
    /// Returns a message if the file may not be loaded.
    pub(super) fn load(&mut self, from: usize, relative: &str) -> Result<Option<usize>, String> {
        let location =
            self.location.as_ref().map_err(|reason| format!("cannot load the file, because {reason}"))?;
        let path = path::join(path::parent(&self.files[from].path), relative)
            .ok_or_else(|| format!("the reference leaves {}", location.remedy()))?;
        if let Some(index) = self.indexes.get(&path) {
            return Ok(*index);
        }
        if self.files.len() > MAX_FILES {
            return Err(format!("the document refers to too many files, expected at most {MAX_FILES}"));
        }
        let name = format!("{}{path}", location.shown);
        // Report a file that cannot be read once.
        self.indexes.insert(path.clone(), None);
        let bytes = location.read(&path).map_err(|error| format!("{name}: {error}"))?;
        self.bytes += bytes.len() as u64;
        if self.bytes > MAX_BYTES {
            return Err(format!(
                "the files of the document are too large, expected at most {MAX_BYTES} bytes together"
            ));
        }
        match format::parse(&name, &path, bytes) {
            Ok(value) => {
                let index = self.files.len();
                self.files.push(File { name, path: path.clone(), value });
                self.indexes.insert(path, Some(index));
                Ok(Some(index))
            }
            Err(errors) => {
                self.errors.extend(errors);
                Ok(None)
            }
        }
    }

    pub(super) fn take_errors(&mut self) -> Vec<String> {
        std::mem::take(&mut self.errors)
    }

    /// Returns the name of a file in messages.
    pub(super) fn name(&self, file: usize) -> &str {
        &self.files[file].name
    }

    /// Returns the path of a file, or `None` for the document.
    pub(super) fn path(&self, file: usize) -> Option<&str> {
        (file > 0).then(|| self.files[file].path.as_str())
    }

    pub(super) fn value(&self, file: usize) -> &Value {
        &self.files[file].value
    }

    pub(super) fn values(&self) -> Vec<&Value> {
        self.files.iter().map(|file| &file.value).collect()
    }

    pub(super) fn value_mut(&mut self, file: usize) -> &mut Value {
        &mut self.files[file].value
    }

    /// Returns the document, and the other files by their paths.
    pub(super) fn into_values(self) -> (Value, Vec<(String, Value)>) {
        let mut files = self.files.into_iter().map(|file| (file.path, file.value));
        let document = files.next().map(|(_, document)| document).unwrap_or_default();
        (document, files.collect())
    }
}
