//! The numbers of an engine at work.

use ticketing_core::memory::{MemoryGateway, MemoryStorage};
use ticketing_core::values::{Money, UserId};
use ticketing_core::{NewTicket, Ticketing};

use super::*;

/// The value of the one line that begins like this.
fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.rsplit_once(' ').is_some_and(|(it, _)| it == name));
    let line = line.unwrap_or_else(|| panic!("{name} in:\n{text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn two_servers_do_not_share_their_numbers() {
    let (one, other) = (Metrics::new(), Metrics::new());
    one.http().shed("browse");
    let line = r#"http_requests_shed_total{priority="browse"} 1"#;
    assert!(one.text().unwrap().contains(line));
    assert!(!other.text().unwrap().contains(line));
}

/// What has not happened yet is told as zero, so that sums of it and others are numbers.
#[test]
fn nothing_is_told_as_zero() {
    let text = Metrics::new().text().unwrap();
    for line in [
        r#"http_requests_shed_total{priority="reserve"} 0"#,
        r#"http_connections_cut_total{why="ending"} 0"#,
        r#"ticketing_batches_total{outcome="failed"} 0"#,
        r#"ticketing_units_total{moved="sold"} 0"#,
        r#"ticketing_expired_orders_total{found="timer"} 0"#,
    ] {
        assert!(text.contains(line), "{line} in:\n{text}");
    }
}

#[tokio::test]
async fn commits_are_counted() {
    let metrics = Metrics::new();
    let engine = Ticketing::builder()
        .storage(MemoryStorage::new())
        .gateway(MemoryGateway::new())
        .observer(metrics.observer())
        .start()
        .await
        .unwrap();
    let seller = UserId::new("seller").unwrap();
    let new = NewTicket::new("Front row", Money::usd(20_00));
    let ticket = engine.tickets().list_for_sale(seller, new).await.unwrap();
    let buyer = UserId::new("buyer").unwrap();
    engine.orders().reserve(buyer.clone(), [(ticket.id, 1)]).await.unwrap();
    engine.orders().reserve(buyer, [(ticket.id, 1)]).await.unwrap_err();
    engine.shutdown().await.unwrap();

    let text = metrics.text().unwrap();
    assert!(value(&text, r#"ticketing_batches_total{outcome="applied"}"#) >= 2.0);
    assert!(value(&text, r#"ticketing_batches_total{outcome="refused"}"#) >= 1.0);
    assert!(text.contains("ticketing_units_total{moved=\"held\"} 1\n"), "{text}");
    let groups = value(&text, "ticketing_group_size_count");
    assert!(groups >= 3.0);
    for name in ["ticketing_queue_wait_seconds_count", "ticketing_commit_duration_seconds_count"] {
        assert_eq!(value(&text, name).to_bits(), groups.to_bits(), "{name}");
    }
}
