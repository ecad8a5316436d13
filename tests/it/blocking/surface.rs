//! The blocking client has every method of the async client, under the same name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{ImplItem, Item, Type, Visibility};

type Methods = BTreeMap<String, BTreeSet<String>>;

/// Collects the public methods of each type below a folder of `src`. The `next` of an iterator counts as
/// public, and so do the methods that `forward!` defines.
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
                for item in block.items {
                    match item {
                        ImplItem::Fn(method)
                            if is_iterator || matches!(method.vis, Visibility::Public(_)) =>
                        {
                            of_type.insert(method.sig.ident.to_string());
                        }
                        ImplItem::Macro(item) if item.mac.path.is_ident("forward") => {
                            of_type.extend(forwarded(item.mac.tokens));
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}

/// Returns the names of the methods in a `forward!`: the word after each `set` and `get`.
fn forwarded(tokens: TokenStream) -> Vec<String> {
    let mut names = Vec::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        if let TokenTree::Ident(kind) = token
            && (kind == "set" || kind == "get")
            && let Some(TokenTree::Ident(name)) = tokens.next()
        {
            names.push(name.to_string());
        }
    }
    names
}

#[test]
fn blocking_types_have_methods_of_async_types() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut asynchronous, mut blocking) = (Methods::new(), Methods::new());
    methods(&src.join("ext"), &mut asynchronous);
    methods(&src.join("testing"), &mut asynchronous);
    methods(&src.join("blocking"), &mut blocking);
    // The methods that only one side has. `run` stands for the `.await` of a value. A stream of requests is
    // async. A narration runs in the background, so only async code can watch or stop it.
    let exceptions: [(&str, &[&str], &[&str]); 15] = [
        ("Client", &["batch_stream"], &[]),
        ("ClientBuilder", &[], &[]),
        ("Speak", &[], &["run"]),
        ("SpeechTask", &[], &[]),
        ("Wait", &[], &["run"]),
        ("Updates", &[], &[]),
        ("Update", &[], &[]),
        ("Speech", &[], &[]),
        ("Audio", &[], &[]),
        ("AudioStream", &[], &[]),
        ("Batch", &[], &[]),
        ("Results", &[], &[]),
        ("InPieces", &["start"], &[]),
        ("Simulator", &[], &[]),
        ("SimulatorBuilder", &[], &[]),
    ];
    for (name, only_async, only_blocking) in exceptions {
        let (theirs, ours) = (&asynchronous[name], &blocking[name]);
        assert!(!theirs.is_empty() && !ours.is_empty(), "{name}: no methods found");
        let missing: Vec<_> = theirs.difference(ours).collect();
        assert_eq!(missing, only_async, "blocking::{name} has no such method");
        let more: Vec<_> = ours.difference(theirs).collect();
        assert_eq!(more, only_blocking, "{name} has no such method");
    }
    let compared: Vec<_> = exceptions.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let other = blocking.iter().filter(|(name, methods)| !methods.is_empty() && !compared.contains(name));
    assert_eq!(other.collect::<Vec<_>>(), [], "add these types to the comparison");
}
