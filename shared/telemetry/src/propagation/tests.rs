//! Against what the specifications say, and against the propagators of the OpenTelemetry SDK.

use super::*;
use crate::redact::reads_as_card;
use opentelemetry::{Context, baggage::BaggageExt, propagation::TextMapPropagator, trace::TraceContextExt};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use proptest::{collection::vec, prelude::*};
use std::collections::HashMap;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn headers(each: &[(&'static HeaderName, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in each {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn parent(text: &str) -> Option<Ids> {
    RemoteContext::extract(&headers(&[(&TRACEPARENT, text)])).ids
}

fn state(each: &[&str]) -> String {
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let mut all = vec![(&TRACEPARENT, parent.as_str())];
    all.extend(each.iter().map(|state| (&TRACESTATE, *state)));
    RemoteContext::extract(&headers(&all)).carried.state().header()
}

fn baggage(each: &[&str]) -> RemoteContext {
    let all: Vec<_> = each.iter().map(|header| (&BAGGAGE, *header)).collect();
    RemoteContext::extract(&headers(&all))
}

/// As it would go out.
fn text(context: &RemoteContext) -> &str {
    context.carried.baggage().header().map_or("", |header| header.to_str().unwrap())
}

#[test]
fn parents_of_this_and_later_versions_are_read() {
    for (text, sampled) in [
        (format!("00-{TRACE}-{SPAN}-01"), true),
        (format!("00-{TRACE}-{SPAN}-00"), false),
        (format!(" \t00-{TRACE}-{SPAN}-01\t "), true),
        // Flags that are not known yet.
        (format!("00-{TRACE}-{SPAN}-ff"), true),
        (format!("00-{TRACE}-{SPAN}-02"), false),
        (format!("01-{TRACE}-{SPAN}-01"), true),
        (format!("cc-{TRACE}-{SPAN}-01-what-is-to-come"), true),
        (format!("fe-{TRACE}-{SPAN}-00-"), false),
    ] {
        let ids = parent(&text).unwrap();
        assert_eq!(
            (ids.trace_id.to_string(), ids.span_id.to_string()),
            (TRACE.into(), SPAN.into()),
            "{text}"
        );
        assert_eq!(ids.sampled, sampled, "{text}");
    }
}

#[test]
fn malformed_parents_are_none() {
    let valid = format!("00-{TRACE}-{SPAN}-01");
    for text in [
        "",
        "00",
        "00-xyz",
        "00-0-0-0",
        &"9".repeat(500),
        &valid[..54],
        &format!("{valid}-"),
        &format!("{valid}."),
        &format!("{valid}-01"),
        &format!("{valid}, {valid}"),
        &format!("cc-{TRACE}-{SPAN}-01.what-is-to-come"),
        &format!("ff-{TRACE}-{SPAN}-01"),
        &format!("0-{TRACE}-{SPAN}-01"),
        &format!("000-{TRACE}-{SPAN}-01"),
        &format!(".0-{TRACE}-{SPAN}-01"),
        &format!("00_{TRACE}-{SPAN}-01"),
        &format!("00-{TRACE}_{SPAN}-01"),
        &format!("00-{TRACE}-{SPAN}_01"),
        &format!("00-{}-{SPAN}-01", "0".repeat(32)),
        &format!("00-{TRACE}-{}-01", "0".repeat(16)),
        &format!("00-{}-{SPAN}-01", &TRACE[1..]),
        &format!("00-{TRACE}0-{SPAN}-01"),
        &format!("00-{TRACE}-{}-01", &SPAN[1..]),
        &format!("00-{TRACE}-{SPAN}0-01"),
        &format!("00-{TRACE}-{SPAN}-1"),
        &format!("00-{TRACE}-{SPAN}-001"),
        &format!("00-{TRACE}-{SPAN}-0x"),
        &valid.to_uppercase(),
        &valid.replace("4bf9", "4BF9"),
        &valid.replace("4bf9", "\u{e9}f9"),
    ] {
        assert_eq!(parent(text), None, "{text}");
    }
    let two = headers(&[(&TRACEPARENT, &valid), (&TRACEPARENT, &valid)]);
    assert_eq!(RemoteContext::extract(&two).ids, None);
}

#[test]
fn states_are_kept_whole_and_in_their_order() {
    let all_keys = "abcxyz0189_-*/@a-z09_-*/";
    let all_values: String = (' '..='~').filter(|c| !",=".contains(*c)).collect();
    for (received, kept) in [
        (vec!["foo=1"], "foo=1"),
        (vec!["foo=1,bar=2"], "foo=1,bar=2"),
        (vec!["foo=1 \t , \t bar=2,\tbaz=3"], "foo=1,bar=2,baz=3"),
        (vec!["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3"),
        (vec!["foo=1", "", "bar=2"], "foo=1,bar=2"),
        (vec!["foo=1,,bar=2,"], "foo=1,bar=2"),
        (vec!["0tenant@system=1"], "0tenant@system=1"),
        (vec![&format!("{all_keys}={all_values}")], &format!("{all_keys}={all_values}")),
        (vec![&format!("{}=1", "k".repeat(256))], &format!("{}=1", "k".repeat(256))),
        (vec![""], ""),
        (vec![], ""),
    ] {
        assert_eq!(state(&received), kept);
    }
    let members =
        |count: usize| (0..count).map(|n| format!("m{n}=1234567890abcdef")).collect::<Vec<_>>().join(",");
    assert_eq!(state(&[&members(32)]), members(32));
    assert!(members(32).len() > 500);
    // The longest there can be.
    let longest = format!("{}={}", "k".repeat(256), "v".repeat(256));
    assert_eq!(state(&[&longest]), longest);
}

#[test]
fn malformed_states_are_none_and_the_trace_goes_on() {
    let members = (0..33).map(|n| format!("m{n}=1")).collect::<Vec<_>>().join(",");
    for text in [
        &members,
        "foo",
        "=1",
        "foo=",
        "foo=1=2",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "foo@=1,bar=2",
        "@foo=1,bar=2",
        "foo@@bar=1,bar=2",
        "foo@bar@baz=1,bar=2",
        "foo@0bar=1",
        "foo=1,foo=1",
        "foo=1,bar",
        "foo=\u{e9}",
        &format!("{}=1", "k".repeat(257)),
        &format!("{}@s=1", "t".repeat(242)),
        &format!("t@{}=1", "s".repeat(15)),
        &format!("foo={}", "v".repeat(257)),
    ] {
        assert_eq!(state(&[text]), "", "{text}");
    }
    assert_eq!(state(&["foo=1", "foo=2"]), "");
    // Without a parent there is nothing that it could belong to.
    let alone = RemoteContext::extract(&headers(&[(&TRACESTATE, "foo=1")]));
    assert_eq!((alone.ids, alone.carried.state().header().as_str()), (None, ""));
}

#[test]
fn baggage_goes_out_as_it_came() {
    for header in [
        "session_id=s-1",
        "session_id=s-1,customer_tier=gold%20plus;property=1;other",
        "empty=",
        "a=b=c",
        "a=1,a=2",
        "na!#$%&'*+-.^_`|~me=!#$%&'()*+-./:<=>?@[]^_`{|}~",
    ] {
        let context = baggage(&[header]);
        assert_eq!(text(&context), header);
    }
}

#[test]
fn baggage_that_is_not_quite_right_is_put_right() {
    for (received, kept) in [
        (vec!["a=1,b=2", "c=3"], "a=1,b=2,c=3"),
        (vec![" a = 1 ; p = 2 ;q ,\tb=2 "], "a=1;p=2;q,b=2"),
        (vec!["a=1,,b=2,"], "a=1,b=2"),
        (vec!["a=gold plus"], "a=gold%20plus"),
        (vec!["a=\"quoted\\\""], "a=%22quoted%5C%22"),
        (vec!["a=\u{e9}"], "a=%C3%A9"),
        (vec!["nothing,=1,a b=1,a@b=1,a;b=1,c=3"], "c=3"),
        (vec!["%%%=;;,=,"], "%%%=;;"),
        (vec!["nothing"], ""),
        (vec![""], ""),
    ] {
        assert_eq!(text(&baggage(&received)), kept, "{received:?}");
    }
}

#[test]
fn baggage_is_bounded() {
    let members = |count: usize| (0..count).map(|n| format!("m{n}=1")).collect::<Vec<_>>().join(",");
    assert_eq!(text(&baggage(&[&members(64)])), members(64));
    assert_eq!(text(&baggage(&[&members(65)])), members(64));
    assert_eq!(text(&baggage(&[&members(40), "a=1"])), members(40) + ",a=1");
    let long = |length: usize| format!("a={}", "1".repeat(length - 2));
    assert_eq!(text(&baggage(&[&long(8192)])).len(), 8192);
    assert_eq!(text(&baggage(&[&long(8193)])), "");
    assert_eq!(text(&baggage(&[&long(8190), "b=1"])), "");
    assert_eq!(text(&baggage(&[&long(8192).replace('1', "\"")])), "", "longer when it is encoded");
}

#[test]
fn entries_are_decoded_when_they_are_asked_for() {
    let context = baggage(&["a=1,session_id=%C3%A9%20%2c%;p=1,b=%ff,a=2, spaced = 3 "]);
    for (key, value) in [
        ("session_id", Some("é ,%")),
        ("b", Some("\u{fffd}")),
        ("a", Some("2")),
        ("spaced", Some("3")),
        ("session", None),
        ("p", None),
        ("", None),
    ] {
        assert_eq!(context.baggage([key])[0].as_deref(), value, "{key}");
    }
    assert!(matches!(
        baggage(&["a=1,b=2"]).baggage(["b", "a"]),
        [Some(Cow::Borrowed("2")), Some(Cow::Borrowed("1"))]
    ));
    assert_eq!(RemoteContext::none().baggage(["a", "b"]), [None, None]);
}

/// What the SDK makes of the same headers.
fn sdk(headers: &HeaderMap) -> Context {
    let map: HashMap<String, String> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &map);
    BaggagePropagator::new().extract_with_context(&context, &map)
}

/// Ids that read as a card number are refused.
fn trace_id() -> impl Strategy<Value = u128> {
    (1..=u128::MAX).prop_filter("no card", |id| !reads_as_card(*id))
}

fn span_id() -> impl Strategy<Value = u64> {
    (1..=u64::MAX).prop_filter("no card", |id| !reads_as_card((*id).into()))
}

fn valid_value() -> impl Strategy<Value = String> {
    // The SDK takes spaces and percent-encoded ones away from both ends, and reads up to a second `=` only.
    vec(
        prop_oneof!["[!#-$&-+./:<>?@A-Z^_`a-z{|}~-]", Just("%20x".to_owned()), Just("%C3%A9".to_owned())],
        0..8,
    )
    .prop_map(|parts| format!("v{}", parts.concat()))
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(
        parent in vec(32_u8.., 0..80),
        state in vec(vec(32_u8.., 0..60), 0..3),
        baggage in vec(vec(prop_oneof![32_u8.., Just(b','), Just(b'='), Just(b'%'), Just(b';')], 0..60), 0..3),
    ) {
        let mut headers = HeaderMap::new();
        let each = [(&TRACEPARENT, &vec![parent.clone()]), (&TRACESTATE, &state), (&BAGGAGE, &baggage)];
        for (name, values) in each {
            for value in values.iter().filter_map(|value| HeaderValue::from_bytes(value).ok()) {
                headers.append(name, value);
            }
        }
        let context = RemoteContext::extract(&headers);
        prop_assert_eq!(context.ids, None, "{:?}", parent);
        // Whatever came, what goes out is well-formed: read again, it stays as it is.
        let out = text(&context).to_owned();
        let again = self::baggage(&[&out]);
        prop_assert_eq!(text(&again), out);
    }

    #[test]
    fn ids_survive(trace_id in trace_id(), span_id in span_id(), sampled: bool) {
        let ids = Ids { trace_id: TraceId::from(trace_id), span_id: SpanId::from(span_id), sampled };
        prop_assert_eq!(parent(&ids.traceparent()), Some(ids));
    }

    #[test]
    fn reads_what_the_sdk_reads(
        version in "0[0-9a-f]|cc|fe",
        trace_id in trace_id(),
        span_id in span_id(),
        flags: u8,
        state in vec(("[a-z][a-z0-9_*/-]{0,9}", "[!-+.-<>-~-]{1,9}"), 0..5),
        members in vec(("[a-zA-Z0-9!#$&'*+.^_`|~-]{1,8}", valid_value()), 0..6),
    ) {
        let mut keys = std::collections::HashSet::new();
        let state: Vec<_> = state.into_iter().filter(|(key, _)| keys.insert(key.clone())).collect();
        let list = |pairs: &[(String, String)]| {
            pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
        };
        let headers = headers(&[
            (&TRACEPARENT, &format!("{version}-{trace_id:032x}-{span_id:016x}-{flags:02x}")),
            (&TRACESTATE, &list(&state)),
            (&BAGGAGE, &list(&members)),
        ]);
        let (ours, sdk) = (RemoteContext::extract(&headers), sdk(&headers));
        prop_assert_eq!(ours.span_context(), sdk.span().span_context().clone());
        for (key, _) in &members {
            let theirs = sdk.baggage().get(key).map(|value| value.as_str().to_owned());
            prop_assert_eq!(ours.baggage([key.as_str()])[0].as_deref().map(str::to_owned), theirs, "{}", key);
        }
    }

    #[test]
    fn the_sdk_reads_what_is_stored(
        trace_id in trace_id(), span_id in span_id(), sampled: bool, value in valid_value(),
    ) {
        let ids = Ids { trace_id: TraceId::from(trace_id), span_id: SpanId::from(span_id), sampled };
        let entry = format!("session_id={value}");
        let context = StoredContext {
            traceparent: ids.traceparent(),
            tracestate: Some("vendor=1".to_owned()),
            baggage: Some(entry.clone()),
        }.restore();
        prop_assert_eq!(text(&context), &entry);
        let sdk = sdk(&headers(&[(&TRACEPARENT, &ids.traceparent()), (&TRACESTATE, "vendor=1"), (&BAGGAGE, &entry)]));
        prop_assert_eq!(context.span_context(), sdk.span().span_context().clone());
    }
}
