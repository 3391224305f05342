//! The observatory's own few log lines, in the form it takes from others.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::model::{now, rfc3339};

/// How bad it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Severity {
    Info,
    Warn,
    Error,
}

/// Writes a line to standard output; `fields` is an object.
pub(crate) fn say(severity: Severity, message: &str, fields: &Value) {
    let severity = match severity {
        Severity::Info => "INFO",
        Severity::Warn => "WARN",
        Severity::Error => "ERROR",
    };
    let mut line = json!({
        "timestamp": rfc3339(now()),
        "severity": severity,
        "message": message,
        "service": "observatory",
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let (Some(line), Some(fields)) = (line.as_object_mut(), fields.as_object()) {
        line.extend(fields.clone());
    }
    // Nobody may be reading; that is no reason to stop.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
