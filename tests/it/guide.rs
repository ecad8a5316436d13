//! The pages of `docs/guide`. Users read them as files and as modules of the docs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use distribute_ai::{
    Error, blocking,
    store::Store,
    testing::{Fault, Route, Script, Simulator, TaskOutcome},
};
use syn::{ImplItem, Item};
use tokio::time::timeout;

use crate::{
    repository::{read, root},
    support::{ID, UNREACHABLE_URL, builder},
};

/// Returns the name and the text of each guide page, without the table of contents.
fn pages() -> Vec<(String, String)> {
    let files = fs::read_dir(root().join("docs/guide")).unwrap();
    let names = files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    let pages = names.filter(|name| name != "README");
    pages.map(|name| (name.clone(), read(format!("docs/guide/{name}.md")))).collect()
}

/// Returns the link definitions `[label]: target`.
fn definitions(text: &str) -> BTreeSet<(String, String)> {
    let parts = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
    let links = parts.filter(|(_, target)| !target.contains(' '));
    links.map(|(label, target)| (label.to_owned(), target.to_owned())).collect()
}

/// docs.rs has the README and the guide, but none of the other files.
#[test]
fn links_to_files_have_another_target_in_the_docs() {
    let in_docs: BTreeSet<_> =
        definitions(&read("src/guide/links.md")).into_iter().map(|(label, _)| label).collect();
    for page in pages().into_iter().map(|(_, text)| text).chain([read("README.md")]) {
        for (label, target) in definitions(&page) {
            let is_file = !target.starts_with("https://");
            assert!(!is_file || in_docs.contains(&label), "src/guide/links.md lacks [{label}]: {target}");
        }
    }
}

/// A row of the table on the page about errors.
struct Row {
    kind: String,
    predicate: String,
    /// The values of `Billed` in the row.
    billed: BTreeSet<String>,
}

fn rows() -> Vec<Row> {
    let page = read("docs/guide/errors.md");
    let tables = page.lines().filter(|line| line.starts_with("|---|"));
    assert_eq!(tables.count(), 1, "one table has all kinds");
    let in_backticks = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let rows = page.lines().filter(|line| line.starts_with("| [`")).map(|line| {
        let cells: Vec<_> = line.split(" | ").collect();
        let [names, _, billed, _, _] = cells[..] else { panic!("a row has five cells: {line}") };
        let names = in_backticks(names);
        let is_bill = |text: &String| ["No", "Yes", "Maybe"].contains(&text.as_str());
        let billed = in_backticks(billed).into_iter().filter(is_bill).collect();
        Row { kind: names[0].clone(), predicate: names[1].clone(), billed }
    });
    rows.collect()
}

#[test]
fn guide_errors_page_has_row_for_every_kind_and_predicate() {
    let source = syn::parse_file(&read("src/ext/error/kind.rs")).unwrap();
    let kinds = source.items.iter().find_map(|item| match item {
        Item::Enum(item) if item.ident == "ErrorKind" => Some(&item.variants),
        _ => None,
    });
    let kinds: Vec<_> = kinds.unwrap().iter().map(|variant| variant.ident.to_string()).collect();
    assert_eq!(rows().into_iter().map(|row| row.kind).collect::<Vec<_>>(), kinds);

    let source = syn::parse_file(&read("src/ext/error/predicates.rs")).unwrap();
    let methods = source.items.iter().filter_map(|item| match item {
        Item::Impl(block) => Some(&block.items),
        _ => None,
    });
    let names = methods.flatten().filter_map(|item| match item {
        ImplItem::Fn(method) => Some(method.sig.ident.to_string()),
        _ => None,
    });
    let predicates: Vec<_> = names.filter(|name| name.starts_with("is_")).collect();
    assert_eq!(rows().into_iter().map(|row| row.predicate).collect::<Vec<_>>(), predicates);
}

/// Returns an error of each kind, for each bill that the guide names.
async fn errors() -> Vec<Error> {
    let simulator =
        Simulator::builder().waiting(Duration::ZERO).running(Duration::ZERO).start().await.unwrap();
    let client = simulator.client();
    let create_error = async |fault| {
        simulator.script(Route::Create, Script::nth(1, fault));
        simulator.client().speak("Hello").deadline(Duration::ZERO).submit().await.unwrap_err()
    };
    let poll_error = async |fault| {
        simulator.script(Route::Result, Script::nth(1, fault));
        client.task(ID.parse().unwrap()).status().await.unwrap_err()
    };
    let blocking_client = blocking::ClientBuilder::from(builder(UNREACHABLE_URL)).build().unwrap();
    let task = client.speak("Hello").submit().await.unwrap();
    let speech = task.wait().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing/a.wav");
    let mut errors = vec![
        client.speak("x").submit().await.unwrap_err(),
        blocking_client.task(task.id().clone()).status().unwrap_err(),
        builder(UNREACHABLE_URL).build().unwrap().speak("Hello").submit().await.unwrap_err(),
        create_error(Fault::status(402)).await,
        poll_error(Fault::status(400)).await,
        create_error(Fault::status(401)).await,
        poll_error(Fault::status(403)).await,
        create_error(Fault::status(429)).await,
        create_error(Fault::reset().after_accepting()).await,
        poll_error(Fault::status(502)).await,
        client.task(ID.parse().unwrap()).status().await.unwrap_err(),
        speech.save(&missing).await.unwrap_err(),
        client.speak("Hello").in_pieces().save(&missing).await.unwrap_err(),
    ];
    simulator.script(Route::Result, Script::nth(1, Fault::status(404)));
    errors.push(task.status().await.unwrap_err());
    simulator.script(Route::Audio, Script::always(Fault::status(404)));
    errors.push(speech.audio().unwrap().bytes().await.unwrap_err());
    simulator.outcomes(Script::nth(1, TaskOutcome::fails()));
    errors.push(client.speak("Hello").await.unwrap_err());
    simulator.outcomes(Script::always(TaskOutcome::never_ends()));
    let endless = client.speak("Hello").submit().await.unwrap();
    errors.push(endless.wait().deadline(Duration::ZERO).await.unwrap_err());

    // Another call submits the same text until the deadline.
    let with_store = simulator.client_builder().store(directory.path().join("speeches")).build().unwrap();
    simulator.script(Route::Create, Script::next(1, Fault::never_answer()));
    let submission = tokio::spawn(with_store.speak("Hello").submit());
    let creates = simulator.creates() + simulator.faults();
    while simulator.creates() + simulator.faults() == creates && !submission.is_finished() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let waiting = with_store.speak("Hello").take(0).deadline(Duration::from_millis(50));
    errors.push(waiting.submit().await.unwrap_err());
    submission.abort();
    simulator.script(Route::Create, Script::nothing());

    // A job that cannot start, although its store exists.
    let store = directory.path().join("jobs");
    drop(Store::open(&store).await.unwrap());
    let batch = client.batch([("a", "Hello")]).store(&store).max_in_flight(0);
    errors.push(batch.run().await.err().unwrap());
    errors.push(client.speak("Hello").in_pieces().store(&store).save(directory.path()).await.unwrap_err());

    let requests = [("a", "Hello"), ("b", "Hello again")];
    let mut results = client.batch(requests).requests_per_second(0.1).run().await.unwrap();
    let stopped_early = timeout(Duration::from_millis(300), results.next()).await;
    assert!(stopped_early.is_err(), "one request waits for its task, and one for the rate limiter");
    errors.extend(results.stop().await.into_iter().map(|(_, result)| result.unwrap_err()));
    errors.extend(errors_of_cut_off_batch(&simulator, &directory.path().join("cut off")).await);

    simulator.script(Route::Result, Script::nth(1, Fault::status(429).retry_after(Duration::from_secs(60))));
    client.task(ID.parse().unwrap()).status().await.unwrap_err();
    errors.push(client.task(ID.parse().unwrap()).status().await.unwrap_err());
    errors
}

/// Returns the errors of two equal texts of a batch whose runtime shuts down while the first one is being submitted.
async fn errors_of_cut_off_batch(simulator: &Simulator, store: &Path) -> Vec<Error> {
    simulator.script(Route::Create, Script::next(1, Fault::never_answer()));
    let batch = simulator.client().batch([("a", "Hello"), ("b", "Hello")]).store(store);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let faults = simulator.faults();
    let started = runtime.spawn(async {
        let mut results = batch.run().await.unwrap();
        assert!(timeout(Duration::ZERO, results.next()).await.is_err(), "the batch has started");
        results
    });
    let results = started.await.unwrap();
    while simulator.faults() == faults {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    runtime.shutdown_background();
    results.stop().await.into_iter().map(|(_, result)| result.unwrap_err()).collect()
}

#[tokio::test]
async fn guide_errors_page_has_bill_of_every_kind() {
    let mut billed = BTreeMap::<_, BTreeSet<_>>::new();
    for error in errors().await {
        let bill = format!("{:?}", error.billed());
        billed.entry(format!("{:?}", error.kind())).or_default().insert(bill);
    }
    for row in rows() {
        assert_eq!(billed.get(&row.kind), Some(&row.billed), "{}", row.kind);
    }
}

#[test]
fn guide_page_is_in_contents_and_docs() {
    let (contents, module) = (read("docs/guide/README.md"), read("src/guide/mod.rs"));
    let pages = pages();
    assert!(pages.len() > 5, "{pages:?}");
    for (name, text) in pages {
        let title = text.lines().next().unwrap().strip_prefix("# ").unwrap();
        assert!(contents.contains(&format!(". [{title}]. ")), "docs/guide/README.md has no entry `{title}`");
        assert!(definitions(&contents).contains(&(title.to_owned(), format!("{name}.md"))), "{title}");
        assert!(
            module.contains(&format!("/{name}.md\")]\npub mod {name} {{}}")),
            "src/guide/mod.rs has no module `{name}`"
        );
    }
}
