//! The frame of every page, and the small pieces that several pages share.

use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::format::{encode, exact, short};
use crate::model::{Nanos, OrderSummary};

/// Which entry of the navigation the page belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Traces,
    Logs,
    Metrics,
    Alerts,
    None,
}

const SECTIONS: [(Section, &str, &str); 5] = [
    (Section::Overview, "/", "Overview"),
    (Section::Traces, "/search", "Traces"),
    (Section::Logs, "/logs", "Logs"),
    (Section::Metrics, "/metrics-view", "Metrics"),
    (Section::Alerts, "/alerts", "Alerts"),
];

/// A whole page.
pub(super) fn shell(title: &str, section: Section, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Waybill" }
                link rel="icon" type="image/svg+xml" href=(assets::ICON.url());
                link rel="stylesheet" href=(assets::STYLE.url());
                script defer src=(assets::SCRIPT.url()) {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                (header(section))
                main #main { (content) }
                footer.foot {
                    "Waybill observatory · times in UTC · "
                    a href="/api/services" { "query API" }
                    " speaks Jaeger’s JSON"
                }
            }
        }
    }
}

fn header(section: Section) -> Markup {
    html! {
        header.top {
            a.brand href="/" { (logo()) span { "Waybill" } small { "observatory" } }
            nav aria-label="Pages" {
                @for (of, url, name) in SECTIONS {
                    a href=(url) aria-current=[(of == section).then_some("page")] { (name) }
                }
            }
            form.find action="/search" role="search" {
                input type="search" name="q" required maxlength="200" autocomplete="off" spellcheck="false"
                    aria-label="Order id, trace id or text of a log line"
                    placeholder="Order id, trace id or text";
                button { "Find" }
            }
        }
    }
}

fn logo() -> Markup {
    html! {
        svg.logo viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" {
            rect x="2" y="4" width="20" height="4" rx="1.5" {}
            rect x="6" y="10" width="11" height="4" rx="1.5" {}
            rect x="13" y="16" width="9" height="4" rx="1.5" {}
        }
    }
}

/// The services' colours: a service keeps its colour on every page as long as the set of services stays the same.
pub(super) struct Palette(Vec<String>);

impl Palette {
    const COLOURS: usize = 8;

    pub(super) fn new(mut services: Vec<String>) -> Self {
        services.sort_unstable();
        Self(services)
    }

    /// The style sheet's class for a service's colour.
    pub(super) fn class(&self, service: &str) -> &'static str {
        const CLASSES: [&str; Palette::COLOURS] = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"];
        let index = self.0.iter().position(|known| known == service).unwrap_or(Self::COLOURS - 1);
        CLASSES.get(index % Self::COLOURS).copied().unwrap_or("s7")
    }

    /// A service's name with its colour; `spans` of it, where that is known.
    pub(super) fn chip(&self, service: &str, spans: Option<u32>) -> Markup {
        html! {
            span class={ "chip " (self.class(service)) } {
                span.name { (service) }
                @if let Some(spans) = spans { span.num title="spans" { (spans) } }
            }
        }
    }
}

/// An id in full, with a button that copies it.
pub(super) fn id(value: &str) -> Markup {
    html! { span.id { code { (value) } (copy(value)) } }
}

/// An id cut in its middle that leads to its page, with a button that copies all of it.
pub(super) fn id_link(url: &str, value: &str) -> Markup {
    html! { span.id { a href=(url) title=(value) { code { (short(value)) } } (copy(value)) } }
}

fn copy(value: &str) -> Markup {
    html! { button.copy type="button" data-copy=(value) title="Copy" aria-label={ "Copy " (value) } hidden {} }
}

pub(super) fn trace_url(trace: impl std::fmt::Display) -> String {
    format!("/trace/{trace}")
}

pub(super) fn order_url(order: &str) -> String {
    format!("/order/{}", encode(order))
}

/// How an order ended, as far as telemetry tells.
pub(super) fn outcome(order: &OrderSummary) -> Markup {
    let untold = if order.is_error { "error" } else { "unknown" };
    status(order.status.as_deref().unwrap_or(untold))
}

/// An order's status: a word and a sign, so that the colour is not alone in saying it.
fn status(status: &str) -> Markup {
    let (class, sign) = match status {
        "confirmed" => ("good", "✓"),
        "declined" => ("warn", "✕"),
        "rejected" => ("odd", "∅"),
        "failed" | "error" => ("bad", "!"),
        "cancelled" => ("calm", "↩"),
        "pending" => ("calm", "…"),
        _ => ("calm", "·"),
    };
    html! { span class={ "status " (class) } { span.sign aria-hidden="true" { (sign) } (status) } }
}

/// One fact under a heading: a label and its value.
pub(super) fn fact(label: &str, value: &Markup) -> Markup {
    html! { div { dt { (label) } dd { (value) } } }
}

/// A moment in full.
pub(super) fn moment(nanos: Nanos) -> Markup {
    html! { time { (exact(nanos)) } }
}

/// What stands where a list would be.
pub(super) fn nothing(title: &str, body: &Markup) -> Markup {
    html! { div.nothing { p.lead { (title) } (body) } }
}

/// One field of a filter form.
pub(super) fn field(
    label: &str,
    name: &str,
    value: &str,
    placeholder: &str,
    problem: Option<&str>,
) -> Markup {
    html! {
        label.field {
            span { (label) }
            input name=(name) value=(value) placeholder=(placeholder) maxlength="500" autocomplete="off" spellcheck="false"
                aria-invalid=[problem.map(|_| "true")];
            @if let Some(problem) = problem { small.problem { (problem) } }
        }
    }
}

/// One choice of a filter form; the empty value stands for any.
pub(super) fn choice(label: &str, name: &str, value: &str, options: &[String]) -> Markup {
    html! {
        label.field {
            span { (label) }
            select name=(name) {
                option value="" { "any" }
                @if !value.is_empty() && !options.iter().any(|option| option == value) {
                    option value=(value) selected { (value) }
                }
                @for option in options {
                    option value=(option) selected[option == value] { (option) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_keep_their_colours_apart() {
        let palette = Palette::new(["order", "gateway", "payment"].map(str::to_owned).to_vec());
        assert_eq!(palette.class("gateway"), "s0");
        assert_eq!(palette.class("order"), "s1");
        assert_eq!(palette.class("payment"), "s2");
        assert_eq!(palette.class("unknown"), "s7");
    }

    #[test]
    fn text_is_escaped() {
        let palette = Palette::new(Vec::new());
        let chip = palette.chip("<script>alert(1)</script>", None).into_string();
        assert!(chip.contains("&lt;script&gt;"), "{chip}");
        let link = id_link(&order_url("a/b\"><i>"), "\"><i>").into_string();
        assert!(!link.contains("<i>"), "{link}");
    }
}
