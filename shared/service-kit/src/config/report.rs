//! What a process runs with: every variable, its value, where that came from; without secrets.

use std::fmt;

use serde_json::{Value, json};
use telemetry::env::{Reading, Secret, Source, Variable};
use telemetry::{ConfigError, Env};

use super::idle;

/// What stands in the place of a value that is wrong; the error shows it.
const WRONG: &str = "(won't do)";
/// A value that is longer pushes the rest of its line aside.
const WIDEST: usize = 40;

/// The configuration of one process. Displays as lines for people.
#[derive(Debug)]
pub struct Report {
    service: String,
    readings: Vec<Reading>,
    errors: Vec<ConfigError>,
    notes: Vec<String>,
}

impl Report {
    /// Has `read` read an environment as the process would. What is wrong is taken out, and the rest read again, until
    /// all that is wrong is known.
    pub fn new(
        service: &str,
        env: &Env,
        known: &[Variable],
        read: impl Fn(&Env) -> Result<(), ConfigError>,
    ) -> Self {
        let mut notes = idle(env, known);
        let (mut errors, mut wrong) = (Vec::new(), Vec::new());
        let mut left = env.clone();
        while let Err(error) = left.clone().with_files(known).and_then(|env| read(&env)) {
            let name = error.variable().to_owned();
            let file = format!("{name}_FILE");
            let is_set = left.get(&name).or_else(|| left.get(&file)).is_some();
            let read = env.readings().into_iter().find(|reading| reading.variable.name == name);
            wrong.extend(read.map(|reading| Reading { shown: Some(WRONG.to_owned()), ..reading }));
            errors.push(error);
            // Something that must be set, and is not.
            if !is_set {
                break;
            }
            left = left.without(&name).without(&file);
        }
        let place = |reading: Reading| {
            wrong
                .iter()
                .find(|wrong| wrong.variable.name == reading.variable.name)
                .cloned()
                .unwrap_or(reading)
        };
        let readings: Vec<Reading> = env.readings().into_iter().map(place).collect();
        let is_read = |name: &str| readings.iter().any(|reading| reading.variable.name == name);
        let unread = known.iter().map(|variable| variable.name).filter(|name| !is_read(name));
        // What another program has given, and not a person, may be for somebody else.
        let unread =
            unread.filter(|name| env.source(name) == Some(&Source::Environment) && errors.is_empty());
        notes.extend(unread.map(|name| format!("{name} is not read here, or not with these settings")));
        Self { service: service.to_owned(), readings, errors, notes }
    }

    /// What is wrong.
    pub fn errors(&self) -> &[ConfigError] {
        &self.errors
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let variables = self.readings.iter().map(|reading| {
            let Variable { name, takes, unit, secret, .. } = reading.variable;
            json!({
                "name": name,
                "value": reading.shown.as_deref().map(typed),
                "unit": Some(unit).filter(|unit| !unit.is_empty()),
                "source": reading.source.to_string(),
                "takes": takes,
                "secret": secret == Secret::Whole,
            })
        });
        json!({
            "service": self.service,
            "variables": variables.collect::<Vec<_>>(),
            "errors": self.errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

/// A number or a truth value as what it is.
fn typed(text: &str) -> Value {
    let is_plain = matches!(text, "true" | "false") || text.parse::<f64>().is_ok_and(f64::is_finite);
    let typed = is_plain.then(|| serde_json::from_str(text).ok()).flatten();
    typed.unwrap_or_else(|| text.into())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 3]> = self
            .readings
            .iter()
            .map(|reading| [reading.variable.name.to_owned(), reading.value(), reading.source.to_string()])
            .collect();
        let width = |column: usize| {
            let lengths = rows.iter().filter_map(|row| Some(row.get(column)?.chars().count()));
            lengths.filter(|length| *length <= WIDEST).max().unwrap_or_default()
        };
        let [names, values, sources] = [width(0), width(1), width(2)];
        writeln!(f, "{}", self.service)?;
        for ([name, value, source], reading) in rows.iter().zip(&self.readings) {
            let takes = reading.variable.takes;
            writeln!(f, "  {name:names$}  {value:values$}  {source:sources$}  {takes}")?;
        }
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        for error in &self.errors {
            writeln!(f, "  error: {error}")?;
        }
        Ok(())
    }
}
