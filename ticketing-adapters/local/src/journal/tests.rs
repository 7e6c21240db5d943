//! The writing thread over disks that fail, are slow, or count.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use ticketing_core::domain::ConfirmedBy;
use ticketing_core::ports::{GatewayErrorKind, RandomIds, SystemClock};
use ticketing_core::values::{Money, OrderId, PaymentId, StoreId};
use uuid::Uuid;

use super::Journal;
use super::writer::{Disk, NotWritten, Work, Writer};
use crate::bank::Bank;
use crate::ledger::accounts::Accounts;
use crate::ledger::call::Call;
use crate::ledger::entry::Terms;
use crate::ledger::header::Header;

/// A disk that does what it is told, when it is told.
struct Puppet {
    orders: Receiver<io::Result<()>>,
    began: Sender<()>,
    written: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Disk for Puppet {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.began.send(()).ok();
        self.orders.recv().unwrap_or(Ok(()))?;
        self.written.lock().unwrap().push(bytes.to_vec());
        Ok(())
    }
}

/// A writer over a puppet, and the hands that move it.
struct Stage {
    writer: Writer,
    orders: Sender<io::Result<()>>,
    began: Receiver<()>,
    written: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Stage {
    fn new() -> Self {
        let (writer, work): (Writer, Work) = Writer::new(0);
        let (orders, told) = channel();
        let (tell, began) = channel();
        let written: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let puppet = Puppet { orders: told, began: tell, written: Arc::clone(&written) };
        thread::spawn(move || work.run(puppet));
        Self { writer, orders, began, written }
    }

    fn broken() -> io::Result<()> {
        Err(io::Error::other("the disk is broken"))
    }
}

#[tokio::test]
async fn what_waits_while_one_write_runs_is_the_next_write() {
    let stage = Stage::new();
    stage.writer.append(1, b"a\n").unwrap();
    stage.began.recv().unwrap();
    for (number, line) in [(2, b"b\n"), (3, b"c\n"), (4, b"d\n")] {
        stage.writer.append(number, line).unwrap();
    }
    stage.orders.send(Ok(())).unwrap();
    stage.writer.durable(1).await.unwrap();
    stage.orders.send(Ok(())).unwrap();
    stage.writer.durable(4).await.unwrap();
    assert_eq!(*stage.written.lock().unwrap(), [b"a\n".to_vec(), b"b\nc\nd\n".to_vec()]);
}

#[tokio::test]
async fn nobody_is_told_before_the_disk_has_it() {
    let stage = Stage::new();
    stage.writer.append(1, b"a\n").unwrap();
    stage.began.recv().unwrap();
    let waiting = stage.writer.durable(1);
    tokio::pin!(waiting);
    let early = tokio::select! {
        biased;
        _ = &mut waiting => true,
        () = tokio::task::yield_now() => false,
    };
    assert!(!early);
    stage.orders.send(Ok(())).unwrap();
    waiting.await.unwrap();
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_written_any_more() {
    let stage = Stage::new();
    stage.writer.append(1, b"a\n").unwrap();
    stage.began.recv().unwrap();
    stage.writer.append(2, b"b\n").unwrap();
    stage.orders.send(Stage::broken()).unwrap();
    for number in [1, 2] {
        let told = stage.writer.durable(number).await;
        assert!(matches!(told, Err(NotWritten::Failed(_))), "{told:?}");
    }
    assert!(matches!(stage.writer.append(3, b"c\n"), Err(NotWritten::Failed(_))));
    assert!(matches!(stage.writer.close().await, Err(NotWritten::Failed(_))));
    assert!(stage.written.lock().unwrap().is_empty(), "not even when the disk works again");
}

#[tokio::test]
async fn a_call_that_was_not_written_is_unknown_and_the_next_is_not_sent() {
    let Stage { writer, orders, began: _began, written: _written } = Stage::new();
    let journal = Journal::File { path: "puppet".into(), writer };
    let ledger = (Header::new(Uuid::nil()), Accounts::default(), journal);
    let bank = Bank::new(ledger, Arc::new(SystemClock), Arc::new(RandomIds));
    let call = Call::Open(Terms {
        attempt: PaymentId::from_uuid(Uuid::nil()),
        order: OrderId::from_uuid(Uuid::nil()),
        store: StoreId::from_uuid(Uuid::nil()),
        amount: Money::usd(1),
        confirmed_by: ConfirmedBy::Server,
    });
    orders.send(Stage::broken()).unwrap();
    for (key, kind) in [
        ("one", GatewayErrorKind::Unknown),
        ("two", GatewayErrorKind::NotSent),
        ("one", GatewayErrorKind::Unknown),
    ] {
        assert_eq!(bank.call(Some(key), &call).await.unwrap_err().kind(), kind, "{key}");
    }
    let seen = bank.look("look", |accounts| accounts.ledger().intents.len()).await;
    assert_eq!(seen.unwrap_err().kind(), GatewayErrorKind::Unknown, "what may be on disk or not");
}

#[tokio::test]
async fn closing_writes_what_waits() {
    let stage = Stage::new();
    stage.writer.append(1, b"a\n").unwrap();
    stage.began.recv().unwrap();
    stage.writer.append(2, b"b\n").unwrap();
    drop(stage.orders);
    stage.writer.close().await.unwrap();
    stage.writer.durable(2).await.unwrap();
    assert_eq!(stage.written.lock().unwrap().concat(), b"a\nb\n");
    assert!(matches!(stage.writer.append(3, b"c\n"), Err(NotWritten::Closed)));
    assert!(matches!(stage.writer.durable(3).await, Err(NotWritten::Closed)));
}

#[tokio::test]
async fn a_disk_that_hangs_does_not_fill_the_memory() {
    let stage = Stage::new();
    stage.writer.append(1, b"a\n").unwrap();
    stage.began.recv().unwrap();
    let line = vec![b'x'; 1024 * 1024];
    let taken = (2..100).take_while(|number| stage.writer.append(*number, &line).is_ok()).count();
    assert_eq!(taken, 5, "the one that crosses the limit is the last");
    assert!(matches!(stage.writer.is_open(), Err(NotWritten::Busy)));
}
