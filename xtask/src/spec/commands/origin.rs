//! The options of `drift` and `accept` that say where the pages come from.

use std::path::PathBuf;

use clap::Args;

use crate::{
    failure::Failure,
    spec::{input::seconds, sources::loader::Origin},
};

/// Options for the origin of the pages.
#[derive(Args, Debug)]
pub(crate) struct OriginOptions {
    /// Reads saved pages, DIR/NAME.md, instead of fetching them
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Seconds until fetching a page times out
    #[arg(long, hide = true, default_value_t = 30.0, value_name = "SECONDS")]
    timeout: f64,
    /// Seconds until a page that was not found is requested again
    #[arg(long, hide = true, default_value_t = 30.0, value_name = "SECONDS")]
    pause: f64,
}

impl OriginOptions {
    pub(super) fn origin(self) -> Result<Origin, Failure> {
        Ok(match self.from {
            Some(dir) => Origin::Directory(dir),
            None => Origin::Network {
                timeout: seconds("--timeout", self.timeout)?,
                pause: seconds("--pause", self.pause)?,
            },
        })
    }
}
