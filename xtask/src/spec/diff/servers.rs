//! Servers. A client keeps the address that it was built with, so every removed server is breaking.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    finding::Values,
    inherit::any_inherits,
    node::{Pair, ResolvedNode},
    recorder::{Recorder, join_subject, nearest_pointer},
    rules::DocumentChange,
};
use crate::{
    json::normalized,
    spec::traverse::{paths_of, template_names, without_parameter_names},
};

const KEY: &str = "servers";

/// What the subject of a server begins with, before its URL.
const SUBJECT: &str = "server ";

/// Servers by subject. Several nodes have the same URL, and may list different values of its variables. Without a node,
/// the server is the one of a document without servers.
type Servers<'a> = BTreeMap<String, Vec<ResolvedNode<'a>>>;

/// Compares the servers that operations inherit from the document.
pub(super) fn compare_document(recorder: &mut Recorder, pair: &Pair) {
    if any_inherits(pair, KEY) {
        compare(recorder, &pair.base, &pair.revision);
    }
}

/// Compares the servers of an operation, if the operation or its path has servers of its own.
pub(super) fn compare_operation(recorder: &mut Recorder, document: &Pair, item: &Pair, operation: &Pair) {
    let base = nearest_with([&operation.base, &item.base], &document.base);
    let revision = nearest_with([&operation.revision, &item.revision], &document.revision);
    // The servers of the document are reported once, by `compare_document`.
    if base.at != document.base.at || revision.at != document.revision.at {
        compare(recorder, base, revision);
    }
}

fn nearest_with<'b, 'a>(
    candidates: [&'b ResolvedNode<'a>; 2],
    otherwise: &'b ResolvedNode<'a>,
) -> &'b ResolvedNode<'a> {
    candidates.into_iter().find(|node| node.value.get(KEY).is_some()).unwrap_or(otherwise)
}

fn compare(recorder: &mut Recorder, base: &ResolvedNode, revision: &ResolvedNode) {
    let at = (&nearest_pointer(base, KEY), &nearest_pointer(revision, KEY));
    let (before, after) = (servers_by_subject(base), servers_by_subject(revision));
    let renamed = renamed(&before, &after);
    for (subject, old) in &before {
        let Some(new) = after.get(renamed.get(subject).unwrap_or(&subject).as_str()) else {
            let is_listed = |url: &String| after.contains_key(url) || with_url(&after, url).is_some();
            let is_kept = |server: &ResolvedNode<'_>| {
                urls(server, subject).is_some_and(|urls| urls.iter().all(is_listed))
            };
            let change = if !old.is_empty() && old.iter().all(is_kept) {
                DocumentChange::ServerDetailsChanged
            } else {
                DocumentChange::ServerRemoved
            };
            let at = (old.first().map_or(at.0, |server| &server.at), at.1);
            recorder.report(change, at, subject);
            continue;
        };
        if !old.is_empty() && !new.is_empty() {
            compare_details(recorder, old, new, subject);
        }
    }
    let is_known = |subject| before.contains_key(subject) || renamed.values().any(|new| *new == subject);
    for (subject, server) in after.iter().filter(|(subject, _)| !is_known(*subject)) {
        let at = (at.0, server.first().map_or(at.1, |server| &server.at));
        recorder.report(DocumentChange::ServerAdded, at, subject);
    }
    let (old, new) = (first_subject(base), first_subject(revision));
    if old != new && before.contains_key(&new) && after.contains_key(&old) {
        let (old, new) = (Value::from(old), Value::from(new));
        let values = Values { before: Some(&old), after: Some(&new) };
        recorder.report_values(DocumentChange::DefaultServerChanged, at, "servers", values);
    }
}

/// Returns what the paths of each document begin with, if the servers of the other document contain it. Then every URL is the
/// same: `https://a/v1` and `/x`, or `https://a` and `/v1/x`.
pub(super) fn moved_base_path(base: &Value, revision: &Value) -> [String; 2] {
    let urls = |document: &Value| -> BTreeSet<String> {
        let servers = document.get(KEY).and_then(Value::as_array).into_iter().flatten();
        let urls: BTreeSet<_> = servers
            .filter_map(|server| Some(server.get("url")?.as_str()?.trim_end_matches('/')))
            .map(subject)
            .collect();
        // Without a server, the URL is `/`.
        if urls.is_empty() { BTreeSet::from([subject("")]) } else { urls }
    };
    let (old, new) = (urls(base), urls(revision));
    if let Some(path) = common_suffix(&old, &new).filter(|path| has_path_within(revision, path)) {
        return [String::new(), path];
    }
    match common_suffix(&new, &old).filter(|path| has_path_within(base, path)) {
        Some(path) => [path, String::new()],
        None => Default::default(),
    }
}

/// Returns the path by which all URLs of one list are longer than those of the other.
fn common_suffix(longer: &BTreeSet<String>, shorter: &BTreeSet<String>) -> Option<String> {
    let first = longer.first()?;
    let suffixes = shorter.iter().filter_map(|url| first.strip_prefix(url.as_str()));
    let with = |suffix: &str| shorter.iter().map(|url| format!("{url}{suffix}")).collect::<BTreeSet<_>>();
    let mut suffixes = suffixes.filter(|suffix| suffix.starts_with('/') && with(suffix) == *longer);
    suffixes.next().map(str::to_owned)
}

fn has_path_within(document: &Value, prefix: &str) -> bool {
    let is_within = |path: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
    paths_of(document).any(|(path, _)| is_within(path))
}

/// Returns the servers by subject. Without a server, the URL is `/`, as the specification says.
fn servers_by_subject<'a>(node: &ResolvedNode<'a>) -> Servers<'a> {
    let servers = node.items_of(KEY);
    if servers.is_empty() {
        return BTreeMap::from([(subject_of_url(node, "/"), Vec::new())]);
    }
    let mut by_subject = Servers::new();
    for server in servers {
        by_subject.entry(subject_of(node, &server)).or_default().push(server);
    }
    by_subject
}

/// Returns the servers whose URLs differ only in the names of their variables, and those whose URLs a variable has
/// replaced: the old subject and the new one.
fn renamed<'s, 'a>(before: &'s Servers<'a>, after: &'s Servers<'a>) -> BTreeMap<&'s String, &'s String> {
    let removed = before.keys().filter(|subject| !after.contains_key(*subject));
    let mut added: BTreeMap<String, &String> = after
        .keys()
        .filter(|subject| !before.contains_key(*subject))
        .map(|subject| (without_parameter_names(subject), subject))
        .collect();
    let mut new =
        |subject: &str| added.remove(&without_parameter_names(subject)).or_else(|| with_url(after, subject));
    removed.filter_map(|subject| Some((subject, new(subject)?))).collect()
}

/// Returns the server whose variables have values with which its URL is this one.
fn with_url<'s>(servers: &'s Servers<'_>, url: &str) -> Option<&'s String> {
    let mut servers =
        servers.iter().flat_map(|(subject, servers)| servers.iter().map(move |server| (subject, server)));
    // A variable may have the default port as a value.
    let is_listed = |server, subject: &str| {
        urls(server, subject).is_some_and(|urls| urls.iter().any(|other| other == url))
    };
    servers
        .find(|(subject, server)| has_url(server, subject, url) || is_listed(server, subject))
        .map(|(subject, _)| subject)
}

/// The number of URLs up to which the values of variables are filled in.
const MAX_URLS: usize = 64;

/// Returns the subjects of the URLs of a server whose variables list their values. Returns `None` if a variable has no list.
fn urls(server: &ResolvedNode, template: &str) -> Option<Vec<String>> {
    let mut urls = vec![template.strip_prefix(SUBJECT)?.to_owned()];
    for name in template_names(template) {
        let values = listed(&server.get("variables")?.get(name)?);
        if values.is_empty() || values.len() * urls.len() > MAX_URLS {
            return None;
        }
        let variable = format!("{{{name}}}");
        let values: Vec<_> = values.iter().filter_map(Value::as_str).collect();
        urls = urls.iter().flat_map(|url| values.iter().map(|value| url.replace(&variable, value))).collect();
    }
    Some(urls.iter().map(|url| subject(url)).collect())
}

/// Returns `true` if the variables of a server have values with which its URL is this one.
fn has_url(server: &ResolvedNode, template: &str, url: &str) -> bool {
    let Some((literal, (name, rest))) =
        template.split_once('{').and_then(|(literal, rest)| Some((literal, rest.split_once('}')?)))
    else {
        return template == url;
    };
    let Some(url) = url.strip_prefix(literal) else { return false };
    let variable = server.get("variables").and_then(|variables| variables.get(name));
    let values = variable.map_or_else(Vec::new, |variable| {
        let words = variable.value.get("enum").and_then(Value::as_array).into_iter().flatten();
        words.chain(variable.value.get("default")).filter_map(Value::as_str).collect()
    });
    values.into_iter().any(|value| url.strip_prefix(value).is_some_and(|url| has_url(server, rest, url)))
}

fn first_subject(node: &ResolvedNode) -> String {
    node.items_of(KEY).first().map_or_else(|| subject_of_url(node, "/"), |server| subject_of(node, server))
}

/// Returns the name of a server of a document, a path or an operation.
fn subject_of(node: &ResolvedNode, server: &ResolvedNode) -> String {
    subject_of_url(node, server.text("url"))
}

fn subject_of_url(node: &ResolvedNode, url: &str) -> String {
    match node.prefix() {
        prefix if node.is_document() && !prefix.is_empty() => {
            subject(&format!("{}{prefix}", url.trim_end_matches('/')))
        }
        _ => subject(url),
    }
}

/// Returns the name of a server in messages. A trailing slash of the URL does not count, nor do capitals of its
/// scheme and host.
fn subject(url: &str) -> String {
    let url = without_slash(url);
    let host_end = url.find("://").map_or(0, |start| {
        let host = start + "://".len();
        url[host..].find('/').map_or(url.len(), |length| host + length)
    });
    let (host, path) = url.split_at(host_end);
    let host = lowercase_host(host);
    let port = if host.starts_with("https:") { ":443" } else { ":80" };
    let host = host.strip_suffix(port).unwrap_or(&host);
    format!("{SUBJECT}{host}{path}")
}

/// Returns a scheme and host in lower case. The names of variables are case-sensitive.
fn lowercase_host(host: &str) -> String {
    let mut is_name = false;
    let lower = |c: char| {
        is_name = (is_name || c == '{') && c != '}';
        if is_name { c } else { c.to_ascii_lowercase() }
    };
    host.chars().map(lower).collect()
}

fn without_slash(url: &str) -> &str {
    url.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(url)
}

/// Compares servers of the same URL.
fn compare_details(recorder: &mut Recorder, old: &[ResolvedNode], new: &[ResolvedNode], subject: &str) {
    let without_url = |server: &ResolvedNode| {
        let mut server = server.value.clone();
        server.as_object_mut().map(|server| server.remove("url"));
        normalized(&server)
    };
    let [before, after] = [old, new].map(|servers| servers.iter().map(without_url).collect::<BTreeSet<_>>());
    if before != after {
        let count = recorder.findings.len();
        compare_variables(recorder, old, new, subject);
        if recorder.findings.len() == count {
            let at = (&old[0].at, &new[0].at);
            recorder.report(DocumentChange::ServerDetailsChanged, at, subject);
        }
    }
}

/// Returns the values that a variable lists.
fn listed<'a>(variable: &ResolvedNode<'a>) -> &'a [Value] {
    let values = variable.value.get("enum").and_then(Value::as_array);
    values.map(Vec::as_slice).unwrap_or_default()
}

/// Returns all values that the variable of several servers with one URL lists, or an empty list if one of the servers
/// allows every value.
fn united<'a>(variables: &[ResolvedNode<'a>]) -> Vec<&'a Value> {
    let lists: Vec<_> = variables.iter().map(listed).collect();
    if lists.iter().any(|list| list.is_empty()) { Vec::new() } else { lists.into_iter().flatten().collect() }
}

fn compare_variables<'a>(
    recorder: &mut Recorder,
    old: &[ResolvedNode<'a>],
    new: &[ResolvedNode<'a>],
    subject: &str,
) {
    let names = |servers: &[ResolvedNode<'a>]| template_names(servers[0].text("url"));
    for (name, new_name) in names(old).zip(names(new)) {
        let [base, revision] = [(old, name), (new, new_name)].map(|(servers, name)| {
            let variables = servers.iter().filter_map(|server| server.get("variables")?.get(name));
            variables.collect::<Vec<_>>()
        });
        let ([first, ..], [new_first, ..]) = (base.as_slice(), revision.as_slice()) else { continue };
        let (before, after) = (united(&base), united(&revision));
        if after.is_empty() {
            // Without a list every value is allowed.
            continue;
        }
        let (at, subject) = ((&first.at, &new_first.at), join_subject(subject, name));
        if before.is_empty() {
            recorder.report(DocumentChange::ServerVariableBecameEnum, at, &subject);
        }
        let defaults = base.iter().filter_map(|variable| variable.value.get("default"));
        let defaults: Vec<_> = defaults.filter(|_| before.is_empty()).collect();
        for value in before.into_iter().chain(defaults).filter(|value| !after.contains(value)) {
            let values = Values { before: Some(value), after: None };
            recorder.report_values(DocumentChange::ServerVariableValueRemoved, at, &subject, values);
        }
    }
}
