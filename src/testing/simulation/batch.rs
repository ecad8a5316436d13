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

use crate::{
    Client, TaskId,
    ext::{
        batch::{
            active::Finished,
            config::Config,
            engine::{Consumer, Engine, Queue, api::SpeechApi},
            progress::{Progress, ProgressTracker},
        },
        transport::failure::Failure,
    },
    pacing::Pacing,
    testing::PollSimulation,
    types::{SpeechRequest, SpeechResult},
};

/// What a [rehearsed batch](PollSimulation::batch) cost.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchCost {
    /// For each task, in the order given: the time from its arrival to its result, beyond what the task itself takes.
    pub lag: Vec<Duration>,
    /// How many requests it took: a create for each, and the polls.
    pub requests: u32,
}

impl PollSimulation {
    /// Many tasks under one budget of requests, each with the time of its arrival, in order: what a
    /// [`Batch`](crate::batch::Batch) makes of them with this policy. The round trip is each task's own.
    ///
    /// It runs on tokio's clock: pause that, and hours pass in a moment.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use distribute_ai::{pacing::Adaptive, testing::PollSimulation};
    ///
    /// // Three seconds in a queue, six of speaking; one every second, for five minutes; two requests per second.
    /// let task = PollSimulation::new(Duration::from_secs(3), Duration::from_secs(6));
    /// let tasks = (0..300).map(|number| (Duration::from_secs(number), task));
    /// let cost = PollSimulation::batch(tasks, 2.5, Adaptive::new()).await?;
    ///
    /// let mean = cost.lag.iter().sum::<Duration>() / 300;
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
    ) -> Result<BatchCost, crate::Error> {
        let begun = Instant::now();
        let tasks: Vec<_> = tasks.into_iter().collect();
        // The address is never used.
        let client =
            Client::builder().api_key("rehearsal").base_url("http://127.0.0.1:9").pacing(policy).build()?;
        let stage = SimulatedApi { client: client.clone(), server: Arc::new(SimulatedServer::new(&tasks)) };

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
        let mut engine = Engine::new(
            stage.clone(),
            queue,
            ProgressTracker::new(told, None),
            Consumer { results, released: heard },
        );
        let rate = Some(requests_per_second);
        Config { max_in_flight: usize::MAX, requests_per_second: rate, journal: None }
            .validate_and_open(&mut engine)
            .await?;

        let collect = async {
            let mut late = vec![Duration::ZERO; tasks.len()];
            while let Some(Finished { key, .. }) = ended.recv().await {
                let (arrival, task) = &tasks[key];
                late[key] = begun.elapsed().saturating_sub(*arrival + task.waiting() + task.running());
                let _ = taken.send(());
            }
            late
        };
        let (_, late) = tokio::join!(engine.run(), collect);
        Ok(BatchCost { lag: late, requests: stage.state().requests })
    }
}

/// The tasks that are played, and when each was taken.
struct SimulatedServer {
    tasks: Vec<PollSimulation>,
    state: Mutex<ServerState>,
}

#[derive(Default)]
struct ServerState {
    created: HashMap<usize, Instant>,
    requests: u32,
}

impl SimulatedServer {
    fn new(tasks: &[(Duration, PollSimulation)]) -> Self {
        Self { tasks: tasks.iter().map(|(_, task)| *task).collect(), state: Mutex::default() }
    }
}

#[derive(Clone)]
struct SimulatedApi {
    client: Client,
    server: Arc<SimulatedServer>,
}

impl SimulatedApi {
    fn state(&self) -> MutexGuard<'_, ServerState> {
        self.server.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a task, by its text or its id, and half its round trip.
    fn start_request(&self, name: &str) -> (usize, Duration) {
        self.state().requests += 1;
        let number: usize = name.trim().parse().expect("it is named by its number");
        (number, self.server.tasks[number].half_round_trip())
    }
}

impl SpeechApi for SimulatedApi {
    fn client(&self) -> &Client {
        &self.client
    }

    async fn create(&self, request: &SpeechRequest) -> Result<TaskId, Failure> {
        let (number, half) = self.start_request(&request.input);
        sleep(half).await;
        self.state().created.insert(number, Instant::now());
        sleep(half).await;
        Ok(TaskId::from_server(number.to_string()))
    }

    async fn result(&self, id: TaskId) -> Result<SpeechResult, Failure> {
        let (number, half) = self.start_request(id.as_str());
        sleep(half).await;
        let age = self.state().created[&number].elapsed();
        sleep(half).await;
        let task = self.server.tasks[number];
        let mut body =
            json!({"id": id, "status": task.status(age), "created": 0, "model": "", "results": []});
        if body["status"] == "COMPLETED" {
            body["finished"] = (task.waiting() + task.running()).as_secs_f64().into();
        }
        Ok(serde_json::from_value(body).expect("it is a result"))
    }
}
