//! The routes and hosts of the simulated API.

use serde::{Deserialize, Serialize};

/// The purpose of a request. A [`Script`](super::Script) applies to one route.
///
/// The path alone decides the route, even if the request is otherwise invalid. `HEAD` requests to the audio
/// host belong to no route: they are not counted, and no fault applies to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// The submission of a text. Accepted submissions are billed.
    Create,
    /// The poll of a task.
    Result,
    /// The download of an audio file.
    Audio,
}

/// One of the simulator's two listening sockets, for
/// [`Simulator::down_for`](crate::testing::Simulator::down_for).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// The API host, which serves [`Route::Create`] and [`Route::Result`].
    Api,
    /// The audio host, which serves [`Route::Audio`].
    Audio,
}
