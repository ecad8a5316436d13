//! The blocking client has every method of the async client, under the same name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use syn::{ImplItem, Item, Type, Visibility};

type Methods = BTreeMap<String, BTreeSet<String>>;

/// Collects the public methods of each type below a folder of `src`. The `next` of an iterator counts as
/// public.
fn methods(folder: &Path, methods: &mut Methods) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            self::methods(&entry, methods);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let file = syn::parse_file(&fs::read_to_string(&entry).unwrap()).unwrap();
            for item in file.items {
                let Item::Impl(block) = item else { continue };
                let Type::Path(path) = &*block.self_ty else { continue };
                let of_type =
                    methods.entry(path.path.segments.last().unwrap().ident.to_string()).or_default();
                let is_iterator =
                    block.trait_.is_some_and(|(path, _)| path.segments.last().unwrap().ident == "Iterator");
                of_type.extend(block.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(method) if is_iterator || matches!(method.vis, Visibility::Public(_)) => {
                        Some(method.sig.ident.to_string())
                    }
                    _ => None,
                }));
            }
        }
    }
}

#[test]
fn blocking_types_have_methods_of_async_types() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut asynchronous, mut blocking) = (Methods::new(), Methods::new());
    methods(&src.join("ext"), &mut asynchronous);
    methods(&src.join("blocking"), &mut blocking);
    // The methods that only one side has. The blocking client has a method in place of `.await`. A narration
    // runs in the background, so only async code can watch or stop it.
    let exceptions: [(&str, &[&str], &[&str]); 10] = [
        ("Client", &[], &[]),
        ("Speak", &[], &["wait"]),
        ("SpeechTask", &[], &["wait_for"]),
        ("Updates", &[], &[]),
        ("Update", &[], &[]),
        ("Speech", &[], &[]),
        ("Audio", &[], &[]),
        ("AudioStream", &[], &[]),
        ("Batch", &["start"], &[]),
        ("Results", &[], &[]),
    ];
    for (name, only_async, only_blocking) in
        exceptions.into_iter().chain([("InPieces", &["start"][..], &[][..])])
    {
        let (theirs, ours) = (&asynchronous[name], &blocking[name]);
        assert!(!theirs.is_empty() && !ours.is_empty(), "{name}: no methods found");
        let missing: Vec<_> = theirs.difference(ours).collect();
        assert_eq!(missing, only_async, "blocking::{name} has no such method");
        let more: Vec<_> = ours.difference(theirs).collect();
        assert_eq!(more, only_blocking, "{name} has no such method");
    }
}
