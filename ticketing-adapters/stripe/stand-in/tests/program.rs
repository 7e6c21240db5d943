//! The stand-in as a program of its own.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn it_serves_until_it_is_told_to_end() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ticketing-stripe-stand-in"));
    program.arg("127.0.0.1:0").stderr(Stdio::piped()).kill_on_drop(true);
    let mut running = program.spawn().unwrap();
    let mut told = BufReader::new(running.stderr.take().unwrap()).lines();
    let line = tokio::time::timeout(SOON, told.next_line()).await.unwrap().unwrap().unwrap();
    let (place, key) = line.strip_prefix("http://").unwrap().split_once(" takes ").unwrap();

    let mut connection = TcpStream::connect(place).await.unwrap();
    let asked = format!(
        "GET /v1/payment_intents HTTP/1.1\r\nhost: {place}\r\nauthorization: Bearer {key}\r\n\
         connection: close\r\n\r\n"
    );
    connection.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(SOON, connection.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("\"list\""), "{answer}");

    let id = running.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    let ended = tokio::time::timeout(SOON, running.wait()).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn it_says_how_it_is_called() {
    let ran = Command::new(env!("CARGO_BIN_EXE_ticketing-stripe-stand-in")).output().await.unwrap();
    let told = String::from_utf8(ran.stderr).unwrap();
    assert!(!ran.status.success() && told.contains("ADDRESS:PORT"), "{told}");
}
