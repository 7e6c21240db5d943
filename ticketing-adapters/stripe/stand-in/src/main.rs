//! The stand-in as a program of its own.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use ticketing_stripe_stand_in::StandIn;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut told = signal(SignalKind::terminate())?;
    let stripe = StandIn::start_at(listen()?).await?;
    writeln!(io::stderr(), "{} takes {}", stripe.url(), stripe.secret_key())?;
    tokio::select! {
        _ = told.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

/// The one argument.
fn listen() -> io::Result<SocketAddr> {
    let named = std::env::args().nth(1).and_then(|address| address.parse().ok());
    let usage = "usage: ticketing-stripe-stand-in ADDRESS:PORT";
    named.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, usage))
}
