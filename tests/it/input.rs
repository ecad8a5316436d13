//! Bad input never leaves the machine; the error names the field, the value and the limit.

use distribute_ai::{Client, Speak, TaskId};

use crate::support::{Act, Socket, builder};

async fn refused(speak: impl FnOnce(&Client) -> Speak, expected: &str) {
    let server = Socket::play([Act::HangUp]).await;
    let client = builder(&server.url).build().unwrap();
    let error = speak(&client).await.unwrap_err();
    assert!(error.is_invalid(), "{error}");
    assert_eq!(error.to_string(), expected);
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_text_has_2_to_4096_characters() {
    refused(|client| client.speak(""), "input: shorter than 2 characters (it has 0)").await;
    refused(|client| client.speak("é"), "input: shorter than 2 characters (it has 1)").await;
    refused(|client| client.speak("é".repeat(4097)), "input: longer than 4096 characters (it has 4097)")
        .await;
}

#[tokio::test]
async fn numbers_stay_within_their_bounds() {
    refused(|client| client.speak("Hello").temperature(7.0), "temperature: 7 is not between 0 and 1").await;
    refused(|client| client.speak("Hello").temperature(f64::NAN), "temperature: NaN is not between 0 and 1")
        .await;
    refused(|client| client.speak("Hello").exaggeration(-0.1), "exaggeration: -0.1 is not between 0 and 1")
        .await;
    refused(
        |client| client.speak("Hello").cfg_weight(f64::INFINITY),
        "cfg_weight: inf is not between 0 and 1",
    )
    .await;
}

#[test]
fn an_id_that_is_typed_is_checked() {
    let error = "speech:7".parse::<TaskId>().unwrap_err();
    assert!(error.is_invalid());
    assert!(error.to_string().starts_with(r#"task id: "speech:7" is not a UUID of version 4"#), "{error}");
}

#[test]
fn a_client_needs_a_key() {
    let error = Client::builder().build().unwrap_err();
    assert!(error.is_invalid());
    assert!(error.to_string().contains("DISTRIBUTE_AI_API_KEY"), "{error}");
}
