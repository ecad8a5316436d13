//! The object model of OpenAPI 3.0.3 as a table: the members of each object and their kinds.

use super::{object_rules, schema};
use crate::{
    json::{Object, Pointer},
    spec::diagnostics::Diagnostics,
};

/// The kind of a value.
pub(in crate::spec) enum Kind {
    /// Any data. Its content is not checked: a `$ref` in an example is not a reference.
    Any,
    Bool,
    Text,
    Number,
    /// A whole number of at least 0.
    Count,
    /// An ECMA 262 regular expression.
    Pattern,
    /// One of these strings.
    Word(&'static [&'static str]),
    /// The type of a schema: a string. Lists of types require OpenAPI 3.1.
    Type,
    List(&'static Kind),
    /// A list with at least one item.
    NonEmpty(&'static Kind),
    Map(Keys, &'static Kind),
    Object(&'static Model),
    /// An object, or a reference to one.
    OrRef(&'static Model),
    /// `true`, `false` or a schema.
    BoolOrSchema,
}

/// The valid keys of a map.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::spec) enum Keys {
    Any,
    /// A path that starts with `/`, or an extension.
    Path,
    /// A status such as `200`, `2XX` or `default`, or an extension.
    Status,
    /// A component name.
    Component,
    /// An expression of a callback, an extension, or the only key of a reference to a callback.
    Callback,
}

impl Keys {
    /// Returns `true` if the key is an extension of the map. Its value is not of the map's kind.
    pub(in crate::spec) fn is_extension(self, key: &str) -> bool {
        matches!(self, Self::Path | Self::Status | Self::Callback) && key.starts_with("x-")
    }
}

/// An object type of the specification.
pub(in crate::spec) struct Model {
    /// The name in messages.
    pub(in crate::spec) name: &'static str,
    /// The section of `components` that references must point to. Empty if `components` lacks such a section.
    pub(in crate::spec) section: &'static str,
    pub(in crate::spec) required: &'static [&'static str],
    pub(in crate::spec) members: &'static [(&'static str, &'static Kind)],
    /// The members that only OpenAPI 3.1 has. A strict reader does not know them.
    pub(in crate::spec) later: &'static [(&'static str, &'static Kind)],
    /// `true` if the members only describe the API. An unknown member then changes nothing.
    pub(in crate::spec) descriptive: bool,
    /// Checks the members against each other.
    pub(in crate::spec) rule: fn(&Object, &Pointer, &mut Diagnostics),
}

impl Model {
    /// Returns the kind of a member, also if only OpenAPI 3.1 has it.
    pub(in crate::spec) fn kind_of(&self, key: &str) -> Option<&'static Kind> {
        self.all_members().find(|(name, _)| *name == key).map(|(_, kind)| kind)
    }

    /// Returns the members of OpenAPI 3.0 and 3.1.
    pub(in crate::spec) fn all_members(&self) -> impl Iterator<Item = (&'static str, &'static Kind)> + use<> {
        self.members.iter().chain(self.later).copied()
    }
}

const PLAIN: Model = Model {
    name: "",
    section: "",
    required: &[],
    members: &[],
    later: &[],
    descriptive: false,
    rule: |_, _, _| {},
};

const DESCRIPTIVE: Model = Model { descriptive: true, ..PLAIN };

static STRINGS: Kind = Kind::List(&Kind::Text);

/// The kind of a document.
pub(in crate::spec) static DOCUMENT: Kind = Kind::Object(&ROOT);

pub(in crate::spec) static SCHEMA_OR_REFERENCE: Kind = Kind::OrRef(&SCHEMA);

pub(in crate::spec) static ROOT: Model = Model {
    name: "the document",
    required: &["openapi", "info", "paths"],
    members: &[
        ("openapi", &Kind::Text),
        ("info", &Kind::Object(&INFO)),
        ("servers", &SERVERS),
        ("paths", &Kind::Map(Keys::Path, &Kind::OrRef(&PATH_ITEM))),
        ("components", &Kind::Object(&COMPONENTS)),
        ("security", &SECURITY),
        ("tags", &Kind::List(&Kind::Object(&TAG))),
        ("externalDocs", &EXTERNAL_DOCS),
    ],
    later: &[
        ("webhooks", &Kind::Map(Keys::Any, &Kind::OrRef(&PATH_ITEM))),
        ("jsonSchemaDialect", &Kind::Text),
        ("$self", &Kind::Text),
    ],
    rule: object_rules::root,
    ..PLAIN
};

static INFO: Model = Model {
    name: "info",
    required: &["title", "version"],
    members: &[
        ("title", &Kind::Text),
        ("description", &Kind::Text),
        ("termsOfService", &Kind::Text),
        ("contact", &Kind::Object(&CONTACT)),
        ("license", &Kind::Object(&LICENSE)),
        ("version", &Kind::Text),
    ],
    later: &[("summary", &Kind::Text)],
    ..DESCRIPTIVE
};

static CONTACT: Model = Model {
    name: "a contact",
    members: &[("name", &Kind::Text), ("url", &Kind::Text), ("email", &Kind::Text)],
    ..DESCRIPTIVE
};

static LICENSE: Model = Model {
    name: "a license",
    required: &["name"],
    members: &[("name", &Kind::Text), ("url", &Kind::Text)],
    later: &[("identifier", &Kind::Text)],
    ..DESCRIPTIVE
};

static SERVERS: Kind = Kind::List(&Kind::Object(&SERVER));

static SERVER: Model = Model {
    name: "a server",
    required: &["url"],
    members: &[
        ("url", &Kind::Text),
        ("description", &Kind::Text),
        ("variables", &Kind::Map(Keys::Any, &Kind::Object(&VARIABLE))),
    ],
    rule: object_rules::server,
    ..PLAIN
};

static VARIABLE: Model = Model {
    name: "a server variable",
    required: &["default"],
    members: &[
        ("enum", &Kind::NonEmpty(&Kind::Text)),
        ("default", &Kind::Text),
        ("description", &Kind::Text),
    ],
    ..PLAIN
};

static EXTERNAL_DOCS: Kind = Kind::Object(&EXTERNAL_DOC);

static EXTERNAL_DOC: Model = Model {
    name: "external documentation",
    required: &["url"],
    members: &[("description", &Kind::Text), ("url", &Kind::Text)],
    ..DESCRIPTIVE
};

static TAG: Model = Model {
    name: "a tag",
    required: &["name"],
    members: &[("name", &Kind::Text), ("description", &Kind::Text), ("externalDocs", &EXTERNAL_DOCS)],
    ..DESCRIPTIVE
};

static SECURITY: Kind = Kind::List(&Kind::Map(Keys::Any, &STRINGS));

static COMPONENTS: Model = Model {
    name: "components",
    members: &[
        ("schemas", &Kind::Map(Keys::Component, &Kind::OrRef(&SCHEMA))),
        ("responses", &Kind::Map(Keys::Component, &Kind::OrRef(&RESPONSE))),
        ("parameters", &Kind::Map(Keys::Component, &Kind::OrRef(&PARAMETER))),
        ("examples", &Kind::Map(Keys::Component, &Kind::OrRef(&EXAMPLE))),
        ("requestBodies", &Kind::Map(Keys::Component, &Kind::OrRef(&REQUEST_BODY))),
        ("headers", &Kind::Map(Keys::Component, &Kind::OrRef(&HEADER))),
        ("securitySchemes", &Kind::Map(Keys::Component, &Kind::OrRef(&SECURITY_SCHEME))),
        ("links", &Kind::Map(Keys::Component, &Kind::OrRef(&LINK))),
        ("callbacks", &Kind::Map(Keys::Component, &CALLBACK)),
    ],
    later: &[("pathItems", &Kind::Map(Keys::Component, &Kind::OrRef(&PATH_ITEM)))],
    ..PLAIN
};

pub(in crate::spec) static PATH_ITEM: Model = Model {
    name: "a path item",
    members: &[
        ("summary", &Kind::Text),
        ("description", &Kind::Text),
        ("get", &Kind::Object(&OPERATION)),
        ("put", &Kind::Object(&OPERATION)),
        ("post", &Kind::Object(&OPERATION)),
        ("delete", &Kind::Object(&OPERATION)),
        ("options", &Kind::Object(&OPERATION)),
        ("head", &Kind::Object(&OPERATION)),
        ("patch", &Kind::Object(&OPERATION)),
        ("trace", &Kind::Object(&OPERATION)),
        ("servers", &SERVERS),
        ("parameters", &PARAMETERS),
    ],
    ..PLAIN
};

static OPERATION: Model = Model {
    name: "an operation",
    required: &["responses"],
    members: &[
        ("tags", &STRINGS),
        ("summary", &Kind::Text),
        ("description", &Kind::Text),
        ("externalDocs", &EXTERNAL_DOCS),
        ("operationId", &Kind::Text),
        ("parameters", &PARAMETERS),
        ("requestBody", &Kind::OrRef(&REQUEST_BODY)),
        ("responses", &Kind::Map(Keys::Status, &Kind::OrRef(&RESPONSE))),
        ("callbacks", &Kind::Map(Keys::Any, &CALLBACK)),
        ("deprecated", &Kind::Bool),
        ("security", &SECURITY),
        ("servers", &SERVERS),
    ],
    rule: object_rules::operation,
    ..PLAIN
};

static PARAMETERS: Kind = Kind::List(&Kind::OrRef(&PARAMETER));

static PARAMETER: Model = Model {
    name: "a parameter",
    section: "parameters",
    required: &["name", "in"],
    members: &[
        ("name", &Kind::Text),
        ("in", &Kind::Word(&["query", "header", "path", "cookie"])),
        ("description", &Kind::Text),
        ("required", &Kind::Bool),
        ("deprecated", &Kind::Bool),
        ("allowEmptyValue", &Kind::Bool),
        ("style", &Kind::Word(STYLES)),
        ("explode", &Kind::Bool),
        ("allowReserved", &Kind::Bool),
        ("schema", &Kind::OrRef(&SCHEMA)),
        ("example", &Kind::Any),
        ("examples", &EXAMPLES),
        ("content", &CONTENT),
    ],
    rule: object_rules::parameter,
    ..PLAIN
};

const STYLES: &[&str] =
    &["matrix", "label", "form", "simple", "spaceDelimited", "pipeDelimited", "deepObject"];

static HEADER: Model = Model {
    name: "a header",
    section: "headers",
    members: &[
        ("description", &Kind::Text),
        ("required", &Kind::Bool),
        ("deprecated", &Kind::Bool),
        ("allowEmptyValue", &Kind::Bool),
        ("style", &Kind::Word(&["simple"])),
        ("explode", &Kind::Bool),
        ("allowReserved", &Kind::Bool),
        ("schema", &Kind::OrRef(&SCHEMA)),
        ("example", &Kind::Any),
        ("examples", &EXAMPLES),
        ("content", &CONTENT),
    ],
    rule: object_rules::schema_or_content,
    ..PLAIN
};

static REQUEST_BODY: Model = Model {
    name: "a request body",
    section: "requestBodies",
    required: &["content"],
    members: &[("description", &Kind::Text), ("content", &CONTENT), ("required", &Kind::Bool)],
    ..PLAIN
};

static RESPONSE: Model = Model {
    name: "a response",
    section: "responses",
    required: &["description"],
    members: &[("description", &Kind::Text), ("headers", &HEADERS), ("content", &CONTENT), ("links", &LINKS)],
    ..PLAIN
};

static CONTENT: Kind = Kind::Map(Keys::Any, &Kind::Object(&MEDIA_TYPE));

static MEDIA_TYPE: Model = Model {
    name: "a media type",
    members: &[
        ("schema", &Kind::OrRef(&SCHEMA)),
        ("example", &Kind::Any),
        ("examples", &EXAMPLES),
        ("encoding", &Kind::Map(Keys::Any, &Kind::Object(&ENCODING))),
    ],
    rule: object_rules::examples,
    ..PLAIN
};

pub(in crate::spec) static ENCODING: Model = Model {
    name: "an encoding",
    members: &[
        ("contentType", &Kind::Text),
        ("headers", &HEADERS),
        ("style", &Kind::Word(STYLES)),
        ("explode", &Kind::Bool),
        ("allowReserved", &Kind::Bool),
    ],
    ..PLAIN
};

pub(in crate::spec) static HEADERS: Kind = Kind::Map(Keys::Any, &Kind::OrRef(&HEADER));

static EXAMPLES: Kind = Kind::Map(Keys::Any, &Kind::OrRef(&EXAMPLE));

static EXAMPLE: Model = Model {
    name: "an example",
    section: "examples",
    members: &[
        ("summary", &Kind::Text),
        ("description", &Kind::Text),
        ("value", &Kind::Any),
        ("externalValue", &Kind::Text),
    ],
    rule: object_rules::example,
    ..DESCRIPTIVE
};

pub(in crate::spec) static LINKS: Kind = Kind::Map(Keys::Any, &Kind::OrRef(&LINK));

static LINK: Model = Model {
    name: "a link",
    section: "links",
    members: &[
        ("operationRef", &Kind::Text),
        ("operationId", &Kind::Text),
        ("parameters", &Kind::Map(Keys::Any, &Kind::Any)),
        ("requestBody", &Kind::Any),
        ("description", &Kind::Text),
        ("server", &Kind::Object(&SERVER)),
    ],
    rule: object_rules::link,
    ..PLAIN
};

pub(in crate::spec) static CALLBACK: Kind = Kind::Map(Keys::Callback, &Kind::OrRef(&PATH_ITEM));

pub(in crate::spec) static SCHEMA: Model = Model {
    name: "a schema",
    section: "schemas",
    members: &[
        ("title", &Kind::Text),
        ("multipleOf", &Kind::Number),
        ("maximum", &Kind::Number),
        ("exclusiveMaximum", &Kind::Bool),
        ("minimum", &Kind::Number),
        ("exclusiveMinimum", &Kind::Bool),
        ("maxLength", &Kind::Count),
        ("minLength", &Kind::Count),
        ("pattern", &Kind::Pattern),
        ("maxItems", &Kind::Count),
        ("minItems", &Kind::Count),
        ("uniqueItems", &Kind::Bool),
        ("maxProperties", &Kind::Count),
        ("minProperties", &Kind::Count),
        ("required", &STRINGS),
        ("enum", &Kind::NonEmpty(&Kind::Any)),
        ("type", &Kind::Type),
        ("allOf", &SCHEMA_LIST),
        ("oneOf", &SCHEMA_LIST),
        ("anyOf", &SCHEMA_LIST),
        ("not", &Kind::OrRef(&SCHEMA)),
        ("items", &Kind::OrRef(&SCHEMA)),
        ("properties", &Kind::Map(Keys::Any, &Kind::OrRef(&SCHEMA))),
        ("additionalProperties", &Kind::BoolOrSchema),
        ("description", &Kind::Text),
        ("format", &Kind::Text),
        ("default", &Kind::Any),
        ("nullable", &Kind::Bool),
        ("discriminator", &Kind::Object(&DISCRIMINATOR)),
        ("readOnly", &Kind::Bool),
        ("writeOnly", &Kind::Bool),
        ("xml", &Kind::Object(&XML)),
        ("externalDocs", &EXTERNAL_DOCS),
        ("example", &Kind::Any),
        ("deprecated", &Kind::Bool),
    ],
    later: &[
        ("$schema", &Kind::Text),
        ("$id", &Kind::Text),
        ("$anchor", &Kind::Text),
        ("$comment", &Kind::Text),
        ("$dynamicRef", &Kind::Text),
        ("$dynamicAnchor", &Kind::Text),
        ("$vocabulary", &Kind::Any),
        ("$defs", &SCHEMA_MAP),
        ("patternProperties", &SCHEMA_MAP),
        ("dependentSchemas", &SCHEMA_MAP),
        ("dependentRequired", &Kind::Map(Keys::Any, &STRINGS)),
        ("propertyNames", &Kind::OrRef(&SCHEMA)),
        ("if", &Kind::OrRef(&SCHEMA)),
        ("then", &Kind::OrRef(&SCHEMA)),
        ("else", &Kind::OrRef(&SCHEMA)),
        ("prefixItems", &SCHEMA_LIST),
        ("contains", &Kind::OrRef(&SCHEMA)),
        ("minContains", &Kind::Count),
        ("maxContains", &Kind::Count),
        ("unevaluatedItems", &Kind::BoolOrSchema),
        ("unevaluatedProperties", &Kind::BoolOrSchema),
        ("contentEncoding", &Kind::Text),
        ("contentMediaType", &Kind::Text),
        ("contentSchema", &Kind::OrRef(&SCHEMA)),
        ("examples", &Kind::List(&Kind::Any)),
    ],
    rule: schema::check,
    ..PLAIN
};

static SCHEMA_MAP: Kind = Kind::Map(Keys::Any, &Kind::OrRef(&SCHEMA));

static SCHEMA_LIST: Kind = Kind::NonEmpty(&Kind::OrRef(&SCHEMA));

pub(in crate::spec) static DISCRIMINATOR: Model = Model {
    name: "a discriminator",
    required: &["propertyName"],
    members: &[("propertyName", &Kind::Text), ("mapping", &Kind::Map(Keys::Any, &Kind::Text))],
    ..PLAIN
};

static XML: Model = Model {
    name: "xml",
    members: &[
        ("name", &Kind::Text),
        ("namespace", &Kind::Text),
        ("prefix", &Kind::Text),
        ("attribute", &Kind::Bool),
        ("wrapped", &Kind::Bool),
    ],
    ..DESCRIPTIVE
};

static SECURITY_SCHEME: Model = Model {
    name: "a security scheme",
    section: "securitySchemes",
    required: &["type"],
    members: &[
        ("type", &Kind::Word(&["apiKey", "http", "oauth2", "openIdConnect"])),
        ("description", &Kind::Text),
        ("name", &Kind::Text),
        ("in", &Kind::Word(&["query", "header", "cookie"])),
        ("scheme", &Kind::Text),
        ("bearerFormat", &Kind::Text),
        ("flows", &Kind::Object(&FLOWS)),
        ("openIdConnectUrl", &Kind::Text),
    ],
    rule: object_rules::security_scheme,
    ..PLAIN
};

static FLOWS: Model = Model {
    name: "OAuth flows",
    members: &[
        ("implicit", &Kind::Object(&FLOW)),
        ("password", &Kind::Object(&FLOW)),
        ("clientCredentials", &Kind::Object(&FLOW)),
        ("authorizationCode", &Kind::Object(&FLOW)),
    ],
    rule: object_rules::flows,
    ..PLAIN
};

static FLOW: Model = Model {
    name: "an OAuth flow",
    required: &["scopes"],
    members: &[
        ("authorizationUrl", &Kind::Text),
        ("tokenUrl", &Kind::Text),
        ("refreshUrl", &Kind::Text),
        ("scopes", &Kind::Map(Keys::Any, &Kind::Text)),
    ],
    ..PLAIN
};
