//! The audio files of entries.

use super::*;

#[tokio::test]
async fn audio_is_found_until_it_is_pruned_or_forgotten() {
    let test = open(|settings| settings).await;
    let speech = speech("Hello.");
    let entry = test.store.entry(Request::of(&speech));
    assert!(test.store.keeps_audio() && entry.keeps_audio());
    let without_audio = Store::in_memory();
    assert!(!without_audio.keeps_audio() && !without_audio.entry(Request::of(&speech)).keeps_audio());
    submit(&entry, "t1").await;
    finish(&entry, "t1", Some(audio(None)));
    let hash = only_entry(&test.store).await.hash();
    for task in ["t1", "t2"] {
        assert!(entry.find_audio(&id(task)).await.unwrap().is_none(), "there is no file");
    }
    test.write_audio(&entry);
    assert_eq!(entry.find_audio(&id("t1")).await.unwrap().unwrap().id, id("t1"));
    assert!(entry.find_audio(&id("t2")).await.unwrap().is_none());
    assert_eq!(test.store.prune(5).await.unwrap(), 0);
    assert_eq!(test.store.prune(4).await.unwrap(), 5);
    assert!(entry.find_audio(&id("t1")).await.unwrap().is_none());
    test.write_audio(&entry);
    assert!(test.store.forget(&hash).await.unwrap());
    assert!(test.disk.metadata(&entry.audio_path()).is_err());
    assert_eq!(test.store.get(&hash).await.unwrap(), None);
    assert!(!test.store.forget(&hash).await.unwrap());
}

#[tokio::test]
async fn damaged_audio_is_removed_unless_it_is_of_another_speech_or_being_replaced() {
    let test = open(|settings| settings).await;
    let speech = speech("Hello.");
    let entry = test.store.entry(Request::of(&speech));
    submit(&entry, "t1").await;
    finish(&entry, "t1", Some(audio(None)));
    test.write_audio(&entry);
    let is_there = || test.disk.metadata(&entry.audio_path()).is_ok();
    let newer = entry.audio_file(StoredAudio { sha256: "cd".to_owned(), ..audio(None) });
    newer.remove().await;
    assert!(is_there());
    let keeping = entry.start_keeping().await;
    entry.audio_file(audio(None)).remove().await;
    assert!(is_there());
    drop(keeping);
    entry.audio_file(audio(None)).remove().await;
    assert!(!is_there());
}

#[tokio::test]
async fn audio_may_be_kept_unless_the_entry_is_of_another_task() {
    let store = Store::in_memory();
    let speech = speech("Hello.");
    let entry = store.entry(Request::of(&speech));
    assert!(entry.may_keep(&id("t1")).await);
    submit(&entry, "t1").await;
    assert!(entry.may_keep(&id("t1")).await && !entry.may_keep(&id("t2")).await);
}

#[tokio::test]
async fn audio_above_the_limit_of_the_store_is_removed_when_other_audio_is_saved() {
    let test = open(|settings| settings.max_audio_bytes(9)).await;
    let speeches = [speech("One."), speech("Two.")];
    let [old, new] = [0, 1].map(|index| test.store.entry(Request::of(&speeches[index])));
    for entry in [&old, &new] {
        test.write_audio(entry);
        entry.on_audio_saved(5).await;
    }
    assert!(test.disk.metadata(&old.audio_path()).is_err());
    assert!(test.disk.metadata(&new.audio_path()).is_ok());
}
