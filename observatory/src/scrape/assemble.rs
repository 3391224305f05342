//! From samples to series: buckets, count and sum of one histogram are samples of their own in the text.

use std::collections::HashMap;

use super::Series;
use crate::model::{Bucket, Exemplar, Histogram, SeriesExemplar};
use crate::openmetrics::{Exposition, Kind, Sample, SampleExemplar};

type Labels = Vec<(String, String)>;

/// What one target said.
#[derive(Debug, Default)]
pub(super) struct Scrape {
    pub(super) histograms: Vec<Histogram>,
    pub(super) series: Vec<Series>,
}

impl Scrape {
    /// Every exemplar with the series it stands on.
    pub(super) fn exemplars(&self) -> Vec<SeriesExemplar> {
        let of_histograms = self.histograms.iter().flat_map(|histogram| {
            histogram.buckets.iter().filter_map(|bucket| bucket.exemplar.clone()).map(|exemplar| {
                SeriesExemplar {
                    service: histogram.service.clone(),
                    metric: histogram.name.clone(),
                    labels: histogram.labels.clone(),
                    exemplar,
                }
            })
        });
        let of_counters = self.series.iter().filter_map(|series| {
            Some(SeriesExemplar {
                service: series.service.clone(),
                metric: series.name.clone(),
                labels: series.labels.clone(),
                exemplar: series.exemplar.clone()?,
            })
        });
        of_histograms.chain(of_counters).collect()
    }
}

/// The series of an exposition. A target that does not say its `service_name` in `target_info` goes by its
/// address.
pub(super) fn scrape(exposition: &Exposition, address: &str) -> Scrape {
    let service = service(exposition).unwrap_or(address);
    let mut scrape = Scrape::default();
    let mut histograms: HashMap<(&str, Labels), usize> = HashMap::new();
    for sample in &exposition.samples {
        let (family, suffix, kind) = exposition.family_of(&sample.name);
        if kind != Kind::Histogram {
            scrape.series.push(Series {
                name: sample.name.clone(),
                service: service.to_owned(),
                kind,
                labels: sample.labels.clone(),
                value: sample.value,
                exemplar: exemplar(sample.exemplar.as_ref()),
            });
            continue;
        }
        let labels: Labels = sample.labels.iter().filter(|(label, _)| label != "le").cloned().collect();
        let index = *histograms.entry((family, labels.clone())).or_insert_with(|| {
            let (name, service) = (family.to_owned(), service.to_owned());
            scrape.histograms.push(Histogram {
                name,
                service,
                labels,
                count: 0,
                sum: 0.0,
                buckets: Vec::new(),
            });
            scrape.histograms.len() - 1
        });
        if let Some(histogram) = scrape.histograms.get_mut(index) {
            add(histogram, suffix, sample);
        }
    }
    for histogram in &mut scrape.histograms {
        histogram.buckets.sort_by(|one, other| one.le.total_cmp(&other.le));
    }
    scrape
}

fn add(histogram: &mut Histogram, suffix: &str, sample: &Sample) {
    match suffix {
        "_count" => histogram.count = sample.value as u64,
        "_sum" => histogram.sum = sample.value,
        "_bucket" => {
            let le = sample.labels.iter().find(|(label, _)| label == "le");
            if let Some(le) = le.and_then(|(_, bound)| bound.parse().ok()) {
                let (count, exemplar) = (sample.value as u64, exemplar(sample.exemplar.as_ref()));
                histogram.buckets.push(Bucket { le, count, exemplar });
            }
        }
        _ => {}
    }
}

/// An exemplar that leads to a trace; others lead nowhere here.
fn exemplar(exemplar: Option<&SampleExemplar>) -> Option<Exemplar> {
    let exemplar = exemplar?;
    let (_, trace_id) = exemplar.labels.iter().find(|(label, _)| label == "trace_id")?;
    Some(Exemplar { trace_id: trace_id.parse().ok()?, value: exemplar.value, timestamp: exemplar.timestamp })
}

fn service(exposition: &Exposition) -> Option<&str> {
    let info = exposition.samples.iter().find(|sample| sample.name == "target_info")?;
    info.labels.iter().find(|(label, _)| label == "service_name").map(|(_, name)| name.as_str())
}
