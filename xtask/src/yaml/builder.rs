//! Builds a value from the events of a YAML document.

use std::{borrow::Cow, collections::BTreeMap};

use saphyr_parser::{Event, ScalarStyle, Tag};
use serde_json::{Map, Value};

use super::scalar::{self, ScalarTag};
use crate::json::{MAX_DEPTH, Object, Pointer, duplicate_key, excerpt, too_deep};

/// The maximum size of all copies that anchors and aliases make. Without this limit, ten lines can stand for a billion values.
const MAX_COPIED_BYTES: usize = 16 * 1024 * 1024;

/// The size of a value without its text.
const VALUE_BYTES: usize = size_of::<Value>();

/// The value under construction: the lists and objects that are open, the anchors, and the duplicate keys.
#[derive(Debug, Default)]
pub(super) struct Builder {
    root: Option<Node>,
    open: Vec<Frame>,
    anchors: BTreeMap<usize, Node>,
    copied_bytes: usize,
    has_document: bool,
    duplicates: Vec<(Pointer, String)>,
}

/// A complete value.
#[derive(Clone, Debug)]
struct Node {
    value: Value,
    /// The size of the value.
    bytes: usize,
    /// The number of levels of lists and objects.
    height: usize,
}

/// A list or an object that is not complete.
#[derive(Debug)]
struct Frame {
    container: Container,
    anchor: usize,
    bytes: usize,
    height: usize,
}

#[derive(Debug)]
enum Container {
    List(Vec<Value>),
    Object {
        members: Object,
        /// The key whose value is next.
        key: Option<Key>,
        /// The objects of `<<`, the most important first.
        merged: Option<Vec<Object>>,
    },
}

#[derive(Debug)]
enum Key {
    Name(String),
    /// `<<`, whose value is merged into the object.
    Merge,
}

impl Builder {
    /// Adds an event.
    ///
    /// # Errors
    ///
    /// Returns a message about a value that is not allowed. Its pointer is [`Builder::at`].
    pub(super) fn add(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.has_document => {
                Err("expected one document, found the start of a second one".to_owned())
            }
            Event::DocumentStart(_) => {
                self.has_document = true;
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style == ScalarStyle::Plain, anchor, tag.as_deref())
            }
            Event::Alias(anchor) => self.alias(anchor),
            Event::SequenceStart(anchor, tag) => {
                Self::check_tag(tag.as_ref(), "seq")?;
                self.start(Container::List(Vec::new()), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                Self::check_tag(tag.as_ref(), "map")?;
                self.start(Container::Object { members: Map::new(), key: None, merged: None }, anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
    }

    /// Returns the pointer of the next value.
    pub(super) fn at(&self) -> Pointer {
        let tokens = self.open.iter().map(|frame| match &frame.container {
            Container::List(items) => Some(items.len().to_string()),
            Container::Object { key: Some(Key::Name(name)), .. } => Some(name.clone()),
            Container::Object { key: Some(Key::Merge), .. } => Some("<<".to_owned()),
            Container::Object { key: None, .. } => None,
        });
        tokens.flatten().fold(Pointer::default(), |at, token| at.child(token))
    }

    /// Returns the value, or the duplicate keys.
    pub(super) fn finish(self) -> Result<Value, Vec<(Pointer, String)>> {
        match self.root {
            _ if !self.duplicates.is_empty() => Err(self.duplicates),
            Some(root) => Ok(root.value),
            None => Err(vec![(Pointer::default(), "empty, expected a document".to_owned())]),
        }
    }

    fn scalar(&mut self, text: &str, is_plain: bool, anchor: usize, tag: Option<&Tag>) -> Result<(), String> {
        let tag = match tag {
            Some(tag) => Some(ScalarTag::of(&full(tag)).ok_or_else(|| unsupported(tag))?),
            None => None,
        };
        if self.awaits_key() {
            let is_merge = is_plain && tag.is_none() && text == "<<";
            if is_plain && text.is_empty() {
                return Err("expected a key, found none".to_owned());
            }
            // A key is a string in JSON, so `200` and `"200"` are the same key.
            if anchor > 0 {
                self.remember(anchor, &Node::new(text.into()))?;
            }
            self.set_key(if is_merge { Key::Merge } else { Key::Name(text.to_owned()) });
            return Ok(());
        }
        let node = Node::new(scalar::value(text, is_plain, tag)?);
        self.complete(node, anchor)
    }

    fn alias(&mut self, anchor: usize) -> Result<(), String> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err("expected an alias of a complete value, found one within that value".to_owned());
        };
        let (bytes, height) = (node.bytes, node.height);
        if self.awaits_key() {
            let Value::String(name) = &node.value else {
                return Err(format!("expected a string as a key, found {}", excerpt(&node.value)));
            };
            let name = name.clone();
            self.copy(bytes)?;
            self.set_key(Key::Name(name));
            return Ok(());
        }
        if self.open.len() + height > MAX_DEPTH {
            return Err(too_deep());
        }
        let node = node.clone();
        self.copy(bytes)?;
        self.complete(node, 0)
    }

    fn start(&mut self, container: Container, anchor: usize) -> Result<(), String> {
        if self.awaits_key() {
            return Err("expected a string as a key, found a list or a mapping".to_owned());
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep());
        }
        self.open.push(Frame { container, anchor, bytes: VALUE_BYTES, height: 1 });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(Frame { container, anchor, bytes, height }) = self.open.pop() else { return Ok(()) };
        let value = match container {
            Container::List(items) => items.into(),
            Container::Object { mut members, merged, .. } => {
                for (key, value) in merged.into_iter().flatten().flatten() {
                    members.entry(key).or_insert(value);
                }
                members.into()
            }
        };
        self.complete(Node { value, bytes, height }, anchor)
    }

    /// Adds a complete value to the list or the object around it.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        if anchor > 0 {
            self.remember(anchor, &node)?;
        }
        self.check_duplicate(&node.value);
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.bytes += node.bytes;
        frame.height = frame.height.max(node.height + 1);
        match &mut frame.container {
            Container::List(items) => items.push(node.value),
            Container::Object { members, key, merged } => match key.take() {
                Some(Key::Name(name)) => drop(members.insert(name, node.value)),
                Some(Key::Merge) => {
                    *merged = Some(objects(node.value).inspect_err(|_| *key = Some(Key::Merge))?);
                }
                None => {}
            },
        }
        Ok(())
    }

    /// Records the next value's key if the object has the key already.
    fn check_duplicate(&mut self, second: &Value) {
        let container = self.open.last().map(|frame| &frame.container);
        let Some(Container::Object { members, key: Some(key), merged }) = container else { return };
        let message = match key {
            Key::Name(name) => members.get(name).map(|first| duplicate_key(first, second)),
            Key::Merge => merged
                .is_some()
                .then(|| "duplicate key, expected one key << with a list of mappings".to_owned()),
        };
        self.duplicates.extend(message.map(|message| (self.at(), message)));
    }

    fn set_key(&mut self, new: Key) {
        if let Some(Frame { container: Container::Object { key, .. }, bytes, .. }) = self.open.last_mut() {
            *bytes += if let Key::Name(name) = &new { name.len() } else { 0 };
            *key = Some(new);
        }
    }

    /// Returns `true` if the next value is a key.
    fn awaits_key(&self) -> bool {
        let container = self.open.last().map(|frame| &frame.container);
        matches!(container, Some(Container::Object { key: None, .. }))
    }

    fn check_tag(tag: Option<&Cow<Tag>>, name: &str) -> Result<(), String> {
        let expected = format!("tag:yaml.org,2002:{name}");
        match tag {
            Some(tag) if full(tag) != expected && full(tag) != "!" => Err(unsupported(tag)),
            _ => Ok(()),
        }
    }

    fn remember(&mut self, anchor: usize, node: &Node) -> Result<(), String> {
        self.copy(node.bytes)?;
        self.anchors.insert(anchor, node.clone());
        Ok(())
    }

    /// Counts the size of a copy.
    fn copy(&mut self, bytes: usize) -> Result<(), String> {
        self.copied_bytes += bytes;
        if self.copied_bytes <= MAX_COPIED_BYTES {
            return Ok(());
        }
        Err(format!(
            "anchors and aliases copy more than {MAX_COPIED_BYTES} bytes, write the values out or use references ($ref)"
        ))
    }
}

impl Node {
    fn new(value: Value) -> Self {
        let bytes = VALUE_BYTES + value.as_str().map_or(0, str::len);
        Self { value, bytes, height: 0 }
    }
}

/// Returns the objects that `<<` merges.
fn objects(value: Value) -> Result<Vec<Object>, String> {
    let values = match value {
        Value::Array(values) => values,
        value => vec![value],
    };
    let object = |value| match value {
        Value::Object(object) => Ok(object),
        value => Err(format!("expected a mapping or a list of mappings after <<, found {}", excerpt(&value))),
    };
    values.into_iter().map(object).collect()
}

fn full(tag: &Tag) -> String {
    format!("{}{}", tag.handle, tag.suffix)
}

fn unsupported(tag: &Tag) -> String {
    format!("unsupported tag {:?}, expected a value without a tag, as in JSON", full(tag))
}
