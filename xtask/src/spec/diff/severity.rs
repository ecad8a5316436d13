//! The severity of a change, on two axes: wire and client.

use std::fmt;

use clap::ValueEnum;

/// The effect of a change on a client of the old document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WireLevel {
    /// No change.
    #[default]
    None,
    /// The client keeps working.
    Info,
    /// The client may stop working; the document does not say.
    Warn,
    /// The server rejects the client's requests, or sends responses that the old document does not allow.
    Err,
}

/// The effect of a change on the generated Rust API and on published releases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ClientLevel {
    /// Only documentation changes.
    #[default]
    None,
    /// Code for the old API compiles, and published releases keep working. The code builds structs with `new` and
    /// setters, because they are `#[non_exhaustive]`.
    Compatible,
    /// A name or a type of the API changes, or published releases send requests that are now rejected.
    Breaking,
}

/// The axis of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Axis {
    /// Clients of the old document
    Wire,
    /// The generated Rust API; breaking counts as err, compatible as info
    Client,
    /// The worse of the two
    Both,
}

/// The level from which a run fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Err,
    Warn,
    Info,
    /// Never
    None,
}

impl FailOn {
    /// Returns `true` if the levels reach the threshold on the axis.
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
    fn threshold_is_reached_only_on_the_selected_axis() {
        let (wire, client) = (WireLevel::Info, ClientLevel::Breaking);
        assert!(!FailOn::Err.reached(Axis::Wire, wire, client));
        assert!(FailOn::Info.reached(Axis::Wire, wire, client));
        assert!(FailOn::Err.reached(Axis::Client, wire, client));
        assert!(FailOn::Err.reached(Axis::Both, wire, client));
        assert!(!FailOn::None.reached(Axis::Both, WireLevel::Err, client));
        assert!(!FailOn::Info.reached(Axis::Both, WireLevel::None, ClientLevel::None));
    }
}
