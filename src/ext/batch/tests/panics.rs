//! Panics in the caller's code: no task id is lost.

use super::*;
use crate::pacing::{CompletedTask, Pacing, Progress as TaskProgress};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    FirstDelay,
    LaterDelay,
    Likelihood,
    Learn,
}

impl Pacing for Method {
    fn delay(&self, task: &TaskProgress) -> Duration {
        assert!(*self != Self::FirstDelay, "on purpose");
        assert!(*self != Self::LaterDelay || task.polls == 0, "on purpose");
        Duration::from_secs(1)
    }

    fn likelihood(&self, _: &TaskProgress) -> f64 {
        assert!(*self != Self::Likelihood, "on purpose");
        0.5
    }

    fn learn(&self, _: &CompletedTask) {
        assert!(*self != Self::Learn, "on purpose");
    }
}

#[tokio::test(start_paused = true)]
async fn every_task_id_is_delivered_if_the_poll_policy_panics() {
    for method in [Method::FirstDelay, Method::LaterDelay, Method::Likelihood, Method::Learn] {
        let client = Client::builder().api_key("k").pacing(method).build().unwrap();
        // The first response arrives while the other creates are in flight.
        let round_trip = |text: &str| Duration::from_millis(if text == "text 0" { 80 } else { 1_500 });
        let poll = |_: &str, age| done_after(3)(age).map(|status| (status, None));
        let server = InMemoryApi::new(client, round_trip, |_, _| Create::Accept, poll);
        let run = run(&server, speaks(&server, texts(8)), config(8, None)).await;
        for (key, result) in &run.results {
            let id = result.as_ref().unwrap_or_else(|error| {
                error.task_id().unwrap_or_else(|| panic!("{method:?} lost the id of {key}: {error}"))
            });
            assert_eq!(id.as_str(), key);
        }
        assert_eq!(run.results.len(), 8, "{method:?}");
    }
}
