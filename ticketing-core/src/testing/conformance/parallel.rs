//! Many callers at once, and waits that end.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use tokio::sync::oneshot;

use super::verdict::{fail, found};
use crate::ports::{Runtime, TokioRuntime};

fn runtime() -> TokioRuntime {
    found(TokioRuntime::current(), "the tokio runtime of the case")
}

/// Runs every task as a task of its own, on as many threads as the test has; their results, in
/// the order of the tasks.
pub async fn parallel<T, F>(tasks: Vec<F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let runtime = runtime();
    let results = tasks.into_iter().map(|task| {
        let (send, receive) = oneshot::channel();
        runtime.spawn(Box::pin(async move {
            // Nobody listens any more when the case failed meanwhile.
            drop(send.send(task.await));
        }));
        receive
    });
    let results: Vec<_> = results.collect();
    let results = join_all(results).await.into_iter();
    results
        .map(|result| match result {
            Ok(value) => value,
            Err(_) => fail("one of the parallel tasks panicked"),
        })
        .collect()
}

/// What `future` comes to, unless it takes longer than `bound`.
pub async fn within<F: Future>(bound: Duration, future: F) -> Option<F::Output> {
    let runtime = runtime();
    let bound = pin!(async move { runtime.sleep(bound).await });
    match select(pin!(future), bound).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(((), _)) => None,
    }
}

/// What `future` comes to, unless it is still pending after so many polls; then it is dropped,
/// wherever it stands.
pub async fn polled<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    Polled { left: polls, future: Box::pin(future) }.await
}

struct Polled<F> {
    left: usize,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Polled<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(left) = self.left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        self.left = left;
        match self.future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
