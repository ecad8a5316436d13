//! Where requests go: to which host, and for what.

/// What a request is for. A [`Script`](super::Script) belongs to one of these.
///
/// A request is told by its path, whatever else is wrong with it. A `HEAD` to the audio host is nobody's concern: it
/// is counted nowhere and always answered properly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// The submission of a text: what is billed.
    Create,
    /// The poll.
    Result,
    /// The download.
    Audio,
}

/// One of the simulator's two listening sockets, for [`Simulator::down_for`](super::Simulator::down_for).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// [`Route::Create`] and [`Route::Result`].
    Api,
    /// [`Route::Audio`].
    Audio,
}
