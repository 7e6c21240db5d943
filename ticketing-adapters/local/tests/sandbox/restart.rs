//! What a file keeps, and what is done about one that is not as it should be.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use ticketing_core::domain::settlement::IntentStatus;
use ticketing_core::ports::{GatewayErrorKind, OpenIntent, PaymentGateway, SendRefund};
use ticketing_core::testing::builders::START;
use ticketing_core::values::Money;
use ticketing_local::{OpenError, SandboxGateway};

use crate::desk::{PRICE, card, kind, names, opened, to_open, used};

struct Place {
    _folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("sandbox.ledger");
        Self { _folder: folder, path }
    }

    async fn open(&self) -> SandboxGateway {
        opened(&self.path).await.unwrap()
    }

    /// A file with one intent that is authorized: a header and two lines.
    async fn with_one_intent() -> Self {
        let place = Self::new();
        let gateway = place.open().await;
        used(&gateway, 1, "tok_visa").await;
        gateway.close().await.unwrap();
        place
    }

    async fn refused(&self) -> OpenError {
        opened(&self.path).await.unwrap_err()
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }

    fn write(&self, text: impl AsRef<[u8]>) {
        fs::write(&self.path, text).unwrap();
    }
}

#[tokio::test]
async fn a_restart_keeps_the_ledger_the_keys_and_the_webhooks() {
    let place = Place::new();
    let gateway = place.open().await;
    let intent = used(&gateway, 1, "tok_chargeDeclined").await;
    gateway.confirm(&intent, &card("tok_visa"), "again").await.unwrap();
    gateway.capture(&intent, PRICE, "capture").await.unwrap();
    let back = SendRefund { intent: intent.clone(), amount: Money::usd(1), key: "back".to_owned() };
    let refund = gateway.refund(&back).await.unwrap();
    let (ledger, secret) = (gateway.ledger(), gateway.open(&to_open(1)).await.unwrap());
    let waiting = gateway.undelivered().await.unwrap();
    assert_eq!(waiting.len(), 4);
    gateway.close().await.unwrap();

    let gateway = place.open().await;
    assert_eq!(gateway.ledger(), ledger);
    assert_eq!(gateway.undelivered().await.unwrap(), waiting);
    assert_eq!(gateway.open(&to_open(1)).await.unwrap(), secret);
    let declined = gateway.confirm(&intent, &card("tok_chargeDeclined"), "confirm:1").await;
    assert!(matches!(declined.unwrap().status, IntentStatus::NeedsMethod { declined: Some(_) }));
    assert_eq!(gateway.refund(&back).await.unwrap(), refund);
    assert_eq!(gateway.look_up_refund(&refund.reference).await.unwrap(), refund);
    let dearer = OpenIntent { amount: Money::usd(21_00), ..to_open(1) };
    assert_eq!(kind(gateway.open(&dearer).await), GatewayErrorKind::Refused);
    assert_eq!(gateway.ledger(), ledger, "nothing was done twice");

    let more = used(&gateway, 2, "tok_visa").await;
    gateway.close().await.unwrap();
    let gateway = place.open().await;
    assert!(gateway.look_up(&more).await.unwrap().is_some());
    assert_eq!(names(&gateway, &gateway.undelivered().await.unwrap()).len(), 5);
    assert!(gateway.read_webhook(&waiting[0], START).is_ok(), "the secret is kept");
}

#[tokio::test]
async fn a_last_line_that_a_crash_tore_is_cut_off() {
    let place = Place::with_one_intent().await;
    let whole = place.text();
    let end = whole.len();
    let last = whole.trim_end().rfind('\n').unwrap() + 1;
    for kept in last..end {
        place.write(whole.split_at(kept).0);
        let gateway = place.open().await;
        let status = gateway.ledger().intents[0].status;
        assert_eq!(status, IntentStatus::NeedsMethod { declined: None }, "{kept} of {end} bytes");
        gateway.close().await.unwrap();
        assert_eq!(place.text(), whole.split_at(last).0, "what was torn is gone");
    }
    // The cut file goes on.
    let gateway = place.open().await;
    let intent = gateway.ledger().intents[0].intent.clone();
    gateway.confirm(&intent, &card("tok_visa"), "confirm:1").await.unwrap();
    gateway.close().await.unwrap();
    assert_eq!(place.open().await.ledger().intents[0].status, IntentStatus::Authorized);
}

#[tokio::test]
async fn a_first_line_that_a_crash_tore_is_written_anew() {
    let whole = Place::with_one_intent().await.text();
    let first = whole.find('\n').unwrap();
    for kept in 0..first {
        let place = Place::new();
        place.write(whole.split_at(kept).0);
        let gateway = place.open().await;
        assert_eq!(gateway.ledger().intents, []);
        gateway.close().await.unwrap();
        assert_ne!(place.text().lines().next(), whole.lines().next(), "another secret");
    }
}

/// The text of a line, without its seal.
fn text_of(line: &str) -> &str {
    line.split('\t').next().unwrap()
}

/// A line as the gateway writes it when so many bytes are on disk.
fn sealed(text: &str, synced: usize) -> String {
    let body = format!("{text}\t{synced}");
    let sum: String = hex::encode(Sha256::digest(&body)).chars().take(16).collect();
    format!("{body}\t{sum}")
}

/// Five lines, the last three of which are one write, and where that begins.
async fn with_a_write_of_three_lines() -> (Place, Vec<String>, usize) {
    let place = Place::with_one_intent().await;
    let gateway = place.open().await;
    used(&gateway, 2, "tok_visa").await;
    gateway.close().await.unwrap();
    let text = place.text();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 5);
    let synced = lines.iter().take(2).map(|line| line.len() + 1).sum();
    for line in lines.iter_mut().skip(2) {
        *line = sealed(text_of(line), synced);
    }
    (place, lines, synced)
}

/// When the power fails in a write, a disk keeps any parts of it, and zeros where the others would
/// be.
#[tokio::test]
async fn a_write_of_several_lines_that_a_crash_tore_is_cut_off() {
    let (place, lines, synced) = with_a_write_of_three_lines().await;
    let whole = lines.join("\n") + "\n";
    for hole in (synced..whole.len()).step_by(16) {
        let mut torn = whole.clone().into_bytes();
        let end = torn.len().min(hole + 64);
        torn[hole..end].fill(0);
        place.write(&torn);
        let gateway = opened(&place.path).await.unwrap();
        gateway.close().await.unwrap();
        let mut ends = 0;
        let kept = lines.iter().map(String::as_str).take_while(|line| {
            ends += line.len() + 1;
            ends <= hole
        });
        let kept: String = kept.flat_map(|line| [line, "\n"]).collect();
        assert_eq!(place.text(), kept, "a hole at {hole}");
    }
}

/// One that was on disk before another line was written was acknowledged, and is missed.
#[tokio::test]
async fn a_hole_in_what_was_on_disk_is_corrupt() {
    let (place, mut lines, _) = with_a_write_of_three_lines().await;
    let on_disk = lines.iter().map(|line| line.len() + 1).sum();
    let header = text_of(&lines[0]).to_owned();
    lines.push(sealed(&header, on_disk));
    for line in 1..5 {
        let mut torn = lines.clone();
        torn[line] = "\0".repeat(lines[line].len());
        place.write(torn.join("\n") + "\n");
        let error = place.refused().await;
        let number = u64::try_from(line).unwrap() + 1;
        assert!(matches!(error, OpenError::Corrupt { line, .. } if line == number), "{error:?}");
    }
}

#[tokio::test]
async fn a_corrupt_line_is_refused_with_its_number_and_left_alone() {
    let place = Place::with_one_intent().await;
    let whole = place.text();
    let lines: Vec<&str> = whole.lines().collect();
    let [header, opened, confirmed] = lines[..] else { panic!("{whole}") };
    let spoilt = opened.replacen('{', "[", 1);
    // What somebody has written who knows how.
    let blank = sealed("", 0);
    let unknown = sealed(&text_of(opened).replacen("\"what\"", "\"that\"", 1), 0);
    let other = sealed(&text_of(confirmed).replacen("sandbox_pi_", "sandbox_pi_0", 1), 0);
    let early = sealed(&text_of(confirmed).replacen("\"at\":\"2", "\"at\":\"1", 1), 0);
    let empty = sealed("{}", 0);
    for (line, lines) in [
        (1, vec![&*header.replacen("false", "true ", 1), opened, confirmed]),
        (2, vec![header, &spoilt, confirmed]),
        (2, vec![header, &unknown, confirmed]),
        (2, vec![header, "", opened, confirmed]),
        (2, vec![header, &blank, opened, confirmed]),
        (2, vec![header, confirmed]),
        (3, vec![header, opened, &other]),
        (3, vec![header, opened, &early]),
        (3, vec![header, opened, opened]),
        (4, vec![header, opened, confirmed, confirmed]),
        (4, vec![header, opened, confirmed, &empty]),
    ] {
        let text = lines.join("\n") + "\n";
        place.write(&text);
        let error = place.refused().await;
        assert!(matches!(error, OpenError::Corrupt { line: at, .. } if at == line), "{error:?}");
        assert!(error.to_string().starts_with(&format!("line {line} of ")), "{error}");
        assert!(error.source().is_some());
        assert_eq!(place.text(), text, "nothing was done to it");
    }
}

#[tokio::test]
async fn another_file_is_never_touched() {
    let header = Place::with_one_intent().await.text().lines().next().unwrap().to_owned();
    let later = header.replacen("ledger\":2", "ledger\":3", 1);
    let no_end = format!("{header}{}", " ".repeat(2000));
    for (text, is_ledger) in [
        ("SQLite format 3\0", false),
        ("\n", false),
        ("{}\n", false),
        (&later, true),
        (&no_end, true),
    ] {
        let place = Place::new();
        let text = if is_ledger && text.len() < 1000 { format!("{text}\n") } else { text.into() };
        place.write(&text);
        let error = place.refused().await;
        assert_eq!(matches!(error, OpenError::NotALedger { .. }), !is_ledger, "{error:?}");
        assert_eq!(place.text(), text);
    }
    let place = Place::new();
    place.write(format!("{later}\n"));
    let error = place.refused().await;
    assert!(matches!(error, OpenError::UnknownFormat { format: 3, .. }), "{error:?}");
    let place = Place::new();
    let nowhere = opened(&place.path.join("no folder")).await.unwrap_err();
    assert!(matches!(nowhere, OpenError::Io { .. }), "{nowhere:?}");
}

#[tokio::test]
async fn a_file_belongs_to_one_gateway_at_a_time() {
    let place = Place::new();
    let gateway = place.open().await;
    let error = place.refused().await;
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    let same = gateway.clone();
    drop(gateway);
    assert!(matches!(place.refused().await, OpenError::InUse { .. }), "a clone has it open");
    same.close().await.unwrap();
    place.open().await;
}

#[tokio::test]
async fn a_closed_gateway_takes_no_calls() {
    let place = Place::new();
    let gateway = place.open().await;
    let intent = used(&gateway, 1, "tok_visa").await;
    gateway.close().await.unwrap();
    gateway.close().await.unwrap();
    let late = gateway.capture(&intent, PRICE, "capture").await;
    assert_eq!(kind(late), GatewayErrorKind::NotSent);
    assert_eq!(gateway.ledger().intents[0].captured, Money::usd(0));
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_secret() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with_one_intent().await;
    let mode = fs::metadata(&place.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!place.text().contains("tok_"), "nor is a card token kept");
}
