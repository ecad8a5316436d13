//! Standard output of the commands. A closed pipe, as with `| head`, is not a failure.

use std::io::{self, Write};

use crate::failure::Failure;

/// Writes the text to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("could not write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
