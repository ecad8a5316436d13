//! Killed workers, checked against the texts that the simulator has received.

use std::{
    collections::HashSet,
    process::Child,
    time::{Duration, Instant},
};

use distribute_ai::testing::Simulator;

use crate::support::{CONCURRENCY, Queue, setting, simulator, wait_until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_killed_worker_are_collected_by_another_worker() {
    let simulator = simulator(1_500).start().await.unwrap();
    kill_waiting_worker(&simulator, &Queue::new(&simulator)).await;
}

pub(crate) async fn kill_waiting_worker(simulator: &Simulator, queue: &Queue) {
    let texts: Vec<_> = (1..=20).map(|number| format!("This is text number {number}.")).collect();
    queue.enqueue(&texts);
    let mut workers = [queue.work(&[]), queue.work(&["--until-empty"])];
    wait_until("submitted", queue, || queue.status().counts["submitted"] == texts.len()).await;
    kill(&mut workers[0]);
    assert_eq!(workers[1].wait().unwrap().code(), Some(0), "{}", queue.logged());

    let mut spoken = simulator.spoken();
    spoken.sort_by_key(|text| texts.iter().position(|other| other == text));
    assert_eq!(spoken, texts, "each text is submitted exactly once");
    for (number, text) in (1..).zip(&texts) {
        assert!(queue.speech(number) == Some(Simulator::audio_of(text)), "{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_killed_at_random_times_lose_no_text_and_submit_none_twice() {
    let simulator = simulator(30).start().await.unwrap();
    kill_workers_at_random_times(&simulator, &Queue::new(&simulator), "SQLite").await;
}

pub(crate) async fn kill_workers_at_random_times(simulator: &Simulator, queue: &Queue, database: &str) {
    let (count, kills) = (setting("QUEUE_TEXTS", 60), setting("QUEUE_KILLS", 3));
    let seed = setting("QUEUE_SEED", 11);
    let mut random = fastrand::Rng::with_seed(seed as u64);
    let started = Instant::now();
    let texts: Vec<_> = (1..=count).map(|number| format!("This is text number {number}.")).collect();
    queue.enqueue(&texts);

    let mut workers = [queue.work(&[]), queue.work(&[])];
    for _ in 0..kills {
        // Kill late enough for the worker to start, and early enough for all kills to interrupt some work.
        let goal = simulator.creates() + random.u64(1..=(count / (kills + 1)).max(1) as u64);
        wait_until("submitted", queue, || simulator.creates() >= goal).await;
        tokio::time::sleep(Duration::from_micros(random.u64(..30_000))).await;
        let victim = random.usize(..workers.len());
        kill(&mut workers[victim]);
        workers[victim] = queue.work(&[]);
    }
    wait_until("finished", queue, || {
        let counts = queue.status().counts;
        ["queued", "submitting", "submitted"].iter().all(|state| counts[*state] == 0)
    })
    .await;
    workers.iter_mut().for_each(kill);

    let status = queue.status();
    let in_doubt: Vec<_> = status.in_doubt.keys().copied().collect();
    let spoken = simulator.spoken();
    let unique: HashSet<_> = spoken.iter().collect();
    let not_accepted: Vec<_> =
        in_doubt.iter().filter(|number| !unique.contains(&texts[**number - 1])).collect();
    println!(
        "{database}, seed {seed}: {count} texts, {kills} kills, {} done, {} in doubt ({} of them billed), \
         {} lost, {} submitted twice, {:.1} s",
        status.counts["done"],
        in_doubt.len(),
        in_doubt.len() - not_accepted.len(),
        count - status.counts["done"] - in_doubt.len(),
        spoken.len() - unique.len(),
        started.elapsed().as_secs_f64(),
    );
    assert_eq!(status.counts["done"] + in_doubt.len(), count, "no text is lost: {status:?}");
    assert_eq!(spoken.len(), unique.len(), "no text is submitted twice");
    assert!(in_doubt.len() <= kills * CONCURRENCY, "{status:?}");
    assert_eq!(status.code, Some(i32::from(!in_doubt.is_empty())));

    if !not_accepted.is_empty() {
        let keys: Vec<_> = not_accepted.iter().map(ToString::to_string).collect();
        let again: Vec<_> = ["again"].into_iter().chain(keys.iter().map(String::as_str)).collect();
        assert!(queue.run(&again).status.success());
        queue.run_worker();
    }
    let (status, spoken) = (queue.status(), simulator.spoken());
    assert_eq!(spoken.len(), count);
    assert_eq!(spoken.iter().collect::<HashSet<_>>().len(), count, "each text is submitted exactly once");
    assert_eq!(status.counts["done"], count - (in_doubt.len() - not_accepted.len()), "{status:?}");
    for (number, text) in (1..).zip(&texts).filter(|(number, _)| !status.in_doubt.contains_key(number)) {
        assert!(queue.speech(number) == Some(Simulator::audio_of(text)), "{number}");
    }
}

pub(crate) fn kill(worker: &mut Child) {
    worker.kill().unwrap();
    worker.wait().unwrap();
}
