//! Fuzzes API responses: checks the results, the errors and the number of requests.
//!
//! An input is text. Its first line is the operation; the responses follow, separated by `\n===\n`. A
//! response consists of its status, headers, an empty line and the body. A `!` after the status breaks the
//! connection after the body.
#![no_main]

use std::{
    cell::RefCell,
    error::Error as _,
    fmt::{self, Formatter},
    sync::LazyLock,
    time::Duration,
};

use distribute_ai::{
    Client, Error, TaskId,
    fuzzing::{FakeResponse, redact, request_count, respond_with, with_new_state},
};
use libfuzzer_sys::fuzz_target;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// An API key with characters that JSON can escape.
const KEY: &str = "sk-\"fuzz\\7f/3a+";
const ID: &str = "1b671a64-40d5-491e-99b0-da01ff1f3341";

/// Its HTTP clients are shared by all inputs, because building them takes long.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    Client::builder().api_key(KEY).base_url("http://127.0.0.1:1").build().expect("valid settings")
});

thread_local! {
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

fuzz_target!(|data: &[u8]| {
    let Some(line_end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let responses: Option<Vec<_>> =
        split(&data[line_end + 1..], b"\n===\n").into_iter().map(parse_response).collect();
    let Some(responses) = responses else { return };
    // tokio's paused clock advances whenever the runtime is idle.
    RUNTIME.with_borrow_mut(|runtime| {
        let runtime = runtime.get_or_insert_with(|| {
            Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
        });
        respond_with(responses.clone());
        let client = with_new_state(&CLIENT);
        match &data[..line_end] {
            b"create" => runtime.block_on(create(&client, &responses)),
            b"status" => runtime.block_on(status(&client)),
            b"wait" => runtime.block_on(wait(&client)),
            _ => {}
        }
    });
});

async fn create(client: &Client, responses: &[FakeResponse]) {
    let outcome =
        client.speak("Hello").deadline(Duration::from_secs(60)).submit().await.map(|task| task.id().clone());
    let received: Vec<_> = (0..request_count())
        .map(|index| responses.get(index).or(responses.last()).expect("a response"))
        .collect();
    let (last, earlier) = received.split_last().expect("at least one request");
    // A submission is never repeated after a response that may mean an accepted task.
    for response in earlier {
        assert!(is_retryable_rejection(response), "submitted again after {response:?}");
    }
    // A task id in a response is never lost.
    let body = String::from_utf8_lossy(&last.body.0);
    let json = body.strip_prefix('\u{feff}').unwrap_or(&body);
    let with_key = redact(KEY, &body) != body;
    // An id is also found in what is cut off or is not quite JSON. It is unchanged, but for its escapes.
    let is_json = serde_json::from_str::<Value>(json).is_ok();
    let is_in_body = |id: &TaskId| body.contains('\\') || body.contains(&format!("\"{}\"", id.as_str()));
    let success = (200..300).contains(&last.status);
    // Of several ids, the last one counts.
    let ids = ids(json).unwrap_or_default();
    let accepted = ids.last().and_then(Value::as_str).filter(|id| !id.is_empty());
    if last.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-encoding")) {
        // Another body is parsed.
        return;
    }
    match outcome {
        Ok(id) => {
            assert!(success, "{last:?}");
            // The id is kept unchanged, because the task is billed. The body without the key may be other JSON.
            let is_expected = Some(id.as_str()) == accepted;
            assert!(with_key || is_expected || !is_json && is_in_body(&id), "{last:?}");
        }
        Err(error) => {
            if success {
                // Only an id that contains the key, or its replacement, is refused.
                assert!(accepted.is_none() || with_key || body.contains("redacted"), "{last:?}");
            }
            // In what is not a usable success, only a UUID is a task id.
            let expected = ids.iter().filter_map(Value::as_str).filter_map(|id| id.parse().ok()).next_back();
            let found = error.task_id();
            let is_right = if is_json { found == expected.as_ref() } else { found.is_none_or(is_in_body) };
            assert!(is_right, "{found:?}: {last:?}");
            let rejected = matches!(last.status, 307 | 308 | 400..=407 | 409..=498);
            assert_eq!(error.is_in_doubt(), found.is_some() || !rejected, "{error}: {last:?}");
            assert_safe_error(&error);
        }
    }
}

async fn status(client: &Client) {
    let outcome = client.task(ID.parse().expect("a valid task id")).status().await;
    assert_eq!(request_count(), 1);
    if let Err(error) = outcome {
        assert_eq!(error.task_id().map(TaskId::as_str), Some(ID));
        assert_safe_error(&error);
    }
}

async fn wait(client: &Client) {
    let outcome =
        client.task(ID.parse().expect("a valid task id")).wait().deadline(Duration::from_secs(60)).await;
    assert!(request_count() <= 1_000, "{} polls in a minute", request_count());
    match outcome {
        Ok(speech) => {
            let _ = (format!("{speech:?} {:?}", speech.audio()), speech.created_at(), speech.server_time());
        }
        Err(error) => {
            assert_eq!(error.task_id().map(TaskId::as_str), Some(ID));
            assert_safe_error(&error);
        }
    }
}

/// Returns the values of all members `id` of a JSON object.
fn ids(json: &str) -> serde_json::Result<Vec<Value>> {
    struct Ids;
    impl<'de> Visitor<'de> for Ids {
        type Value = Vec<Value>;

        fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Vec<Value>, M::Error> {
            let mut ids = Vec::new();
            while let Some(name) = members.next_key::<String>()? {
                if name == "id" {
                    ids.push(members.next_value()?);
                } else {
                    members.next_value::<IgnoredAny>()?;
                }
            }
            Ok(ids)
        }
    }
    let mut text = serde_json::Deserializer::from_str(json);
    let ids = text.deserialize_map(Ids)?;
    text.end().map(|()| ids)
}

/// Returns `true` if the server has certainly not accepted the request and allows a retry.
fn is_retryable_rejection(response: &FakeResponse) -> bool {
    response.status == 429
}

/// Asserts that no text of the error contains control characters or the API key.
fn assert_safe_error(error: &Error) {
    let mut texts = vec![error.to_string(), format!("{error:?}")];
    let mut source = error.source();
    while let Some(cause) = source {
        texts.push(cause.to_string());
        source = cause.source();
    }
    for text in &texts {
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    texts.extend(error.message().map(str::to_owned));
    for text in &texts {
        assert!(!text.contains(KEY) && !unescaped(text).contains(&unescaped(KEY)), "{text:?}");
    }
    assert!(error.message().is_none_or(|message| message.chars().count() <= 2_000 && !message.is_empty()));
}

/// Removes backslashes and decodes `\u` escapes of visible ASCII characters.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // `from_str_radix` alone accepts a sign.
        let digits = part.strip_prefix('u').and_then(|part| part.get(..4));
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match number.and_then(char::from_u32).filter(char::is_ascii_graphic) {
            Some('\\') => plain.push_str(&part[5..]),
            Some(escaped) => plain.extend([escaped.to_string().as_str(), &part[5..]]),
            None => plain.push_str(part),
        }
    }
    plain
}

fn parse_response(text: &[u8]) -> Option<FakeResponse> {
    let empty = text.windows(2).position(|two| two == b"\n\n")?;
    let mut lines = split(&text[..empty], b"\n").into_iter();
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let status = first.trim_end_matches('!');
    let status = status.parse().ok().filter(|status| (200..1000).contains(status))?;
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = std::str::from_utf8(&line[..colon]).ok()?;
        Some((name.to_owned(), line[colon + 1..].trim_ascii().to_vec()))
    };
    Some(FakeResponse {
        status,
        headers: lines.filter_map(header).collect(),
        body: (text[empty + 2..].to_vec(), first.ends_with('!')),
    })
}

fn split<'a>(mut text: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(position) = text.windows(separator.len()).position(|window| window == separator) {
        parts.push(&text[..position]);
        text = &text[position + separator.len()..];
    }
    parts.push(text);
    parts
}
