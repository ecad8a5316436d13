//! Task ids, signatures and jitter follow from the seed. They do not depend on the order of arrival.

use sha2::{Digest as _, Sha256};

use crate::TaskId;

/// The seed of a simulator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    /// Returns the id of the `occurrence`th task with this text, from 1.
    pub(crate) fn task_id(self, text: &str, occurrence: u64) -> String {
        TaskId::of_bits(self.hash(&["task", text, &occurrence.to_string()])).into()
    }

    /// Returns the signature of a URL.
    pub(crate) fn signature(self, path: &str, expires: u64) -> String {
        format!("{:032x}", self.hash(&["url", path, &expires.to_string()]))
    }

    /// Returns a number from 0 to 1 for the `attempt`th request to a route for a task.
    pub(crate) fn fraction(self, route: &str, task: &str, attempt: u64) -> f64 {
        let bits = self.hash(&["jitter", route, task, &attempt.to_string()]);
        // 32 bits are enough for a delay.
        let bits = u32::try_from(bits >> 96).unwrap_or(u32::MAX);
        f64::from(bits) / f64::from(u32::MAX)
    }

    fn hash(self, parts: &[&str]) -> u128 {
        let mut hasher = Sha256::new();
        hasher.update(self.0.to_le_bytes());
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut first = [0; 16];
        first.copy_from_slice(&hasher.finalize()[..16]);
        u128::from_le_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_id_follows_from_seed_text_and_occurrence() {
        let id = Seed(7).task_id("Hello", 1);
        assert_eq!(id, Seed(7).task_id("Hello", 1));
        for other in [Seed(8).task_id("Hello", 1), Seed(7).task_id("World", 1), Seed(7).task_id("Hello", 2)] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn fraction_is_spread_over_0_to_1() {
        let fractions: Vec<_> = (0..1000).map(|n| Seed(1).fraction("result", "a", n)).collect();
        assert!(fractions.iter().all(|fraction| (0.0..=1.0).contains(fraction)));
        let mean = fractions.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
