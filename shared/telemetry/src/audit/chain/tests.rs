//! Whatever somebody does to a log, it is found.

use super::*;
use crate::{
    Telemetry,
    audit::{Act, Actor, Auditor},
};
use proptest::prelude::*;
use std::sync::LazyLock;

static KEY: LazyLock<AuditKey> = LazyLock::new(|| AuditKey::new("a key of the tests").unwrap());
static TELEMETRY: LazyLock<Telemetry> = LazyLock::new(|| Telemetry::for_test("audit"));

/// A log of so many entries as a file has it, and its head.
fn log(acts: &[(u8, i64)]) -> (Vec<u8>, Head) {
    let auditor = Auditor::new(&TELEMETRY, KEY.clone());
    let (mut bytes, mut head) = (Vec::new(), Head::default());
    for (kind, amount) in acts {
        let act = match kind % 3 {
            0 => Act { customer_id: Some("c-1042"), ..Act::new("order.created", Actor::Customer) },
            1 => Act {
                amount: Some((*amount, "EUR".to_owned())),
                ..Act::new("order.refunded", Actor::Service)
            },
            _ => Act {
                count: Some(amount.unsigned_abs()),
                ..Act::new("customer.forgotten", Actor::Operator("a \"b\" ü".to_owned()))
            },
        };
        let sealed = auditor.seal(&head, &act);
        bytes.extend_from_slice(sealed.line.as_bytes());
        bytes.push(b'\n');
        head = sealed.head;
    }
    (bytes, head)
}

/// As `waybill audit verify` does it: every line, and in the end the head.
fn verify(bytes: &[u8], head: &Head) -> Result<(), Fault> {
    let mut verifier = Verifier::new(KEY.clone());
    let mut lines = bytes.split(|byte| *byte == b'\n').collect::<Vec<_>>();
    let rest = lines.pop().unwrap();
    for line in lines {
        verifier.check(line)?;
    }
    if !rest.is_empty() {
        return Err(Fault::new(verifier.head().number + 1, "its line does not end"));
    }
    let last = verifier.head();
    if last == head { Ok(()) } else { Err(Fault::new(last.number + 1, "cut")) }
}

/// One change to a log of lines.
#[derive(Clone, Debug)]
enum Edit {
    Flip { at: usize, bits: u8 },
    Delete { at: usize },
    Swap { one: usize, other: usize },
    Insert { at: usize, what: usize },
    Truncate { at: usize },
    Byte { at: usize, byte: u8 },
}

fn edits() -> impl Strategy<Value = Edit> {
    let at = any::<usize>;
    prop_oneof![
        (at(), 1u8..).prop_map(|(at, bits)| Edit::Flip { at, bits }),
        at().prop_map(|at| Edit::Delete { at }),
        (at(), at()).prop_map(|(one, other)| Edit::Swap { one, other }),
        (at(), at()).prop_map(|(at, what)| Edit::Insert { at, what }),
        at().prop_map(|at| Edit::Truncate { at }),
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Byte { at, byte }),
    ]
}

fn edited(whole: &[u8], edit: &Edit) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let mut lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
    let count = lines.len();
    match *edit {
        Edit::Flip { at, bits } => bytes[at % whole.len()] ^= bits,
        Edit::Byte { at, byte } => bytes.insert(at % (whole.len() + 1), byte),
        Edit::Truncate { at } => bytes.truncate(at % whole.len()),
        Edit::Delete { at } => drop(lines.remove(at % count)),
        Edit::Swap { one, other } => lines.swap(one % count, other % count),
        Edit::Insert { at, what } => lines.insert(at % (count + 1), lines[what % count]),
    }
    match edit {
        Edit::Flip { .. } | Edit::Byte { .. } | Edit::Truncate { .. } => bytes,
        _ => lines.concat(),
    }
}

proptest! {
    #[test]
    fn any_edit_of_a_log_is_found(
        acts in prop::collection::vec((any::<u8>(), any::<i64>()), 1..12),
        edit in edits(),
    ) {
        let (whole, head) = log(&acts);
        prop_assert_eq!(verify(&whole, &head), Ok(()));
        let changed = edited(&whole, &edit);
        prop_assert_eq!(verify(&changed, &head).is_err(), changed != whole, "{:?}", edit);
    }
}

/// The lines of a log of four.
fn four() -> (Vec<String>, Head) {
    let (bytes, head) = log(&[(0, 1), (1, 2), (2, 3), (0, 4)]);
    (String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect(), head)
}

fn fault_of(lines: &[&str], head: &Head) -> String {
    let bytes: String = lines.iter().flat_map(|line| [*line, "\n"]).collect();
    verify(bytes.as_bytes(), head).unwrap_err().to_string()
}

#[test]
fn a_fault_names_the_entry_and_what_is_wrong() {
    let (lines, head) = four();
    let [one, two, three, four] = lines.iter().map(String::as_str).collect::<Vec<_>>()[..] else { panic!() };
    let changed = three.replace("forgotten", "remembered");
    assert_eq!(
        fault_of(&[one, two, &changed, four], &head),
        "entry 3: it was changed, or written with another key"
    );
    assert_eq!(fault_of(&[one, three, four], &head), "entry 2: it is missing: entry 3 stands there");
    assert_eq!(fault_of(&[one, two, two], &head), "entry 3: in its place stands entry 2 once more");
    assert_eq!(fault_of(&[one, "two", three], &head), "entry 2: its line is not an entry");
    let capitals = two.to_uppercase();
    assert!(fault_of(&[one, &capitals], &head).starts_with("entry 2: "));
    // Of another log with the same key.
    let (others, _) = log(&[(0, 9), (1, 9)]);
    let other = String::from_utf8(others).unwrap().lines().nth(1).unwrap().to_owned();
    let why = fault_of(&[one, &other, three], &head);
    assert_eq!(why, "entry 2: it does not follow the entry before it: one of the two was replaced");
}

#[test]
fn an_entry_has_its_members_in_order_and_no_customer_id() {
    let (lines, _) = four();
    let members = [
        "timestamp",
        "severity",
        "message",
        "service",
        "customer_ref",
        "stream",
        "number",
        "action",
        "actor",
        "version",
        "target",
        "previous",
        "hash",
    ];
    let places: Vec<usize> =
        members.iter().map(|name| lines[0].find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{}", lines[0]);
    let listed = |name: &String| field::ALL.iter().any(|field| field.name == name);
    for line in &lines {
        let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        assert!(members.keys().all(listed), "{line}");
    }
    assert!(!lines.concat().contains("c-1042"));
    let entry = Entry::parse(&lines[0]).unwrap();
    assert_eq!((entry.message.as_str(), entry.previous), ("order created", "0".repeat(64)));
    assert_eq!(Some(entry.actor), entry.customer_ref);
    assert_eq!(Entry::parse(&lines[2]).unwrap().actor, "operator:a \"b\" ü");
}
