//! The text of an error.

use std::{error, fmt};

use super::{Error, Kind, single_line};
use crate::ext::piece::Piece;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Piece { number, bytes, .. }) = &self.0.piece {
            write!(f, "piece {number}, bytes {}..{} of the text: ", bytes.start, bytes.end)?;
        }
        match &self.0.kind {
            Kind::Invalid { field, problem } => write!(f, "{field}: {problem}")?,
            // An attempt before these may have been rejected with a 429, so not "nothing was sent".
            Kind::Unreachable { attempts } => {
                write!(f, "server not reached in {}, the request was not accepted", Attempts(*attempts))?;
            }
            Kind::Outage { attempts } => {
                let attempts = Attempts(*attempts);
                write!(f, "server unavailable in {attempts} of the batch, this request was not sent")?;
            }
            Kind::Rejected => f.write_str("server rejected the request")?,
            Kind::NotSent => f.write_str("not sent, because the server rejected an earlier request")?,
            Kind::InDoubt { attempts: 0 | 1 } => {
                f.write_str("in doubt: the request may have been accepted and billed")?;
            }
            Kind::InDoubt { attempts } => {
                write!(
                    f,
                    "in doubt: the request was sent {attempts} times and may have been billed each time"
                )?;
            }
            Kind::Unanswered => f.write_str("no usable response to the poll")?,
            Kind::RateLimited(remaining) => {
                let seconds = remaining.as_secs_f64().ceil();
                let what = if self.0.task_id.is_some() { "poll" } else { "request" };
                write!(
                    f,
                    "{what} not sent: requests are paused for {seconds} s more after a 429 or 503; repeat it then"
                )?;
            }
            Kind::Deadline { after, last_status } => {
                if after.is_zero() {
                    f.write_str("no result at the first poll, and the deadline is zero")?;
                } else {
                    write!(f, "no result within {after:?}")?;
                }
                if let Some(status) = last_status {
                    write!(f, " (last status {status})")?;
                }
            }
            Kind::NotFound => f.write_str("task not found on the server, expected a task of this API key")?,
            Kind::Stopped => f.write_str("stopped before the speech was finished")?,
            Kind::Failed => f.write_str("task ended with status ERROR, the API gives no reason")?,
            Kind::EmptyAudio => f.write_str("audio is empty")?,
            Kind::Download { problem } | Kind::Io { problem } => f.write_str(problem)?,
        }
        if let Some(problem) = &self.0.problem {
            write!(f, ": {}", single_line(problem))?;
        }
        if let Some(response) = &self.0.response {
            write!(f, ": {}", response.status.as_u16())?;
            let reason = response.status.canonical_reason();
            if let Some(reason) = reason {
                write!(f, " {reason}")?;
            }
            // Many servers repeat the reason of the status as the message.
            let is_new = |message: &&String| reason != Some(message.as_str());
            if let Some(message) = response.message.as_ref().filter(is_new) {
                write!(f, ": {}", single_line(message))?;
            }
        }
        if let Some(remedy) = self.0.remedy.as_deref().or(self.usual_remedy()) {
            write!(f, "; {}", single_line(remedy))?;
        }
        if let Some(id) = &self.0.task_id {
            write!(f, " [task {}]", id.printable())?;
        }
        // If the id is that of an earlier response, the source shows it.
        if let Some(id) = &self.0.request_id {
            write!(f, " [request {id}]")?;
        }
        Ok(())
    }
}

impl Error {
    /// Returns what to do next after an error of this kind, if the rest of the message does not say it.
    fn usual_remedy(&self) -> Option<&'static str> {
        let has_task = self.0.task_id.is_some();
        match &self.0.kind {
            Kind::Unreachable { .. } => Some("check the network and the base URL"),
            Kind::InDoubt { .. } if has_task => Some("wait for this task"),
            Kind::InDoubt { .. } => Some("check the bill before you submit it again"),
            Kind::Deadline { .. } | Kind::Stopped if has_task => {
                Some("the task continues, so wait for it again")
            }
            Kind::Deadline { .. } => Some("repeat the same call"),
            Kind::Unanswered => Some("poll again"),
            Kind::Failed => Some("submit the text again, which may be billed again"),
            _ => None,
        }
    }
}

struct Attempts(u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} attempt{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}", self.to_string())?;
        let mut source = error::Error::source(self);
        while let Some(cause) = source {
            write!(f, ", caused by {:?}", cause.to_string())?;
            source = cause.source();
        }
        f.write_str(")")
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
