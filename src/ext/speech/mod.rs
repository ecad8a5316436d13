//! The handles that users hold, from the request to the finished speech.

pub(crate) mod create;
pub(crate) mod speak;
#[expect(clippy::module_inception, reason = "the folder is named after its subject, the file after `Speech`")]
mod speech;
mod stored;
mod task;
mod updates;
mod wait;

pub use self::{
    speak::Speak,
    speech::Speech,
    task::SpeechTask,
    updates::{Update, Updates},
    wait::Wait,
};

#[cfg(test)]
mod tests;
