use std::{error, path::Path, time::Duration};

use super::*;

#[test]
fn error_is_pointer_sized_and_send_and_sync() {
    fn assert_send_sync<T: Send + Sync + 'static>() {}
    assert_send_sync::<Error>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn display_has_no_gap_for_zero_deadline_or_empty_path() {
    let kind = Kind::Deadline { after: Duration::ZERO, last_status: Some("QUEUED".into()) };
    assert_eq!(
        Error::new(kind).to_string(),
        "no result at the first poll, and the deadline is zero (last status QUEUED)"
    );
    assert_eq!(
        Error::not_writable(Path::new(""), "path does not name a file").to_string(),
        "could not write \"\" (an empty path): path does not name a file"
    );
    let error = Error::io("could not open", Path::new(""), "not found");
    assert_eq!(error.to_string(), "could not open \"\" (an empty path)");
}

#[test]
fn display_omits_cause_and_debug_appends_it() {
    let id = TaskId::new_unchecked("t1");
    let error = Error::download("audio is empty").with_source("reset by peer").with_task_id(&id);
    assert_eq!(error.to_string(), "audio is empty [task t1]");
    assert_eq!(error::Error::source(&error).unwrap().to_string(), "reset by peer");
    assert_eq!(format!("{error:?}"), r#"Error("audio is empty [task t1]", caused by "reset by peer")"#);
}
