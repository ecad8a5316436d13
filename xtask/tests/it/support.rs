//! Test helpers: a temporary copy of `openapi/`, pages, and running the tool.
//!
//! Tests use a copy of `xtask/tests/openapi`, which does not change with the API. An update of the real
//! `openapi/` therefore does not break the tests.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A temporary directory with a copy of `openapi/`.
pub(crate) struct Root(TempDir);

impl Root {
    pub(crate) fn new() -> Self {
        Self::copy_of("tests/openapi")
    }

    /// Returns a copy of the committed `openapi/` of this repository.
    pub(crate) fn live() -> Self {
        Self::copy_of("../openapi")
    }

    /// Returns a root with the documents of earlier pages, which did not document error responses, and with the later
    /// pages in `pages`.
    pub(crate) fn with_earlier_documents() -> Self {
        let root = Self::new();
        root.write_pages();
        for name in ["speech-create", "speech-result"] {
            let earlier = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents/earlier");
            let page = fs::read_to_string(earlier.join(format!("{name}.md"))).unwrap();
            let document = page.lines().find(|line| line.starts_with('{')).unwrap();
            root.write_document(name, &serde_json::from_str(document).unwrap());
        }
        root
    }

    fn copy_of(committed: &str) -> Self {
        let root = Self::empty();
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join(committed);
        for dir in ["", "upstream", "corrections"].into_iter().filter(|dir| committed.join(dir).exists()) {
            fs::create_dir_all(root.path("openapi").join(dir)).unwrap();
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

    /// Returns a root with an empty `openapi/`.
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

    /// Writes each document to `pages/<name>.md`, in the form of a published page.
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

    /// Changes a document as if its page had been accepted. The spec is not built.
    pub(crate) fn publish(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut document = self.json(&format!("openapi/upstream/{name}.json"));
        change(&mut document);
        self.write_document(name, &document);
    }

    /// Writes a document, and its checksum to the lockfile.
    pub(crate) fn write_document(&self, name: &str, document: &Value) {
        let text = format!("{document:#}\n");
        let mut sum = String::new();
        for byte in Sha256::digest(&text) {
            write!(sum, "{byte:02x}").unwrap();
        }
        self.write(&format!("openapi/upstream/{name}.json"), &text);
        let mut lock: toml::Table = self.read("openapi/upstream.lock").parse().unwrap();
        lock[name]["sha256"] = sum.into();
        self.write("openapi/upstream.lock", &lock.to_string());
    }

    /// Removes a document, and its entry in the lockfile, as if its page were new.
    pub(crate) fn remove_document(&self, name: &str) {
        fs::remove_file(self.path(&format!("openapi/upstream/{name}.json"))).unwrap();
        let mut lock: toml::Table = self.read("openapi/upstream.lock").parse().unwrap();
        lock.remove(name);
        self.write("openapi/upstream.lock", &lock.to_string());
    }

    /// Returns every file with its content, to compare two states.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.files("")
    }

    /// Returns every file below `dir`, by its path there, with its content.
    pub(crate) fn files(&self, dir: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path(dir);
        let mut files = BTreeMap::new();
        let mut pending = vec![root.clone()];
        while let Some(dir) = pending.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    pending.push(path);
                } else {
                    files.insert(path.strip_prefix(&root).unwrap().to_owned(), fs::read(path).unwrap());
                }
            }
        }
        files
    }

    /// Runs the tool in this root with arguments separated by spaces.
    pub(crate) fn xtask(&self, args: &str) -> RunResult {
        RunResult(self.command(args).output().unwrap())
    }

    /// Returns the command that runs the tool in this root, without running the tool.
    pub(crate) fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(["--root", "."]).args(args.split_whitespace()).current_dir(self.0.path());
        // Ignore the proxy settings of the environment.
        command.env("NO_PROXY", "*");
        // A git hook that runs the tests names its own repository.
        command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env_remove("GIT_INDEX_FILE");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// Returns a page in the form of the documentation site: prose, a JSON fence, prose.
pub(crate) fn page(json: &str) -> String {
    format!("# A page\n\n> Prose.\n\n```json\n{json}\n```\n\n---\n\n# More prose\n\n```\nGET /\n```\n")
}

/// Returns the document of an unusual page.
pub(crate) fn odd_page(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents/odd-pages");
    serde_json::from_str(&fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()).unwrap()
}

/// The output and exit code of a run.
#[derive(Debug)]
pub(crate) struct RunResult(Output);

impl From<Output> for RunResult {
    fn from(output: Output) -> Self {
        Self(output)
    }
}

impl RunResult {
    /// Asserts exit code 0, and returns standard output.
    #[track_caller]
    pub(crate) fn assert_success(&self) -> String {
        self.assert_exit_code(0);
        self.stdout()
    }

    pub(crate) fn is_success(&self) -> bool {
        self.0.status.success()
    }

    /// Asserts the exit code, and that standard error contains each text.
    #[track_caller]
    pub(crate) fn assert_failure(&self, code: i32, expected: &[&str]) {
        self.assert_exit_code(code);
        let stderr = self.stderr();
        assert!(!stderr.contains(" panicked at "), "{stderr}");
        for text in expected {
            assert!(stderr.contains(text), "expected {text}\nfound {stderr}");
        }
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    #[track_caller]
    fn assert_exit_code(&self, code: i32) {
        assert_eq!(self.0.status.code(), Some(code), "{}", self.stderr());
    }
}
