//! Recognises disjoint schemas: those without a common value.

use super::{alternative::Alternative, key::Key, relation::Relations};

/// The number of alternatives that are compared with each other.
const MAX_ALTERNATIVES: usize = 100;

impl Relations<'_> {
    /// Returns `true` if it is certain that no value matches two of the schemas.
    pub(super) fn are_disjoint(&mut self, keys: &[Key]) -> bool {
        let mut before: Vec<Alternative> = Vec::new();
        for key in keys {
            let norm = self.norm(*key);
            let more = before.len() + norm.alternatives.len();
            // The values that are sent for a mistaken schema are unknown.
            let distinct =
                |a: &Alternative| !a.mistaken && before.iter().all(|b| self.is_disjoint(a, b, true));
            if !norm.exact || more > MAX_ALTERNATIVES || !norm.alternatives.iter().all(distinct) {
                return false;
            }
            before.extend(norm.alternatives.iter().cloned());
        }
        true
    }

    /// Compares the kinds and the words of two alternatives, and those of the properties that both require.
    fn is_disjoint(&mut self, one: &Alternative, other: &Alternative, within: bool) -> bool {
        if one.kind != other.kind {
            return true;
        }
        if let (Some(words), Some(others)) = (&one.words, &other.words) {
            return words.keys().all(|word| !others.contains_key(word));
        }
        let shared = one.required.intersection(&other.required).filter(|_| within);
        let pairs: Vec<_> = shared
            .filter_map(|name| Some((one.properties.get(name)?.key, other.properties.get(name)?.key)))
            .collect();
        pairs.into_iter().any(|(one, other)| {
            let (one, other) = (self.norm(one), self.norm(other));
            let disjoint = |a: &Alternative| other.alternatives.iter().all(|b| self.is_disjoint(a, b, false));
            one.exact && other.exact && one.alternatives.iter().all(disjoint)
        })
    }
}
