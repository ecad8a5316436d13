//! Which works may use the last space of a disk.

/// How important the writes of a work are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ext::store) enum Urgency {
    /// Everything that is not essential.
    Normal,
    /// A fact that must not be lost, such as a task id that arrived. It may use the reserve when the disk is full.
    Essential,
}
