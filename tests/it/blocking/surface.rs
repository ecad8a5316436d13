//! The blocking client has every method of the async client, under the same name.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use syn::{ImplItem, Item, Type};

use crate::{layers::sources, public_api::expand::expand, surface::is_public};

type Methods = BTreeMap<String, BTreeSet<String>>;

/// Collects the public methods of each type below a folder of `src`. The `next` of an iterator counts as public.
fn methods(folder: &Path, methods: &mut Methods) {
    for item in expand(sources(folder)).into_iter().flat_map(|(_, file)| file.items) {
        let Item::Impl(block) = item else { continue };
        let Type::Path(path) = &*block.self_ty else { continue };
        let of_type = methods.entry(path.path.segments.last().unwrap().ident.to_string()).or_default();
        let is_iterator =
            block.trait_.is_some_and(|(path, _)| path.segments.last().unwrap().ident == "Iterator");
        for item in block.items {
            if let ImplItem::Fn(method) = item
                && (is_iterator || is_public(&method.vis))
            {
                of_type.insert(method.sig.ident.to_string());
            }
        }
    }
}

#[test]
fn blocking_types_have_methods_of_async_types() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut asynchronous, mut blocking) = (Methods::new(), Methods::new());
    methods(&src.join("ext"), &mut asynchronous);
    methods(&src.join("testing"), &mut asynchronous);
    methods(&src.join("blocking"), &mut blocking);
    // The methods that only one side has. `run` stands for the `.await` of a value. A stream of requests is
    // async. A narration runs in the background, so only async code can watch or stop it. A
    // blocking simulator always runs on its own thread.
    let exceptions: [(&str, &[&str], &[&str]); 17] = [
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
        ("Store", &[], &[]),
        ("Entries", &[], &[]),
        ("Simulator", &[], &[]),
        ("SimulatorBuilder", &["start_on_thread"], &[]),
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
