use super::*;
use crate::overhead::{
    Failed, arms,
    neighbours::Neighbours,
    oversleep::Oversleep,
    plan::{Pace, Plan},
    span_times::SpanTime,
};

fn measured(arm: &str, round: u16, cpu: f64) -> Measured {
    // Rounds differ by far more than arms do.
    let mood = 1.0 + f64::from(round);
    Measured {
        arm: arm.to_owned(),
        round,
        cpu: cpu * mood,
        cpu_saturated: cpu * mood,
        throughput: 1000.0 / mood,
        p50: mood,
        p99: 2.0 * mood,
        p999: 3.0 * mood,
        resident: 100e6,
        otlp_bytes: 4500.0,
        line_bytes: 900.0,
        metrics_bytes: 100.0,
        spans_exported: 15.0,
        spans_lost: 0.0,
        lines_lost: 0.0,
        spans_arrived: 6.0,
        generator_cpu: 30.0,
        errors: 0,
    }
}

fn experiment() -> Experiment {
    let rounds = (0..8).flat_map(|round| {
        let wobble = if round % 2 == 0 { 1.01 } else { 0.99 };
        [
            measured("off", round, 250.0),
            measured("off-again", round, 250.0 * wobble),
            measured("logs", round, 250.5),
            measured("everything", round, 500.0),
            measured("traces-10", round, 251.0),
            measured("peer-none", round, 100.0),
            measured("peer-none-again", round, 100.0 * wobble),
            measured("peer-stock", round, 600.0),
        ]
    });
    let names = ["logs", "everything", "traces-10", "direct-everything", "peer-stock"].map(str::to_owned);
    let pace = Pace { rate: 400.0, orders: 100 };
    Experiment {
        started: "2026-11-22T10:11:12Z".into(),
        machine: "2 × processor".into(),
        plan: Plan {
            rounds: 8,
            judged_rounds: 0,
            warm_up: 10,
            slices: 4,
            saturation_seconds: 1.0,
            platform: pace,
            peer: pace,
        },
        arms: arms::chosen(&names).unwrap().iter().map(|arm| arm.name.to_owned()).collect(),
        oversleep: Oversleep::default(),
        neighbours: Neighbours::default(),
        minutes: 1.0,
        span_times: vec![SpanTime { configuration: "direct".into(), low: 800.0, median: 900.0, high: 990.0 }],
        rounds: rounds.collect(),
        failed: vec![Failed { arm: "direct-everything".into(), round: 0, error: "it did not start".into() }],
    }
}

fn row<'a>(text: &'a str, title: &str, beginning: &str) -> &'a str {
    let section = text.split(&format!("## {title}")).nth(1).unwrap();
    section.lines().find(|line| line.starts_with(&format!("| {beginning}"))).unwrap()
}

#[test]
fn differences_are_told_from_noise() {
    let experiment = experiment();
    let text = Page::about(&experiment).text();
    let cpu = |arm| row(&text, CPU.title, arm);
    assert!(cpu("`everything`").contains("| 2.000 |") && cpu("`everything`").contains("**more**"), "{text}");
    assert!(cpu("`logs`").contains("no difference seen"), "{text}");
    assert!(cpu("`off-again`").contains("the noise"), "{text}");
}

#[test]
fn targets_are_judged_by_the_command() {
    let experiment = experiment();
    let text = Page::about(&experiment).text();
    let target = |says| row(&text, "Targets", says);
    let everything = target("lines, metrics and all traces: CPU");
    assert!(
        everything.contains("+10 % | +100.0 % (+100.0 to +100.0): **not met** | not measured |"),
        "{text}"
    );
    assert!(target("lines, metrics and all traces: p99").contains("the machine keeps no time"), "{text}");
    assert!(target("10 % of traces").contains("+0.4 % (+0.4 to +0.4): met"), "{text}");
    assert!(target("a sampled span").ends_with("| not measured | 900 ns (800 to 990): met |"), "{text}");
}

#[test]
fn rounds_with_other_arms_beside_are_not_mixed() {
    let mut experiment = experiment();
    experiment.plan.judged_rounds = 6;
    for round in 8..14 {
        for (arm, cpu) in [("off", 200.0), ("off-again", 200.0), ("direct-everything", 210.0)] {
            experiment.rounds.push(measured(arm, round, cpu));
        }
    }
    let text = Page::about(&experiment).text();
    let everything = row(&text, "Targets", "lines, metrics and all traces: CPU");
    assert!(everything.contains("+100.0 to +100.0): **not met** | +5.0 % (+5.0 to +5.0): met |"), "{text}");
    let cpu = row(&text, "The arms with a target", CPU.title);
    assert!(cpu.ends_with("| 2300 | × 1.000 (1.000 – 1.000) | **× 1.050** (1.050 – 1.050) |"), "{text}");
    assert!(text.contains("direct pipeline by 6 rounds, the standard one by 8."), "{text}");
    assert!(
        row(&text, CPU.title, "`direct-everything`").contains("| – | – |"),
        "of the rounds with all arms: {text}"
    );
}

#[test]
fn peers_stand_in_one_table() {
    let experiment = experiment();
    let text = Page::about(&experiment).text();
    let stock = row(&text, "The same work", "`peer-stock`: ");
    assert!(stock.contains("| 2250 | 2700 (**× 6.00**, 6.00 – 6.00) |"), "{stock}");
    let sent = row(&text, "The same work", "`peer-stock` ");
    assert!(sent.ends_with("| 8 | 6.00 | 25.0 % |"), "{sent}");
}

#[test]
fn an_arm_that_failed_is_named_and_has_no_figures() {
    let experiment = experiment();
    let text = Page::about(&experiment).text();
    assert!(text.contains("**Missing**: `direct-everything` in round 1: it did not start."), "{text}");
    assert!(row(&text, CPU.title, "`direct-everything`").contains("| – | – |"), "{text}");
}

#[test]
fn a_machine_that_oversleeps_gets_no_verdict_on_latency() {
    let experiment = experiment();
    let text = Page::about(&experiment).text();
    assert!(text.contains("are not judged"), "{text}");
    assert!(row(&text, LATENCIES[1].title, "`everything`").ends_with("not judged |"), "{text}");
}

#[test]
fn plots_and_page_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("OVERHEAD.md");
    let [begin, end] =
        ["begin", "end"].map(|which| format!("<!-- {which} of what `loadtest overhead` writes -->"));
    std::fs::write(&page, format!("# Kept\n\n{begin}\nold\n{end}\n\nkept too\n")).unwrap();
    let experiment = experiment();
    Page::about(&experiment).write_into(&page).unwrap();
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.starts_with("# Kept\n") && text.ends_with("kept too\n") && !text.contains("\nold\n"));
    let plots = PLOTS.iter().map(|figure| format!("overhead-{}", figure.name));
    for name in plots.chain(peer::PLOTS.iter().map(|figure| format!("peer-{}", figure.name))) {
        let svg = std::fs::read_to_string(folder.path().join(format!("images/{name}.svg"))).unwrap();
        assert!(svg.contains(if name.starts_with("peer") { "peer-stock" } else { "everything" }), "{name}");
        assert!(text.contains(&format!("images/{name}.svg")), "{name}");
    }
}

#[test]
fn what_is_saved_gives_the_same_page() {
    let experiment = experiment();
    let saved: Experiment = serde_json::from_slice(&serde_json::to_vec(&experiment).unwrap()).unwrap();
    assert_eq!(Page::about(&saved).text(), Page::about(&experiment).text());
}
