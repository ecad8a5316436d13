//! A run of the client in the world, recorded step by step.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;

use super::{
    network::{Call, Delivery, PAUSES},
    server::Server,
};
use crate::ext::disk::{
    Disk,
    simulated::{Fault, SimulatedDisk, State},
};

/// The longest outage of the disk, in changes that fail.
const MAX_OUTAGE: u32 = 8;

/// The time at the start of a world, in seconds since 1970.
const START: f64 = 1_800_000_000.0;

/// The failure rates of the network and the disk, from 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trouble {
    /// Requests that are not answered.
    pub(super) requests: f64,
    /// Changes and syncs of the disk that fail.
    pub(super) disk: f64,
}

/// The state of the world after a step.
#[derive(Clone, PartialEq)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) disk: State,
    pub(super) server: Server,
    pub(super) client: Observed,
}

/// The facts about the client that an observer sees.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Observed {
    /// The last create of each text.
    pub(super) creates: BTreeMap<String, Create>,
    /// The texts of which a create was lost, so that the server may have accepted it.
    pub(super) lost: BTreeSet<String>,
    /// The texts whose audio was refused or lost at some moment, so that it may not be kept.
    pub(super) without_audio: BTreeSet<String>,
    /// The task id of each text that was handed to the program.
    pub(super) handed: BTreeMap<String, String>,
    /// The texts of which the disk refused the id, so that it is not on disk.
    pub(super) refused: BTreeSet<String>,
    /// The texts whose speech and audio must be in the store from now on.
    pub(super) kept: BTreeSet<String>,
    /// The files whose saving has ended.
    pub(super) saved: BTreeSet<String>,
    /// The texts that were in the store with their audio when it was opened, with the number of downloads until then.
    pub(super) stored: BTreeMap<String, u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Create {
    /// Sent, without a response.
    InFlight,
    Answered(Delivery),
    /// A person is settling the doubt.
    Settling,
}

impl Observed {
    pub(super) fn on_sent(&mut self, call: &Call) {
        if let Call::Create { text } = call {
            self.creates.insert(text.clone(), Create::InFlight);
        }
    }

    pub(super) fn on_answered(&mut self, call: &Call, delivery: Delivery, server: &Server) {
        match call {
            Call::Create { text } => {
                self.creates.insert(text.clone(), Create::Answered(delivery));
                if matches!(delivery, Delivery::LostBefore | Delivery::LostAfter) {
                    self.lost.insert(text.clone());
                }
            }
            Call::Audio { id } if !matches!(delivery, Delivery::Answered | Delivery::Twice) => {
                self.without_audio.insert(server.text(id).to_owned());
            }
            Call::Poll { .. } | Call::Audio { .. } => {}
        }
    }
}

struct Inner {
    server: Server,
    client: Observed,
    disk: SimulatedDisk,
    rng: Rng,
    trouble: Trouble,
    /// The time in seconds since 1970.
    clock: f64,
    /// The error of the next changes of the disk, and their number.
    disk_outage: (io::ErrorKind, u32),
    /// The steps so far, if they are recorded.
    steps: Option<Vec<Step>>,
}

/// A world. Clones share it.
#[derive(Clone)]
pub(super) struct World(Arc<Mutex<Inner>>);

impl World {
    pub(super) fn new(disk: State, server: Server, seed: u64, trouble: Trouble) -> Self {
        let (client, rng) = (Observed::default(), Rng::with_seed(seed));
        let disk = SimulatedDisk::new(disk, |_, _| None);
        let disk_outage = (io::ErrorKind::StorageFull, 0);
        let (clock, steps) = (START, None);
        Self(Arc::new(Mutex::new(Inner { server, client, disk, rng, trouble, clock, disk_outage, steps })))
    }

    /// Sets what is known about earlier processes.
    pub(super) fn with(self, client: Observed) -> Self {
        self.inner().client = client;
        self
    }

    pub(super) fn recorded(self) -> Self {
        let start = self.now();
        self.inner().steps = Some(vec![start]);
        self
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the disk of the world for a new process. Each change of it is a step.
    pub(super) fn disk(&self) -> Disk {
        // The world has the disk, so the disk must not keep the world.
        let (world, state) = (Arc::downgrade(&self.0), self.disk_state().after_kill());
        let disk = SimulatedDisk::new(state, move |name, disk| {
            let world = Self(world.upgrade()?);
            let mut inner = world.inner();
            inner.take_step(name, disk);
            inner.next_fault()
        });
        self.inner().disk = disk.clone();
        disk.into()
    }

    pub(super) fn disk_state(&self) -> State {
        // The disk calls the world, so the world must not be locked here.
        let disk = self.inner().disk.clone();
        disk.state()
    }

    pub(super) fn step(&self, name: &str, change: impl FnOnce(&mut Server, &mut Observed)) {
        let disk = self.disk_state();
        let mut inner = self.inner();
        let Inner { server, client, .. } = &mut *inner;
        change(server, client);
        inner.take_step(name, &disk);
    }

    /// Returns the time in seconds since 1970. Another second has passed each time.
    pub(super) fn next_second(&self) -> f64 {
        let mut inner = self.inner();
        inner.clock += 1.0;
        inner.clock
    }

    pub(super) fn has_disk_trouble(&self) -> bool {
        self.inner().trouble.disk > 0.0
    }

    /// Returns what happens to the next request, its delay, and the pause that a 429 asks for.
    pub(super) fn next_delivery(&self) -> (Delivery, Duration, &'static str) {
        let Inner { rng, trouble, .. } = &mut *self.inner();
        // Half of the requests leave at once, before anything else can happen.
        let delay = Duration::from_millis(if rng.bool() { 0 } else { rng.u64(1..300) });
        let pause = PAUSES[rng.usize(..PAUSES.len())];
        let fails = rng.f64() < trouble.requests;
        let failure = Delivery::FAILURES[rng.usize(..Delivery::FAILURES.len())];
        (if fails { failure } else { Delivery::Answered }, delay, pause)
    }

    /// Serves a call whose response does not reach the client.
    pub(super) fn serve_unheard(&self, call: &Call) {
        let server = &mut self.inner().server;
        match call {
            Call::Create { text } => server.create_repeated(text),
            Call::Poll { id } => drop(server.poll(id)),
            Call::Audio { id } => drop(server.audio(id)),
        }
    }

    /// Returns the response to another call.
    pub(super) fn serve_another(&self, call: &Call) -> (u16, Vec<u8>) {
        let Call::Poll { id } = call else { return self.serve(call) };
        (200, self.inner().server.poll_another(id).to_string().into_bytes())
    }

    /// Returns the response of the server.
    pub(super) fn serve(&self, call: &Call) -> (u16, Vec<u8>) {
        let server = &mut self.inner().server;
        let body = match call {
            Call::Create { text } => Some(server.create(text).to_string().into_bytes()),
            Call::Poll { id } => server.poll(id).map(|value| value.to_string().into_bytes()),
            Call::Audio { id } => server.audio(id),
        };
        body.map_or((404, Vec::new()), |body| (200, body))
    }

    pub(super) fn now(&self) -> Step {
        let disk = self.disk_state();
        let inner = self.inner();
        Step { name: "start".to_owned(), disk, server: inner.server.clone(), client: inner.client.clone() }
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        self.inner().steps.take().unwrap_or_default()
    }
}

impl Inner {
    fn next_fault(&mut self) -> Option<Fault> {
        if self.disk_outage.1 == 0 && self.rng.f64() < self.trouble.disk {
            if self.rng.bool() {
                return Some(Fault::LosesChanges);
            }
            let kinds = [io::ErrorKind::StorageFull, io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::Other];
            self.disk_outage = (kinds[self.rng.usize(..kinds.len())], self.rng.u32(1..=MAX_OUTAGE));
        }
        let (kind, left) = self.disk_outage;
        self.disk_outage.1 = left.checked_sub(1)?;
        Some(Fault::Fails(kind))
    }

    fn take_step(&mut self, name: &str, disk: &State) {
        let Some(steps) = &mut self.steps else { return };
        let (server, client) = (self.server.clone(), self.client.clone());
        steps.push(Step { name: name.to_owned(), disk: disk.clone(), server, client });
    }
}
