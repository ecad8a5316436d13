//! Simulates a batch: runs the batch engine on tokio's clock, without sockets.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep};

use crate::{
    Client,
    ext::batch::{
        active::Finished,
        config::Config,
        engine::{Channels, Engine},
        in_memory_api::{Create, InMemoryApi},
        request::Queue,
    },
    pacing::Pacing,
    testing::PollSimulation,
};

/// The cost of a [simulated batch](PollSimulation::batch).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchCost {
    /// The lag of each task, in the order of the tasks: the time from its arrival to its result,
    /// minus its duration.
    pub lag: Vec<Duration>,
    /// The number of requests: one submission for each task, and all polls.
    pub requests: u32,
}

impl PollSimulation {
    /// Simulates a [`Batch`](crate::batch::Batch) of tasks that share one rate limit.
    ///
    /// Each task is paired with its arrival time, counted from the start of the simulation. The
    /// tasks must be in the order of their arrivals. Each task uses its own round trip.
    ///
    /// The simulation runs on tokio's clock. If the clock is paused, simulated hours take moments.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use distribute_ai::{pacing::Adaptive, testing::PollSimulation};
    ///
    /// // 3 s of waiting and 6 s of running; one task per second for 5 minutes.
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
    /// - [`is_invalid`](crate::Error::is_invalid): `requests_per_second` is not above 0, or a text has more
    ///   than 4,096 characters.
    /// - Any other error of a task.
    pub async fn batch(
        tasks: impl IntoIterator<Item = (Duration, Self)>,
        requests_per_second: f64,
        policy: impl Pacing,
    ) -> Result<BatchCost, crate::Error> {
        let started = Instant::now();
        let tasks: Vec<_> = tasks.into_iter().collect();
        // Every request goes to the in-memory API, so the URL is never used.
        let client =
            Client::builder().api_key("simulation").base_url("http://127.0.0.1:9").pacing(policy).build()?;
        let simulated: Vec<_> = tasks.iter().map(|(_, task)| *task).collect();
        let (round_trips, texts) = (simulated.clone(), simulated.clone());
        let api = InMemoryApi::new(
            client.clone(),
            move |text| round_trips[task_number(text)].round_trip_time(),
            |_, _| Create::Accept,
            move |text, age| {
                let task = simulated[task_number(text)];
                let duration = task.duration();
                Ok((task.status(age), (age >= duration).then_some(duration.as_secs_f64())))
            },
        );

        let arrivals: Vec<_> = tasks.iter().map(|(arrival, _)| *arrival).collect();
        let requests = stream::iter(arrivals.into_iter().enumerate()).then(move |(number, arrival)| {
            let speak = client.speak(texts[number].text(number)).deadline(Duration::MAX);
            async move {
                sleep(arrival.saturating_sub(started.elapsed())).await;
                (number, speak)
            }
        });
        let (mut engine, channels) = Engine::new(api.clone(), Queue::stream(requests));
        let mut config = Config::new(usize::MAX);
        config.limits.requests_per_second = Some(requests_per_second);
        config.validate_and_open(&mut engine).await?;

        let Channels { mut finished, released, .. } = channels;
        let collect = async {
            let mut lag = vec![Duration::ZERO; tasks.len()];
            let mut result = Ok(());
            while let Some(Finished { key, outcome, .. }) = finished.recv().await {
                result = result.and(outcome.map(|_| ()));
                let (arrival, task) = &tasks[key];
                lag[key] = started.elapsed().saturating_sub(arrival.saturating_add(task.duration()));
                let _ = released.send(());
            }
            result.map(|()| lag)
        };
        let (_, lag) = tokio::join!(engine.run(), collect);
        let requests = u32::try_from(api.observed().requests.len()).unwrap_or(u32::MAX);
        Ok(BatchCost { lag: lag?, requests })
    }
}

/// Returns the number of a task, which is the text of its request.
fn task_number(text: &str) -> usize {
    text.trim().parse().expect("the text of a simulated task is its number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacing::from_fn;

    #[tokio::test(start_paused = true)]
    async fn policy_of_a_batch_receives_lengths_of_texts() {
        let second = Duration::from_secs(1);
        let tasks = [20, 4_000].map(|characters| {
            (Duration::ZERO, PollSimulation::new(Duration::ZERO, second).characters(characters))
        });
        // The first poll is after one second for each hundred characters.
        let policy = from_fn(|task| Duration::from_millis(10) * task.characters.unwrap());
        let cost = PollSimulation::batch(tasks, 100.0, policy).await.unwrap();
        assert!(cost.lag[0] < second && cost.lag[1] > 30 * second, "{cost:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn batch_with_a_text_above_the_limit_of_the_api_returns_the_error() {
        let second = Duration::from_secs(1);
        let batch = |characters| {
            let task = PollSimulation::new(second, second);
            let tasks = [task, task.characters(characters)].map(|task| (second, task));
            PollSimulation::batch(tasks, 100.0, from_fn(|_| Duration::from_millis(100)))
        };
        assert!(batch(4_096).await.unwrap().requests > 20);
        let error = batch(4_097).await.unwrap_err();
        assert!(error.is_invalid() && error.to_string().contains("4096"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn batch_accepts_maximum_arrival_and_duration() {
        let task = PollSimulation::new(Duration::MAX, Duration::MAX);
        let second = Duration::from_secs(1);
        let tasks = [(Duration::ZERO, task), (Duration::MAX, task)];
        let batch = PollSimulation::batch(tasks, 100.0, from_fn(|_| Duration::from_secs(60)));
        assert!(tokio::time::timeout(600 * second, batch).await.is_err(), "the task never ends");
    }
}
