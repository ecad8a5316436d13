//! A batch without sockets: the engine itself, on tokio's clock.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};

use super::{
    api::Api,
    engine::{Consumer, Engine, Queue},
    plan::Plan,
    progress::{Progress, Tally},
    task::Ended,
};
use crate::{
    Client, TaskId,
    ext::fault::Fault,
    pacing::Pacing,
    testing::Rehearsal,
    types::{SpeechRequest, SpeechResult},
};

/// What a [rehearsed batch](Rehearsal::batch) cost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RehearsedBatch {
    /// For each task, in the order given: the time from its arrival to its result, beyond what the task itself takes.
    pub late: Vec<Duration>,
    /// How many requests it took: a create for each, and the polls.
    pub requests: u32,
}

impl Rehearsal {
    /// Many tasks under one budget of requests, each with the time of its arrival, in order: what a
    /// [`Batch`](crate::batch::Batch) makes of them with this policy. The round trip is each task's own.
    ///
    /// It runs on tokio's clock: pause that, and hours pass in a moment.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use distribute_ai::{pacing::Adaptive, testing::Rehearsal};
    ///
    /// // Three seconds in a queue, six of speaking; one every second, for five minutes; two requests per second.
    /// let task = Rehearsal::new(Duration::from_secs(3), Duration::from_secs(6));
    /// let tasks = (0..300).map(|number| (Duration::from_secs(number), task));
    /// let cost = Rehearsal::batch(tasks, 2.5, Adaptive::new()).await?;
    ///
    /// let mean = cost.late.iter().sum::<Duration>() / 300;
    /// println!("{mean:.1?} late on average, with {} requests", cost.requests);
    /// # assert!(cost.requests >= 600);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_invalid`](crate::Error::is_invalid): a rate that is not above 0.
    pub async fn batch(
        tasks: impl IntoIterator<Item = (Duration, Self)>,
        requests_per_second: f64,
        policy: impl Pacing,
    ) -> Result<RehearsedBatch, crate::Error> {
        let begun = Instant::now();
        let tasks: Vec<_> = tasks.into_iter().collect();
        // The address is never used.
        let client =
            Client::builder().api_key("rehearsal").base_url("http://127.0.0.1:9").pacing(policy).build()?;
        let stage = Stage { client: client.clone(), world: Arc::new(World::new(&tasks)) };

        let (results, mut ended) = mpsc::unbounded_channel();
        let (taken, heard) = mpsc::unbounded_channel();
        let (told, _) = watch::channel(Progress::default());
        let arrivals: Vec<_> = tasks.iter().map(|(arrival, _)| *arrival).collect();
        let requests = stream::iter(arrivals.into_iter().enumerate()).then(move |(number, arrival)| {
            let speak = client.speak(number.to_string() + " ").deadline(Duration::MAX);
            async move {
                sleep_until(begun + arrival).await;
                (number, speak)
            }
        });
        let queue = Queue::Stream(Box::pin(requests), std::collections::HashSet::new());
        let mut engine =
            Engine::new(stage.clone(), queue, Tally::new(told, None), Consumer { results, taken: heard });
        let rate = Some(requests_per_second);
        Plan { max_in_flight: usize::MAX, requests_per_second: rate, journal: None }
            .apply(&mut engine)
            .await?;

        let collect = async {
            let mut late = vec![Duration::ZERO; tasks.len()];
            while let Some(Ended { key, .. }) = ended.recv().await {
                let (arrival, task) = &tasks[key];
                late[key] = begun.elapsed().saturating_sub(*arrival + task.waiting() + task.running());
                let _ = taken.send(());
            }
            late
        };
        let (_, late) = tokio::join!(engine.run(), collect);
        Ok(RehearsedBatch { late, requests: stage.world().requests })
    }
}

/// The tasks that are played, and when each was taken.
struct World {
    tasks: Vec<Rehearsal>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    born: HashMap<usize, Instant>,
    requests: u32,
}

impl World {
    fn new(tasks: &[(Duration, Rehearsal)]) -> Self {
        Self { tasks: tasks.iter().map(|(_, task)| *task).collect(), seen: Mutex::default() }
    }
}

#[derive(Clone)]
struct Stage {
    client: Client,
    world: Arc<World>,
}

impl Stage {
    fn world(&self) -> MutexGuard<'_, Seen> {
        self.world.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a task, by its text or its id, and half its round trip.
    fn begin(&self, name: &str) -> (usize, Duration) {
        self.world().requests += 1;
        let number: usize = name.trim().parse().expect("it is named by its number");
        (number, self.world.tasks[number].half_a_round_trip())
    }
}

impl Api for Stage {
    fn client(&self) -> &Client {
        &self.client
    }

    async fn create(&self, request: &SpeechRequest) -> Result<TaskId, Fault> {
        let (number, half) = self.begin(&request.input);
        sleep(half).await;
        self.world().born.insert(number, Instant::now());
        sleep(half).await;
        Ok(TaskId::from_server(number.to_string()))
    }

    async fn result(&self, id: TaskId) -> Result<SpeechResult, Fault> {
        let (number, half) = self.begin(id.as_str());
        sleep(half).await;
        let age = self.world().born[&number].elapsed();
        sleep(half).await;
        let task = self.world.tasks[number];
        let mut body =
            json!({"id": id, "status": task.status(age), "created": 0, "model": "", "results": []});
        if body["status"] == "COMPLETED" {
            body["finished"] = (task.waiting() + task.running()).as_secs_f64().into();
        }
        Ok(serde_json::from_value(body).expect("it is a result"))
    }
}
