//! Who looks at each call before it has any effect.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::server::Request;

/// Is told of a call, which waits meanwhile.
#[derive(Clone)]
pub(crate) struct Watcher(Arc<dyn Fn(Request) -> BoxFuture<'static, ()> + Send + Sync>);

impl Watcher {
    pub(crate) fn new(
        watch: impl Fn(Request) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(watch))
    }

    pub(crate) async fn call(&self, request: Request) {
        (self.0)(request).await;
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}
