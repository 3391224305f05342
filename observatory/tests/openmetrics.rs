//! The OpenMetrics reader: whatever it is given it does not panic, and what is written well it reads well.

use observatory::openmetrics::{Exposition, Kind, Sample, SampleExemplar};
use proptest::prelude::*;

type Labels = Vec<(String, String)>;

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec(("[a-zA-Z_][a-zA-Z0-9_]{0,8}", "\\PC{0,12}|[\\\\\"\n{}#, =]{0,6}"), 0..4)
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("NaN is not equal to itself", |number| !number.is_nan()),
        Just(f64::INFINITY)
    ]
}

fn sample() -> impl Strategy<Value = Sample> {
    let exemplar = (labels(), number(), prop::option::of(number()))
        .prop_map(|(labels, value, timestamp)| SampleExemplar { labels, value, timestamp });
    (
        "[a-zA-Z_:][a-zA-Z0-9_:]{0,12}",
        labels(),
        number(),
        prop::option::of(number()),
        prop::option::of(exemplar),
    )
        .prop_map(|(name, labels, value, timestamp, exemplar)| Sample {
            name,
            labels,
            value,
            timestamp,
            exemplar,
        })
}

fn write_number(number: f64) -> String {
    if number.is_infinite() {
        if number > 0.0 { "+Inf".into() } else { "-Inf".into() }
    } else {
        format!("{number:e}")
    }
}

fn write_labels(labels: &Labels) -> String {
    let escape = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

fn write_sample(sample: &Sample) -> String {
    let stamp = |timestamp: Option<f64>| {
        timestamp.map_or_else(String::new, |seconds| format!(" {}", write_number(seconds)))
    };
    let labels = if sample.labels.is_empty() { String::new() } else { write_labels(&sample.labels) };
    let exemplar = sample.exemplar.as_ref().map_or_else(String::new, |exemplar| {
        format!(
            " # {} {}{}",
            write_labels(&exemplar.labels),
            write_number(exemplar.value),
            stamp(exemplar.timestamp)
        )
    });
    format!("{}{labels} {}{}{exemplar}\n", sample.name, write_number(sample.value), stamp(sample.timestamp))
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,200}|([a-z_]{1,4}[{}=\",#\\\\ 0-9.+-]{0,20}\n?){0,8}") {
        let _ = Exposition::parse(&text);
        let _ = Exposition::parse(&format!("{text}\n# EOF\n"));
    }

    #[test]
    fn what_is_written_is_read(samples in prop::collection::vec(sample(), 0..10)) {
        let text: String = samples.iter().map(write_sample).collect();
        let exposition = Exposition::parse(&format!("{text}# EOF\n")).unwrap();
        prop_assert_eq!(exposition.unreadable, 0);
        prop_assert_eq!(exposition.samples, samples);
    }

    #[test]
    fn a_text_that_is_cut_off_is_refused(samples in prop::collection::vec(sample(), 1..5), cut in 1_usize..6) {
        let text: String = samples.iter().map(write_sample).collect::<String>() + "# EOF\n";
        let mut end = text.len() - cut.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        // Without its last line end it is still whole.
        prop_assert_eq!(Exposition::parse(&text[..end]).is_some(), cut == 1);
    }
}

#[test]
fn samples_belong_to_families() {
    let text = "# TYPE a histogram\n# TYPE b counter\n# TYPE target info\na_bucket{le=\"1\"} 1\nhello world again no\n# EOF";
    let exposition = Exposition::parse(text).unwrap();
    assert_eq!(exposition.family_of("a_bucket"), ("a", "_bucket", Kind::Histogram));
    assert_eq!(exposition.family_of("b_total"), ("b", "_total", Kind::Counter));
    assert_eq!(exposition.family_of("target_info"), ("target", "_info", Kind::Info));
    assert_eq!(exposition.family_of("c"), ("c", "", Kind::Other));
    assert_eq!(exposition.unreadable, 1);
}
