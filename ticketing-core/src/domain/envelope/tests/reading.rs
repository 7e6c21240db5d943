//! What reads as an event, what does not, and why.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::domain::envelope::tests::any::event;
use crate::domain::envelope::tests::golden_files;
use crate::domain::envelope::{EnvelopeError, Event};
use crate::domain::event::{Actor, DomainEvent, EventType};
use crate::domain::order::fixtures::user;

/// The golden files, each changed in the same way.
fn changed(change: impl Fn(&mut Value)) -> impl Iterator<Item = Result<Event, EnvelopeError>> {
    golden_files().into_iter().map(move |file| {
        let mut json: Value = serde_json::from_str(&file).unwrap();
        change(&mut json);
        Event::from_json(&serde_json::to_vec(&json).unwrap())
    })
}

/// One of the golden files with another value in this place.
fn with(name: &str, value: impl Into<Value>) -> Result<Event, EnvelopeError> {
    let value = value.into();
    changed(|json| json[name] = value.clone()).next().unwrap()
}

#[test]
fn unknown_fields_are_ignored() {
    let plain = changed(|_| {});
    let extended = changed(|json| {
        json["traceparent"] = json!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        json["dataschema"] = json!({ "of": ["a", "later", "version"] });
        json["data"]["addedLater"] = json!(null);
    });
    for (plain, extended) in plain.zip(extended) {
        assert_eq!(extended.unwrap(), plain.unwrap());
    }
}

#[test]
fn an_unknown_type_is_named() {
    for name in ["ticketing.order.created.v2", "someone.else.v1", ""] {
        let Err(EnvelopeError::UnknownType(unknown)) = with("type", name) else {
            panic!("{name} is known");
        };
        assert_eq!(unknown, name);
    }
}

/// The payload of an unknown type is nobody's business: it may have any shape.
#[test]
fn an_unknown_type_may_carry_anything() {
    for event in changed(|json| {
        json["type"] = json!("ticketing.order.created.v2");
        json["data"] = json!(7);
    }) {
        assert!(matches!(event, Err(EnvelopeError::UnknownType(_))));
    }
}

#[test]
fn an_unknown_version_of_the_envelope_is_named() {
    for version in ["0.3", "1.1", "1", ""] {
        let Err(EnvelopeError::UnknownVersion(unknown)) = with("specversion", version) else {
            panic!("{version} is known");
        };
        assert_eq!(unknown, version);
    }
}

#[test]
fn actors_are_told_apart() {
    let known = [
        ("timer", Actor::Timer),
        ("gateway", Actor::Gateway),
        ("engine", Actor::Engine),
        ("user:timer", Actor::User(user("timer"))),
        ("user:user:7", Actor::User(user("user:7"))),
        ("operator:a b", Actor::Operator(user("a b"))),
    ];
    for (word, actor) in known {
        assert_eq!(with("actor", word).unwrap().header.actor, actor);
    }
    let long = format!("user:{}", "x".repeat(65));
    let unknown =
        ["", "Timer", "robot", "timer:", "timer:x", "user", "user:", "operator:", ":", &long];
    for word in unknown {
        let Err(EnvelopeError::UnknownActor(named)) = with("actor", word) else {
            panic!("{word:?} is known");
        };
        assert_eq!(named, word);
    }
}

#[test]
fn subject_and_sequence_must_agree_with_the_payload() {
    let contradict = |change: fn(&mut Value)| {
        for event in changed(change) {
            assert!(matches!(event, Err(EnvelopeError::Contradiction)), "{event:?}");
        }
    };
    contradict(|json| json["sequence"] = json!("99"));
    contradict(|json| json["sequence"] = json!(""));
    contradict(|json| json["sequence"] = json!(format!("0{}", json["sequence"].as_str().unwrap())));
    contradict(|json| json["subject"] = json!("order/018f2b6c-0000-7000-8000-000000000099"));
    contradict(|json| json["subject"] = json!("018f2b6c-0000-7000-8000-000000000010"));
    contradict(|json| json["subject"] = json!(json["subject"].as_str().unwrap().to_uppercase()));
    contradict(|json| json["data"]["version"] = json!(99));
}

#[test]
fn a_missing_field_is_malformed() {
    let optional = ["correlationid", "causationid"];
    for file in golden_files() {
        let json: Value = serde_json::from_str(&file).unwrap();
        for name in json.as_object().unwrap().keys() {
            let mut without = json.clone();
            without.as_object_mut().unwrap().remove(name);
            let read = Event::from_json(&serde_json::to_vec(&without).unwrap());
            if optional.contains(&name.as_str()) {
                assert!(read.is_ok(), "{name}");
            } else {
                assert!(matches!(read, Err(EnvelopeError::Malformed(_))), "{name}");
            }
        }
    }
}

/// A field of the payload may be missing exactly where the view says that it may.
#[test]
fn a_payload_may_lack_what_it_may_lack() {
    let optional = [
        "description",
        "venue",
        "startsAt",
        "maxPerOrder",
        "maxPerBuyer",
        "saleStartsAt",
        "saleEndsAt",
        "cancelReason",
        "paymentId",
        "orderId",
        "gatewayId",
        "declined",
        "trouble",
        "reason",
    ];
    for file in golden_files() {
        let json: Value = serde_json::from_str(&file).unwrap();
        let event_type = EventType::from_wire_name(json["type"].as_str().unwrap()).unwrap();
        for name in json["data"].as_object().unwrap().keys() {
            let mut without = json["data"].clone();
            without.as_object_mut().unwrap().remove(name);
            let read = DomainEvent::from_payload(event_type, &without.to_string());
            let needed = matches!(
                (event_type, name.as_str()),
                (EventType::RefundUpdated, "paymentId")
                    | (EventType::ExpirationCompleted, "orderId")
            );
            let may = optional.contains(&name.as_str()) && !needed;
            assert_eq!(read.is_ok(), may, "{event_type} without {name}");
        }
    }
}

#[test]
fn values_are_checked_on_the_way_in() {
    let wrong = [
        ("id", json!("7")),
        ("id", json!(7)),
        ("time", json!("yesterday")),
        ("sequence", json!(3)),
        ("correlationid", json!("")),
        ("data", json!(null)),
        ("data", json!([])),
        ("type", json!(null)),
    ];
    for (name, value) in wrong {
        let read = with(name, value.clone());
        assert!(matches!(read, Err(EnvelopeError::Malformed(_))), "{name} = {value}");
    }
    let money = changed(|json| json["data"]["amount"]["amount"] = json!(-1));
    assert!(money.filter(Result::is_err).count() >= 5, "no negative sums");
}

/// JSON may spell any character as an escape; a reader that borrows must not trip over it.
#[test]
fn escaped_characters_are_characters() {
    for file in golden_files() {
        let spelled = file
            .replace("\"ticketing.", "\"ticketing\\u002e")
            .replace("\"1.0\"", "\"1\\u002e0\"")
            .replace("application/json", "application\\/json");
        assert_ne!(spelled, file);
        let plain = Event::from_json(file.as_bytes()).unwrap();
        assert_eq!(Event::from_json(spelled.as_bytes()).unwrap(), plain);
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let said = |name, value: &str| with(name, value).unwrap_err().to_string();
    assert_eq!(said("type", "x.v1"), "the event type \"x.v1\" is unknown");
    assert_eq!(said("specversion", "2"), "the envelope version \"2\" is unknown");
    assert_eq!(said("actor", "me"), "the actor \"me\" is unknown");
    assert_eq!(said("sequence", "x"), "the event's subject contradicts its payload");
    assert_eq!(said("id", "x"), "the event is malformed");
}

/// Reading never panics, and what it accepts it would write so that it is read again.
fn read_safely(bytes: &[u8]) {
    if let Ok(event) = Event::from_json(bytes) {
        let again = Event::from_json(&event.to_json().unwrap()).unwrap();
        assert_eq!(again.key(), event.key());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, text: String) {
        read_safely(&bytes);
        read_safely(text.as_bytes());
    }

    #[test]
    fn broken_golden_files_never_panic(
        which: prop::sample::Index,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let files = golden_files();
        let mut bytes = which.get(&files).clone().into_bytes();
        for (place, byte, kind) in edits {
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => bytes.truncate(place.max(1)),
            }
        }
        read_safely(&bytes);
    }

    /// The same, where the JSON stays JSON: another value in any place.
    #[test]
    fn golden_files_with_strange_values_never_panic(
        which: prop::sample::Index,
        field: prop::sample::Index,
        value in prop_oneof![
            Just(json!(null)),
            Just(json!([[]])),
            Just(json!({ "amount": 1, "currency": "XXX" })),
            Just(json!(u64::MAX)),
            Just(json!(-1)),
            Just(json!(1.5)),
            any::<String>().prop_map(Value::from),
        ],
    ) {
        let files = golden_files();
        let mut json: Value = serde_json::from_str(&files[which.index(files.len())]).unwrap();
        let object = json["data"].as_object_mut().unwrap();
        let name = field.get(&object.keys().cloned().collect::<Vec<_>>()).clone();
        object.insert(name, value);
        read_safely(json.to_string().as_bytes());
    }

    #[test]
    fn a_cut_event_is_no_event(event in event(), place: prop::sample::Index) {
        let json = event.to_json().unwrap();
        let cut = &json[..place.index(json.len())];
        prop_assert!(matches!(Event::from_json(cut), Err(EnvelopeError::Malformed(_))));
    }
}
