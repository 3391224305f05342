use super::*;
use crate::{
    mix::Kind,
    tally::{Done, Quantiles, Tally},
    traces::{OwnTime, OwnTimes, Seen},
};
use std::time::{Duration, Instant};

fn report() -> Report {
    let zero = Instant::now();
    let mut tally = Tally::new(zero, Duration::from_secs(3));
    for n in 0..300_u64 {
        let due = zero + Duration::from_millis(n * 10);
        tally.is_due(due, false);
        let ended = due + Duration::from_micros(900 + n * n);
        tally.ended(&Done { kind: Kind::Success, due, sent: due, ended, result: Ok(201), traced: None });
    }
    let of = Quantiles { count: 3, p50: 1.0, ..Quantiles::default() };
    Report {
        scenario: "ramp",
        started: "2026-11-22T10:11:12Z".into(),
        gateway: "http://127.0.0.1:8080".into(),
        machine: "2 × processor".into(),
        load: "50 orders a second".into(),
        checks: vec![Check { name: "p99 at most", limit: "50 ms".into(), seen: "60 ms".into(), held: false }],
        limit: Some(Limit { offered: 900.0, most: 850.0 }),
        client_cpu_micros: 30.0,
        traces: Some(Comparison {
            traced: 30,
            looked_up: 3,
            found: 3,
            client: of,
            server: of,
            between: of,
            slowest: vec![Seen {
                trace: "<script>".into(),
                link: "http://127.0.0.1:16686/trace/1".into(),
                client: 2.0,
                server: 1.5,
            }],
            own_times: Some(OwnTimes {
                usual: 3,
                slowest: 3,
                by_operation: vec![OwnTime { operation: "order.save".into(), usual: 1.25, slowest: 9.5 }],
            }),
        }),
        summary: tally.summary(),
    }
}

#[test]
fn the_page_needs_nothing_else_and_says_everything() {
    let page = html::page(&report());
    for foreign in ["<script", "<link", "@import", "url(", "<img", "src="] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    for said in
        ["900/s", "broken", "p99.9", "success: 201, as expected", "2 × processor", "From both sides", "8.25"]
    {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf,"));
}

#[test]
fn markdown_has_whole_tables() {
    let text = markdown(&report());
    let mut columns = None;
    for line in text.lines() {
        let count = line.starts_with('|').then(|| line.matches('|').count());
        assert!(columns.is_none() || count.is_none() || columns == count, "{line}");
        columns = count;
    }
    assert!(text.contains("| order.save | 1.25 | 9.50 | 8.25 |"), "{text}");
    assert!(text.contains("**broken**") && text.contains("kept up to 900 orders a second"), "{text}");
}

#[test]
fn three_forms_are_written() {
    let folder = tempfile::tempdir().unwrap();
    write(&report(), folder.path()).unwrap();
    let json = std::fs::read(folder.path().join("report.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["summary"]["due"], 300);
    assert_eq!(json["limit"]["offered"], 900.0);
    for form in ["report.md", "report.html"] {
        assert!(folder.path().join(form).metadata().unwrap().len() > 1000, "{form}");
    }
}
