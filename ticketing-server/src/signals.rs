//! How the process is told to end.

use std::future::Future;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the process: SIGTERM, and Ctrl-C.
#[derive(Debug)]
pub struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

/// How an end was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It went as it should.
    Whole,
    /// A second signal came, and the end was cut short.
    CutShort,
}

impl EndSignals {
    /// From now on these signals don't kill the process, but are waited for.
    ///
    /// # Errors
    /// The system does not allow it.
    pub fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next of them.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => tracing::info!("told to end by SIGTERM"),
            _ = self.interrupt.recv() => tracing::info!("told to end by Ctrl-C"),
        }
    }

    /// Ends, unless it is told once more: then at once.
    pub async fn end(&mut self, ending: impl Future<Output = ()>) -> Ended {
        tokio::select! {
            () = ending => Ended::Whole,
            () = self.next() => Ended::CutShort,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Sends a signal to this process.
    fn send(signal: &str) {
        let pid = std::process::id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    #[tokio::test]
    async fn a_second_signal_cuts_the_end_short() {
        let mut signals = EndSignals::listen().unwrap();
        send("-TERM");
        signals.next().await;
        assert_eq!(signals.end(async {}).await, Ended::Whole);
        send("-INT");
        assert_eq!(signals.end(std::future::pending()).await, Ended::CutShort);
    }
}
