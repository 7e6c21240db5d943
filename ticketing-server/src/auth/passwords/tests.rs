use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// Waits in every call until it is let go.
#[derive(Debug, Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    inside: AtomicUsize,
    most_inside: AtomicUsize,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_inside.fetch_max(inside, Ordering::SeqCst);
        let is_open = self.is_open.lock().unwrap();
        // Not for ever: a test that failed is not to hang.
        drop(self.opened.wait_timeout_while(is_open, PATIENCE, |is_open| !*is_open).unwrap());
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

impl PasswordHasher for Gate {
    fn hash(&self, _password: &SecretString) -> Result<PasswordHash, HashError> {
        self.pass();
        Ok("a hash".to_owned().into())
    }

    fn verify(&self, _password: &SecretString, _hash: &PasswordHash) -> Result<bool, HashError> {
        self.pass();
        Ok(true)
    }

    fn is_outdated(&self, _hash: &PasswordHash) -> bool {
        false
    }
}

#[tokio::test]
async fn a_few_are_hashed_a_few_wait_and_more_are_refused() {
    let gate = Arc::new(Gate::default());
    gate.open();
    let passwords = Passwords::with_workers(Arc::<Gate>::clone(&gate), 2).await.unwrap();
    *gate.is_open.lock().unwrap() = false;

    let room = 2 * (WAITING_PER_WORKER + 1);
    let mut asked: Vec<_> = (0..room)
        .map(|_| {
            let passwords = passwords.clone();
            tokio::spawn(async move { passwords.hash("x".into()).await.map(drop) })
        })
        .collect();
    let asked_at = Instant::now();
    while passwords.room.available_permits() > 0 {
        assert!(asked_at.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
    let refused = passwords.verify("x".into(), None).await;
    assert!(matches!(refused, Err(HashingFailed::Busy)), "{refused:?}");

    // Who hangs up leaves room only when its hashing is over.
    asked.remove(0).abort();
    gate.open();
    for waiting in asked {
        waiting.await.unwrap().unwrap();
    }
    assert!(gate.most_inside.load(Ordering::SeqCst) <= 2);
    assert!(passwords.hash("x".into()).await.is_ok());
}

#[tokio::test]
async fn nobody_has_any_password() {
    let gate = Arc::new(Gate::default());
    gate.open();
    let passwords = Passwords::with_workers(gate, 1).await.unwrap();
    // The hasher says that it is right, and there still is no account.
    assert!(!passwords.verify("x".into(), None).await.unwrap());
    assert!(passwords.verify("x".into(), Some("h".to_owned().into())).await.unwrap());
}
