//! Members that operations inherit from their document.

use super::{
    node::{Pair, ResolvedNode},
    path_items::matched_items,
};
use crate::spec::traverse::METHODS;

/// Returns `true` if any operation inherits this member from its document in both documents. If none does, a
/// change of the document's member affects nothing.
pub(super) fn any_inherits(document: &Pair, key: &str) -> bool {
    let inherits = |node: &ResolvedNode| node.value.get(key).is_none();
    matched_items(document).both.iter().any(|(_, item)| {
        let operations = METHODS.into_iter().filter_map(|method| item.get(method));
        let mut inheriting = operations.filter(|pair| inherits(&pair.base) && inherits(&pair.revision));
        inherits(&item.base) && inherits(&item.revision) && inheriting.next().is_some()
    })
}
