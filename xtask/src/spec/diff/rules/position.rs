//! Where a schema stands, which says who must understand it.

/// Who writes what the schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// The client: a schema that takes less breaks it.
    Request,
    /// The server: a schema that allows more breaks the client.
    Response,
}

/// Where a schema stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SchemaPosition {
    RequestBody,
    RequestProperty,
    /// A property that only the server sets, in a schema that is also sent to it.
    RequestReadOnlyProperty,
    RequestParameter,
    RequestParameterProperty,
    ResponseBody,
    ResponseProperty,
    /// A property that only the client sets, in a schema that is also sent back.
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

    /// How the ids of its rules begin.
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
            Self::RequestBody => "the body of a request",
            Self::RequestProperty => "within the body of a request",
            Self::RequestReadOnlyProperty => "a read-only property of a request",
            Self::RequestParameter => "a parameter",
            Self::RequestParameterProperty => "within a parameter",
            Self::ResponseBody => "the body of a response",
            Self::ResponseProperty => "within the body of a response",
            Self::ResponseWriteOnlyProperty => "a write-only property of a response",
            Self::ResponseHeader => "a header of a response",
        }
    }

    /// Whether nobody on this side of the wire looks at it, so that no change of it breaks anyone.
    pub(crate) fn is_ignored(self) -> bool {
        matches!(self, Self::RequestReadOnlyProperty | Self::ResponseWriteOnlyProperty)
    }

    /// Where the schemas within this one stand.
    pub(crate) fn within(self) -> Self {
        match self {
            Self::RequestBody => Self::RequestProperty,
            Self::RequestParameter => Self::RequestParameterProperty,
            Self::ResponseBody => Self::ResponseProperty,
            other => other,
        }
    }
}
