//! Reading the rules file. Whatever is wrong is named with its place and with what belongs there.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Map, Value};

use super::rule::{Condition, Habit, Hits, Rule, Signal};

/// More rules than anybody reads.
const MOST_RULES: usize = 100;
const SHORT: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_hours(1);

/// Where a rules file is wrong, and what belongs there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleError {
    pub(crate) at: String,
    pub(crate) takes: &'static str,
}

/// The members of one rule that have not been taken yet.
struct Members {
    /// The rule, as a message names it.
    of: String,
    map: Map<String, Value>,
}

pub(super) fn rules(text: &str) -> Result<Vec<Rule>, RuleError> {
    const TAKES: &str = "a JSON object with `rules`, a list of at most 100 objects";
    let file: Value =
        serde_json::from_str(text).map_err(|error| RuleError { at: error.to_string(), takes: TAKES })?;
    let whole = |at: &str| RuleError { at: at.to_owned(), takes: TAKES };
    let file = file.as_object().ok_or_else(|| whole("no object"))?;
    if let Some(other) = file.keys().find(|key| *key != "rules") {
        return Err(whole(other));
    }
    let list = file.get("rules").and_then(Value::as_array).ok_or_else(|| whole("no `rules`"))?;
    if list.len() > MOST_RULES {
        return Err(whole(&format!("{} rules", list.len())));
    }
    let mut names = HashSet::new();
    let mut rules = Vec::new();
    for (index, definition) in list.iter().enumerate() {
        let rule = rule(index + 1, definition)?;
        if !names.insert(rule.name.clone()) {
            let at = format!("rule {}: name: {}", index + 1, rule.name);
            return Err(RuleError { at, takes: "a name that no other rule has" });
        }
        rules.push(rule);
    }
    Ok(rules)
}

fn rule(number: usize, definition: &Value) -> Result<Rule, RuleError> {
    let map = definition.as_object().cloned().ok_or_else(|| RuleError {
        at: format!("rule {number}"),
        takes: "an object with `name`, `kind` and what the kind needs",
    })?;
    let mut members = Members { of: format!("rule {number}"), map };
    let name = members.needed("name", "1 to 64 letters, digits, - and _", is_name)?;
    members.of = format!("rule {name}");
    let severity =
        members.choice("severity", "`page` or `ticket`", &[("ticket", "ticket"), ("page", "page")])?;
    let summary = members.text("summary", "text of 1 to 200 characters", |text| fits(text, 200))?;
    let service = members.text("service", "the name of a service", |text| fits(text, 64))?;
    let hold =
        members.duration("for", "a time up to 1h, like 90s", Duration::ZERO, (Duration::ZERO, HOUR))?;
    let kind = members.needed("kind", "`error_rate`, `message`, `slow_orders` or `unusual`", |_| true)?;
    let each_service = service.is_none() && kind != "unusual" && members.flag("each_service")?;
    let condition = match kind.as_str() {
        "error_rate" => members.counted(Hits::Errors)?,
        "message" => {
            let contains = members.needed("contains", "the text to look for", |text| fits(text, 200))?;
            let level = members.text("level", "a severity such as ERROR", |text| fits(text, 16))?;
            members.counted(Hits::Message { contains, level: level.map(|level| level.to_uppercase()) })?
        }
        "slow_orders" => {
            let limit = members.duration(
                "slower_than",
                "a time from 1ms to 1h",
                Duration::from_secs(1),
                (Duration::from_millis(1), HOUR),
            )?;
            members.counted(Hits::SlowOrders { slower_than_ms: limit.as_secs_f64() * 1e3 })?
        }
        "unusual" => members.unusual()?,
        _ => return Err(members.wrong("kind", &kind, "`error_rate`, `message`, `slow_orders` or `unusual`")),
    };
    members.finish()?;
    let summary = summary.unwrap_or_else(|| name.clone());
    let definition = definition.clone();
    Ok(Rule { name, summary, severity, service, each_service, hold, condition, definition })
}

fn is_name(text: &str) -> bool {
    fits(text, 64) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn fits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count())
}

impl Members {
    fn wrong(&self, name: &str, held: &str, takes: &'static str) -> RuleError {
        // One line, whatever it held.
        let held: String = held.chars().filter(|char| !char.is_control()).take(60).collect();
        RuleError { at: format!("{}: {name}: {held}", self.of), takes }
    }

    fn text(
        &mut self,
        name: &str,
        takes: &'static str,
        allowed: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, RuleError> {
        match self.map.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if allowed(&text) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, &other.to_string(), takes)),
        }
    }

    fn needed(
        &mut self,
        name: &str,
        takes: &'static str,
        allowed: impl Fn(&str) -> bool,
    ) -> Result<String, RuleError> {
        self.text(name, takes, allowed)?.ok_or_else(|| self.wrong(name, "nothing", takes))
    }

    /// One of several words; the first when there is none.
    fn choice<T: Copy>(
        &mut self,
        name: &str,
        takes: &'static str,
        choices: &[(&str, T)],
    ) -> Result<T, RuleError> {
        let word = self.text(name, takes, |text| choices.iter().any(|(word, _)| *word == text))?;
        let chosen = match &word {
            Some(word) => choices.iter().find(|(choice, _)| choice == word),
            None => choices.first(),
        };
        chosen.map(|(_, value)| *value).ok_or_else(|| self.wrong(name, "nothing", takes))
    }

    fn flag(&mut self, name: &str) -> Result<bool, RuleError> {
        match self.map.remove(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(self.wrong(name, &other.to_string(), "true or false")),
        }
    }

    fn number(
        &mut self,
        name: &str,
        takes: &'static str,
        allowed: impl Fn(f64) -> bool,
    ) -> Result<Option<f64>, RuleError> {
        let Some(value) = self.map.remove(name) else { return Ok(None) };
        let number = value.as_f64().filter(|number| allowed(*number));
        number.map(Some).ok_or_else(|| self.wrong(name, &value.to_string(), takes))
    }

    fn duration(
        &mut self,
        name: &str,
        takes: &'static str,
        otherwise: Duration,
        (shortest, longest): (Duration, Duration),
    ) -> Result<Duration, RuleError> {
        let read = |text: &str| duration(text).filter(|read| (shortest..=longest).contains(read));
        let text = self.text(name, takes, |text| read(text).is_some())?;
        Ok(text.and_then(|text| read(&text)).unwrap_or(otherwise))
    }

    fn counted(&mut self, hits: Hits) -> Result<Condition, RuleError> {
        let window =
            self.duration("window", "a time from 10s to 1h, like 5m", Duration::from_mins(5), (SHORT, HOUR))?;
        let at_least = self
            .number("at_least", "a whole number from 1", |number| number >= 1.0 && number.fract() == 0.0)?;
        let above_share =
            self.number("above_share", "a number from 0 up to but not including 1", |share| {
                (0.0..1.0).contains(&share)
            })?;
        Ok(Condition::Counted { hits, window, at_least: at_least.unwrap_or(1.0) as u64, above_share })
    }

    fn unusual(&mut self) -> Result<Condition, RuleError> {
        const SIGNALS: [(&str, Signal); 3] =
            [("orders", Signal::Orders), ("errors", Signal::Errors), ("lines", Signal::Lines)];
        let signal = self.choice("signal", "`orders`, `errors` or `lines`", &SIGNALS)?;
        let window = self.duration(
            "window",
            "a time from 1m to 1h, like 5m",
            Duration::from_mins(5),
            (Duration::from_mins(1), HOUR),
        )?;
        let history = self.duration(
            "history",
            "a time from 30m to 24h, like 3h",
            Duration::from_hours(3),
            (Duration::from_mins(30), 24 * HOUR),
        )?;
        let deviations =
            self.number("deviations", "a number from 1 to 20", |number| (1.0..=20.0).contains(&number))?;
        let at_least = self.number("at_least", "a number from 1", |number| number >= 1.0)?;
        let minutes = |time: Duration| (time.as_secs() / 60) as usize;
        let habit = Habit {
            window: minutes(window),
            history: minutes(history),
            deviations: deviations.unwrap_or(4.0),
            at_least: at_least.unwrap_or(20.0),
        };
        Ok(Condition::Unusual { signal, habit })
    }

    /// Refuses what nobody took.
    fn finish(self) -> Result<(), RuleError> {
        match self.map.keys().next() {
            Some(name) => Err(self.wrong(name, "unknown", "only what docs/ALERTS.md lists for its kind")),
            None => Ok(()),
        }
    }
}

/// Reads `500ms`, `90s`, `5m`, `2h`.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|char: char| !char.is_ascii_digit())?);
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(millis).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::Rules;

    #[test]
    fn the_built_in_rules_can_be_read() {
        assert_eq!(Rules::default().iter().count(), 6);
    }

    #[test]
    fn reads_times() {
        assert_eq!(duration("90s"), Some(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        for wrong in ["", "s", "5", "5 m", "-1s", "99999999999999999999h", "5d"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn says_which_rule_is_wrong_where_and_what_it_takes() {
        for (definition, at) in [
            (r#"{"name": "a b"}"#, "rule 1: name: \"a b\""),
            (r#"{"name": "x"}"#, "rule x: kind: nothing"),
            (r#"{"name": "x", "kind": "magic"}"#, "rule x: kind: magic"),
            (r#"{"name": "x", "kind": "message"}"#, "rule x: contains: nothing"),
            (r#"{"name": "x", "kind": "error_rate", "window": "1d"}"#, "rule x: window: \"1d\""),
            (r#"{"name": "x", "kind": "error_rate", "window": "1s"}"#, "rule x: window: \"1s\""),
            (r#"{"name": "x", "kind": "error_rate", "above_share": 5}"#, "rule x: above_share: 5"),
            (r#"{"name": "x", "kind": "error_rate", "at_least": 0.5}"#, "rule x: at_least: 0.5"),
            (r#"{"name": "x", "kind": "error_rate", "severity": "loud"}"#, "rule x: severity: \"loud\""),
            (r#"{"name": "x", "kind": "error_rate", "thresold": 5}"#, "rule x: thresold: unknown"),
            (r#"{"name": "x", "kind": "unusual", "each_service": true}"#, "rule x: each_service: unknown"),
            (r#"{"name": "x", "kind": "unusual", "signal": "noise"}"#, "rule x: signal: \"noise\""),
            ("7", "rule 1"),
        ] {
            let error = rules(&format!("{{\"rules\": [{definition}]}}")).unwrap_err();
            assert_eq!(error.at, at, "{definition}");
            assert!(!error.takes.is_empty());
        }
        let twice = r#"{"name": "x", "kind": "error_rate"}"#;
        let error = rules(&format!("{{\"rules\": [{twice}, {twice}]}}")).unwrap_err();
        assert_eq!(error.at, "rule 2: name: x");
        for text in ["", "[]", "{}", r#"{"rules": {}}"#, r#"{"rules": [], "more": 1}"#] {
            assert!(rules(text).unwrap_err().takes.starts_with("a JSON object"), "{text}");
        }
    }
}
