//! Money that was given back at the gateway by hand: the books follow.

use uuid::Uuid;

use crate::domain::decision::{Decision, Units};
use crate::domain::event::{DomainEvent, EventType};
use crate::domain::order::fixtures::{ATTEMPT, DEADLINE, ORDER, complete};
use crate::domain::order::{Order, OrderState};
use crate::domain::payment::fixtures::captured;
use crate::domain::payment::{Dispute, Payment, PaymentCommand};
use crate::domain::refund::{Refund, RefundCommand as Command, RefundState};
use crate::domain::settlement::{Settlement, given_back, recount};
use crate::values::{Money, RefundId, RefundRef};

/// The gateway says: so much is given back in all.
fn count(payment: &Payment, order: &Order, refunds: &[Refund], cents: u32) -> Settlement {
    let (payment, order) = (payment.clone(), Some(order.clone()));
    let counted = recount(payment, order, refunds.to_vec(), Money::usd(cents), DEADLINE);
    counted.unwrap().expect("it can be told")
}

/// The same, when nothing of it is known.
fn hear(payment: &Payment, order: &Order, cents: u32) -> Settlement {
    count(payment, order, &[], cents)
}

/// A refund of so much in which that has happened.
fn refund(number: u128, cents: u32, commands: &[Command]) -> Refund {
    let id = RefundId::from_uuid(Uuid::from_u128(number));
    let requested =
        Refund::request(id, ATTEMPT, Some(ORDER), Money::usd(cents), None, DEADLINE).into_next();
    let decide = |refund: Refund, command: &Command| refund.decide(command.clone(), DEADLINE);
    commands.iter().fold(requested, |refund, command| decide(refund, command).into_next())
}

fn named() -> Command {
    Command::Succeeded(RefundRef::new("re_1").unwrap())
}

/// A payment of which so much goes back in those refunds.
fn refunding(refunds: &[Refund]) -> Payment {
    refunds.iter().fold(captured(), |payment, refund| {
        payment.decide(PaymentCommand::Refund(refund.amount), DEADLINE).unwrap().into_next()
    })
}

/// What becomes of the refunds, by number.
fn changed(settled: &Settlement) -> Vec<(u128, RefundState)> {
    let next = settled.refunds.iter().map(Decision::next);
    next.map(|refund| (refund.id.as_uuid().as_u128(), refund.state)).collect()
}

#[test]
fn a_refund_by_hand_is_noted_once() {
    let (payment, order) = (captured(), complete());
    let settled = hear(&payment, &order, 20_00);
    assert_eq!(settled.noted, Some(Money::usd(20_00)));
    assert_eq!(settled.owed, None, "it was given back already");
    let told = settled.payment.event().map(DomainEvent::event_type);
    assert_eq!(told, Some(EventType::PaymentRefunded));
    let followed = settled.order.unwrap();
    assert_eq!(followed.units(), &Units::Stay, "nobody said that units come back");
    assert_eq!(followed.next().refunded, Money::usd(20_00));
    assert_eq!(followed.next().state, order.state);

    let (payment, order) = (settled.payment.into_next(), followed.into_next());
    let noted = [refund(1, 20_00, &[Command::GivenBack])];
    let again = count(&payment, &order, &noted, 20_00);
    assert!(!again.payment.is_change(), "it is no news");
    assert_eq!((again.order, again.noted, again.refunds), (None, None, Vec::new()));
    let more = count(&payment, &order, &noted, 75_50);
    assert_eq!(more.noted, Some(Money::usd(55_50)), "what is new of it");
    let order = more.order.unwrap().into_next();
    assert_eq!(order.state, OrderState::Refunded { payment: payment.id });
}

#[test]
fn what_we_gave_back_ourselves_is_no_refund_by_hand() {
    let pending = Command::Pending(RefundRef::new("re_2").unwrap());
    let refunds = [refund(1, 10_00, &[named()]), refund(2, 20_00, &[pending])];
    let payment = refunding(&refunds);
    for refunded in [0, 15_00, 30_00] {
        let settled = count(&payment, &complete(), &refunds, refunded);
        assert!(!settled.payment.is_change(), "{refunded}");
        assert_eq!((settled.noted, settled.refunds), (None, Vec::new()));
    }
    assert_eq!(count(&payment, &complete(), &refunds, 30_01).noted, Some(Money::usd(1)));
}

/// A refund that failed and was made by hand instead is done: nobody owes it twice.
#[test]
fn a_sum_by_hand_settles_what_failed() {
    let refunds = [refund(1, 8_00, &[Command::Failed]), refund(2, 5_00, &[Command::Failed])];
    let payment = refunding(&refunds);
    let done = |number| (number, RefundState::Succeeded);
    for (refunded, settles, noted) in [
        (8_00, vec![done(1)], None),
        (5_00, vec![done(2)], None),
        (13_00, vec![done(1), done(2)], None),
        (9_00, vec![done(1)], Some(Money::usd(1_00))),
        (4_00, vec![], Some(Money::usd(4_00))),
    ] {
        let settled = count(&payment, &complete(), &refunds, refunded);
        assert_eq!(changed(&settled), settles, "{refunded}");
        assert_eq!(settled.noted, noted, "{refunded}");
        assert_eq!(settled.payment.is_change(), noted.is_some());
    }
}

/// Of two equal sums the one that may be under way is done: the other one is still owed, so that
/// both arrive, whichever of them this one was.
#[test]
fn a_refund_under_way_is_done_before_one_that_failed() {
    let refunds = [refund(1, 8_00, &[Command::Failed]), refund(2, 8_00, &[])];
    let settled = count(&refunding(&refunds), &complete(), &refunds, 8_00);
    assert_eq!(changed(&settled), [(2, RefundState::Succeeded)]);
}

#[test]
fn of_several_refunds_under_way_none_is_taken_for_another() {
    let refunds = [refund(1, 8_00, &[]), refund(2, 8_00, &[])];
    let payment = refunding(&refunds);
    let told = |cents| {
        let refunds = refunds.to_vec();
        recount(payment.clone(), Some(complete()), refunds, Money::usd(cents), DEADLINE).unwrap()
    };
    assert_eq!(told(8_00), None);
    assert_eq!(told(0).map(|settled| changed(&settled)), Some(vec![]), "nothing is to be told");
}

/// A bank can fail what had succeeded. What has a name is asked about by that name.
/// Each of them is sent again only once it is told whether an earlier try arrived.
#[test]
fn several_refunds_under_later_keys_do_not_wait_for_each_other() {
    let again = [Command::NextKey];
    let refunds = [refund(1, 5_00, &again), refund(2, 3_00, &again)];
    let (payment, order) = (refunding(&refunds), complete());
    let done = |number| (number, RefundState::Succeeded);
    for (sum, becomes) in
        [(0, vec![]), (3_00, vec![done(2)]), (5_00, vec![done(1)]), (8_00, vec![done(1), done(2)])]
    {
        let settled = count(&payment, &order, &refunds, sum);
        assert_eq!((changed(&settled), settled.noted), (becomes, None), "{sum}");
    }
    // Whoever was taken for another is owed again when that one is done by its own name.
    let [first, second] = [refund(1, 5_00, &[named()]), refund(2, 5_00, &[Command::GivenBack])];
    let refunds = [first, second];
    let settled = count(&refunding(&refunds), &order, &refunds, 5_00);
    assert_eq!(changed(&settled), [(2, RefundState::Failed)]);
}

#[test]
fn what_did_not_stay_given_back_is_owed_again() {
    let refunds = [refund(1, 8_00, &[Command::GivenBack]), refund(2, 8_00, &[named()])];
    let payment = refunding(&refunds);
    let settled = count(&payment, &complete(), &refunds, 8_00);
    assert_eq!(changed(&settled), [(1, RefundState::Failed)]);
    assert!(!settled.payment.is_change(), "it is owed as before");
    let unclear = count(&payment, &complete(), &refunds, 12_00);
    assert_eq!(changed(&unclear), []);
}

#[test]
fn more_than_was_captured_has_no_room_in_our_books() {
    let settled = hear(&captured(), &complete(), 75_51);
    assert!(!settled.payment.is_change());
    assert_eq!((settled.order, settled.noted), (None, None));
}

#[test]
fn unwanted_money_goes_back_once_whoever_gives_it_back() {
    let cases = [(0, 75_50, 0), (20_00, 55_50, 20_00), (75_50, 0, 75_50), (80_00, 0, 75_50)];
    for (by_hand, owed, noted) in cases {
        let some = |cents| Some(Money::usd(cents)).filter(|money| !money.is_zero());
        let given = given_back(Money::usd(75_50), Money::usd(by_hand));
        assert_eq!(given, (some(owed), some(noted)), "{by_hand} by hand");
    }
}

/// R21: a dispute blocks refunds of ours, not what the gateway has done.
#[test]
fn a_refund_by_hand_is_noted_even_in_a_dispute() {
    let opened = PaymentCommand::Dispute(Dispute::Opened);
    let disputed = captured().decide(opened, DEADLINE).unwrap().into_next();
    let ours = disputed.clone().decide(PaymentCommand::Refund(Money::usd(1)), DEADLINE);
    assert_eq!(ours.unwrap_err().code(), "dispute_open");
    assert_eq!(hear(&disputed, &complete(), 75_50).noted, Some(Money::usd(75_50)));
}

/// R16: two partial refunds race; the payment's row is where they meet.
#[test]
fn refunds_of_a_payment_never_sum_up_to_more_than_it() {
    let half = || PaymentCommand::Refund(Money::usd(40_00));
    let first = captured().decide(half(), DEADLINE).unwrap().into_next();
    let second = first.decide(half(), DEADLINE).unwrap_err();
    assert_eq!(second.code(), "refund_too_large");
}
