//! What `build.rs` writes the schemas of the generated types in; and the schema of [`TaskId`], which is ours.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use crate::TaskId;

/// An object, as a value within a schema.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())
}

/// A schema with more said of it; what is said here counts.
pub(crate) fn with<const N: usize>(mut schema: Schema, members: [(&str, Value); N]) -> Schema {
    for (name, value) in members {
        schema.insert(name.to_owned(), value);
    }
    schema
}

/// Any string, as for serde: the pattern that the API asks for is that of [`TaskQuery`](crate::types::TaskQuery), and an
/// id that the server has given is taken as it came.
#[cfg_attr(docsrs, doc(cfg(feature = "schemars")))]
impl JsonSchema for TaskId {
    fn schema_name() -> Cow<'static, str> {
        "TaskId".into()
    }

    fn schema_id() -> Cow<'static, str> {
        "distribute_ai::TaskId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let description = "The id of a task, as the server gave it; a UUID of version 4 by its document.";
        with(Schema::default(), [("type", "string".into()), ("description", description.into())])
    }
}
