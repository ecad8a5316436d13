//! Replies of any bytes, in the place of the API's: what is made of them, and how often is request_count.
//!
//! An input is a text: the operation on its first line, then the replies, each of them its status (followed by `!` if the
//! connection breaks at its end), its headers, an empty line and its body, with `\n===\n` between them.
#![no_main]

use std::{cell::RefCell, error::Error as _, sync::LazyLock, time::Duration};

use distribute_ai::{
    Client, Error, TaskId,
    fuzzing::{FakeResponse, respond_with, request_count, redact, retry_after},
};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use tokio::runtime::{Builder, Runtime};

/// With what JSON writes otherwise.
const KEY: &str = "sk-\"fuzz\\7f/3a+";
const ID: &str = "1b671a64-40d5-491e-99b0-da01ff1f3341";

static HTTP: LazyLock<reqwest::Client> = LazyLock::new(reqwest::Client::new);

thread_local! {
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// What names a task.
#[derive(Deserialize)]
struct Named {
    id: String,
}

fuzz_target!(|data: &[u8]| {
    let Some(at) = data.iter().position(|byte| *byte == b'\n') else { return };
    let replies: Option<Vec<_>> = split(&data[at + 1..], b"\n===\n").into_iter().map(reply).collect();
    let Some(replies) = replies else { return };
    // By the clock of tokio, which runs on when there is nothing to do.
    RUNTIME.with_borrow_mut(|runtime| {
        let runtime = runtime.get_or_insert_with(|| {
            Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
        });
        respond_with(replies.clone());
        let client = Client::builder().api_key(KEY).base_url("http://127.0.0.1:1").http_client(HTTP.clone());
        let client = client.build().expect("its settings are good");
        match &data[..at] {
            b"create" => runtime.block_on(create(&client, &replies)),
            b"status" => runtime.block_on(status(&client)),
            b"wait" => runtime.block_on(wait(&client)),
            _ => {}
        }
    });
});

async fn create(client: &Client, replies: &[FakeResponse]) {
    let outcome =
        client.speak("Hello").deadline(Duration::from_secs(60)).submit().await.map(|task| task.id());
    let heard: Vec<_> =
        (0..request_count()).map(|at| replies.get(at).or(replies.last()).expect("it answered")).collect();
    let (last, before) = heard.split_last().expect("it was request_count");
    // Never again after a reply behind which there may be a task.
    for reply in before {
        assert!(refuses_for_now(reply), "sent again after {reply:?}");
    }
    // What names a task is never lost.
    let body = String::from_utf8_lossy(&last.body.0);
    let named: Option<Named> = serde_json::from_str(body.strip_prefix('\u{feff}').unwrap_or(&body)).ok();
    let named = named.map(|Named { id }| id).filter(|id| !id.is_empty());
    match outcome {
        Ok(id) => {
            assert!((200..300).contains(&last.status), "{last:?}");
            // As it came, as it is of something paid for.
            assert_eq!(Some(id), named.map(TaskId::from_server), "{last:?}");
        }
        Err(error) => {
            let expected = named.as_deref().map(|id| TaskId::from_server(redact(KEY, id)));
            assert_eq!(error.task_id(), expected.as_ref(), "{last:?}");
            let settled = refuses_for_now(last) || matches!(last.status, 307 | 308 | 400..=407 | 409..=498);
            assert_eq!(error.is_in_doubt(), named.is_some() || !settled, "{error}: {last:?}");
            judge(&error);
        }
    }
}

async fn status(client: &Client) {
    let outcome = client.task(ID.parse().expect("it is one")).status().await;
    assert_eq!(request_count(), 1);
    if let Err(error) = outcome {
        assert_eq!(error.task_id().map(TaskId::as_str), Some(ID));
        judge(&error);
    }
}

async fn wait(client: &Client) {
    let outcome = client.task(ID.parse().expect("it is one")).wait().deadline(Duration::from_secs(60)).await;
    assert!(request_count() <= 1_000, "{} polls in a minute", request_count());
    match outcome {
        Ok(speech) => {
            let _ = (format!("{speech:?} {:?}", speech.audio()), speech.created_at(), speech.server_time());
        }
        Err(error) => {
            assert_eq!(error.task_id().map(TaskId::as_str), Some(ID));
            judge(&error);
        }
    }
}

/// The server has provably not taken it.
fn refuses_for_now(reply: &FakeResponse) -> bool {
    reply.status == 429 || (reply.status == 503 && retry_after(&reply.headers).is_some())
}

/// No text of it forges a line, commands a terminal or tells the key.
fn judge(error: &Error) {
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

/// Without backslashes, and with what they tell by numbers.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let number = part.strip_prefix('u').and_then(|part| u32::from_str_radix(part.get(..4)?, 16).ok());
        match number.and_then(char::from_u32).filter(char::is_ascii_graphic) {
            Some('\\') => plain.push_str(&part[5..]),
            Some(told) => plain.extend([told.to_string().as_str(), &part[5..]]),
            None => plain.push_str(part),
        }
    }
    plain
}

fn reply(text: &[u8]) -> Option<FakeResponse> {
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

fn split<'a>(mut text: &'a [u8], at: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    while let Some(place) = text.windows(at.len()).position(|window| window == at) {
        parts.push(&text[..place]);
        text = &text[place + at.len()..];
    }
    parts.push(text);
    parts
}
