//! `openapi/upstream.lock`: the address, checksum and date of each committed document.

use std::{collections::BTreeMap, fmt::Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::manifest::Sources;
use crate::{failure::Failure, workspace::Workspace};

const HEADER: &str = "\
# Written by `cargo xtask spec accept`; do not edit.
# sha256 is the sum of upstream/<name>.json; date is the day on which this document was accepted.
";

/// The lockfile: an entry for each page.
#[derive(Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Lock(BTreeMap<String, Entry>);

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    address: String,
    sha256: String,
    date: String,
}

impl Lock {
    /// Reads the committed lockfile. Returns an empty one if the file does not exist.
    pub(crate) fn read(root: &Workspace) -> Result<Self, Failure> {
        root.read_toml(&root.lock())
            .map_err(|failure| failure.hint("`git restore openapi` restores what was accepted"))
    }

    /// Returns the lockfile for the fetched documents.
    ///
    /// A date changes only if the document or its address has changed. Fetching the same documents again
    /// therefore changes nothing.
    pub(crate) fn updated<'a>(
        &self,
        sources: &Sources,
        documents: impl IntoIterator<Item = (&'a str, &'a str)>,
        today: &str,
    ) -> Self {
        let entry = |(name, text): (&str, &str)| {
            let mut entry =
                Entry { address: sources[name].to_string(), sha256: sha256(text), date: today.to_owned() };
            if let Some(before) = self.0.get(name)
                && (&before.address, &before.sha256) == (&entry.address, &entry.sha256)
            {
                entry.date.clone_from(&before.date);
            }
            (name.to_owned(), entry)
        };
        Self(documents.into_iter().map(entry).collect())
    }

    /// Returns one message for each difference between the lockfile, the sources and the committed documents.
    pub(crate) fn disagreements(
        &self,
        sources: &Sources,
        documents: &BTreeMap<String, String>,
    ) -> Vec<String> {
        let mut found = Vec::new();
        for (name, address) in sources {
            let Some(entry) = self.0.get(name) else {
                found.push(format!(
                    "openapi/upstream.lock: /{name}: missing, expected the page that openapi/sources.toml lists at {address}"
                ));
                continue;
            };
            if entry.address != address.as_str() {
                found.push(format!(
                    "openapi/upstream.lock: /{name}/address: found {}, expected {address} as in openapi/sources.toml",
                    entry.address
                ));
            }
        }
        found.extend(self.modified(documents));
        for name in self.0.keys().filter(|name| !sources.contains_key(*name)) {
            found.push(format!(
                "openapi/upstream.lock: /{name}: unknown page, expected a page listed in openapi/sources.toml"
            ));
        }
        found
    }

    /// Returns one message for each document that is not the one that the lockfile lists.
    pub(crate) fn unaccepted(&self, documents: &BTreeMap<String, String>) -> Vec<String> {
        let mut found = self.modified(documents);
        for name in self.0.keys().filter(|name| !documents.contains_key(*name)) {
            found.push(format!(
                "openapi/upstream/{name}.json: missing, expected the document that openapi/upstream.lock lists"
            ));
        }
        for name in documents.keys().filter(|name| !self.0.contains_key(*name)) {
            found.push(format!(
                "openapi/upstream.lock: /{name}: missing, expected the sha256 of openapi/upstream/{name}.json"
            ));
        }
        found
    }

    /// Returns one message for each document whose checksum differs from the lockfile.
    fn modified(&self, documents: &BTreeMap<String, String>) -> Vec<String> {
        let mut found = Vec::new();
        for (name, text) in documents {
            let sum = sha256(text);
            if let Some(entry) = self.0.get(name).filter(|entry| entry.sha256 != sum) {
                found.push(format!(
                    "openapi/upstream/{name}.json: (root): edited by hand: found sha256 {sum}, expected {} as in openapi/upstream.lock",
                    entry.sha256
                ));
            }
        }
        found
    }

    pub(crate) fn to_toml(&self) -> Result<String, Failure> {
        let entries = toml::to_string(self).map_err(|error| Failure::document(error.to_string()))?;
        Ok(format!("{HEADER}\n{entries}"))
    }
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(address: &str) -> Sources {
        Sources::from([("a".to_owned(), address.parse().unwrap())])
    }

    fn lock(address: &str, text: &str, before: &Lock, today: &str) -> Lock {
        before.updated(&sources(address), [("a", text)], today)
    }

    #[test]
    fn updated_lock_changes_the_date_only_with_the_document_or_its_address() {
        let first = lock("https://x.y/a", "{}\n", &Lock::default(), "2025-01-01");
        assert_eq!(first.0["a"].date, "2025-01-01");
        let same = lock("https://x.y/a", "{}\n", &first, "2026-02-02");
        assert_eq!(same, first);
        let changed = lock("https://x.y/a", "[]\n", &first, "2026-02-02");
        assert_eq!(changed.0["a"].date, "2026-02-02");
        let moved = lock("https://x.y/b", "{}\n", &first, "2026-02-02");
        assert_eq!(moved.0["a"].date, "2026-02-02");
    }

    #[test]
    fn lock_written_as_toml_parses_to_the_same_lock() {
        for address in ["https://x.y/a", r#"https://x.y/a"b\c'd?e="\f'#"\u'"#] {
            let written = lock(address, "{}\n", &Lock::default(), "2025-01-01");
            let text = written.to_toml().unwrap();
            assert_eq!(toml::from_str::<Lock>(&text).unwrap(), written, "{text}");
            assert!(text.starts_with("# Written by `cargo xtask spec accept`"), "{text}");
        }
    }

    #[test]
    fn sha256_equals_the_output_of_sha256sum() {
        let known = "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356";
        assert_eq!(sha256("{}\n"), known);
    }

    #[test]
    fn disagreements_report_both_checksums_or_both_addresses() {
        let lock = lock("https://x.y/a", "{}\n", &Lock::default(), "2025-01-01");
        let disk = |text: &str| BTreeMap::from([("a".to_owned(), text.to_owned())]);
        assert!(lock.disagreements(&sources("https://x.y/a"), &disk("{}\n")).is_empty());
        let found = lock.disagreements(&sources("https://x.y/a"), &disk("{} \n"));
        assert!(found[0].contains(&sha256("{}\n")) && found[0].contains(&sha256("{} \n")), "{found:?}");
        let found = lock.disagreements(&sources("https://x.y/b"), &disk("{}\n"));
        assert!(found[0].contains("https://x.y/a") && found[0].contains("https://x.y/b"), "{found:?}");
    }
}
