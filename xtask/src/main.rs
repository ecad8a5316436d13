//! The `cargo xtask` binary. The code is in the library, so that fuzz targets can call it.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::run()
}
