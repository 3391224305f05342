use super::*;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn inputs() -> Inputs {
    read(&root().join("docs/scale-inputs.json")).unwrap()
}

fn at(rate: f64, traces: f64, lines: f64) -> Model {
    Model::of(&inputs(), rate, Shares { traces, lines })
}

/// The page says what the model says.
#[test]
fn the_page_is_up_to_date() {
    let page = fs::read_to_string(root().join("docs/SCALE.md")).unwrap();
    let expected = text::page(&inputs());
    assert!(
        page.contains(expected.trim()),
        "`{COMMAND} --page docs/SCALE.md` brings docs/SCALE.md up to date"
    );
}

/// Worked out by hand: 10,000 orders a second of 200 µs are two cores, at 50 % four.
#[test]
fn cores_follow_from_cpu_time() {
    let mut inputs = inputs();
    inputs.measured.gateway_cpu.value = 200.0;
    inputs.assumed.utilisation.value = 0.5;
    inputs.assumed.cores_per_instance.value = 4.0;
    let model = Model::of(&inputs, 10_000.0, Shares { traces: 0.1, lines: 1.0 });
    let gateway = model.parts.iter().find(|part| part.name == "gateway").unwrap();
    assert!((gateway.one_takes - 10_000.0).abs() < 1e-6);
    assert!((gateway.needed - 1.0).abs() < 1e-9 && (gateway.cores - 4.0).abs() < 1e-9);
}

/// Worked out by hand: two commits that hold the row for 0.5 + 0.5 ms each are 500 orders a second, at 50 % 250.
#[test]
fn a_locked_row_bounds_a_database() {
    let mut inputs = inputs();
    inputs.measured.flush.value = 0.5;
    inputs.assumed.round_trip.value = 0.5;
    inputs.assumed.chained_commits.value = 2.0;
    inputs.assumed.utilisation.value = 0.5;
    let model = Model::of(&inputs, 10_000.0, Shares { traces: 0.1, lines: 1.0 });
    let chained = model.parts.iter().find(|part| part.bound_by.contains("chain")).unwrap();
    assert!((chained.one_takes - 250.0).abs() < 1e-6);
    assert!((chained.needed - 40.0).abs() < 1e-9);
}

/// Worked out by hand: 1,000 events a second of 1 MB go to the leader, to two copies and to the receiver: 4 GB a second,
/// of which half costs a dollar a GB. The streams are full: 2 of 10 GB, three times.
#[test]
fn each_copy_of_an_event_costs() {
    let mut inputs = inputs();
    inputs.measured.events.value = 1.0;
    inputs.measured.event_bytes.value = 1e6;
    inputs.assumed.stream_events.value = 1000.0;
    inputs.assumed.stream_bytes.value = 10e9;
    inputs.assumed.event_copies.value = 3.0;
    inputs.assumed.utilisation.value = 0.5;
    inputs.assumed.between_zones.value = 0.5;
    inputs.prices.traffic.value = 1.0;
    let model = Model::of(&inputs, 1000.0, Shares { traces: 0.1, lines: 1.0 });
    let events = model.costs.iter().find(|cost| cost.group == model::Group::Events).unwrap();
    assert!((events.traffic - 2.0 * 30.0 * 86_400.0).abs() < 1e-3);
    assert!((model.flows.event_bytes_stored - 60e9).abs() < 1e-3);
}

/// What is kept twice is indexed twice.
#[test]
fn each_copy_of_a_line_is_indexed() {
    let mut inputs = inputs();
    let cores = |inputs: &Inputs, name: &str| {
        let model = Model::of(inputs, 1_000_000.0, Shares { traces: 0.1, lines: 1.0 });
        model.parts.iter().find(|part| part.name == name).unwrap().cores
    };
    for name in ["nodes of the log store", "nodes of the trace store"] {
        inputs.assumed.copies.value = 1.0;
        let once = cores(&inputs, name);
        inputs.assumed.copies.value = 2.0;
        assert!((cores(&inputs, name) / once - 2.0).abs() < 0.01, "{name}");
    }
}

#[test]
fn more_orders_take_more_and_fewer_traces_less() {
    let (small, large) = (at(1000.0, 0.1, 1.0), at(1_000_000.0, 0.1, 1.0));
    for (one, other) in small.parts.iter().zip(&large.parts) {
        assert!(other.needed >= one.needed && other.cores >= one.cores, "{}", one.name);
    }
    assert!(large.cost() > small.cost());
    let (all, few) = (at(10_000.0, 1.0, 1.0), at(10_000.0, 0.001, 0.1));
    assert!(few.flows.trace_bytes_stored < all.flows.trace_bytes_stored / 50.0);
    assert!((few.flows.log_bytes_stored * 10.0 / all.flows.log_bytes_stored - 1.0).abs() < 1e-9);
    // Sampling at the end of a trace spares its store, and not the way there.
    assert!((few.flows.otlp_bytes_per_second - all.flows.otlp_bytes_per_second).abs() < 1e-9);
}

#[test]
fn every_figure_says_its_unit_and_its_source() {
    for (name, figure) in inputs().parts().into_iter().flat_map(|(_, figures)| figures) {
        assert!(figure.value > 0.0 && figure.value.is_finite(), "{name}");
        assert!(!figure.unit.is_empty() && figure.source.len() > 8, "{name}");
    }
}

#[test]
fn a_figure_that_is_missing_is_named() {
    let file = root().join("docs/scale-inputs.json");
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    json["measured"].as_object_mut().unwrap().remove("spans");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inputs.json");
    fs::write(&path, json.to_string()).unwrap();
    let error = read(&path).err().unwrap().to_string();
    assert!(error.contains("spans") && error.contains("inputs.json"), "{error}");
}
