//! Helpers for the schemas that `build.rs` generates, and the schema of [`TaskId`].

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use crate::{TaskId, ext::task_id::MAX_STORED_BYTES};

/// Builds a JSON object, as a value in a schema.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
}

/// Adds members to a schema. A new member replaces an existing one of the same name.
pub(crate) fn with<const N: usize>(mut schema: Schema, members: [(&str, Value); N]) -> Schema {
    for (name, value) in members {
        schema.insert(name.to_owned(), value);
    }
    schema
}

/// Accepts every id that serde accepts, so that no stored id is lost. The schema of
/// [`TaskQuery`](crate::types::TaskQuery) has the pattern that the API requires.
#[cfg_attr(docsrs, doc(cfg(feature = "schemars")))]
impl JsonSchema for TaskId {
    fn schema_name() -> Cow<'static, str> {
        "TaskId".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "distribute_ai::TaskId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let description =
            "The id of a task, as the server returned it. The API documents a UUID of version 4.";
        let limits = [("minLength", 1.into()), ("maxLength", MAX_STORED_BYTES.into())];
        let members = [("type", "string".into()), ("description", description.into())];
        with(with(Schema::default(), members), limits)
    }
}
