//! The options of `drift` and `accept` that say where the pages come from.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::{failure::Failure, spec::sources::loader::Origin};

/// Options for the origin of the pages.
#[derive(Args, Debug)]
pub(crate) struct From {
    /// Reads saved pages, DIR/NAME.md, instead of fetching them
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Seconds until fetching a page times out
    #[arg(long, hide = true, default_value_t = 30.0, value_name = "SECONDS")]
    timeout: f64,
}

impl From {
    pub(super) fn origin(self) -> Result<Origin, Failure> {
        Ok(match self.from {
            Some(dir) => Origin::Directory(dir),
            None => Origin::Network(seconds(self.timeout)?),
        })
    }
}

fn seconds(timeout: f64) -> Result<Duration, Failure> {
    let seconds = Duration::try_from_secs_f64(timeout).ok();
    seconds.filter(|timeout| !timeout.is_zero()).ok_or_else(|| {
        Failure::usage(format!("--timeout: {timeout} is invalid, expected a number of seconds above zero"))
    })
}
