//! A card that says what came in and what became of it.

use maud::{Markup, html};

use super::format::{clock, count, exact, percent};
use super::layout::fact;
use crate::ingest::limit::Limited;
use crate::ingest::report::Report;
use crate::ingest::samples::Sample;
use crate::metrics::Counts;

pub(super) fn card(report: &Report) -> Markup {
    html! {
        section.card.intake aria-labelledby="intake" {
            header.head {
                div {
                    h2 #intake { "Intake" }
                    p.sub { "Since the observatory started; spans and lines together. " a href="/api/intake" { "As JSON" } }
                }
                (facts(report))
            }
            (inputs(report))
            @if !report.limited.is_empty() { (senders(&report.limited)) }
            @if !report.samples.is_empty() { (samples(&report.samples)) }
        }
    }
}

fn facts(report: &Report) -> Markup {
    let (length, capacity) = report.queue;
    let [joined, late, not_joined] = report.joins;
    html! {
        dl.facts {
            (fact("Queue", &html! { (percent(length as f64 / capacity.max(1) as f64)) " full" }))
            (fact("Joined to a session", &html! { (joined + late) }))
            (fact("Not joined", &html! { (not_joined) }))
        }
    }
}

fn inputs(report: &Report) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Inputs" {
            table.wide {
                thead { tr {
                    th scope="col" { "Input" } th.num scope="col" { "Received" } th.num scope="col" { "Stored" }
                    th.num scope="col" title="The queue was full" { "Refused" }
                    th.num scope="col" title="The sender sent too many" { "Limited" }
                    th.num scope="col" title="The store could not write" { "Failed" }
                    th scope="col" { "Malformed" }
                } }
                tbody { @for (input, counts) in &report.inputs { (input_row(input.name(), counts)) } }
            }
        }
    }
}

fn input_row(name: &str, counts: &Counts) -> Markup {
    html! {
        tr {
            td { code { (name) } }
            @for count in [counts.received, counts.stored, counts.refused, counts.limited, counts.failed] {
                td.num { (count) }
            }
            td { @for (reason, count) in &counts.malformed { span.pair { span.key { (reason) } "=" (count) } } }
        }
    }
}

fn senders(limited: &[Limited]) -> Markup {
    html! {
        details.more {
            summary { (count(limited.len(), "sender")) " limited" }
            div.scroll tabindex="0" role="region" aria-label="Limited senders" {
                table.wide {
                    thead { tr {
                        th scope="col" { "Sender" } th.num scope="col" { "Dropped" } th.num scope="col" { "Paused" }
                        th scope="col" { "Since" } th scope="col" { "Last" }
                    } }
                    tbody {
                        @for sender in limited {
                            tr {
                                td { code { (sender.sender) } }
                                td.num { (sender.dropped) } td.num { (sender.paused) }
                                td { time { (exact(sender.since)) } } td { time { (exact(sender.last)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn samples(samples: &[Sample]) -> Markup {
    html! {
        details.more {
            summary { "Last records that could not be understood" }
            div.scroll tabindex="0" role="region" aria-label="Malformed records" {
                table.wide {
                    thead { tr {
                        th scope="col" { "Arrived" } th scope="col" { "Input" } th scope="col" { "Reason" }
                        th scope="col" { "Beginning, redacted" }
                    } }
                    tbody {
                        @for sample in samples {
                            tr {
                                td { time title=(exact(sample.at)) { (clock(sample.at)) } }
                                td { code { (sample.input.name()) } } td { (sample.reason) } td { code { (sample.text) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
