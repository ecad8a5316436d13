//! The world of a thread.

use std::cell::RefCell;

use super::history::World;

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Lets the requests and the clock of this thread be those of a world, until the result is dropped.
pub(super) fn enter(world: World) -> Entered {
    WORLD.set(Some(world));
    Entered
}

pub(super) struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        WORLD.set(None);
    }
}

/// Returns the world of this thread, if it has one.
pub(super) fn world() -> Option<World> {
    WORLD.with_borrow(Clone::clone)
}

/// Returns the time in seconds since 1970, if this thread has a world.
pub(crate) fn seconds_since_1970() -> Option<f64> {
    world().map(|world| world.next_second())
}
