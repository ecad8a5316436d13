//! How values are written: whether a number can be told from a text.

/// How the values of a schema are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Notation {
    /// The encoding distinguishes 1 from "1", as JSON does.
    Typed,
    Text,
    /// A body of several parts, one for each property.
    Multipart,
    /// A part: an object is written as JSON, and any other value as text.
    Part,
}

impl Notation {
    /// Returns how the properties of an object are written.
    pub(super) fn of_properties(self) -> Self {
        match self {
            Self::Multipart => Self::Part,
            Self::Part => Self::Typed,
            other => other,
        }
    }

    /// Returns `true` if values other than objects are written as text. null has no text, so it is never sent there.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Part)
    }

    /// Returns how a body of a media type is written, if its encodings do not say otherwise. The name has no parameters.
    pub(super) fn of_body(media_type: &str) -> Self {
        let is_text = ["application/x-www-form-urlencoded", "text/plain", "application/xml", "text/xml"]
            .contains(&media_type);
        if media_type.starts_with("multipart/") {
            Self::Multipart
        } else if is_text || media_type.ends_with("+xml") {
            Self::Text
        } else {
            Self::Typed
        }
    }
}
