//! Positions of schemas: where a schema is used, and who writes the values.

/// The direction in which the values of a schema are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// The client writes the values, so a schema that accepts less breaks the client.
    Request,
    /// The server writes the values, so a schema that accepts more breaks the client.
    Response,
}

/// The position of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SchemaPosition {
    RequestBody,
    RequestProperty,
    /// A property that only the server sets, in a schema of a request.
    RequestReadOnlyProperty,
    RequestParameter,
    RequestParameterProperty,
    ResponseBody,
    ResponseProperty,
    /// A property that only the client sets, in a schema of a response.
    ResponseWriteOnlyProperty,
    ResponseHeader,
}

impl SchemaPosition {
    pub(crate) const ALL: [Self; 9] = [
        Self::RequestBody,
        Self::RequestProperty,
        Self::RequestReadOnlyProperty,
        Self::RequestParameter,
        Self::RequestParameterProperty,
        Self::ResponseBody,
        Self::ResponseProperty,
        Self::ResponseWriteOnlyProperty,
        Self::ResponseHeader,
    ];

    pub(crate) fn direction(self) -> Direction {
        match self {
            Self::RequestBody
            | Self::RequestProperty
            | Self::RequestReadOnlyProperty
            | Self::RequestParameter
            | Self::RequestParameterProperty => Direction::Request,
            Self::ResponseBody
            | Self::ResponseProperty
            | Self::ResponseWriteOnlyProperty
            | Self::ResponseHeader => Direction::Response,
        }
    }

    /// Returns the prefix of the ids of the rules at this position.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::RequestBody => "request-body",
            Self::RequestProperty => "request-property",
            Self::RequestReadOnlyProperty => "request-read-only-property",
            Self::RequestParameter => "request-parameter",
            Self::RequestParameterProperty => "request-parameter-property",
            Self::ResponseBody => "response-body",
            Self::ResponseProperty => "response-property",
            Self::ResponseWriteOnlyProperty => "response-write-only-property",
            Self::ResponseHeader => "response-header",
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::RequestBody => "request body",
            Self::RequestProperty => "within a request body",
            Self::RequestReadOnlyProperty => "read-only property of a request",
            Self::RequestParameter => "parameter",
            Self::RequestParameterProperty => "within a parameter",
            Self::ResponseBody => "response body",
            Self::ResponseProperty => "within a response body",
            Self::ResponseWriteOnlyProperty => "write-only property of a response",
            Self::ResponseHeader => "response header",
        }
    }

    /// Returns `true` if the receiver ignores values at this position, so that a change of the schema breaks
    /// neither side.
    pub(crate) fn is_ignored(self) -> bool {
        matches!(self, Self::RequestReadOnlyProperty | Self::ResponseWriteOnlyProperty)
    }

    /// Returns what distinguishes the annotations of a schema from those of the parameter or header that has the schema.
    pub(crate) fn of_annotations(self) -> &'static str {
        match self {
            Self::RequestParameter | Self::ResponseHeader => " schema",
            _ => "",
        }
    }

    /// Returns the position of the schemas within a schema at this position.
    pub(crate) fn within(self) -> Self {
        match self {
            Self::RequestBody => Self::RequestProperty,
            Self::RequestParameter => Self::RequestParameterProperty,
            Self::ResponseBody => Self::ResponseProperty,
            other => other,
        }
    }
}
