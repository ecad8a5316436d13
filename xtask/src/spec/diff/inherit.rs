use super::node::{Pair, ResolvedNode, matched};
use crate::spec::traverse::METHODS;

/// Whether any operation leaves this to its document, before and after: only then does the document's word count.
pub(super) fn any_inherits(document: &Pair, key: &str) -> bool {
    let (base, revision) = (document.base.path_items(), document.revision.path_items());
    let silent = |node: &ResolvedNode| node.value.get(key).is_none();
    let mut items = matched(base, revision).both.into_iter();
    items.any(|(_, item)| {
        let operations = METHODS.into_iter().filter_map(|method| item.get(method));
        let mut all = operations.filter(|pair| silent(&pair.base) && silent(&pair.revision));
        silent(&item.base) && silent(&item.revision) && all.next().is_some()
    })
}
