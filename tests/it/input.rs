//! Invalid input is rejected before anything is sent. The error names the field, the value and the limit.

use distribute_ai::{Client, Speak, TaskId};

use crate::support::{Action, ScriptedServer, builder};

async fn assert_invalid(speak: impl FnOnce(&Client) -> Speak, expected: &str) {
    let server = ScriptedServer::start([Action::Close]).await;
    let client = builder(&server.url).build().unwrap();
    let error = speak(&client).await.unwrap_err();
    assert!(error.is_invalid(), "{error}");
    assert_eq!(error.to_string(), expected);
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn submit_text_outside_2_to_4096_characters_is_invalid() {
    assert_invalid(|client| client.speak(""), "input: length 0 is too short, expected at least 2 characters")
        .await;
    assert_invalid(
        |client| client.speak("é"),
        "input: length 1 is too short, expected at least 2 characters",
    )
    .await;
    assert_invalid(
        |client| client.speak("é".repeat(4097)),
        "input: length 4097 is too long, expected at most 4096 characters; use `in_pieces` for a longer text",
    )
    .await;
}

#[tokio::test]
async fn submit_text_that_is_a_task_id_is_invalid() {
    let expected = "input: is a task id, expected a text; to wait for the task, use `Client::task`";
    for text in [crate::support::ID.to_owned(), format!(" {}\n", crate::support::ID.to_uppercase())] {
        assert_invalid(|client| client.speak(text), expected).await;
    }
}

#[tokio::test]
async fn submit_text_without_visible_character_is_invalid() {
    for text in ["   ", "\r\n\t", "\u{feff}\u{200b}", "\u{a0}\u{3000}\u{2060}"] {
        let expected =
            "input: contains only white space and invisible characters, expected at least one other";
        assert_invalid(|client| client.speak(text), expected).await;
    }
}

#[tokio::test]
async fn submit_number_out_of_bounds_is_invalid() {
    assert_invalid(
        |client| client.speak("Hello").temperature(7.0),
        "temperature: 7 is out of range, expected 0 to 1",
    )
    .await;
    assert_invalid(
        |client| client.speak("Hello").temperature(f64::NAN),
        "temperature: NaN is out of range, expected 0 to 1",
    )
    .await;
    assert_invalid(
        |client| client.speak("Hello").exaggeration(-0.1),
        "exaggeration: -0.1 is out of range, expected 0 to 1",
    )
    .await;
    assert_invalid(
        |client| client.speak("Hello").cfg_weight(f64::INFINITY),
        "cfg_weight: inf is out of range, expected 0 to 1",
    )
    .await;
}

#[test]
fn task_id_parsing_rejects_non_uuid() {
    let error = "speech:7".parse::<TaskId>().unwrap_err();
    assert!(error.is_invalid());
    assert!(
        error.to_string().starts_with(r#"task id: "speech:7" is invalid, expected a UUID version 4"#),
        "{error}"
    );
}

#[test]
fn client_without_api_key_is_invalid() {
    let error = Client::builder().build().unwrap_err();
    assert!(error.is_invalid());
    assert!(error.to_string().contains("DISTRIBUTE_AI_API_KEY"), "{error}");
}
