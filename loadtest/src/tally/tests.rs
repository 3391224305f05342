use super::*;

const MS: Duration = Duration::from_millis(1);

fn done(kind: Kind, due: Instant, held: Duration, took: Duration, status: u16) -> Done {
    let sent = due + held;
    Done { kind, due, sent, ended: sent + took, result: Ok(status), traced: None }
}

#[test]
fn warm_up_is_left_out() {
    let early = Instant::now();
    let zero = early + MS;
    let mut tally = Tally::new(zero, Duration::from_secs(10));
    for due in [early, zero] {
        tally.is_due(due, false);
        tally.ended(&done(Kind::Success, due, Duration::ZERO, MS, 500));
    }
    let summary = tally.summary();
    assert_eq!((summary.due, summary.answered, summary.errors), (1, 1, 1));
}

#[test]
fn latency_begins_when_an_order_is_due() {
    let zero = Instant::now();
    let mut tally = Tally::new(zero, Duration::from_secs(10));
    tally.ended(&done(Kind::Success, zero, 200 * MS, 5 * MS, 201));
    let summary = tally.summary();
    assert!((204.0..206.0).contains(&summary.latency.p99), "{}", summary.latency.p99);
    assert!((4.9..5.1).contains(&summary.service.p99));
    assert!((199.0..201.0).contains(&summary.lateness.p99));
}

#[test]
fn latencies_of_several_runs_are_as_if_of_one() {
    let zero = Instant::now();
    let of = |took: &[u32]| {
        let mut tally = Tally::new(zero, Duration::from_secs(1));
        for took in took {
            tally.ended(&done(Kind::Success, zero, Duration::ZERO, *took * MS, 201));
        }
        tally
    };
    let together = Quantiles::together(&[of(&[1, 2]), of(&[]), of(&[3, 100])]);
    assert_eq!(together.count, 4);
    assert!((1.9..2.1).contains(&together.p50) && (99.0..101.0).contains(&together.max), "{together:?}");
}

#[test]
fn what_is_expected_is_no_error() {
    let zero = Instant::now();
    let mut tally = Tally::new(zero, Duration::from_secs(10));
    for (kind, status) in [(Kind::Decline, 402), (Kind::OutOfStock, 409), (Kind::Success, 402)] {
        tally.is_due(zero, false);
        tally.ended(&done(kind, zero, Duration::ZERO, MS, status));
    }
    tally.is_due(zero, true);
    tally.dropped(zero);
    let summary = tally.summary();
    let seen = (summary.due, summary.errors, summary.dropped, summary.held_back);
    assert_eq!(seen, (4, 2, 1, 1));
    assert!((summary.error_share - 0.5).abs() < 1e-9);
    assert_eq!(summary.outcomes["success: 402, an error"], 1);
}

#[test]
fn intervals_say_what_was_due_and_what_was_done() {
    let zero = Instant::now();
    let mut tally = Tally::new(zero, Duration::from_secs(2));
    for n in 0..10 {
        let due = zero + n * 100 * MS;
        tally.is_due(due, false);
        tally.ended(&done(Kind::Success, due, Duration::ZERO, 500 * MS, 201));
    }
    let [first, second] = &tally.summary().intervals[..] else { panic!("two seconds") };
    assert_eq!((first.offered, first.throughput), (10.0, 5.0));
    assert_eq!((second.offered, second.throughput), (0.0, 5.0));
}
