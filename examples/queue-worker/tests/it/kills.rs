//! Workers that are killed, and a simulator that knows what was spoken.

use std::{
    collections::HashSet,
    process::Child,
    time::{Duration, Instant},
};

use distribute_ai::testing::Simulator;

use crate::support::{IN_FLIGHT, Queue, setting, simulator, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_worker_was_waiting_for_is_collected_by_another() {
    let simulator = simulator(1_500).start().await.unwrap();
    what_a_killed_worker_was_waiting_for(&simulator, &Queue::new(&simulator)).await;
}

pub(crate) async fn what_a_killed_worker_was_waiting_for(simulator: &Simulator, queue: &Queue) {
    let texts: Vec<_> = (1..=20).map(|number| format!("This is text number {number}.")).collect();
    queue.enqueue(&texts);
    let mut workers = [queue.work(&[]), queue.work(&["--until-empty"])];
    until("submitted", queue, || queue.status().counts["submitted"] == texts.len()).await;
    kill(&mut workers[0]);
    assert_eq!(workers[1].wait().unwrap().code(), Some(0), "{}", queue.logged());

    let mut spoken = simulator.spoken();
    spoken.sort_by_key(|text| texts.iter().position(|known| known == text));
    assert_eq!(spoken, texts, "each exactly once");
    for (number, text) in (1..).zip(&texts) {
        assert!(queue.speech(number) == Some(Simulator::audio_of(text)), "{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_they_lose_no_text_and_speak_none_twice() {
    let simulator = simulator(30).start().await.unwrap();
    killed_at_any_moment(&simulator, &Queue::new(&simulator), "SQLite").await;
}

pub(crate) async fn killed_at_any_moment(simulator: &Simulator, queue: &Queue, database: &str) {
    let (count, kills) = (setting("QUEUE_TEXTS", 60), setting("QUEUE_KILLS", 3));
    let seed = setting("QUEUE_SEED", 11);
    let mut random = fastrand::Rng::with_seed(seed as u64);
    let begin = Instant::now();
    let texts: Vec<_> = (1..=count).map(|number| format!("This is text number {number}.")).collect();
    queue.enqueue(&texts);

    let mut workers = [queue.work(&[]), queue.work(&[])];
    for _ in 0..kills {
        // Late enough for it to begin, early enough for all the kills to find something to do.
        let goal = simulator.creates() + random.u64(1..=(count / (kills + 1)).max(1) as u64);
        until("submitted", queue, || simulator.creates() >= goal).await;
        tokio::time::sleep(Duration::from_micros(random.u64(..30_000))).await;
        let victim = random.usize(..workers.len());
        kill(&mut workers[victim]);
        workers[victim] = queue.work(&[]);
    }
    until("finished", queue, || {
        let counts = queue.status().counts;
        ["queued", "submitting", "submitted"].iter().all(|state| counts[*state] == 0)
    })
    .await;
    workers.iter_mut().for_each(kill);

    let status = queue.status();
    let doubts: Vec<_> = status.in_doubt.keys().copied().collect();
    let spoken = simulator.spoken();
    let taken: HashSet<_> = spoken.iter().collect();
    let untaken: Vec<_> = doubts.iter().filter(|number| !taken.contains(&texts[**number - 1])).collect();
    println!(
        "{database}, seed {seed}: {count} texts, {kills} kills, {} done, {} in doubt ({} of them billed), {} lost, \
         {} spoken twice, {:.1} s",
        status.counts["done"],
        doubts.len(),
        doubts.len() - untaken.len(),
        count - status.counts["done"] - doubts.len(),
        spoken.len() - taken.len(),
        begin.elapsed().as_secs_f64(),
    );
    assert_eq!(status.counts["done"] + doubts.len(), count, "none is lost: {status:?}");
    assert_eq!(spoken.len(), taken.len(), "none is spoken twice");
    assert!(doubts.len() <= kills * IN_FLIGHT, "{status:?}");
    assert_eq!(status.code, Some(i32::from(!doubts.is_empty())));

    if !untaken.is_empty() {
        let keys: Vec<_> = untaken.iter().map(ToString::to_string).collect();
        let again: Vec<_> = ["again"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        assert!(queue.run(&again).status.success());
        queue.work_off();
    }
    let (status, spoken) = (queue.status(), simulator.spoken());
    assert_eq!(spoken.len(), count);
    assert_eq!(spoken.iter().collect::<HashSet<_>>().len(), count, "each is spoken, and none twice");
    assert_eq!(status.counts["done"], count - (doubts.len() - untaken.len()), "{status:?}");
    for (number, text) in (1..).zip(&texts).filter(|(number, _)| !status.in_doubt.contains_key(number)) {
        assert!(queue.speech(number) == Some(Simulator::audio_of(text)), "{number}");
    }
}

pub(crate) fn kill(worker: &mut Child) {
    worker.kill().unwrap();
    worker.wait().unwrap();
}
