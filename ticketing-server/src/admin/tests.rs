//! Both sides of the socket.

use std::os::unix::fs::PermissionsExt as _;

use ticketing_core::memory::{MemoryGateway, MemoryStorage};
use ticketing_core::service::{Duty as _, Progress};
use ticketing_core::values::{Money, UserId};
use ticketing_core::{Duties, NewTicket, Ticketing};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use super::*;

async fn engine() -> Ticketing {
    let builder = Ticketing::builder().storage(MemoryStorage::new());
    builder.gateway(MemoryGateway::new()).duties(Duties::NONE).start().await.unwrap()
}

#[tokio::test]
async fn events_are_published_once_more() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), engine().await);
    let since = engine.now();
    let seller = UserId::new("seller").unwrap();
    let new = NewTicket::new("Front row", Money::usd(20_00));
    engine.tickets().list_for_sale(seller, new).await.unwrap();
    let mut relay = engine.outbox_relay();
    while relay.step().await.unwrap() == Progress::Busy {}
    let door = AdminDoor::open(folder.path(), engine).unwrap();
    let answer = ask(folder.path(), &AdminRequest::Replay { since }).await.unwrap();
    assert_eq!(answer, AdminAnswer::Done("2 events were published once more".to_owned()));
    door.close().await;
    assert!(ask(folder.path(), &AdminRequest::Replay { since }).await.is_err());
}

#[tokio::test]
async fn what_is_not_there_can_not_be_repaired() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), engine().await);
    let door = AdminDoor::open(folder.path(), engine).unwrap();
    let (payment, refund) = (PaymentId::from_uuid(Uuid::nil()), RefundId::from_uuid(Uuid::nil()));
    for request in [AdminRequest::Resume { payment }, AdminRequest::RetryRefund { refund }] {
        let answer = ask(folder.path(), &request).await.unwrap();
        assert!(matches!(answer, AdminAnswer::Failed(_)), "{request:?}: {answer:?}");
    }
    door.close().await;
}

/// Servers that share a storage may share a folder: the second to start leaves the first its socket,
/// and takes none away when it ends.
#[tokio::test]
async fn the_socket_of_a_running_server_is_left_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = AdminDoor::open(folder.path(), engine().await).unwrap();
    let second = AdminDoor::open(folder.path(), engine().await).unwrap_err();
    assert_eq!(second.kind(), std::io::ErrorKind::AddrInUse);
    let request = AdminRequest::Replay { since: Timestamp::from_millis(0) };
    assert!(ask(folder.path(), &request).await.is_ok());
    first.close().await;
    AdminDoor::open(folder.path(), engine().await).unwrap().close().await;
}

#[tokio::test]
async fn nobody_else_can_reach_the_socket_and_nonsense_does_no_harm() {
    let (folder, engine) = (tempfile::tempdir().unwrap(), engine().await);
    let socket = folder.path().join(FOLDER).join(SOCKET);
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    std::fs::write(&socket, "left by an earlier server").unwrap();
    let door = AdminDoor::open(folder.path(), engine).unwrap();
    let mode = std::fs::metadata(socket.parent().unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    for nonsense in ["{}\n", "nonsense\n", "{\"command\":\"drop_everything\"}\n"] {
        let mut stream = tokio::net::UnixStream::connect(&socket).await.unwrap();
        stream.write_all(nonsense.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("can't be read"), "{answer}");
    }
    door.close().await;
    assert!(!socket.exists());
}
