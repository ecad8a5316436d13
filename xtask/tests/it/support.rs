//! A copy of `openapi/` to work on; pages; and the tool itself.
//!
//! The copy is of `xtask/tests/openapi`, which stays as it is when the API moves: a refresh of the real one is no
//! reason for a test of the tool to fail.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// A copy of an `openapi/`.
pub(crate) struct Root(TempDir);

impl Root {
    pub(crate) fn new() -> Self {
        Self::of("tests/openapi")
    }

    /// The real one, as it is committed.
    pub(crate) fn live() -> Self {
        Self::of("../openapi")
    }

    fn of(committed: &str) -> Self {
        let root = Self::empty();
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join(committed);
        fs::create_dir(root.path("openapi/upstream")).unwrap();
        for dir in ["", "upstream"] {
            for entry in fs::read_dir(committed.join(dir)).unwrap() {
                let from = entry.unwrap().path();
                if from.is_file() {
                    let to = root.path("openapi").join(dir).join(from.file_name().unwrap());
                    fs::copy(from, to).unwrap();
                }
            }
        }
        root
    }

    /// A root in which nothing was ever fetched.
    pub(crate) fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("openapi")).unwrap();
        Self(dir)
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.read(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn append(&self, path: &str, text: &str) {
        let before = self.read(path);
        self.write(path, &(before + text));
    }

    /// Puts the documents into `pages/<name>.md`, as they would be published.
    pub(crate) fn write_pages(&self) {
        for entry in fs::read_dir(self.path("openapi/upstream")).unwrap() {
            let document = entry.unwrap().path();
            let name = document.file_stem().unwrap().to_str().unwrap();
            self.write(&format!("pages/{name}.md"), &page(&fs::read_to_string(&document).unwrap()));
        }
    }

    pub(crate) fn write_page(&self, name: &str, document: &Value) {
        self.write(&format!("pages/{name}.md"), &page(&document.to_string()));
    }

    /// Changes a document, and fetches it so that the lock knows it.
    pub(crate) fn publish(&self, name: &str, change: impl FnOnce(&mut Value)) {
        self.write_pages();
        let mut document = self.json(&format!("openapi/upstream/{name}.json"));
        change(&mut document);
        self.write_page(name, &document);
        self.xtask("spec fetch --from pages").succeeds();
    }

    /// Every file, with what it holds: to see that nothing changed.
    pub(crate) fn disk(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut open = vec![self.path("")];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    files.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        files
    }

    /// Runs the tool here, the words separated by spaces.
    pub(crate) fn xtask(&self, words: &str) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["--root", "."])
            .args(words.split_whitespace())
            .current_dir(self.0.path())
            // A proxy of whoever runs the tests is no part of them.
            .env("NO_PROXY", "*")
            .output()
            .unwrap();
        Ran(output)
    }
}

/// A page as the documentation site makes it: prose, a fence, prose.
pub(crate) fn page(json: &str) -> String {
    format!("# A page\n\n> Prose.\n\n```json\n{json}\n```\n\n---\n\n# More prose\n\n```\nGET /\n```\n")
}

/// What a run said and how it ended.
#[derive(Debug)]
pub(crate) struct Ran(Output);

impl Ran {
    #[track_caller]
    pub(crate) fn succeeds(&self) -> String {
        self.exits(0);
        self.stdout()
    }

    /// The exit code, and that standard error says these.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, said: &[&str]) {
        self.exits(code);
        let stderr = self.stderr();
        assert!(!stderr.contains("panicked"), "{stderr}");
        for said in said {
            assert!(stderr.contains(said), "expected {said}\nfound {stderr}");
        }
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    #[track_caller]
    fn exits(&self, code: i32) {
        assert_eq!(self.0.status.code(), Some(code), "{}", self.stderr());
    }
}
