//! Rules and readings in words.

use std::fmt::Write as _;
use std::time::Duration;

use super::rule::{Condition, Hits, Rule};
use super::watch::Reading;

/// `5 min`, `90 s`
fn time(time: Duration) -> String {
    match (time.as_millis(), time.as_secs()) {
        (millis, _) if !millis.is_multiple_of(1_000) => format!("{millis} ms"),
        (_, seconds) if seconds >= 3_600 && seconds.is_multiple_of(3_600) => format!("{} h", seconds / 3_600),
        (_, seconds) if seconds >= 60 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        (_, seconds) => format!("{seconds} s"),
    }
}

/// `5 %`, `0.5 %`
fn share(share: f64) -> String {
    format!("{} %", (share * 1_000.0).round() / 10.0)
}

/// `1 error`, `2 errors`
fn count(number: u64, rule: &Rule) -> String {
    format!("{number} {}{}", rule.noun(), if number == 1 { "" } else { "s" })
}

/// When the rule is an alert.
pub(super) fn condition(rule: &Rule) -> String {
    let mut text = match &rule.condition {
        Condition::Counted { hits, window, at_least, above_share } => {
            let what = match hits {
                Hits::Errors => "errors".to_owned(),
                Hits::Message { contains, level: Some(level) } => format!("{level} lines with “{contains}”"),
                Hits::Message { contains, level: None } => format!("lines with “{contains}”"),
                Hits::SlowOrders { slower_than_ms } => {
                    format!("orders slower than {}", time(Duration::from_secs_f64(slower_than_ms / 1e3)))
                }
            };
            let part = above_share.map(|above| format!(" and more than {} of all", share(above)));
            format!("{at_least} or more {what}{} in {}", part.unwrap_or_default(), time(*window))
        }
        Condition::Unusual { habit, .. } => format!(
            "{}s in {} differ by more than {} deviations, and {}, from the last {} and from this hour on other days",
            rule.noun(),
            time(rule.window()),
            habit.deviations,
            habit.at_least,
            time(Duration::from_secs(60 * habit.history as u64)),
        ),
    };
    if !rule.hold.is_zero() {
        let _ = write!(text, ", for {}", time(rule.hold));
    }
    text
}

/// What was counted.
pub(super) fn reading(rule: &Rule, reading: Option<&Reading>) -> String {
    let window = time(rule.window());
    match (reading, &rule.condition) {
        (
            Some(Reading::Counted { hits, lines }),
            Condition::Counted { above_share: Some(above), hits: of, .. },
        ) => {
            let all = if matches!(of, Hits::SlowOrders { .. }) { "orders" } else { "lines" };
            let part = *hits as f64 / (*lines).max(1) as f64;
            let (part, above) = (share(part), share(*above));
            format!("{} of {lines} {all} in {window}: {part}, above {above}", count(*hits, rule))
        }
        (Some(Reading::Counted { hits, .. }), _) => format!("{} in {window}", count(*hits, rule)),
        (Some(Reading::Judged(judged)), _) => format!(
            "{} in {window}; usual would be {} to {}",
            count(judged.count, rule),
            judged.low.ceil(),
            judged.high.floor()
        ),
        (None, Condition::Unusual { .. }) => "too little is known yet".to_owned(),
        (None, Condition::Counted { .. }) => format!("no {} in {window}", rule.noun()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::Rules;

    #[test]
    fn the_built_in_rules_in_words() {
        let rules = Rules::default();
        let words: Vec<String> = rules.iter().map(condition).collect();
        assert_eq!(
            words[..4],
            [
                "5 or more errors and more than 5 % of all in 1 min, for 1 min",
                "1 or more ERROR lines with “panicked” in 5 min",
                "5 or more orders slower than 1 s in 5 min",
                "orders in 5 min differ by more than 4 deviations, and 20, from the last 3 h and from this hour on other days, \
                 for 2 min",
            ]
        );
        let rule = rules.iter().next().unwrap();
        let counted = Reading::Counted { hits: 8, lines: 40 };
        assert_eq!(reading(rule, Some(&counted)), "8 errors of 40 lines in 1 min: 20 %, above 5 %");
        assert_eq!(reading(rule, None), "no error in 1 min");
    }
}
