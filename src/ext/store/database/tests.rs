//! Groups, opening and closing.

mod disk;
mod failures;
mod full;
mod opening;
#[cfg(unix)]
mod processes;

use std::{
    fmt, iter,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread as std_thread,
};

use futures_util::future::{self, FutureExt};

use self::disk::MemoryDisk;
use super::*;
use crate::ext::store::RequestHash;

/// For `unwrap_err`.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Database")
    }
}

fn key(number: u32) -> RequestHash {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    RequestHash::from_bytes(bytes)
}

fn open(directory: &Path) -> Result<Database, Error> {
    Database::open(&Disk::system(), directory)
}

/// Returns an engine over `disk`, which has its reserve too.
fn engine(disk: &MemoryDisk) -> Result<Engine, Error> {
    Engine::open(PathBuf::from("memory"), Arc::new(disk.clone()), Some(Box::new(disk.clone())))
}

/// Returns a database over `disk` whose works run on the caller.
fn inline(disk: &MemoryDisk) -> Database {
    let worker = Worker::Turns(Turns::of_caller(engine(disk).unwrap()));
    Database(Arc::new(Handle::new(Disk::system(), PathBuf::from("memory"), worker, Weak::new())))
}

fn threaded(disk: &MemoryDisk) -> Database {
    let worker = Worker::Thread(Thread::start(engine(disk).unwrap(), ()).unwrap());
    Database(Arc::new(Handle::new(Disk::system(), PathBuf::from("memory"), worker, Weak::new())))
}

async fn put(database: &Database, number: u32) -> Result<(), Error> {
    put_as(database, Priority::Normal, number).await
}

async fn put_as(database: &Database, priority: Priority, number: u32) -> Result<(), Error> {
    database.run(priority, move |transaction| transaction.put(key(number), b"value")).await
}

/// Writes 400 entries from 100 on, more than the cache holds.
async fn put_26_megabytes(database: &Database) {
    let write = |transaction: &mut Transaction<'_>| {
        (100..500).try_for_each(|number| transaction.put(key(number), &b"value678".repeat(8_192)))
    };
    database.run(Priority::Normal, write).await.unwrap();
}

async fn get(database: &Database, number: u32) -> Option<Vec<u8>> {
    database.run(Priority::Normal, move |transaction| transaction.get(key(number))).await.unwrap()
}

/// Lets the works that are sent before the returned guard is dropped wait together.
fn hold(database: &Database) -> mpsc::Sender<()> {
    let (guard, dropped) = mpsc::channel::<()>();
    let (started, is_started) = mpsc::channel();
    database.enqueue(Priority::Normal, move |_| {
        let _ = started.send(());
        let _ = dropped.recv();
        Ok(())
    });
    is_started.recv().unwrap();
    guard
}

/// Waits until the last handle is being dropped. The database may still be closing then.
fn wait_for_drop(handle: &Weak<Handle>) {
    while handle.strong_count() > 0 {
        std_thread::yield_now();
    }
}

/// Runs `works` as one group.
async fn together<T>(
    database: &Database,
    works: impl IntoIterator<Item = impl Future<Output = T>>,
) -> Vec<T> {
    let guard = hold(database);
    let mut works = future::join_all(works);
    assert!((&mut works).now_or_never().is_none(), "all works are queued, and none has run");
    drop(guard);
    works.await
}

#[tokio::test]
async fn values_are_read_removed_and_paged_in_order_of_keys() {
    let database = Database::with_backend(MemoryDisk::new(10_000)).unwrap();
    let write = |transaction: &mut Transaction<'_>| {
        for number in [3, 1, 2, 4] {
            transaction.put(key(number), &[u8::try_from(number).unwrap()])?;
        }
        transaction.remove(key(2))?;
        transaction.put_meta("name", b"text")
    };
    database.run(Priority::Normal, write).await.unwrap();
    let read = |transaction: &mut Transaction<'_>| {
        assert_eq!(transaction.get(key(2))?, None);
        assert_eq!(transaction.get_meta("name")?.as_deref(), Some(&b"text"[..]));
        assert_eq!(transaction.get_meta("other")?, None);
        let first = transaction.page(None, 2)?;
        let rest = transaction.page(Some(first[1].0), 2)?;
        Ok([first, rest])
    };
    let pages = database.run(Priority::Normal, read).await.unwrap();
    assert_eq!(pages, [vec![(key(1), vec![1]), (key(3), vec![3])], vec![(key(4), vec![4])]]);
}

#[tokio::test]
async fn works_that_wait_together_share_one_commit_in_order_of_calls() {
    let disk = MemoryDisk::new(10_000);
    let database = threaded(&disk);
    let append = |transaction: &mut Transaction<'_>| {
        let mut all = transaction.get(key(0))?.unwrap_or_default();
        all.push(u8::try_from(all.len()).unwrap());
        transaction.put(key(0), &all)?;
        Ok(all.len())
    };
    let before = disk.state().syncs;
    let lengths = together(&database, (0..200).map(|_| database.run(Priority::Normal, append))).await;
    assert!(lengths.into_iter().map(Result::unwrap).eq(1..=200));
    assert_eq!(disk.state().syncs - before, 1);
}

#[tokio::test]
async fn result_is_durable_when_it_returns() {
    let disk = MemoryDisk::new(10_000);
    let database = threaded(&disk);
    for number in 0..20 {
        put(&database, number).await.unwrap();
        let after = inline(&disk.after_power_failure());
        assert!(get(&after, number).await.is_some(), "{number}");
    }
}

#[tokio::test]
async fn group_without_writes_commits_nothing() {
    let disk = MemoryDisk::new(10_000);
    let database = threaded(&disk);
    let before = disk.state().changes;
    assert_eq!(get(&database, 1).await, None);
    assert_eq!(disk.state().changes, before);
}

#[tokio::test]
async fn work_that_fails_before_it_writes_does_not_run_its_group_again() {
    let database = threaded(&MemoryDisk::new(10_000));
    let runs = Arc::new(AtomicUsize::new(0));
    let work = |fails: bool| {
        let runs = Arc::clone(&runs);
        database.run(Priority::Normal, move |transaction| {
            runs.fetch_add(1, Ordering::Relaxed);
            if fails { Err(Error::stopped()) } else { transaction.put(key(1), b"") }
        })
    };
    let outcomes = together(&database, [false, true].map(work)).await;
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn work_of_dropped_future_still_runs() {
    let database = threaded(&MemoryDisk::new(10_000));
    let guard = hold(&database);
    assert!(put(&database, 1).now_or_never().is_none());
    drop(guard);
    assert!(get(&database, 1).await.is_some());
}

#[tokio::test]
async fn drop_of_last_handle_waits_for_enqueued_works() {
    let disk = MemoryDisk::new(10_000);
    let database = threaded(&disk);
    let guard = hold(&database);
    database.enqueue(Priority::Normal, |transaction| transaction.put(key(1), b""));
    drop(guard);
    drop(database);
    assert!(get(&inline(&disk.after_power_failure()), 1).await.is_some());
}

#[tokio::test]
async fn handle_that_a_work_holds_is_dropped_without_a_deadlock() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path()).unwrap();
    let (held, guard) = (database.clone(), hold(&database));
    database.enqueue(Priority::Normal, move |_| {
        held.enqueue(Priority::Normal, |transaction| transaction.put(key(1), b""));
        Ok(())
    });
    let weak = Arc::downgrade(&database.0);
    drop(database);
    drop(guard);
    wait_for_drop(&weak);
    assert!(get(&open(directory.path()).unwrap(), 1).await.is_some());
}

#[tokio::test]
async fn directory_is_opened_again_at_once_400_times() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..400 {
        let database = open(directory.path()).unwrap_or_else(|error| panic!("{round}: {error}"));
        database.enqueue(Priority::Normal, move |transaction| transaction.put(key(round), b""));
        // Half of the drops run during the next open.
        if round % 2 == 0 {
            drop(database);
        } else {
            let weak = Arc::downgrade(&database.0);
            std_thread::spawn(move || drop(database));
            wait_for_drop(&weak);
        }
    }
    let database = open(directory.path()).unwrap();
    let read = |transaction: &mut Transaction<'_>| transaction.page(None, 1_000);
    assert_eq!(database.run(Priority::Normal, read).await.unwrap().len(), 400);
}

#[test]
fn second_open_of_a_directory_shares_the_first() {
    let parent = tempfile::tempdir().unwrap();
    let database = open(&parent.path().join("a")).unwrap();
    let other = open(&parent.path().join("a/../a")).unwrap();
    assert!(Arc::ptr_eq(&database.0, &other.0));
    assert_eq!(database.directory(), parent.path().canonicalize().unwrap().join("a"));
    let threads = iter::repeat_with(|| {
        let path = parent.path().join("b");
        std_thread::spawn(move || open(&path).unwrap())
    });
    let opened: Vec<_> =
        threads.take(8).collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(opened.iter().all(|database| Arc::ptr_eq(&database.0, &opened[0].0)));
}

/// redb's own default would keep all 26 MB in memory.
#[tokio::test]
async fn memory_is_bounded_by_a_small_cache() {
    let disk = MemoryDisk::new(100_000);
    let database = inline(&disk);
    put_26_megabytes(&database).await;
    for _ in 0..2 {
        let before = disk.state().bytes_read;
        for number in 100..500 {
            assert!(get(&database, number).await.is_some());
        }
        assert!(disk.state().bytes_read - before > 8_000_000);
    }
}
