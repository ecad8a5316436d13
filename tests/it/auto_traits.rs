//! The auto traits of every public type, and of the futures. Losing one breaks users.

use std::future::{Future, IntoFuture};

use distribute_ai::{
    ApiError, Audio, AudioStream, Client, ClientBuilder, ClientState, Error, OutOfBounds, ResponseValue,
    Speak, Speech, SpeechTask, TaskId, Update, Updates, Wait,
    batch::{self, Batch, Results},
    blocking,
    long_text::{self, InPieces, Narration, Piece, Pieces},
    pacing::{self, Adaptive, CompletedTask, Exponential, Fixed, FromFn, Phase},
    testing, types,
};

use crate::public_items::public_items;

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
    let listed = assert_bounds! {
        shared: Audio, Client, ClientBuilder, ClientState, Error, OutOfBounds, Speak, Speech, SpeechTask, TaskId, Update,
            Wait, ApiError<types::ErrorBody>, ResponseValue<types::TaskCreated>;
        owned: AudioStream, Updates;
        shared: batch::Progress;
        owned: Batch<u32>, Results<u32>;
        owned: Narration;
        shared: InPieces, Piece, Pieces<'static>, long_text::Progress;
        shared: Adaptive, CompletedTask, Exponential, Fixed, FromFn<fn()>, Phase, pacing::Progress;
        shared: types::ErrorBody, types::KnownStatus, types::KnownVoice, types::SpeechModel, types::SpeechOutput,
            types::SpeechRequest, types::SpeechRequestInput, types::SpeechResult, types::SpeechStatus,
            types::TaskCreated, types::TaskQuery, types::UnitInterval, types::Voice, types::error::ConversionError;
        shared: blocking::Audio, blocking::Client, blocking::ClientBuilder, blocking::InPieces, blocking::Simulator,
            blocking::SimulatorBuilder, blocking::Speak, blocking::Speech, blocking::SpeechTask, blocking::Update,
            blocking::Wait;
        owned: blocking::AudioStream, blocking::Batch<u32>, blocking::Results<u32>, blocking::Updates;
        shared: testing::BatchCost, testing::Fault, testing::Host, testing::PollCost, testing::PollSimulation,
            testing::RateLimit, testing::RetryAfterFormat, testing::Route, testing::Script, testing::Simulator,
            testing::SimulatorBuilder, testing::TaskOutcome;
    };
    // Compares names only: `batch::Progress` and `pacing::Progress` count as one.
    let listed = listed.map(|name| {
        let path: Vec<_> = name.split('<').next().unwrap().split("::").map(str::trim).collect();
        let area = ["blocking", "testing", "types"].into_iter().find(|area| path[0] == *area);
        (area.unwrap_or("ext"), path[path.len() - 1].to_owned())
    });
    let public = public_items().types;
    assert!(public.len() > 50, "{public:?}");
    let missing: Vec<_> = public.iter().filter(|name| !listed.contains(name)).collect();
    assert!(missing.is_empty(), "add these types to the list in this test: {missing:?}");
}

fn spawnable<T: Future + Send + 'static>(_: impl IntoFuture<IntoFuture = T>) {}
fn sendable(_: impl Future + Send) {}

/// Compiles only if the futures of the public API are [`Send`].
fn futures_are_send(
    client: &Client,
    (task, speech, audio): (&SpeechTask, &Speech, &Audio),
    (updates, chunks, results): (&mut Updates, &mut AudioStream, &mut Results<u32>),
    (stopped, narration, simulator): (Results<u32>, Narration, &testing::Simulator),
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
