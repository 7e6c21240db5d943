//! Random stories: who wants what, in which group, knowing how much of what went before.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::domain::order::Canceller;
use crate::domain::ticket::NewTicket;
use crate::ports::batch::WriteBatch;
use crate::ports::resolve::tests::author::Author;
use crate::ports::resolve::tests::cases::{NOW, Scene, listing, ticket_id, world};
use crate::ports::resolve::tests::store::Store;
use crate::ports::resolve::tests::talk::{Return, Word};
use crate::values::Timestamp;

/// What happens to a few tickets, the first three of which are listed at its beginning.
#[derive(Debug, Clone)]
pub(super) struct Story {
    offers: [Offer; 3],
    chapters: Vec<Chapter>,
}

/// One group.
#[derive(Debug, Clone)]
struct Chapter {
    /// Time since the last one.
    pause: Duration,
    acts: Vec<Act>,
    /// A foreign hand forgets the claims of this ticket's pool afterwards.
    forgotten: Option<u8>,
}

/// One batch.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub(super) reads: Reads,
    pub(super) deed: Deed,
    pub(super) key: Option<u8>,
    /// How far ahead of the storage the engine's clock is, in microseconds.
    pub(super) ahead: i64,
    /// Whether the batch has the time bounds that belong to its deed.
    pub(super) bounded: bool,
}

/// Which world a batch is decided on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reads {
    /// As it was before the last group.
    Stale,
    /// As it is stored.
    Stored,
    /// As the batches before it in the same group leave it.
    Ahead,
}

#[derive(Debug, Clone)]
pub(super) enum Deed {
    List(u8, Offer),
    Edit(u8, Offer),
    /// As few units as are held and sold.
    Shrink(u8),
    Withdraw {
        ticket: u8,
        cancel_holds: bool,
    },
    Clear(u8),
    Place(Vec<Cart>),
    Tell(Index, Word),
    /// A batch that was written before, in this group or another.
    Again(Index),
    /// Only uses its key.
    Nothing,
}

#[derive(Debug, Clone)]
pub(super) struct Cart {
    pub(super) order: u8,
    pub(super) buyer: u8,
    pub(super) lines: Vec<(u8, u32)>,
}

#[derive(Debug, Clone)]
pub(super) struct Offer {
    quantity: u32,
    max_per_order: Option<u32>,
    max_per_buyer: Option<u32>,
    sale: Option<(i64, i64)>,
    renamed: bool,
}

impl Offer {
    pub(super) fn terms(&self) -> NewTicket {
        let mut new = listing(self.quantity);
        new.max_per_order = self.max_per_order;
        new.max_per_buyer = self.max_per_buyer;
        if let Some((opens, length)) = self.sale {
            new.sale_starts_at = Some(later(NOW, opens * 150_000_000));
            new.sale_ends_at = Some(later(NOW, (opens + length) * 150_000_000));
        }
        if self.renamed {
            "Back row".clone_into(&mut new.title);
        }
        new
    }
}

pub(super) fn later(time: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(time.as_micros() + micros)
}

/// Tells a story: shows every group with the world that it meets, then commits it.
pub(super) fn tell(story: &Story, mut listener: impl FnMut(&Store, &[WriteBatch])) {
    let Scene { ids, mut store, .. } = world(story.offers.iter().map(Offer::terms));
    let mut stale = store.clone();
    let mut author = Author::with(ids);
    for chapter in &story.chapters {
        store.now = store.now.plus(chapter.pause);
        let batches = author.write(&chapter.acts, &stale, &store);
        listener(&store, &batches);
        stale = store.clone();
        store.commit(&batches);
        let forgotten = chapter.forgotten.map(ticket_id);
        if let Some(pool) = forgotten.and_then(|id| store.pools.get_mut(&id)) {
            (pool.held, pool.sold) = (0, 0);
        }
    }
}

/// Stories in which only the engine writes.
pub(super) fn stories() -> BoxedStrategy<Story> {
    stories_with(Just(None).boxed())
}

/// Stories in which a foreign hand spoils pools now and then.
pub(super) fn spoilt_stories() -> BoxedStrategy<Story> {
    stories_with(proptest::option::weighted(0.2, tickets()).boxed())
}

fn stories_with(forgotten: BoxedStrategy<Option<u8>>) -> BoxedStrategy<Story> {
    let offers = [offers(), offers(), offers()];
    let chapters = proptest::collection::vec(chapters(forgotten), 1..9);
    (offers, chapters).prop_map(|(offers, chapters)| Story { offers, chapters }).boxed()
}

fn chapters(forgotten: BoxedStrategy<Option<u8>>) -> BoxedStrategy<Chapter> {
    // Sales begin and end, and holds end, at multiples of 150 s: at and just before `now`.
    let pause = prop_oneof![Just(0), Just(1), Just(149), Just(150), Just(600)];
    let pause = pause.prop_map(Duration::from_secs);
    let acts = proptest::collection::vec(acts(), 1..80);
    let parts = (pause, acts, forgotten);
    parts.prop_map(|(pause, acts, forgotten)| Chapter { pause, acts, forgotten }).boxed()
}

fn acts() -> impl Strategy<Value = Act> {
    let reads = prop_oneof![
        1 => Just(Reads::Stale),
        4 => Just(Reads::Stored),
        6 => Just(Reads::Ahead),
    ];
    let key = proptest::option::weighted(0.2, 0..20_u8);
    let ahead = prop_oneof![
        30 => Just(0),
        1 => -2_000_001..=2_000_001_i64,
        1 => Just(2_000_000),
        1 => Just(-2_000_000),
        1 => Just(2_000_001),
        1 => Just(-2_000_001),
    ];
    (reads, deeds(), key, ahead, proptest::bool::weighted(0.7))
        .prop_map(|(reads, deed, key, ahead, bounded)| Act { reads, deed, key, ahead, bounded })
}

/// The last one is not listed at the beginning.
fn tickets() -> impl Strategy<Value = u8> {
    prop_oneof![20 => 0..3_u8, 1 => Just(3)]
}

fn deeds() -> impl Strategy<Value = Deed> {
    let withdraw = (tickets(), any::<bool>())
        .prop_map(|(ticket, cancel_holds)| Deed::Withdraw { ticket, cancel_holds });
    prop_oneof![
        1 => (2..4_u8, offers()).prop_map(|(ticket, offer)| Deed::List(ticket, offer)),
        3 => (tickets(), offers()).prop_map(|(ticket, offer)| Deed::Edit(ticket, offer)),
        2 => tickets().prop_map(Deed::Shrink),
        1 => withdraw,
        1 => tickets().prop_map(Deed::Clear),
        16 => proptest::collection::vec(carts(), 1..=2).prop_map(Deed::Place),
        30 => (any::<Index>(), words()).prop_map(|(order, word)| Deed::Tell(order, word)),
        4 => any::<Index>().prop_map(Deed::Again),
        1 => Just(Deed::Nothing),
    ]
}

fn carts() -> impl Strategy<Value = Cart> {
    let lines = proptest::collection::vec((tickets(), 1..4_u32), 1..4);
    (0..200_u8, 0..4_u8, lines).prop_map(|(order, buyer, lines)| Cart { order, buyer, lines })
}

fn words() -> impl Strategy<Value = Word> {
    let refund = (1..6_000_u32, 0..3_u32, any::<bool>());
    let refund =
        refund.prop_map(|(cents, units, restock)| Word::Refund(Return { cents, units, restock }));
    let by = prop_oneof![Just(Canceller::Buyer), Just(Canceller::Seller)];
    prop_oneof![
        1 => Just(Word::Extend),
        5 => proptest::bool::weighted(0.2).prop_map(|extending| Word::Pay { extending }),
        8 => any::<bool>().prop_map(|captured| Word::Money { captured }),
        1 => Just(Word::Ended),
        1 => Just(Word::CaptureFailed),
        2 => by.prop_map(Word::Cancel),
        2 => Just(Word::Expire),
        1 => Just(Word::Release),
        5 => refund,
        2 => Just(Word::Dispute),
        1 => Just(Word::RefundSent),
    ]
}

fn offers() -> impl Strategy<Value = Offer> {
    let limit = || proptest::option::weighted(0.3, 1..8_u32);
    let sale = proptest::option::weighted(0.4, (-2..4_i64, 1..5_i64));
    let renamed = proptest::bool::weighted(0.2);
    (1..40_u32, limit(), limit(), sale, renamed).prop_map(
        |(quantity, max_per_order, max_per_buyer, sale, renamed)| Offer {
            quantity,
            max_per_order,
            max_per_buyer,
            sale,
            renamed,
        },
    )
}
