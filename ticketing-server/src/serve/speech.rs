//! What the router says on a connection.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse as _;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tower::ServiceExt as _;

use super::HEADERS_MAX;
use super::memory::Taken;
use super::pulse::{Followed, Part, Pulse, Running};
use crate::http::unreadable::Unreadable;
use crate::http::upstream::ClientsOwn;

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The router, and whether it speaks: then nothing that is written is the protocol's own.
#[derive(Debug)]
pub(super) struct Speech {
    router: Router,
    peer: SocketAddr,
    pulse: Pulse,
    answers: AtomicUsize,
    /// Another protocol has the connection.
    is_over: AtomicBool,
}

/// An answer that is being given.
struct Speaking(Arc<Speech>);

/// The body of an answer, which is given until it is dropped.
pub(super) struct Spoken {
    body: Followed,
    _speaking: Speaking,
    _compressor: Option<Taken>,
}

impl Speech {
    pub(super) fn new(router: Router, peer: SocketAddr, pulse: Pulse) -> Self {
        let (answers, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { router, peer, pulse, answers, is_over }
    }

    pub(super) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    fn begin(self: &Arc<Self>) -> Speaking {
        self.answers.fetch_add(1, Ordering::AcqRel);
        Speaking(Arc::clone(self))
    }

    /// The protocol lets go of an answer when it has the last part, which is written later.
    pub(super) fn is_silent(&self) -> bool {
        self.answers.load(Ordering::Acquire) == 0
            && !self.is_over.load(Ordering::Acquire)
            && !self.pulse.has_parts()
    }

    /// The router's answer to a request.
    pub(super) async fn answer<B>(
        self: Arc<Self>,
        request: Request<B>,
        running: Running,
    ) -> Result<Response<Spoken>, Infallible>
    where
        B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
    {
        if request.version() == Version::HTTP_2 {
            self.is_over.store(true, Ordering::Release);
        }
        let speaking = self.begin();
        let mut response = self.respond(request).await;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            self.is_over.store(true, Ordering::Release);
        }
        if self.must_be_the_last() {
            response.headers_mut().insert(header::CONNECTION, CLOSE);
        }
        let compressor = is_compressed_here(&response).then(|| self.pulse.compressor());
        Ok(response.map(|body| Spoken {
            body: Followed::new(body, running),
            _speaking: speaking,
            _compressor: compressor,
        }))
    }

    /// What the router says; in the place of the protocol, where that should have refused the request.
    /// HTTP/1 has never more fields than there may be, HTTP/2 looks only at how long all of them are.
    async fn respond<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
    {
        if request.headers().len() > HEADERS_MAX {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return self.words_for(status).await.unwrap_or_else(|| status.into_response());
        }
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }

    /// Whether HTTP/1 may have no request after this one. It takes the next when this one is over, and
    /// where the client waits to be asked for the body, that is before the answer is written. All that
    /// is not written yet is kept: a client that does not read could have as much of it as it likes.
    fn must_be_the_last(&self) -> bool {
        !self.is_over.load(Ordering::Acquire) && self.pulse.is_blocked()
    }

    /// What the router says in the place of the protocol. A router without our layers knows nothing
    /// of unreadable requests: then there is nothing to say.
    pub(super) fn words_for(
        &self,
        status: StatusCode,
    ) -> impl Future<Output = Option<Response<Body>>> + Send + use<> {
        let mut request: Request<Body> = Unreadable(status).request();
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let answer = self.router.clone().oneshot(request);
        async move {
            let Ok(answer) = answer.await;
            Some(answer).filter(|answer| answer.status() == status)
        }
    }
}

fn is_compressed_here(response: &Response<Body>) -> bool {
    response.headers().contains_key(header::CONTENT_ENCODING)
        && response.extensions().get::<ClientsOwn>().is_none()
}

impl Drop for Speaking {
    fn drop(&mut self) {
        self.0.answers.fetch_sub(1, Ordering::AcqRel);
    }
}

impl HttpBody for Spoken {
    type Data = Part;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Part>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
