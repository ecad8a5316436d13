//! Which works may use the last space of a disk.

/// The priority of the writes of a work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ext::store) enum Priority {
    /// Everything that is not essential.
    Normal,
    /// A fact that must not be lost, such as a task id that arrived. It may use the reserve when the disk is full.
    Essential,
}
