//! Works that fail or panic, and a disk that fails.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use super::*;
use crate::{
    Billed,
    ext::disk::simulated::{Fault, Kept, SimulatedDisk, State},
};

#[tokio::test]
async fn work_that_fails_after_a_write_leaves_nothing_and_the_others_commit() {
    let database = threaded(&MemoryDisk::new(10_000));
    let write = |number: u32| {
        move |transaction: &mut Transaction<'_>| {
            transaction.put(key(number), b"")?;
            if number == 1 { Err(Error::invalid("test", "rejected")) } else { Ok(()) }
        }
    };
    let results =
        together(&database, (0..3).map(|number| database.run(Priority::Normal, write(number)))).await;
    assert!(results[0].is_ok() && results[2].is_ok());
    assert_eq!(results[1].as_ref().unwrap_err().to_string(), "test: rejected");
    assert!(get(&database, 0).await.is_some() && get(&database, 2).await.is_some());
    assert_eq!(get(&database, 1).await, None);
}

#[tokio::test]
async fn work_that_panics_leaves_nothing_and_the_thread_lives_on() {
    let disk = MemoryDisk::new(10_000);
    let database = threaded(&disk);
    let guard = hold(&database);
    let before = put(&database, 0).shared();
    assert!(before.clone().now_or_never().is_none());
    let work = |transaction: &mut Transaction<'_>| -> Result<(), Error> {
        transaction.put(key(1), b"")?;
        panic!("expected by the test")
    };
    let panicked = database.run(Priority::Normal, work).shared();
    assert!(panicked.clone().now_or_never().is_none());
    let after = put(&database, 2).shared();
    assert!(after.clone().now_or_never().is_none());
    drop(guard);
    let error = panicked.await.unwrap_err();
    assert!(error.to_string().contains("is damaged: its content contradicts itself"), "{error}");
    assert_eq!(error.billed(), Billed::Maybe);
    before.await.unwrap();
    after.await.unwrap();
    for database in [&database, &inline(&disk.after_power_failure())] {
        assert!(get(database, 0).await.is_some() && get(database, 2).await.is_some());
        assert_eq!(get(database, 1).await, None);
    }
}

/// Byte 15 belongs to the end of a value. redb panics if the end is behind the page.
#[tokio::test]
async fn damaged_page_is_an_error_of_its_entries_and_nothing_panics() {
    const PAGE: usize = 4096;
    const LEAF: u8 = 1;
    let disk = MemoryDisk::new(10_000);
    let database = inline(&disk);
    let write = |transaction: &mut Transaction<'_>| {
        (0..600).try_for_each(|number| transaction.put(key(number), &[7; 100]))
    };
    database.run(Priority::Normal, write).await.unwrap();
    drop(database);
    let mut pages = 0;
    let whole = disk.state().bytes.clone();
    for (start, page) in (0..).step_by(PAGE).zip(whole.chunks(PAGE)) {
        if page[0] != LEAF || !page.windows(100).any(|value| value == [7; 100]) {
            continue;
        }
        pages += 1;
        let damaged = disk.after_kill();
        damaged.state().bytes[start + 15] ^= 0x80;
        let database = inline(&damaged);
        let mut errors = 0;
        for number in 0..600 {
            let read = move |transaction: &mut Transaction<'_>| transaction.get(key(number));
            if let Err(error) = database.run(Priority::Normal, read).await {
                errors += 1;
                assert!(error.to_string().contains("is damaged: "), "{error}");
                assert_eq!(error.billed(), Billed::Maybe);
            }
        }
        assert!(errors > 0, "page at {start}");
    }
    assert!(pages > 10, "{pages}");
}

#[tokio::test]
async fn panic_of_enqueued_work_does_not_end_the_thread() {
    let database = threaded(&MemoryDisk::new(10_000));
    database.enqueue(Priority::Normal, |_| panic!("expected by the test"));
    put(&database, 1).await.unwrap();
}

/// Each change of the disk fails once, alone or with the next ones.
#[tokio::test]
async fn no_failed_write_loses_a_durable_entry_or_needs_a_restart() {
    for count in [1, 2, 40] {
        for first in 1.. {
            let disk = MemoryDisk::new(10_000);
            let database = inline(&disk);
            let start = disk.state().changes;
            disk.state().failing = Some((start + first, count));
            let mut durable = Vec::new();
            for number in 0..6 {
                match put_as(&database, Priority::Essential, number).await {
                    Ok(()) => durable.push(number),
                    Err(error) => assert_eq!(error.to_string(), "could not write memory"),
                }
                let after = inline(&disk.after_power_failure());
                for number in &durable {
                    assert!(get(&after, *number).await.is_some(), "{first} {number}");
                }
            }
            let is_reached = disk.state().changes >= start + first;
            disk.state().failing = None;
            put(&database, 99).await.unwrap();
            drop(database);
            let database = inline(&disk);
            for number in durable.iter().chain([&99]) {
                assert!(get(&database, *number).await.is_some(), "{first} {number}");
            }
            if count == 1 {
                assert_eq!(durable.len(), 6, "an essential work runs again after one failure");
            }
            if !is_reached {
                assert!(first > 10, "{first}");
                break;
            }
        }
    }
}

/// Two syncs lose what was written, and the process is killed. Then the power fails at each step of the next process.
#[tokio::test]
async fn nothing_is_built_on_what_a_failed_sync_has_lost() {
    let directory = Path::new("/d");
    let is_failing = Arc::new(AtomicBool::new(false));
    let disk = SimulatedDisk::new(State::with_directory(directory), {
        let is_failing = Arc::clone(&is_failing);
        move |_, _| is_failing.load(Ordering::Relaxed).then_some(Fault::LosesChanges)
    });
    let database = Database::open(&disk.clone().into(), directory).unwrap();
    put(&database, 1).await.unwrap();
    is_failing.store(true, Ordering::Relaxed);
    put_as(&database, Priority::Essential, 2).await.unwrap_err();
    let killed = disk.state().after_kill();

    let steps = Arc::new(Mutex::new(vec![killed.clone()]));
    let disk = Disk::simulated(killed, {
        let steps = Arc::clone(&steps);
        move |_, state| {
            steps.lock().unwrap().push(state.clone());
            None
        }
    });
    let next = Database::open(&disk, directory).unwrap();
    put(&next, 3).await.unwrap();
    let steps = std::mem::take(&mut *steps.lock().unwrap());
    for (number, step) in steps.iter().enumerate() {
        let last = step.pending().len().saturating_sub(1);
        for (kept, others) in [(Kept::Everything, Kept::Nothing), (Kept::Nothing, Kept::Everything)] {
            let changes = 0..step.pending().len();
            let kept = changes.map(|index| if index == last { kept.clone() } else { others.clone() });
            let disk = Disk::simulated(step.after_power_failure(kept), |_, _| None);
            let found = Database::open(&disk, directory).unwrap_or_else(|error| panic!("{number}: {error}"));
            assert!(get(&found, 1).await.is_some(), "step {number}");
            assert!(number + 1 < steps.len() || get(&found, 3).await.is_some(), "3 is durable");
        }
    }
}

#[tokio::test]
async fn failed_read_is_an_error_and_the_next_one_succeeds() {
    let disk = MemoryDisk::new(100_000);
    let database = inline(&disk);
    put(&database, 1).await.unwrap();
    put_26_megabytes(&database).await;
    disk.state().is_unreadable = true;
    let scan = |transaction: &mut Transaction<'_>| transaction.page(None, 1_000).map(|page| page.len());
    let error = database.run(Priority::Normal, scan).await.unwrap_err();
    assert_eq!(error.to_string(), "could not read memory");
    disk.state().is_unreadable = false;
    assert_eq!(database.run(Priority::Normal, scan).await.unwrap(), 401);
}

#[tokio::test]
async fn failed_group_runs_only_its_essential_works_again() {
    let disk = MemoryDisk::new(10_000);
    let database = threaded(&disk);
    let runs = [Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0))];
    let works = [Priority::Normal, Priority::Essential].into_iter().zip(&runs).map(|(priority, runs)| {
        let runs = Arc::clone(runs);
        database.run(priority, move |transaction| {
            runs.fetch_add(1, Ordering::Relaxed);
            transaction.put(key(priority as u32), b"")
        })
    });
    let next = disk.state().changes + 1;
    disk.state().failing = Some((next, 1));
    let results = together(&database, works).await;
    let error = results[0].as_ref().unwrap_err();
    assert_eq!(std::error::Error::source(error).unwrap().to_string(), "injected");
    assert!(results[1].is_ok());
    assert_eq!(runs.map(|runs| runs.load(Ordering::Relaxed)), [1, 2]);
    assert_eq!(get(&database, Priority::Normal as u32).await, None);
    assert!(get(&database, Priority::Essential as u32).await.is_some());
}
