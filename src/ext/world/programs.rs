//! The programs that are crashed. Each speaks a few texts and saves their audio, as a user's program would.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};

use super::{
    current,
    history::{Create, World},
    server::wav,
};
use crate::{
    Client, Error, Speak, Speech, TaskId,
    ext::{
        client::{ClientState, Inner},
        disk::{Access, Disk, read_start, simulated::State},
        polling::{Fixed, client_policy::ClientPolicy},
        store::{EntryState, Settlement, Store},
    },
};

/// The directory of the files. It exists from the start.
pub(super) const HOME: &str = "/home";

const STORE: &str = "/home/store";
const BOOK: &str = "/home/book.wav";
const BOOK_STORE: &str = "/home/book.wav.store";

/// The number of runs after which a program must be done.
const MAX_RUNS: usize = 40;

/// The longest run, in virtual time. Each wait has a deadline of ten minutes.
const LONGEST_RUN: Duration = Duration::from_secs(2 * 3600);

/// Building HTTP clients takes milliseconds, and the simulation never uses them.
static TEMPLATE: LazyLock<Client> = LazyLock::new(|| {
    Client::builder().api_key("key").base_url("http://127.0.0.1:1").build().expect("valid settings")
});

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// Single requests at the same time, two of them equal.
    Speak,
    Batch,
    /// A long text, whose store exists until the file is complete.
    LongText,
    /// A long text whose pieces stay in the store of the client.
    LongTextInStore,
}

/// The outcome of the runs of a program.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// The texts that were in doubt and have been settled.
    pub(super) doubts: BTreeSet<String>,
    errors: Vec<String>,
}

impl Program {
    const ALL: [Self; 4] = [Self::Speak, Self::Batch, Self::LongText, Self::LongTextInStore];

    pub(super) fn of_seed(seed: u64) -> Self {
        Self::ALL[usize::try_from(seed).expect("64 bits") % Self::ALL.len()]
    }

    fn is_long_text(self) -> bool {
        matches!(self, Self::LongText | Self::LongTextInStore)
    }

    /// Returns the texts of the requests.
    pub(super) fn texts(self) -> Vec<String> {
        match self {
            Self::Speak | Self::Batch => ["First text.", "Second text."].map(str::to_owned).to_vec(),
            Self::LongText | Self::LongTextInStore => {
                ["The first sentence is about this long.", "The second sentence is also this long."]
                    .map(str::to_owned)
                    .to_vec()
            }
        }
    }

    /// Returns the texts of the requests whose audio is saved, one for each file.
    fn requests(self) -> Vec<String> {
        let texts = self.texts();
        let again = if self == Self::Speak { texts[..1].to_vec() } else { Vec::new() };
        [texts, again].concat()
    }

    /// Returns the files that the program writes, with their content. `end` is the disk of a run without a crash.
    pub(super) fn files(self, end: &State) -> BTreeMap<String, Vec<u8>> {
        match self {
            Self::Speak | Self::Batch => self
                .requests()
                .iter()
                .enumerate()
                .map(|(number, text)| (file_of(number), wav(text)))
                .collect(),
            Self::LongText | Self::LongTextInStore => {
                let file = content(end, BOOK).expect("a complete file");
                assert!(file.ends_with(self.texts().concat().as_bytes()));
                BTreeMap::from([(BOOK.to_owned(), file)])
            }
        }
    }

    /// Returns `true` if the file of a long text is there. Then it is whole, and the program is done.
    pub(super) fn has_book(self, disk: &State) -> bool {
        self.is_long_text() && content(disk, BOOK).is_some()
    }

    /// Returns `true` if the temporary store of a long text is gone.
    pub(super) fn has_cleaned_up(self, end: &State) -> bool {
        let disk = Disk::simulated(end.clone(), |_, _| None);
        self != Self::LongText || disk.metadata(BOOK_STORE.as_ref()).is_err()
    }

    fn store(self) -> &'static str {
        if self == Self::LongText { BOOK_STORE } else { STORE }
    }

    pub(super) fn entries_file(self) -> String {
        format!("{}/entries.redb", self.store())
    }

    /// Returns `true` if the store has ever written about the request, as far as the disk shows.
    pub(super) fn is_announced(self, image: &State, text: &str) -> bool {
        let hash = TEMPLATE.speak(text).hash().expect("a valid request");
        let file = content(image, &self.entries_file()).unwrap_or_default();
        file.windows(32).any(|bytes| bytes == hash.as_bytes())
    }

    /// Returns `true` if the store on this disk lacks the entry of the request.
    pub(super) fn has_no_entry(self, image: &State, text: &str) -> bool {
        let (disk, hash) = (Disk::simulated(image.clone(), |_, _| None), TEMPLATE.speak(text).hash());
        let runtime = runtime();
        let entry = runtime.block_on(async {
            let store = Store::open_on(&disk, self.store().into()).await?;
            store.get(&hash.expect("a valid request")).await
        });
        drop_tasks(&runtime);
        entry.expect("a store").is_none()
    }

    /// Runs the program until it is done. Requests in doubt are settled by what the server has billed.
    pub(super) fn run_until_done(self, world: &World) -> Ending {
        let runtime = runtime();
        let _entered = current::enter(world.clone());
        let mut ending = Ending::default();
        for _ in 0..MAX_RUNS {
            if self.has_book(&world.disk_state()) {
                return ending;
            }
            let disk = world.disk();
            let result = runtime.block_on(async {
                timeout(LONGEST_RUN, self.run(world, &disk)).await.expect("no run obeys an absurd pause")
            });
            drop_tasks(&runtime);
            world.step("end of the program", |_, _| {});
            match result {
                Ok(()) => return ending,
                Err(error) => {
                    ending.errors.push(error.to_string());
                    // If this fails, the next run continues.
                    let _ = runtime.block_on(self.settle(world, &disk, &mut ending.doubts));
                    drop_tasks(&runtime);
                }
            }
        }
        panic!("not done after {MAX_RUNS} runs: {:?}", ending.errors);
    }

    async fn run(self, world: &World, disk: &Disk) -> Result<(), Error> {
        match self {
            Self::Speak => {
                let client = self.client_with_store(world, disk).await?;
                let requests = self.requests();
                let speeches = requests.iter().map(|text| speak(&client, world, text));
                let results = join_all(speeches.map(async |speech| speech.await)).await;
                save_all(world, self, results).await
            }
            Self::Batch => {
                let client = self.client_with_store(world, disk).await?;
                let requests = self
                    .texts()
                    .into_iter()
                    .enumerate()
                    .map(|(number, text)| (number, speak(&client, world, &text)));
                let mut batch = client.batch(requests.collect::<Vec<_>>()).in_order().run().await?;
                let mut results = Vec::new();
                while let Some((_, result)) = batch.next().await {
                    results.push(result);
                }
                drop(batch);
                let spoken: Vec<_> =
                    self.texts().into_iter().zip(&results).filter(|(_, result)| result.is_ok()).collect();
                // If the disk fails, a speech is returned although its audio could not be kept.
                let is_calm = !world.has_disk_trouble();
                world.step("end of the batch", |_, client| {
                    let is_kept = |text: &String| is_calm && !client.without_audio.contains(text);
                    client.kept.extend(spoken.into_iter().map(|(text, _)| text).filter(is_kept));
                });
                save_all(world, self, results).await
            }
            Self::LongText | Self::LongTextInStore => {
                let client = match self {
                    Self::LongText => client(disk, None),
                    _ => self.client_with_store(world, disk).await?,
                };
                let text = self.texts().join(" ");
                let saved = speak(&client, world, &text).in_pieces().max_characters(40).save(BOOK).await;
                saved.map(drop)?;
                world.step("saved", |_, client| {
                    client.saved.insert(BOOK.to_owned());
                });
                Ok(())
            }
        }
    }

    async fn client_with_store(self, world: &World, disk: &Disk) -> Result<Client, Error> {
        let store = Store::open_on(disk, STORE.into()).await?;
        let client = client(disk, Some(store));
        let store = client.store().expect("a store");
        for text in self.texts() {
            let hash = client.speak(&*text).hash().expect("a valid request");
            let entry = store.get(&hash).await?;
            let is_stored = entry.is_some_and(|entry| entry.audio_bytes().is_some());
            world.step("looked up", |server, client| {
                if is_stored {
                    let downloads = server.downloads(&text);
                    client.stored.entry(text).or_insert(downloads);
                }
            });
        }
        Ok(client)
    }

    /// Settles each request in doubt, and adds its text to `doubts`.
    async fn settle(self, world: &World, disk: &Disk, doubts: &mut BTreeSet<String>) -> Result<(), Error> {
        let store = match disk.metadata(self.store().as_ref()) {
            Ok(_) => Store::open_on(disk, self.store().into()).await?,
            Err(_) => return Ok(()),
        };
        for text in self.texts() {
            let hash = TEMPLATE.speak(&*text).hash().expect("a valid request");
            let entry = store.get(&hash).await?;
            if entry.is_none_or(|entry| entry.state() != EntryState::InDoubt) {
                continue;
            }
            doubts.insert(text.clone());
            let billed = world.now().server.billed(&text);
            let settlement = match billed.first() {
                Some(id) => Settlement::Billed(id.parse::<TaskId>().expect("a task id")),
                None => Settlement::NotBilled,
            };
            world.step("settling", |_, client| {
                client.creates.insert(text.clone(), Create::Settling);
            });
            store.settle(&hash, settlement).await?;
            world.step("settled", |_, client| {
                client.creates.remove(&text);
                if let Some(id) = billed.first() {
                    client.handed.insert(text.clone(), id.clone());
                }
            });
        }
        Ok(())
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

/// Lets the tasks that are left end, as the end of a runtime does not.
fn drop_tasks(runtime: &Runtime) {
    runtime.block_on(async { tokio::time::sleep(Duration::from_secs(1)).await });
}

fn client(disk: &Disk, store: Option<Store>) -> Client {
    let inner = Inner {
        disk: disk.clone(),
        store,
        policy: Arc::new(ClientPolicy::new(Arc::new(
            Fixed::new(Duration::from_secs(1)).expect("a valid interval"),
        ))),
        ..TEMPLATE.inner().with_new_state()
    };
    Client {
        client: TEMPLATE.client.clone(),
        baseurl: TEMPLATE.baseurl.clone(),
        inner: ClientState::new(inner),
    }
}

fn speak(client: &Client, world: &World, text: &str) -> Speak {
    let world = world.clone();
    client.speak(text).on_submitted(move |id| {
        let id = id.to_string();
        world.step(&format!("id {} handed over", &id[..8]), |server, client| {
            client.handed.insert(server.text(&id).to_owned(), id.clone());
        });
    })
}

async fn save_all(world: &World, program: Program, results: Vec<Result<Speech, Error>>) -> Result<(), Error> {
    let mut first_error = None;
    for (number, (result, text)) in results.into_iter().zip(program.requests()).enumerate() {
        let saved = async { result?.save(file_of(number)).await }.await;
        match saved {
            Ok(_) => world.step(&format!("saved {text:?}"), |_, client| {
                client.saved.insert(file_of(number));
            }),
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    first_error.map_or(Ok(()), Err)
}

fn file_of(number: usize) -> String {
    format!("{HOME}/{number}.wav")
}

/// Returns the content of a file, as a program sees it.
pub(super) fn content(state: &State, path: &str) -> Option<Vec<u8>> {
    let disk = Disk::simulated(state.clone(), |_, _| None);
    let file = disk.open(path.as_ref(), Access::Read).ok()?;
    Some(read_start(&*file, u64::MAX).expect("a readable file"))
}
