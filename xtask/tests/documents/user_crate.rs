//! A crate of a user: everything that the documentation of `types` promises to keep compiling.

use std::error::Error;

use distribute_ai::{
    ApiError, Client,
    testing::{
        httpmock::{Mock, MockServer},
        mock::MockServerExt,
    },
    types::{
        ErrorBody, KnownStatus, KnownVoice, SpeechModel, SpeechOutput, SpeechRequest, SpeechResult, SpeechStatus,
        TaskCreated, TaskQuery, UnitInterval, Voice,
    },
};

fn requests(input: String) -> Result<[SpeechRequest; 3], Box<dyn Error>> {
    let mut request = SpeechRequest::new("Hello".parse()?);
    request.voice = Some(Voice::FileId("file-1".into()));
    let all = SpeechRequest::new(input.try_into()?)
        .voice("nora")
        .model(SpeechModel::Chatterbox)
        .stream(false)
        .temperature(0.5.try_into()?)
        .exaggeration(UnitInterval::try_from(0.5)?)
        .cfg_weight(0.5.try_into()?);
    let known = all.clone().voice(if all.stream == Some(true) { KnownVoice::Leo } else { KnownVoice::Nora });
    Ok([request, all, known])
}

async fn submit(client: &Client, request: &SpeechRequest) -> Result<String, Box<dyn Error>> {
    let SpeechRequest { input, voice, .. } = request;
    println!("{} with {voice:?}", input.as_str());
    match client.async_speech_create(request).await {
        Ok(created) => {
            let TaskCreated { id, .. } = created.into_inner();
            Ok(id)
        }
        Err(ApiError::ErrorResponse(response)) => {
            let ErrorBody { message, .. } = &*response;
            Err(format!("{}: {message}", response.status()).into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn poll(client: &Client, id: &str) -> Result<Option<String>, Box<dyn Error>> {
    let result = client.async_speech_result(&TaskQuery::new(id)).await?;
    Ok(url(&result).map(str::to_owned))
}

fn url(result: &SpeechResult) -> Option<&str> {
    let SpeechResult { id, results, created, finished, model, .. } = result;
    println!("{id}: {created:?} to {finished:?} by {model:?}");
    let urls = results.iter().filter_map(|SpeechOutput { url, .. }| url.as_deref());
    is_completed(&result.status).then(|| urls.last()).flatten()
}

fn is_completed(status: &SpeechStatus) -> bool {
    let by_comparison = *status == KnownStatus::Completed && KnownStatus::Completed == *status;
    let by_match = match status {
        SpeechStatus::Known(KnownStatus::Completed) => true,
        SpeechStatus::Known(_) => false,
        SpeechStatus::Other(text) => text == "COMPLETED",
        _ => false,
    };
    by_comparison || by_match || *status == "COMPLETED"
}

fn mocks(server: &MockServer) -> [Mock<'_>; 3] {
    let output = SpeechOutput::new().url("https://example.com/a.wav");
    let result = SpeechResult::new("task-1", KnownStatus::Completed)
        .created(1.0)
        .finished(2.0)
        .model("Chatterbox")
        .results([output]);
    [
        server.async_speech_create(|_when, then| drop(then.ok(&TaskCreated::new("task-1")))),
        server.async_speech_create(|_when, then| drop(then.client_error(422, &ErrorBody::new("too rude")))),
        server.async_speech_result(|_when, then| drop(then.ok(&result))),
    ]
}

fn main() {
    let functions = (requests, submit, poll, mocks);
    let _ = functions;
}
