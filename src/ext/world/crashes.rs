//! Crashes a program after each step, and runs it again.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use fastrand::Rng;

use super::{
    history::{Create, Observed, Step, Trouble, World},
    network::Delivery,
    programs::{HOME, Program, content},
    server::Server,
};
use crate::ext::disk::simulated::{Kept, State};

/// With more changes than this, only some of their subsets are tried.
const MAX_EXHAUSTIVE: usize = 3;

/// The number of sampled subsets of a step.
const SAMPLES: usize = 6;

/// One recovery of this number is crashed too.
const SECOND_CRASHES: u32 = 8;

/// A line of the progress is printed after so many crashes.
const REPORTED_CRASHES: u64 = 500_000;

/// The numbers of trials and of findings.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    histories: u64,
    steps: u64,
    points: u64,
    doubts: u64,
    /// Doubts about requests that were never sent, because the crash was between announcement and sending.
    false_doubts: u64,
}

impl Counts {
    fn add(self, other: Self) -> Self {
        Self {
            histories: self.histories + other.histories,
            steps: self.steps + other.steps,
            points: self.points + other.points,
            doubts: self.doubts + other.doubts,
            false_doubts: self.false_doubts + other.false_doubts,
        }
    }
}

/// Runs a program without a crash, and checks what it promises then. Returns its steps.
fn record(program: Program, seed: u64, trouble: Trouble) -> Vec<Step> {
    fastrand::seed(seed);
    let disk = State::with_directory(Path::new(HOME));
    let world = World::new(disk, Server::default(), seed, trouble).recorded();
    let ending = program.run_until_done(&world);
    let steps = world.steps();
    let end = steps.last().expect("a step");
    let problem = |problem: &str| {
        print_last(&steps);
        format!("{program:?} with seed {seed}: {problem}")
    };
    let (doubts, lost) = (&ending.doubts, &end.client.lost);
    assert!(doubts.is_superset(lost), "{}", problem(&format!("{doubts:?}, although {lost:?} were lost")));
    // If the disk fails, the store cannot tell whether a request was sent, and a temporary store may stay. A settlement may
    // be on disk although it has failed.
    if trouble.disk == 0.0 {
        let handed: BTreeSet<_> = end.client.handed.keys().cloned().collect();
        let texts: BTreeSet<_> = program.texts().into_iter().collect();
        assert!(handed == texts, "{}", problem(&format!("only the ids of {handed:?} were handed over")));
        assert!(doubts == lost, "{}", problem(&format!("{doubts:?}, although only {lost:?} were lost")));
        assert!(program.has_cleaned_up(&end.disk), "{}", problem("the temporary store is left"));
    }
    steps
}

/// Returns the disks that a crash after this step may leave.
fn images(step: &Step, rng: &mut Rng) -> Vec<State> {
    let pending = step.disk.pending();
    let mut images = vec![step.disk.after_kill()];
    if pending.len() <= MAX_EXHAUSTIVE {
        for subset in 0..1_usize << pending.len() {
            let kept = (0..pending.len()).map(|index| whole(subset >> index & 1 == 1));
            images.push(step.disk.after_power_failure(kept));
        }
    } else {
        for sample in 0..SAMPLES {
            // Also the extremes: nothing and everything.
            let kept: Vec<_> = pending.iter().map(|_| whole(rng.usize(1..SAMPLES) <= sample)).collect();
            images.push(step.disk.after_power_failure(kept));
        }
    }
    // One write is torn.
    let writes: Vec<_> = (0..pending.len()).filter(|index| pending[*index].length() > 1).collect();
    if let Some(torn) = rng.choice(&writes) {
        let length = pending[*torn].length();
        let (one, other) = (rng.usize(..=length), rng.usize(..=length));
        let kept = (0..pending.len()).map(|index| {
            if index == *torn { Kept::Bytes(one.min(other)..one.max(other)) } else { whole(rng.bool()) }
        });
        images.push(step.disk.after_power_failure(kept.collect::<Vec<_>>()));
    }
    images
}

fn whole(is_kept: bool) -> Kept {
    if is_kept { Kept::Everything } else { Kept::Nothing }
}

/// Returns the trouble of a history. A third of them is quiet, a third has a bad network, and a third a bad disk too.
fn trouble_of(seed: u64) -> Trouble {
    match seed / 4 % 3 {
        0 => Trouble::default(),
        1 => Trouble { requests: 0.3, disk: 0.0 },
        _ => Trouble { requests: 0.3, disk: 0.02 },
    }
}

/// Crashes the program of this seed after each step.
fn crash_everywhere(seed: u64, counts: &mut Counts) {
    let program = Program::of_seed(seed);
    let steps = record(program, seed, trouble_of(seed));
    let files = program.files(&steps.last().expect("a step").disk);
    let mut rng = Rng::with_seed(seed);
    counts.histories += 1;
    counts.steps += steps.len() as u64;
    for (index, step) in steps.iter().enumerate() {
        for (number, image) in images(step, &mut rng).into_iter().enumerate() {
            counts.points += 1;
            let point = Point { seed, program, steps: &steps[..=index], image: number, files: &files };
            let world = point.recovery(&image, rng.u64(..));
            if rng.u32(..SECOND_CRASHES) > 0 {
                point.check(&image, &world, counts);
                continue;
            }
            let world = world.recorded();
            point.check(&image, &world, counts);
            let later = world.steps();
            let steps = &later[..=rng.usize(..later.len())];
            let images = images(steps.last().expect("a step"), &mut rng);
            let number = rng.usize(..images.len());
            let second = Point { seed, program, steps, image: number, files: &files };
            second.check(&images[number], &second.recovery(&images[number], rng.u64(..)), counts);
        }
    }
}

/// A crash.
struct Point<'a> {
    seed: u64,
    program: Program,
    /// The steps before the crash.
    steps: &'a [Step],
    image: usize,
    files: &'a BTreeMap<String, Vec<u8>>,
}

impl Point<'_> {
    /// Returns the world after the crash, without trouble.
    fn recovery(&self, image: &State, seed: u64) -> World {
        let Step { server, client, .. } = self.steps.last().expect("a step");
        let mut client = client.clone();
        client.stored.clear();
        let refused: Vec<_> =
            client.handed.keys().filter(|text| self.has_disk_refused_id(text)).cloned().collect();
        client.refused.extend(refused);
        World::new(image.clone(), server.clone(), seed, Trouble::default()).with(client)
    }

    /// Runs the program again after the crash, and checks what it promises.
    fn check(&self, image: &State, world: &World, counts: &mut Counts) {
        let before = &self.steps.last().expect("a step").client;
        self.check_files(image, &before.saved.iter().cloned().collect::<Vec<_>>());
        let is_done = self.program.has_book(image);
        let ending = self.program.run_until_done(world);
        let after = world.now();
        for text in self.program.texts() {
            if !is_done {
                self.check_doubt(before, image, &text, ending.doubts.contains(&text));
            }
        }
        for text in &before.kept {
            assert!(
                after.client.stored.contains_key(text),
                "{text:?} was spoken by a batch and is not stored"
            );
            let downloads = self.steps.last().expect("a step").server.downloads(text);
            assert_eq!(after.server.downloads(text), downloads, "the audio of {text:?} was downloaded again");
        }
        assert!(is_done || self.program.has_cleaned_up(&after.disk), "left {:?}", after.disk);
        counts.doubts += ending.doubts.len() as u64;
        let is_false = |text: &&String| !before.creates.contains_key(*text);
        counts.false_doubts += ending.doubts.iter().filter(is_false).count() as u64;
        self.check_end(before, &after);
    }

    /// Checks whether a later run has reported a doubt about a text exactly if it must.
    fn check_doubt(&self, before: &Observed, image: &State, text: &str, is_in_doubt: bool) {
        let is_right = match before.creates.get(text) {
            _ if before.handed.contains_key(text) => !is_in_doubt || self.has_disk_refused_id(text),
            // Announced at most. Then its hash is in the file.
            None => !is_in_doubt || self.program.is_announced(image, text),
            Some(Create::InFlight | Create::Answered(Delivery::LostBefore | Delivery::LostAfter)) => {
                is_in_doubt
            }
            Some(Create::Answered(Delivery::RateLimited)) => {
                !is_in_doubt || !self.has_disk_missed_refusal(text)
            }
            // What the client was told may be on disk or not.
            Some(Create::Answered(_) | Create::Settling) => true,
        };
        assert!(is_right, "{text:?} in doubt: {is_in_doubt}, although {before:?}");
    }

    /// Returns `true` if the disk failed twice while the id of a text was to be written. Then the id is handed over and logged,
    /// but cannot be on disk.
    fn has_disk_refused_id(&self, text: &str) -> bool {
        if self.steps[0].client.refused.contains(text) {
            return true;
        }
        let steps = self.steps_since(text, &[Delivery::Answered, Delivery::Twice]).iter();
        let is_before = |step: &&Step| !step.client.handed.contains_key(text);
        let failure = self.program.entries_file() + " fails";
        let fails = |step: &&Step| step.name.ends_with(&failure);
        steps.take_while(is_before).filter(fails).count() >= 2
    }

    /// Returns `true` if the disk had time to keep that the server has refused a text, and has not kept it.
    fn has_disk_missed_refusal(&self, text: &str) -> bool {
        let steps = self.steps_since(text, &[Delivery::RateLimited]);
        let count = |name: &str| steps.iter().filter(|step| step.name.ends_with(name)).count();
        let is_free = |step: &Step| self.program.has_no_entry(&step.disk.after_power_failure([]), text);
        // The first sync may be of changes from before the response. Later, the text may be announced again.
        let (file, failure) = (self.program.entries_file(), self.program.entries_file() + " fails");
        count(&format!("sync {file}")) >= 2 && count(&failure) == 0 && !steps.iter().any(is_free)
    }

    /// Returns the steps since the last create of a text that was answered like this.
    fn steps_since(&self, text: &str, deliveries: &[Delivery]) -> &[Step] {
        let is_answer =
            |step: &Step| deliveries.iter().any(|how| step.name == format!("create {text:?} {how:?}"));
        self.steps.iter().rposition(is_answer).map_or(&[], |start| &self.steps[start..])
    }

    fn check_files(&self, image: &State, saved: &[String]) {
        for (path, expected) in self.files {
            let found = content(image, path);
            assert!(
                found.is_none() || found.as_ref() == Some(expected),
                "{path} is neither whole nor absent"
            );
            assert!(found.is_some() || !saved.contains(path), "{path} was saved and is lost");
        }
    }

    fn check_end(&self, before: &Observed, after: &Step) {
        for text in self.program.texts() {
            let billed = after.server.billed(&text);
            assert_eq!(billed.len(), 1, "{text:?} was billed as {billed:?}");
            if let Some(id) = before.handed.get(&text) {
                assert_eq!(*id, billed[0], "the id of {text:?} is lost");
            }
            if let Some(downloads) = after.client.stored.get(&text) {
                assert_eq!(after.server.downloads(&text), *downloads, "the stored audio of {text:?} is lost");
            }
        }
        self.check_files(&after.disk, &self.files.keys().cloned().collect::<Vec<_>>());
    }
}

impl Drop for Point<'_> {
    /// Tells how to repeat a failure.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let Self { seed, program, steps, image, .. } = self;
        println!("{program:?} with seed {seed}, crashed after step {} with image {image}", steps.len() - 1);
        print_last(steps);
    }
}

fn print_last(steps: &[Step]) {
    for step in &steps[steps.len().saturating_sub(40)..] {
        println!("  {} ({} unsynced)", step.name, step.disk.pending().len());
    }
}

#[test]
fn no_crash_loses_or_bills_anything_twice() {
    let (points, first) = (number("CRASH_POINTS", 10_000), number("CRASH_SEED", 0));
    let (next, done, started) = (AtomicU64::new(first), AtomicU64::new(0), Instant::now());
    let crash = || {
        let mut counts = Counts::default();
        while done.load(Ordering::Relaxed) < points {
            let earlier = counts.points;
            crash_everywhere(next.fetch_add(1, Ordering::Relaxed), &mut counts);
            let new = counts.points - earlier;
            let total = done.fetch_add(new, Ordering::Relaxed) + new;
            if total / REPORTED_CRASHES > (total - new) / REPORTED_CRASHES {
                eprintln!("{total} of {points} crashes in {:.0} s", started.elapsed().as_secs_f64());
            }
        }
        counts
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let counts = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(crash)).collect();
        let counts = threads.into_iter().map(|thread| thread.join().expect("no crash loses anything"));
        counts.reduce(Counts::add).expect("a thread")
    });
    let Counts { histories, steps, points, doubts, false_doubts } = counts;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{points} crashes of {histories} histories with {steps} steps, from seed {first}, in {seconds:.1} s"
    );
    println!("{doubts} doubts, {false_doubts} of them about requests that were never sent");
    assert!(points < 10_000 || false_doubts > 0 && false_doubts * 2 < doubts);
}

#[test]
fn same_seed_is_the_same_history() {
    let histories = number("HISTORIES", 200);
    for seed in 0..histories {
        let steps = || record(Program::of_seed(seed), seed, trouble_of(seed));
        let (first, second) = (steps(), steps());
        if let Some(index) = first.iter().zip(&second).position(|(first, second)| first != second) {
            print_last(&first[..=index]);
            panic!("seed {seed}: step {index} differs, the second time it is {}", second[index].name);
        }
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
    println!("{histories} histories run twice, with equal steps, disks, servers and clients");
}

/// Returns a number of the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
