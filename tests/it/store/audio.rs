//! The audio in a store.

use super::*;

#[tokio::test]
async fn equal_waits_download_the_audio_once() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    let task = client.speak(TEXT).submit().await.unwrap();
    let speeches = join_all((0..5).map(|_| task.wait().into_future())).await;
    for speech in speeches {
        assert_eq!(bytes(&speech.unwrap()).await, Simulator::audio_of(TEXT));
    }
    let lines = (0..5).map(|key| (key, client.speak("Good night.")));
    let mut results = client.batch(lines).run().await.unwrap();
    while let Some((_, speech)) = results.next().await {
        speech.unwrap();
    }
    assert_eq!((fixture.simulator.creates(), fixture.simulator.downloads()), (2, 2));
}

#[tokio::test]
async fn audio_that_does_not_arrive_delays_a_speech_by_five_seconds_at_most() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    fixture.simulator.script(Route::Audio, Script::always(Fault::never_answer()));
    let task = client.speak(TEXT).submit().await.unwrap();
    let deadline = Duration::from_millis(500);
    let lines = [("a", client.speak(TEXT).deadline(deadline))];
    let mut results = client.batch(lines).run().await.unwrap();
    let updates = task.updates().deadline(deadline).collect::<Vec<_>>();
    let all = async { tokio::join!(task.wait().deadline(deadline).into_future(), updates, results.next()) };
    let (speech, updates, result) = timeout(Duration::from_secs(15), all).await.expect("all end in time");
    let last_update = updates.into_iter().next_back().unwrap().unwrap();
    for speech in [speech.unwrap(), last_update.into_speech().unwrap(), result.unwrap().1.unwrap()] {
        assert_eq!(speech.id(), task.id());
    }
    assert_eq!(fixture.state(client.speak(TEXT).hash().unwrap()).await, Some(EntryState::Stored));
    let plan = fixture.client().batch([("b", "Good night.")]).plan().await.unwrap();
    assert!(plan.time.is_some(), "the store knows how long the task took: {plan}");
}

/// `Batch::requests_per_second` does not count this poll, and tells how many there are.
#[tokio::test]
async fn rejected_audio_url_costs_a_batch_one_more_poll_for_each_task() {
    for (fault, expected) in [(None, 8), (Some(Fault::status(403)), 16)] {
        let builder = Simulator::builder().waiting(Duration::ZERO).running(Duration::ZERO);
        let simulator = builder.start().await.unwrap();
        if let Some(fault) = fault {
            simulator.script(Route::Audio, Script::always(fault));
        }
        let directory = tempfile::tempdir().unwrap();
        let lines = (0..8).map(|number| (number, format!("Text number {number}.")));
        let results = simulator.client().batch(lines).store(directory.path()).run().await.unwrap();
        assert!(results.all(|(_, speech)| std::future::ready(speech.is_ok())).await);
        assert_eq!((simulator.creates(), simulator.polls()), (8, expected));
    }
}

#[tokio::test]
async fn damaged_or_missing_audio_is_downloaded_again() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    let (expected, target) = (Simulator::audio_of(TEXT), fixture.directory.path().join("a.wav"));
    client.speak(TEXT).await.unwrap();
    let path = fixture.audio_file();
    let damages: [fn(&Path); 4] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, "RIFF").unwrap(),
        |path| {
            let mut bytes = fs::read(path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(path, bytes).unwrap();
        },
        |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        },
    ];
    for (number, damage) in (1..).zip(damages) {
        // Before the lookup, and between the lookup and the read.
        damage(&path);
        let speech = client.speak(TEXT).await.unwrap();
        assert_eq!(bytes(&speech).await, expected, "damage {number}");
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        }
        let speech = client.speak(TEXT).await.unwrap();
        damage(&path);
        assert_eq!(speech.save(&target).await.unwrap(), expected.len() as u64);
        assert_eq!(fs::read(&target).unwrap(), expected, "damage {number}");
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        }
        client.speak(TEXT).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), expected, "the store is repaired after damage {number}");
    }
    assert_eq!(fixture.simulator.creates(), 1);
}

#[tokio::test]
async fn long_text_with_a_damaged_piece_in_the_store_is_saved_again_without_being_billed() {
    let fixture = Fixture::new().await;
    let (client, target) = (fixture.client(), fixture.directory.path().join("a.wav"));
    let pieces = client.speak("One one one. Two two two.").in_pieces().max_characters(14);
    let pieces = pieces.pause(Duration::from_millis(100));
    pieces.clone().save(&target).await.unwrap();
    let expected = fs::read(&target).unwrap();
    // The file type, the sample rate, the length of the audio, and a sample.
    for (offset, piece) in [0, 24, 41, 3_000].into_iter().flat_map(|offset| [(offset, 0), (offset, 1)]) {
        let path = fixture.audio_files().remove(piece);
        let mut bytes = fs::read(&path).unwrap();
        bytes[offset] ^= 1;
        fs::write(&path, bytes).unwrap();
        // The second run finds a repaired store.
        for run in 1..=2 {
            pieces.clone().save(&target).await.unwrap();
            assert!(fs::read(&target).unwrap() == expected, "byte {offset} of file {piece}, run {run}");
        }
    }
    assert_eq!(fixture.simulator.creates(), 2);
}

/// An unreadable file, such as one without permissions. The administrator can read those.
#[cfg(unix)]
#[tokio::test]
async fn unreadable_audio_is_downloaded_and_stays_in_the_store() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    let speech = client.speak(TEXT).await.unwrap();
    let (path, aside) = (fixture.audio_file(), fixture.directory.path().join("aside"));
    fs::rename(&path, &aside).unwrap();
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let downloads = fixture.simulator.downloads();
    assert_eq!(bytes(&speech).await, Simulator::audio_of(TEXT));
    assert_eq!(fixture.simulator.downloads(), downloads + 1);
    assert!(path.is_symlink(), "the unreadable file stays");
    fs::rename(&aside, &path).unwrap();
    assert_eq!(bytes(&client.speak(TEXT).await.unwrap()).await, Simulator::audio_of(TEXT));
    assert_eq!(fixture.simulator.downloads(), downloads + 1);
}

#[tokio::test]
async fn stream_of_damaged_audio_ends_with_an_error() {
    let fixture = Fixture::new().await;
    let client = fixture.client();
    client.speak(TEXT).await.unwrap();
    let path = fixture.audio_file();
    let speech = client.speak(TEXT).await.unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let parts: Vec<Result<_, Error>> = speech.audio().unwrap().stream().collect().await;
    assert!(parts.last().unwrap().as_ref().is_err_and(Error::is_download), "{parts:?}");
    assert!(!path.exists(), "the damaged file is removed");
}

#[tokio::test]
async fn store_without_audio_downloads_by_task_id() {
    let fixture = Fixture::new().await;
    let store = Store::at(fixture.path()).keep_audio(false).keep_text(true);
    let client = fixture.simulator.client_builder().store(store).build().unwrap();
    for _ in 0..2 {
        let speech = client.speak(TEXT).await.unwrap();
        assert_eq!(bytes(&speech).await, Simulator::audio_of(TEXT));
    }
    let entry = fixture.entry(client.speak(TEXT).hash().unwrap()).await.unwrap();
    assert_eq!((entry.text(), entry.audio_bytes(), entry.state()), (Some(TEXT), None, EntryState::Stored));
    assert_eq!((fixture.simulator.creates(), fixture.simulator.downloads()), (1, 2));
}

#[tokio::test]
async fn audio_beyond_the_size_limit_is_dropped_and_its_entry_stays() {
    let fixture = Fixture::new().await;
    let size = Simulator::audio_of(TEXT).len() as u64;
    let store = Store::at(fixture.path()).max_audio_bytes(3 * size);
    let client = fixture.simulator.client_builder().store(store).build().unwrap();
    for take in 0..6 {
        client.speak(TEXT).take(take).await.unwrap();
    }
    let names = || fs::read_dir(fixture.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let audio = || names().filter(|name| name.to_string_lossy().ends_with(".wav")).count() as u64;
    assert!((1..=3).contains(&audio()), "{}", audio());
    assert_eq!(client.store().unwrap().entries().count().await, 6);
    for take in 0..6 {
        client.speak(TEXT).take(take).await.unwrap();
    }
    assert_eq!(fixture.simulator.creates(), 6);
    let kept = audio();
    assert_eq!(client.store().unwrap().prune(0).await.unwrap(), kept * size);
    assert_eq!(audio(), 0);
}

#[tokio::test]
async fn two_clients_keep_the_size_limit_together() {
    let fixture = Fixture::new().await;
    let size = Simulator::audio_of(TEXT).len() as u64;
    let limited = || {
        let store = Store::at(fixture.path()).max_audio_bytes(3 * size);
        fixture.simulator.client_builder().store(store).build().unwrap()
    };
    let clients = [limited(), limited()];
    for take in 0..8 {
        clients[take as usize % 2].speak(TEXT).take(take).await.unwrap();
        let count = fixture.audio_files().len();
        assert!(count <= 3, "{count} files after take {take}");
    }
}

#[tokio::test]
async fn size_limit_counts_the_files_of_a_client_without_a_limit() {
    let fixture = Fixture::new().await;
    let size = Simulator::audio_of(TEXT).len() as u64;
    let store = Store::at(fixture.path()).max_audio_bytes(3 * size);
    let limited = fixture.simulator.client_builder().store(store).build().unwrap();
    let unlimited = fixture.client();
    for take in (0..8).step_by(2) {
        unlimited.speak(TEXT).take(take).await.unwrap();
        limited.speak(TEXT).take(take + 1).await.unwrap();
        let count = fixture.audio_files().len();
        assert!(count <= 3, "{count} files after take {take}");
    }
}
