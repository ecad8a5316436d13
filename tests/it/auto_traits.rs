//! The auto traits of every public type, and of the futures. Losing one breaks users.

use std::future::{Future, IntoFuture};

use distribute_ai::{
    ApiError, Audio, AudioStream, Billed, Client, ClientBuilder, Error, ErrorKind, OutOfBounds,
    ResponseValue, Speak, Speech, SpeechTask, TaskId, Update, Updates, Wait, batch, blocking, long_text,
    pacing, store, testing, types,
};

use crate::repository::read;

fn shared<T: Send + Sync + Unpin + 'static>() {}
/// Types that one task at a time uses: streams, the future of a long text, and requests that contain an iterator of the user.
fn owned<T: Send + Unpin + 'static>() {}

/// Checks the bounds of each type and returns the names of the types.
macro_rules! assert_bounds {
    ($($bounds:ident: $($type:ty),+;)+) => {
        [$($({
            $bounds::<$type>();
            stringify!($type)
        }),+),+]
    };
}

#[test]
fn public_types_are_send_and_unpin_and_those_that_are_shared_are_sync() {
    let checked = assert_bounds! {
        shared: Audio, Billed, Client, ClientBuilder, Error, ErrorKind, OutOfBounds, Speak, Speech, SpeechTask, TaskId,
            Update, Wait, ApiError<types::ErrorBody>, ResponseValue<types::TaskCreated>;
        owned: AudioStream, Updates;
        shared: batch::Progress;
        owned: batch::Batch<u32>, batch::Results<u32>;
        owned: long_text::Narration;
        shared: long_text::Cue, long_text::InPieces, long_text::Piece, long_text::Pieces<'static>, long_text::Progress,
            long_text::Recording;
        shared: pacing::Adaptive, pacing::CompletedTask, pacing::Exponential, pacing::Fixed, pacing::FromFn<fn()>,
            pacing::Phase, pacing::Progress;
        shared: store::Entry, store::EntryState, store::Plan, store::RequestHash, store::Settlement, store::Store, store::StoreSettings;
        owned: store::Entries;
        shared: types::ErrorBody, types::KnownStatus, types::KnownVoice, types::SpeechModel, types::SpeechOutput,
            types::SpeechRequest, types::SpeechRequestInput, types::SpeechResult, types::SpeechStatus,
            types::TaskCreated, types::TaskQuery, types::UnitInterval, types::Voice, types::error::ConversionError;
        shared: blocking::Audio, blocking::Client, blocking::ClientBuilder, blocking::InPieces, blocking::Simulator,
            blocking::SimulatorBuilder, blocking::Speak, blocking::Speech, blocking::SpeechTask, blocking::Store, blocking::Update,
            blocking::Wait;
        owned: blocking::AudioStream, blocking::Batch<u32>, blocking::Entries, blocking::Results<u32>, blocking::Updates;
        shared: testing::AudioHost, testing::BatchCost, testing::Fault, testing::Host, testing::PollCost,
            testing::PollSimulation, testing::RateLimit, testing::ReceivedRequest, testing::RetryAfterFormat, testing::Route,
            testing::Script, testing::Simulator, testing::SimulatorBuilder, testing::TaskOutcome;
    };
    let checked = checked.map(|name| name.split('<').next().unwrap().replace(' ', ""));
    let listing = read("docs/public-api.txt");
    let types = listing.lines().filter_map(|line| {
        let (path, kind) = line.strip_prefix("distribute_ai::")?.split_once(" [")?;
        let is_type = ["struct", "enum", "generated"].iter().any(|word| kind.starts_with(word));
        // `httpmock` decides about the generated mocks.
        (is_type && !path.starts_with("testing::mock::")).then_some(path)
    });
    let missing: Vec<_> = types.filter(|path| !checked.iter().any(|name| name == path)).collect();
    assert!(listing.contains("\ndistribute_ai::Speak [struct]\n"), "{listing}");
    assert!(missing.is_empty(), "add these types to the list in this test: {missing:?}");
}

fn spawnable<T: Future + Send + 'static>(_: impl IntoFuture<IntoFuture = T>) {}
fn sendable(_: impl Future + Send) {}

/// Compiles only if the futures of the public API are [`Send`].
fn futures_are_send(
    client: &Client,
    (task, speech, audio): (&SpeechTask, &Speech, &Audio),
    (updates, chunks, results): (&mut Updates, &mut AudioStream, &mut batch::Results<u32>),
    (stopped, narration, simulator): (batch::Results<u32>, long_text::Narration, &testing::Simulator),
) {
    spawnable(client.speak("Hello"));
    spawnable(client.speak("Hello").submit());
    spawnable(task.wait());
    spawnable(client.speak("Hello").in_pieces().save("a.wav"));
    spawnable(client.speak("Hello").in_pieces().start("a.wav"));
    spawnable(client.batch([(1, "Hello")]).run());
    spawnable(stopped.stop());
    spawnable(narration);
    sendable(task.status());
    sendable(speech.save("a.wav"));
    sendable(audio.save("a.wav"));
    sendable(audio.bytes());
    sendable(updates.next());
    sendable(chunks.next());
    sendable(results.next());
    spawnable(testing::Simulator::start());
    sendable(simulator.go_down(testing::Host::Api));
}

#[test]
fn futures_of_public_methods_are_send() {
    let _ = futures_are_send;
}
