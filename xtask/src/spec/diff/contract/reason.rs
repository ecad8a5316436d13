//! Says why a receiver does not take everything that a sender allows, for a reader of the report.

use super::{
    alternative::{Alternative, Kind, property},
    mode::Mode,
    norm::Norm,
    relation::{Answer, Relations},
    word,
};
use crate::spec::diff::format;

impl Relations<'_> {
    /// Returns what the sender allows and the receiver does not take. Returns `None` if no single keyword is the reason.
    pub(super) fn reason(&mut self, mode: Mode, receiver: &Norm, sender: &Norm) -> Option<String> {
        let receivers: Vec<_> = receiver.alternatives.iter().collect();
        let refused =
            sender.alternatives.iter().find(|a| self.taken(mode, false, &receivers, a) != Answer::Yes)?;
        let mut same_kind = receivers.iter().filter(|other| other.kind == refused.kind);
        match (same_kind.next(), same_kind.next()) {
            (None, _) => Some(format!("{} is allowed", kind_name(refused.kind))),
            (Some(only), None) => difference(mode, only, refused),
            (Some(_), Some(_)) => None,
        }
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Boolean => "a boolean",
        Kind::Number => "a number",
        Kind::String => "a string",
        Kind::Array => "a list",
        Kind::Object => "an object",
    }
}

/// Returns the first keyword of the receiver that a value of the sender may violate.
fn difference(mode: Mode, receiver: &Alternative, sender: &Alternative) -> Option<String> {
    if let Some(words) = &sender.words {
        let word = words.values().find(|word| word::accepted(receiver, word) != Some(true))?;
        return Some(format!("{word} is allowed"));
    }
    if receiver.words.is_some() {
        return Some("values are allowed that the enum does not have".to_owned());
    }
    let is_sent = |alternative: &Alternative, name: &String| {
        alternative.required.contains(name) && !property(alternative, name).is_unsent(mode.direction)
    };
    let missing = receiver.required.iter().find(|name| is_sent(receiver, name) && !is_sent(sender, name));
    let refused = sender.properties.keys().find(|name| property(receiver, name).forbidden);
    let has_format = |name: &&String| sender.formats.iter().any(|other| format::includes(name, other));
    let unformatted = receiver.formats.iter().find(|name| !has_format(name));
    let unmatched = receiver.patterns.iter().find(|pattern| !sender.patterns.contains(*pattern));
    let size = !receiver.size.contains(sender.size);
    if let Some(name) = missing {
        Some(format!("{name:?} may be missing"))
    } else if let Some(name) = refused {
        Some(format!("{name:?} is allowed"))
    } else if let Some(name) = unformatted {
        Some(format!("a value without the format {name} is allowed"))
    } else if let Some(pattern) = unmatched {
        Some(format!("a text that does not match {pattern:?} is allowed"))
    } else if size {
        Some("another length or count is allowed".to_owned())
    } else if receiver.tag != sender.tag {
        Some("the discriminator has other values".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::spec::diff::diff;

    #[test]
    fn finding_about_a_schema_as_a_whole_says_what_is_not_accepted() {
        let document = |schema: &Value| {
            let parameters = json!([{"name": "q", "in": "query", "schema": schema}]);
            json!({"paths": {"/a": {"get": {"parameters": parameters}}}})
        };
        let integer = json!({"type": "integer"});
        for (revision, reason) in [
            (json!({"type": "string", "format": "uuid"}), "a number is allowed"),
            (json!({"type": "string", "enum": ["a"]}), "a number is allowed"),
        ] {
            let findings = diff(&document(&integer), &document(&revision));
            let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
            assert!(messages.iter().any(|message| message.ends_with(reason)), "{messages:#?}");
        }
    }

    #[test]
    fn reason_names_the_keyword() {
        let document = |schema: &Value| {
            let content = json!({"application/json": {"schema": {"properties": {"p": schema}}}});
            json!({"paths": {"/a": {"get": {"responses": {"200": {"description": "d", "content": content}}}}}})
        };
        let parts = |names: &[&str]| json!({"allOf": names.iter().map(|name| json!({"required": [name]})).collect::<Vec<_>>()});
        for (base, revision, reason) in [
            (
                parts(&["x", "y", "z"]),
                parts(&["x", "y"]),
                "/p: the old schema as a whole does not accept everything that the new one allows: \"z\" may be missing",
            ),
            (
                json!({"allOf": [{"enum": ["a", "b"]}, {"type": "string"}, {"minLength": 1}]}),
                json!({"allOf": [{"type": "string"}, {"minLength": 1}]}),
                "values are allowed that the enum does not have",
            ),
        ] {
            let findings = diff(&document(&base), &document(&revision));
            let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
            assert!(messages.iter().any(|message| message.ends_with(reason)), "{messages:#?}");
        }
    }
}
