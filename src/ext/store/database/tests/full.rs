//! Full disks.

use std::error::Error as _;

use super::*;

/// Fills the disk with entries until one fails. Returns their number.
async fn fill(database: &Database) -> (u32, Error) {
    for number in 0.. {
        let write = move |transaction: &mut Transaction<'_>| transaction.put(key(number), &[7; 1_000]);
        if let Err(error) = database.run(Priority::Normal, write).await {
            return (number, error);
        }
    }
    unreachable!()
}

fn assert_full(error: &Error) {
    assert!(error.is_io(), "{error:?}");
    // The database or the reserve.
    assert!(["could not write memory", "could not write reserve"].contains(&&*error.to_string()), "{error}");
    let source = error.source().unwrap().downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
}

#[tokio::test]
async fn essential_works_use_the_reserve_of_a_full_disk() {
    let disk = MemoryDisk::new(600);
    let database = inline(&disk);
    assert!(disk.state().is_reserve_filled);
    let (count, error) = fill(&database).await;
    assert_full(&error);
    assert!(count > 100, "{count}");
    for number in 0..20 {
        put_as(&database, Priority::Essential, 10_000 + number).await.unwrap();
    }
    for number in (0..count).chain(10_000..10_020) {
        assert!(get(&database, number).await.is_some(), "{number}");
    }
}

#[tokio::test]
async fn normal_works_can_read_a_full_disk_and_write_when_space_is_back() {
    let disk = MemoryDisk::new(600);
    let database = inline(&disk);
    let (_, error) = fill(&database).await;
    assert_full(&error);
    put_as(&database, Priority::Essential, 9_999).await.unwrap();
    let before = disk.state().changes;
    assert_full(&put(&database, 10_000).await.unwrap_err());
    assert!(get(&database, 0).await.is_some());
    assert_eq!(disk.state().changes, before, "the database is not touched");

    disk.state().free += 1_000;
    put(&database, 10_000).await.unwrap();
    assert!(disk.state().is_reserve_filled);
    assert!(get(&database, 10_000).await.is_some());
}

#[tokio::test]
async fn essential_works_fail_when_the_reserve_is_used_up_and_nothing_is_lost() {
    let disk = MemoryDisk::new(600);
    let database = inline(&disk);
    let (count, _) = fill(&database).await;
    let mut last = 10_000;
    let error = loop {
        let write = move |transaction: &mut Transaction<'_>| transaction.put(key(last), &[7; 1_000]);
        match database.run(Priority::Essential, write).await {
            Ok(()) => last += 1,
            Err(error) => break error,
        }
    };
    assert_full(&error);
    assert!(last > 10_100, "{last}");
    disk.state().free += 1_000;
    put_as(&database, Priority::Essential, 20_000).await.unwrap();
    put(&database, 20_001).await.unwrap();
    for database in [&database, &inline(&disk.after_power_failure())] {
        for number in (0..count).chain(10_000..last).chain([20_000, 20_001]) {
            assert!(get(database, number).await.is_some(), "{number}");
        }
    }
}

#[tokio::test]
async fn store_opens_on_a_full_disk_for_reading() {
    let disk = MemoryDisk::new(600);
    drop(fill(&inline(&disk)).await);
    disk.state().free = 0;
    let database = inline(&disk);
    assert!(get(&database, 0).await.is_some());
    assert_full(&put(&database, 10_000).await.unwrap_err());
}

#[tokio::test]
async fn reserve_is_tried_once_for_each_group() {
    let disk = MemoryDisk::new(600);
    let database = threaded(&disk);
    drop(fill(&database).await);
    disk.state().free = 0;
    let before = disk.state().fills;
    for error in together(&database, (0..50).map(|number| put(&database, number))).await {
        assert_full(&error.unwrap_err());
    }
    assert_eq!(disk.state().fills - before, 1);
}

#[test]
fn new_store_on_a_full_disk_is_an_error() {
    assert_full(&engine(&MemoryDisk::new(0)).err().unwrap());
}
