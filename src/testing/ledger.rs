//! What happened: the accepted tasks in order, and the counts.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use super::task::Task;

pub(super) struct Ledger {
    pub(super) requests: u64,
    pub(super) polls: u64,
    pub(super) downloads: u64,
    pub(super) leaks: u64,
    tasks: Vec<Arc<Task>>,
    by_id: HashMap<String, Arc<Task>>,
    ids: fastrand::Rng,
}

impl Ledger {
    pub(super) fn new(seed: Option<u64>) -> Self {
        Self {
            requests: 0,
            polls: 0,
            downloads: 0,
            leaks: 0,
            tasks: Vec::new(),
            by_id: HashMap::new(),
            ids: seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed),
        }
    }

    /// Accepts a task and returns its id.
    pub(super) fn accept(&mut self, task: Task) -> String {
        let id = uuid_v4(self.ids.u128(..));
        let task = Arc::new(task);
        self.tasks.push(Arc::clone(&task));
        self.by_id.insert(id.clone(), task);
        id
    }

    /// The task of an id in lower case.
    pub(super) fn find(&self, id: &str) -> Option<Arc<Task>> {
        self.by_id.get(id).cloned()
    }

    pub(super) fn creates(&self) -> u64 {
        self.tasks.len() as u64
    }

    pub(super) fn spoken(&self) -> Vec<String> {
        self.tasks.iter().map(|task| task.input.clone()).collect()
    }
}

/// Any bits as a UUID of version 4 (RFC 9562): the version is the 13th digit, the variant the top of the 17th.
fn uuid_v4(bits: u128) -> String {
    let bits = bits & !(0xf << 76) | (4 << 76);
    let bits = bits & !(0b11 << 62) | (0b10 << 62);
    let digits = format!("{bits:032x}");
    let mut id = digits[..8].to_owned();
    for group in [8..12, 12..16, 16..20, 20..32] {
        let _ = write!(id, "-{}", &digits[group]);
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_4_whatever_the_bits() {
        assert_eq!(uuid_v4(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid_v4(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
