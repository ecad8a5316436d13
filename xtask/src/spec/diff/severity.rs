//! How bad a change is, on each of the two axes.

use std::fmt;

use clap::ValueEnum;

/// What a change does to a client that speaks the old document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WireLevel {
    /// Nothing changed.
    #[default]
    None,
    /// It goes on working.
    Info,
    /// It may stop working; the document does not say.
    Warn,
    /// What it sends is refused, or what it gets is not what it was promised.
    Err,
}

/// What a change does to the generated Rust API, and to releases already out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ClientLevel {
    /// Nothing but words.
    #[default]
    None,
    /// Code written against the old API compiles, and releases go on working.
    Compatible,
    /// A name or a type of the API moves, or a release sends what is now refused.
    Breaking,
}

/// Which axis a threshold looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Axis {
    /// A client that speaks the old document
    Wire,
    /// The generated Rust API; breaking counts as err, compatible as info
    Client,
    /// Whichever is worse
    Both,
}

/// From where on a run fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Err,
    Warn,
    Info,
    /// Never
    None,
}

impl FailOn {
    /// Whether these levels reach the threshold.
    pub(crate) fn reached(self, axis: Axis, wire: WireLevel, client: ClientLevel) -> bool {
        let client = match client {
            ClientLevel::Breaking => WireLevel::Err,
            ClientLevel::Compatible => WireLevel::Info,
            ClientLevel::None => WireLevel::None,
        };
        let level = match axis {
            Axis::Wire => wire,
            Axis::Client => client,
            Axis::Both => wire.max(client),
        };
        match self {
            Self::Err => level >= WireLevel::Err,
            Self::Warn => level >= WireLevel::Warn,
            Self::Info => level >= WireLevel::Info,
            Self::None => false,
        }
    }
}

impl WireLevel {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Err => "err",
        }
    }
}

impl ClientLevel {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Compatible => "compatible",
            Self::Breaking => "breaking",
        }
    }
}

impl fmt::Display for WireLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for ClientLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_reached_on_the_axis_that_was_asked_for() {
        let (wire, client) = (WireLevel::Info, ClientLevel::Breaking);
        assert!(!FailOn::Err.reached(Axis::Wire, wire, client));
        assert!(FailOn::Info.reached(Axis::Wire, wire, client));
        assert!(FailOn::Err.reached(Axis::Client, wire, client));
        assert!(FailOn::Err.reached(Axis::Both, wire, client));
        assert!(!FailOn::None.reached(Axis::Both, WireLevel::Err, client));
        assert!(!FailOn::Info.reached(Axis::Both, WireLevel::None, ClientLevel::None));
    }
}
