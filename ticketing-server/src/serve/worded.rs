//! Answers that the protocol gives by itself, put into words.
//!
//! Where the head of a request can't be read, hyper answers 400, 414 or 431 before there is a request,
//! with no body, and closes. It does so through the connection, and there its answer is known by its
//! shape: a head with nothing in it but that it has no body and that the connection closes. What the
//! router says of an unreadable request goes out in its place. HTTP/2 answers by itself, too, a 431 when
//! the fields of a head are too long together, but in frames where nobody can tell it from the router's;
//! that stays without words. Everything else that it can't read ends a stream or the connection with a
//! number.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::speech::Speech;

/// A connection on which every answer has words.
pub(super) struct Worded<S> {
    io: S,
    speech: Arc<Speech>,
    next: Next,
}

/// What is to be written before anything else.
enum Next {
    Nothing,
    Making(Pin<Box<dyn Future<Output = Bytes> + Send>>),
    Writing(Bytes),
}

impl<S: AsyncWrite + Unpin> Worded<S> {
    pub(super) fn new(io: S, speech: Arc<Speech>) -> Self {
        Self { io, speech, next: Next::Nothing }
    }

    /// Takes what is written, if it ends with an answer of the protocol's own.
    fn takes(&mut self, written: &[u8]) -> bool {
        let bare = if self.speech.is_silent() { bare_answer(written) } else { None };
        let Some((before, bare, status)) = bare else {
            return false;
        };
        let (before, bare) = (before.to_vec(), bare.to_vec());
        let words = self.speech.words_for(status);
        self.next = Next::Making(Box::pin(async move {
            let worded = match words.await {
                Some(answer) => write(answer).await,
                None => None,
            };
            [before, worded.unwrap_or(bare)].concat().into()
        }));
        true
    }

    /// Writes what comes before anything else.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &mut self.next {
                Next::Nothing => return Poll::Ready(Ok(())),
                Next::Making(making) => {
                    self.next = Next::Writing(ready!(making.as_mut().poll(context)));
                }
                Next::Writing(left) if left.is_empty() => self.next = Next::Nothing,
                Next::Writing(left) => {
                    let written = Pin::new(&mut self.io).poll_write(context, left);
                    self.speech.pulse().wrote(&written);
                    match ready!(written)? {
                        0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                        written => drop(left.split_to(written.min(left.len()))),
                    }
                }
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Worded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Worded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_next(context))?;
        if self.takes(buffer) {
            return Poll::Ready(Ok(buffer.len()));
        }
        let written = Pin::new(&mut self.io).poll_write(context, buffer);
        self.speech.pulse().wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_next(context))?;
        let mut filled = buffers.iter().filter(|buffer| !buffer.is_empty());
        // The protocol's own answer comes in one piece, alone or behind what was written before.
        if let (Some(only), None) = (filled.next(), filled.next())
            && self.takes(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        let written = Pin::new(&mut self.io).poll_write_vectored(context, buffers);
        self.speech.pulse().wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_next(context))?;
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_next(context))?;
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

/// How a head ends, and begins.
const END: &[u8] = b"\r\n\r\n";
const BEGIN: &[u8] = b"HTTP/1.";

/// The protocol's own answer at the end of what is written, with what is before it and its status.
/// Before it there can only be other heads.
fn bare_answer(written: &[u8]) -> Option<(&[u8], &[u8], StatusCode)> {
    let head = written.strip_suffix(END)?;
    let at = head.windows(BEGIN.len()).rposition(|some| some == BEGIN)?;
    let (before, bare) = written.split_at_checked(at)?;
    if !before.is_empty() && !before.ends_with(END) {
        return None;
    }
    let mut lines = std::str::from_utf8(head.get(at..)?).ok()?.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?;
    let status =
        StatusCode::from_bytes(status.as_bytes()).ok().filter(StatusCode::is_client_error)?;
    let mut is_empty = false;
    for line in lines {
        match line.split_once(": ")? {
            ("content-length", "0") => is_empty = true,
            ("connection", "close") | ("date", _) => {}
            _ => return None,
        }
    }
    is_empty.then_some((before, bare, status))
}

/// An answer as HTTP/1 writes it, after which the connection closes; nothing if it can't be made.
async fn write(answer: Response<Body>) -> Option<Vec<u8>> {
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let mut head = format!("HTTP/1.1 {}\r\n", parts.status).into_bytes();
    for (name, value) in &parts.headers {
        if name != header::CONTENT_LENGTH && name != header::CONNECTION {
            head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
    }
    let last = format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len());
    Some([head, last.into_bytes(), body.to_vec()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_of_the_protocols_own_is_bare() {
        let bare = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\
                    date: Mon, 01 Jan 2026 00:00:00 GMT\r\n\r\n";
        let found = |text: &str| {
            bare_answer(text.as_bytes()).map(|(before, _, status)| (before.len(), status.as_u16()))
        };
        assert_eq!(found(bare), Some((0, 400)));
        let first = "HTTP/1.1 204 No Content\r\nx-request-id: 1\r\n\r\n";
        assert_eq!(found(&format!("{first}{bare}")), Some((first.len(), 400)));
        for other in [
            "HTTP/1.1 204 No Content\r\ndate: today\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nx-request-id: 1\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nmore",
            "HTTP/1.1 404 Not Found\r\nx: HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
            "\r\n\r\n",
            "",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
