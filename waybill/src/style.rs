//! Colours, used with `anstream`, which takes them out again where the output is no terminal.

use anstyle::{AnsiColor, Color, Style};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();

/// One colour for each service, the same in every view.
pub(crate) fn of_service(service: &str) -> Style {
    let color = match service {
        "api-gateway" => AnsiColor::Cyan,
        "order-service" => AnsiColor::Blue,
        "payment-service" => AnsiColor::Magenta,
        "inventory-service" => AnsiColor::Yellow,
        _ => AnsiColor::White,
    };
    Style::new().fg_color(Some(Color::Ansi(color)))
}

/// `text` in a style.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
