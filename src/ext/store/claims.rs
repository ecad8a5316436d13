//! Locks of single requests: one call at a time submits a request, and one keeps its audio.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::RequestHash;

/// The locks of this process, one for each request. Two equal requests have the same lock.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<HashMap<RequestHash, Weak<RwLock<()>>>>);

/// The exclusive lock of a request. Its holder may submit the request, or keep its audio.
pub(crate) type Claim = OwnedRwLockWriteGuard<()>;

/// A shared lock of a request. No call has a [`Claim`] until it is dropped.
pub(super) type Unclaimed = OwnedRwLockReadGuard<()>;

impl Claims {
    /// Waits until no other call has a lock of the request, and takes the exclusive one.
    pub(super) async fn claim(&self, hash: RequestHash) -> Claim {
        self.lock_of(hash).write_owned().await
    }

    /// Waits until no call has the exclusive lock, and takes a shared one.
    pub(super) async fn unclaimed(&self, hash: RequestHash) -> Unclaimed {
        self.lock_of(hash).read_owned().await
    }

    /// Takes a shared lock. Returns `None` if another call has the exclusive lock, or waits for it.
    pub(super) fn try_unclaimed(&self, hash: RequestHash) -> Option<Unclaimed> {
        self.lock_of(hash).try_read_owned().ok()
    }

    fn lock_of(&self, hash: RequestHash) -> Arc<RwLock<()>> {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = claims.get(&hash).and_then(Weak::upgrade) {
            return lock;
        }
        // Keeps the map as small as the number of claims, in amortised constant time.
        if claims.len() == claims.capacity() {
            claims.retain(|_, lock| lock.strong_count() > 0);
        }
        let lock = Arc::default();
        claims.insert(hash, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn hash(number: u8) -> RequestHash {
        RequestHash::from_bytes([number; 32])
    }

    #[test]
    fn request_is_claimed_by_one_call_at_a_time() {
        let claims = Claims::default();
        let claim = |number| claims.claim(hash(number)).now_or_never();
        let first = claim(1).unwrap();
        assert!(claim(1).is_none() && claim(2).is_some());
        drop(first);
        assert!(claim(1).is_some());
    }

    #[test]
    fn several_calls_see_that_a_request_is_unclaimed() {
        let claims = Claims::default();
        let claim = || claims.claim(hash(1)).now_or_never();
        let unclaimed = || [claims.try_unclaimed(hash(1)), claims.unclaimed(hash(1)).now_or_never()];
        let seen = [unclaimed(), unclaimed()];
        assert!(seen.iter().flatten().all(Option::is_some) && claim().is_none());
        drop(seen);
        let claim = claim();
        assert!(claim.is_some() && unclaimed().iter().all(Option::is_none));
        drop(claim);
        assert!(unclaimed().iter().all(Option::is_some));
    }

    #[test]
    fn ended_claims_are_removed_whenever_the_map_is_full() {
        let claims = Claims::default();
        let sizes: Vec<_> = (0..100)
            .map(|number| {
                drop(claims.try_unclaimed(hash(number)));
                let map = claims.0.lock().unwrap();
                (map.len(), map.capacity())
            })
            .collect();
        assert!(sizes.iter().all(|(length, _)| *length < 10), "{sizes:?}");
        // Removing them for each claim would take time that is quadratic in the number of claims.
        assert!(sizes.iter().any(|(length, capacity)| length == capacity), "{sizes:?}");
    }
}
