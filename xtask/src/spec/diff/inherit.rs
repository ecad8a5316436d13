//! Members that operations inherit from their document.

use super::node::{Pair, ResolvedNode, matched};
use crate::spec::traverse::METHODS;

/// Returns `true` if any operation inherits this member from its document in both documents. If none does, a
/// change of the document's member affects nothing.
pub(super) fn any_inherits(document: &Pair, key: &str) -> bool {
    let [base, revision] = [&document.base, &document.revision]
        .map(|document| document.path_items().into_iter().map(|(path, (_, item))| (path, item)));
    let inherits = |node: &ResolvedNode| node.value.get(key).is_none();
    let mut items = matched(base, revision).both.into_iter();
    items.any(|(_, item)| {
        let operations = METHODS.into_iter().filter_map(|method| item.get(method));
        let mut inheriting = operations.filter(|pair| inherits(&pair.base) && inherits(&pair.revision));
        inherits(&item.base) && inherits(&item.revision) && inheriting.next().is_some()
    })
}
