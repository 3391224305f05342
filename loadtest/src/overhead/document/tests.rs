use super::*;
use crate::overhead::{arms, measure::Plan, neighbours::Neighbours, oversleep::Oversleep};

fn measured(arm: &'static str, round: u16, cpu: f64) -> Measured {
    // Rounds differ by far more than arms do.
    let mood = 1.0 + f64::from(round);
    Measured {
        arm,
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
        generator_cpu: 30.0,
        errors: 0,
    }
}

fn experiment() -> Experiment {
    let rounds = (0..8).flat_map(|round| {
        let wobble = if round % 2 == 0 { 1.01 } else { 0.99 };
        [
            measured(OFF, round, 250.0),
            measured(OFF_AGAIN, round, 250.0 * wobble),
            measured("logs", round, 250.5),
            measured("everything", round, 500.0),
        ]
    });
    Experiment {
        started: "2026-11-22T10:11:12Z".into(),
        machine: "2 × processor".into(),
        program: "waybill".into(),
        plan: Plan { rounds: 8, orders: 100, rate: 400.0, warm_up: 10, saturation_seconds: 1.0 },
        arms: arms::chosen(&["logs".into(), "everything".into()]).unwrap(),
        oversleep: Oversleep::default(),
        neighbours: Neighbours::default(),
        minutes: 1.0,
        rounds: rounds.collect(),
    }
}

fn row<'a>(text: &'a str, title: &str, arm: &str) -> &'a str {
    let section = text.split(&format!("### {title}")).nth(1).unwrap();
    section.lines().find(|line| line.starts_with(&format!("| `{arm}`"))).unwrap()
}

#[test]
fn differences_are_told_from_noise() {
    let experiment = experiment();
    let text = Page::about(&experiment).text();
    let cpu = |arm| row(&text, CPU.title, arm);
    assert!(cpu("everything").contains("| 2.00 |") && cpu("everything").contains("**more**"), "{text}");
    assert!(cpu("logs").contains("no difference seen"), "{text}");
    assert!(cpu("off-again").contains("the noise"), "{text}");
}

#[test]
fn a_machine_that_oversleeps_gets_no_verdict_on_latency() {
    let experiment = experiment();
    let text = Page::about(&experiment).text();
    assert!(text.contains("are not judged"), "{text}");
    assert!(row(&text, LATENCIES[1].title, "everything").ends_with("not judged |"), "{text}");
}

#[test]
fn plots_and_page_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("OVERHEAD.md");
    std::fs::write(&page, format!("# Kept\n\n{BEGIN}\nold\n{END}\n\nkept too\n")).unwrap();
    let experiment = experiment();
    Page::about(&experiment).write_into(&page).unwrap();
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.starts_with("# Kept\n") && text.ends_with("kept too\n") && !text.contains("\nold\n"));
    for figure in PLOTS {
        let svg = folder.path().join(format!("images/overhead-{}.svg", figure.name));
        assert!(std::fs::read_to_string(svg).unwrap().contains("everything"));
        assert!(text.contains(&format!("images/overhead-{}.svg", figure.name)));
    }
    assert!(replaced("no markers", "text").is_none());
}
