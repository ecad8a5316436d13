//! `cargo xtask`; all of it is in the library, where a fuzz target can reach it, too.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::run()
}
