//! docs/CONFIGURATION.md: people write it, and its tables of variables are made from the declarations.

use super::sections;
use std::{error::Error, fmt::Write, fs, path::Path};
use telemetry::env::{Secret, Variable};

/// Puts each table between its markers.
pub(super) fn write(page: &Path) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))?;
    let text = with_tables(&text).map_err(|wanted| format!("{} has no lines\n{wanted}", page.display()))?;
    Ok(fs::write(page, text)?)
}

/// The page with the tables of this program; `Err` has the markers that are missing.
pub(super) fn with_tables(page: &str) -> Result<String, String> {
    let mut page = page.to_owned();
    for (section, variables) in sections() {
        let [begin, end] = ["begin", "end"]
            .map(|which| format!("<!-- {which} of what `waybill config --page` writes: {section} -->"));
        let parts =
            page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
        let (before, after) = parts.ok_or_else(|| format!("{begin}\n{end}"))?;
        page = format!("{before}{begin}\n\n{}\n{end}{after}", table(&variables));
    }
    Ok(page)
}

fn table(variables: &[Variable]) -> String {
    let mut text = "| variable | | takes | default |\n|---|---|---|---|\n".to_owned();
    for variable in variables {
        let Variable { name, brief, takes, .. } = variable;
        let secret = match variable.secret {
            Secret::No => "",
            Secret::Password | Secret::Whole => " †",
        };
        let _ = writeln!(text, "| `{name}`{secret} | {brief} | {} | {} |", plain(takes), default(variable));
    }
    text
}

fn default(variable: &Variable) -> String {
    match (variable.default, variable.unit) {
        ("", _) => plain(variable.without),
        (value, "") => format!("`{value}`"),
        (value, unit) => format!("`{value}` {unit}"),
    }
}

/// Without what Markdown would take for a tag or the end of a cell.
fn plain(text: &str) -> String {
    text.replace('<', "\\<").replace('|', "\\|")
}
