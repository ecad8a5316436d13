use std::{collections::HashSet, error, panic::UnwindSafe, path::Path, time::Duration};

use reqwest::header::HeaderMap;

use super::*;
use crate::ext::{
    retry::{in_doubt::InDoubtAttempts, policy::Decision},
    transport::failure::{Failure, FailureKind},
};

#[test]
fn error_is_pointer_sized_and_has_the_expected_traits() {
    fn assert_error<T: error::Error + Clone + Send + Sync + Unpin + 'static>() {}
    fn assert_key<T: Copy + Eq + std::hash::Hash + Send + Sync + Unpin + UnwindSafe + 'static>() {}
    assert_error::<Error>();
    assert_key::<ErrorKind>();
    assert_key::<Billed>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

type Predicate = fn(&Error) -> bool;

const PREDICATES: [(ErrorKind, Predicate); 13] = [
    (ErrorKind::Invalid, Error::is_invalid),
    (ErrorKind::Unreachable, Error::is_unreachable),
    (ErrorKind::Rejected, Error::is_rejected),
    (ErrorKind::Unauthorized, Error::is_unauthorized),
    (ErrorKind::RateLimited, Error::is_rate_limited),
    (ErrorKind::InDoubt, Error::is_in_doubt),
    (ErrorKind::Unanswered, Error::is_unanswered),
    (ErrorKind::Deadline, Error::is_deadline),
    (ErrorKind::NotFound, Error::is_not_found),
    (ErrorKind::Failed, Error::is_failed),
    (ErrorKind::Stopped, Error::is_stopped),
    (ErrorKind::Download, Error::is_download),
    (ErrorKind::Io, Error::is_io),
];

fn id() -> TaskId {
    TaskId::new_unchecked("t1")
}

/// Returns a failure with this status, and the request id `r-1`.
fn failure(status: u16) -> Failure {
    let status = StatusCode::from_u16(status).unwrap();
    let failure = Failure::from_response(status, &HeaderMap::new(), "no");
    Failure { request_id: Some("r-1".into()), ..failure }
}

fn rejected(status: u16) -> Error {
    Error::from_failure(Decision::Reject, failure(status))
}

fn cooldown() -> Error {
    Error::rate_limited(Duration::from_secs(60)).with_source(rejected(503))
}

/// Returns an error of each form, with its kind, and its bill without and with a task id.
fn errors() -> Vec<(Error, ErrorKind, Billed, Billed)> {
    use Billed::{Maybe, No, Yes};
    let disconnected = || Failure::new(FailureKind::ConnectionLost);
    let not_sent = Failure::new(FailureKind::NotSent("invalid header".to_owned()));
    let not_found = || Error::from_failure(Decision::NotFound, failure(404));
    let deadline = |failure| Error::deadline(Duration::from_secs(1), None, failure);
    let io = || Error::io("could not write", Path::new("a.wav"), "disk full");
    #[rustfmt::skip]
    let table = vec![
        (Error::invalid("input", "too short"),                     ErrorKind::Invalid,      No,    Yes),
        (Error::from_failure(Decision::Reject, not_sent),          ErrorKind::Invalid,      No,    Yes),
        (Error::invalid("store", "in use").billed_at_least(Maybe),   ErrorKind::Invalid,      Maybe, Yes),
        (Error::from_failure(Decision::Unreachable, disconnected()), ErrorKind::Unreachable, No,   Yes),
        (Error::outage("localhost:80", 2, failure(502)),           ErrorKind::Unreachable,  No,    Yes),
        (rejected(400),                                            ErrorKind::Rejected,     No,    Yes),
        (rejected(402),                                            ErrorKind::Rejected,     No,    Yes),
        (Error::not_sent(rejected(402).with_task_id(&id())),       ErrorKind::Rejected,     No,    Yes),
        (rejected(401),                                            ErrorKind::Unauthorized, No,    Yes),
        (rejected(403),                                            ErrorKind::Unauthorized, No,    Yes),
        (Error::not_sent(rejected(401).with_task_id(&id())),       ErrorKind::Unauthorized, No,    Yes),
        (rejected(429),                                            ErrorKind::RateLimited,  No,    Yes),
        (cooldown(),                                               ErrorKind::RateLimited,  No,    Yes),
        (Error::from_failure(Decision::InDoubt, failure(502)),     ErrorKind::InDoubt,      Maybe, Maybe),
        (Error::in_doubt(2, "store".to_owned()),                   ErrorKind::InDoubt,      Maybe, Maybe),
        (Error::from_failure(Decision::Retry, disconnected()),     ErrorKind::Unanswered,   Yes,   Yes),
        (deadline(None),                                           ErrorKind::Deadline,     Maybe, Yes),
        (deadline(Some(failure(503))),                             ErrorKind::Deadline,     Maybe, Yes),
        (not_found(),                                              ErrorKind::NotFound,     Maybe, Maybe),
        (not_found().billed_at_least(Yes),                         ErrorKind::NotFound,     Yes,   Yes),
        (Error::failed(),                                          ErrorKind::Failed,       Maybe, Maybe),
        (Error::stopped(),                                         ErrorKind::Stopped,      No,    Yes),
        (Error::stopped().billed_at_least(Maybe),                  ErrorKind::Stopped,      Maybe, Yes),
        (Error::download("audio is empty"),                        ErrorKind::Download,     Yes,   Yes),
        (Error::empty_audio(),                                     ErrorKind::Download,     Yes,   Yes),
        (Error::not_writable(Path::new("a.wav"), "read-only"),     ErrorKind::Io,           No,    Yes),
        (io(),                                                     ErrorKind::Io,           No,    Yes),
        (io().billed_at_least(Yes),                                ErrorKind::Io,           Yes,   Yes),
    ];
    table
}

#[test]
fn error_has_kind_and_bill_as_in_the_table() {
    for (error, kind, without_id, with_id) in errors() {
        assert_eq!((error.kind(), error.billed()), (kind, without_id), "{error}");
        let error = error.with_task_id(&id());
        assert_eq!((error.kind(), error.billed()), (kind, with_id), "{error}");
    }
    let kinds: HashSet<_> = errors().iter().map(|(error, ..)| error.kind()).collect();
    assert!(PREDICATES.iter().all(|(kind, _)| kinds.contains(kind)), "{kinds:?}");
}

#[test]
fn predicate_is_true_for_its_kind_and_rejected_overlaps_with_two_others() {
    for (error, kind, ..) in errors() {
        let true_for: Vec<_> =
            PREDICATES.iter().filter(|(_, is)| is(&error)).map(|(kind, _)| *kind).collect();
        // A 429 to the request itself is a rejection, a pause after an earlier response is not.
        let overlaps = matches!(kind, ErrorKind::Unauthorized | ErrorKind::RateLimited)
            && error.status().is_some_and(|status| status.is_client_error());
        let expected = if overlaps { vec![ErrorKind::Rejected, kind] } else { vec![kind] };
        assert_eq!(true_for, expected, "{error}");
    }
}

#[test]
fn label_of_kind_is_its_name_in_snake_case() {
    for (kind, _) in PREDICATES {
        let name = format!("{kind:?}");
        let words = name.char_indices().map(|(at, c)| match c {
            'A'..='Z' if at > 0 => format!("_{}", c.to_ascii_lowercase()),
            c => c.to_ascii_lowercase().to_string(),
        });
        assert_eq!(kind.as_str(), words.collect::<String>());
        assert_eq!(format!("{kind:>12}"), format!("{:>12}", kind.as_str()));
    }
}

#[test]
fn error_after_attempt_in_doubt_may_be_billed_and_keeps_the_request_id() {
    let attempts = InDoubtAttempts::default().plus_one_if(true);
    for (error, ..) in errors() {
        let request_id = error.request_id().map(str::to_owned);
        let in_doubt = attempts.apply_to(error);
        assert_eq!((in_doubt.kind(), in_doubt.billed()), (ErrorKind::InDoubt, Billed::Maybe), "{in_doubt}");
        assert_eq!(in_doubt.request_id().map(str::to_owned), request_id, "{in_doubt}");
    }
}

#[test]
fn request_id_is_kept_and_shown_with_the_response() {
    let not_sent = Error::not_sent(rejected(401));
    let deadline = Error::deadline(Duration::from_secs(1), None, Some(failure(503)));
    for error in [rejected(400), not_sent, deadline, Error::outage("localhost:80", 2, failure(502))] {
        assert_eq!(error.request_id(), Some("r-1"));
        assert!(
            error.to_string().contains(": no") && error.to_string().ends_with(" [request r-1]"),
            "{error}"
        );
    }
    // The request was not sent, so only the source is about a request.
    assert_eq!(cooldown().request_id(), Some("r-1"));
    assert!(!cooldown().to_string().contains("r-1"), "{}", cooldown());
    assert!(format!("{:?}", cooldown()).contains("[request r-1]"), "{:?}", cooldown());
    assert_eq!(Error::failed().request_id(), None);
}

#[test]
fn display_of_unreachable_has_host_attempts_and_cause() {
    let lost = |problem: Option<&str>| Failure {
        problem: problem.map(str::to_owned),
        ..Failure::new(FailureKind::ConnectionLost)
    };
    let outage = |attempts, failure| Error::outage("localhost:80", attempts, failure).to_string();
    let start = "server unavailable in 3 attempts of the batch, this request was not sent: localhost:80: ";
    assert_eq!(outage(3, failure(502)), format!("{start}502 Bad Gateway: no [request r-1]"));
    assert_eq!(outage(3, lost(Some("localhost:80: reset"))), format!("{start}reset"));
    assert_eq!(
        outage(3, lost(Some("no response before the deadline"))),
        format!("{start}no response before the deadline")
    );
    assert_eq!(outage(3, lost(None)), format!("{start}no response"));
    assert!(outage(1, lost(None)).starts_with("server unavailable in 1 attempt of the batch, "));
    let refused = Failure { kind: FailureKind::NotConnected, ..lost(Some("localhost:80: refused")) };
    assert_eq!(
        Error::from_failure(Decision::Unreachable, refused).to_string(),
        "server not reached in 1 attempt, the request was not accepted: localhost:80: refused; check the network and the base URL"
    );
}

#[test]
fn message_says_what_to_do_next_before_the_ids() {
    let task = |error: Error| error.with_task_id(&TaskId::new_unchecked("t1"));
    let deadline = || Error::deadline(Duration::from_secs(1), None, None);
    for (error, expected) in [
        (deadline(), "; repeat the same call"),
        (task(deadline()), "; the task continues, so wait for it again [task t1]"),
        (Error::in_doubt(1, "reset".to_owned()), "; check the bill before you submit it again"),
        (task(Error::in_doubt(2, String::new())), "; wait for this task [task t1]"),
        (task(Error::failed()), "; submit the text again, which may be billed again [task t1]"),
        (Error::stopped(), "stopped before the speech was finished"),
        (task(Error::stopped()), "finished; the task continues, so wait for it again [task t1]"),
        (task(Error::failed()).with_remedy("forget\nit".to_owned()), "; forget it [task t1]"),
    ] {
        assert!(error.to_string().ends_with(expected), "{error}");
    }
}

#[test]
fn display_has_no_gap_for_zero_deadline_or_empty_path() {
    let kind = Kind::Deadline { after: Duration::ZERO, last_status: Some("QUEUED".into()) };
    assert_eq!(
        Error::new(kind).to_string(),
        "no result at the first poll, and the deadline is zero (last status QUEUED); repeat the same call"
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

#[test]
fn bill_is_shown_in_lower_case_and_padded() {
    let shown = [Billed::No, Billed::Yes, Billed::Maybe].map(|billed| format!("{billed:>5}"));
    assert_eq!(shown, ["   no", "  yes", "maybe"]);
}
