//! Paths and TOML files of the repository. File names under `openapi/` appear only in this module.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::{
    failure::{ExitClass, Failure},
    transaction,
};

/// The root directory of a copy of this repository.
#[derive(Debug)]
pub(crate) struct Workspace(PathBuf);

impl Workspace {
    /// Returns the given directory, or by default the workspace that this tool was built from.
    pub(crate) fn find(given: Option<PathBuf>) -> Result<Self, Failure> {
        let root = given.unwrap_or_else(|| {
            let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
            xtask.parent().unwrap_or(xtask).to_owned()
        });
        if !root.join("openapi").is_dir() {
            return Err(Failure::usage(format!(
                "{}: not a copy of this repository, expected a directory `openapi` in it",
                root.display()
            )));
        }
        Ok(Self(root))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn sources(&self) -> PathBuf {
        self.openapi("sources.toml")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.openapi("upstream.lock")
    }

    pub(crate) fn volatile(&self) -> PathBuf {
        self.openapi("volatile.toml")
    }

    pub(crate) fn names(&self) -> PathBuf {
        self.openapi("names.toml")
    }

    pub(crate) fn constructors(&self) -> PathBuf {
        self.openapi("constructors.toml")
    }

    pub(crate) fn fixes(&self) -> PathBuf {
        self.openapi("fixes.json")
    }

    pub(crate) fn corrections_dir(&self) -> PathBuf {
        self.openapi("corrections")
    }

    pub(crate) fn merged(&self) -> PathBuf {
        self.openapi("distribute-ai.json")
    }

    pub(crate) fn changes(&self) -> PathBuf {
        self.openapi("CHANGES.md")
    }

    pub(crate) fn upstream_dir(&self) -> PathBuf {
        self.openapi("upstream")
    }

    pub(crate) fn upstream(&self, page: &str) -> PathBuf {
        self.upstream_dir().join(format!("{page}.json"))
    }

    /// Reads a TOML file. Returns the default if the file does not exist.
    pub(crate) fn read_toml<T: DeserializeOwned + Default>(&self, path: &Path) -> Result<T, Failure> {
        if !path.exists() {
            return Ok(T::default());
        }
        toml::from_str(&transaction::read(path, ExitClass::Document)?)
            .map_err(|error| Failure::document(format!("{}: {error}", self.relative(path))))
    }

    /// Returns the path relative to the root, with `/` as separator on every system.
    pub(crate) fn relative(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.0).unwrap_or(path);
        path.display().to_string().replace('\\', "/")
    }

    /// Returns the directory whose files the commands of `spec` read and write.
    pub(crate) fn openapi_dir(&self) -> PathBuf {
        self.0.join("openapi")
    }

    fn openapi(&self, file: &str) -> PathBuf {
        self.openapi_dir().join(file)
    }
}
