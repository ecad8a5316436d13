//! Claims: one call at a time submits a request, and one keeps its audio.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::RequestHash;

/// The requests with which this process does something that only one call may do at a time.
///
/// Two equal requests wait for each other.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<HashMap<RequestHash, Weak<AsyncMutex<()>>>>);

/// The right to do it with a request, until it is dropped.
pub(crate) type Claim = OwnedMutexGuard<()>;

impl Claims {
    /// Waits until no other call has the right.
    pub(super) async fn claim(&self, hash: RequestHash) -> Claim {
        self.lock_of(hash).lock_owned().await
    }

    /// Returns `None` if another call has the right.
    pub(super) fn try_claim(&self, hash: RequestHash) -> Option<Claim> {
        self.lock_of(hash).try_lock_owned().ok()
    }

    fn lock_of(&self, hash: RequestHash) -> Arc<AsyncMutex<()>> {
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
    use super::*;

    fn hash(number: u8) -> RequestHash {
        RequestHash::from_bytes([number; 32])
    }

    #[test]
    fn request_is_claimed_by_one_call_at_a_time() {
        let claims = Claims::default();
        let claim = claims.try_claim(hash(1)).unwrap();
        assert!(claims.try_claim(hash(1)).is_none() && claims.try_claim(hash(2)).is_some());
        drop(claim);
        assert!(claims.try_claim(hash(1)).is_some());
    }

    #[test]
    fn ended_claims_are_removed_whenever_the_map_is_full() {
        let claims = Claims::default();
        let sizes: Vec<_> = (0..100)
            .map(|number| {
                drop(claims.try_claim(hash(number)));
                let map = claims.0.lock().unwrap();
                (map.len(), map.capacity())
            })
            .collect();
        assert!(sizes.iter().all(|(length, _)| *length < 10), "{sizes:?}");
        // Removing them for each claim would take time that is quadratic in the number of claims.
        assert!(sizes.iter().any(|(length, capacity)| length == capacity), "{sizes:?}");
    }
}
