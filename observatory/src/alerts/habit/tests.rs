//! Simulated days: how often nothing is called unusual, and how soon something is.

use std::f64::consts::TAU;

use super::*;

const DAY: u64 = 24 * 60;
/// As `for` in the built-in rules.
const HOLD: u64 = 2;
const HABIT: Habit = Habit { window: 5, history: 180, deviations: 4.0, at_least: 20.0 };

/// Random numbers that are the same in every run (`SplitMix64`).
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// How many of many independent events happen, `mean` of them on average.
    fn events(&mut self, mean: f64) -> u64 {
        if mean > 50.0 {
            let normal = (-2.0 * (1.0 - self.throw()).ln()).sqrt() * (TAU * self.throw()).cos();
            return (mean + mean.sqrt() * normal).round().max(0.0) as u64;
        }
        let (mut product, mut events) = (self.throw(), 0);
        while product > (-mean).exp() {
            product *= self.throw();
            events += 1;
        }
        events
    }
}

/// A level with a day's rhythm: at night a quarter of what it is at noon.
fn rhythm(level: f64, minute: u64) -> f64 {
    level * (1.0 - 0.6 * (TAU * (minute % DAY) as f64 / DAY as f64).cos())
}

/// Counts a minute; whether the window it ends is unusual.
fn minute(history: &mut History, minute: u64, count: u64) -> bool {
    history.open = Some((minute, count));
    history.judge(&HABIT, (minute + 1) * MINUTE).is_some_and(|judged| judged.is_unusual)
}

/// Days of ordinary life; how many times it would have been an alert.
fn live(
    history: &mut History,
    dice: &mut Dice,
    minutes: std::ops::Range<u64>,
    mean: impl Fn(u64) -> f64,
) -> u32 {
    let (mut lasted, mut alerts) = (0, 0);
    for now in minutes {
        lasted = if minute(history, now, dice.events(mean(now))) { lasted + 1 } else { 0 };
        alerts += u32::from(lasted == HOLD + 1);
    }
    alerts
}

/// Minutes from a change until the alert fires.
fn found(history: &mut History, dice: &mut Dice, from: u64, mean: impl Fn(u64) -> f64) -> Option<u64> {
    let mut lasted = 0;
    for now in from..from + 60 {
        lasted = if minute(history, now, dice.events(mean(now))) { lasted + 1 } else { 0 };
        if lasted == HOLD + 1 {
            return Some(now + 1 - from);
        }
    }
    None
}

#[test]
fn ordinary_days_are_quiet() {
    const DAYS: u64 = 10;
    let mut alerts = Vec::new();
    for (seed, level) in [1.0, 5.0, 20.0, 100.0, 1_000.0, 50_000.0].into_iter().enumerate() {
        for mean in [|level, _| level, rhythm] {
            let (mut history, mut dice) = (History::default(), Dice(seed as u64));
            alerts.push(live(&mut history, &mut dice, 0..DAYS * DAY, |now| mean(level, now)));
        }
    }
    // 120 simulated days.
    assert!(alerts.iter().sum::<u32>() <= 1, "{alerts:?}");
}

#[test]
fn a_doubling_and_a_stop_are_found_within_minutes() {
    let mut slowest = [0, 0];
    for level in [20.0, 1_000.0] {
        // On the first day and when the hours are known; over the day.
        for days in [1, 4] {
            for hour in (0..24).step_by(6) {
                let (mut history, mut dice) = (History::default(), Dice(hour));
                let from = days * DAY + hour * 60 + 30;
                live(&mut history, &mut dice, 0..from, |now| rhythm(level, now));
                for (index, factor) in [2.0, 0.0].into_iter().enumerate() {
                    let mut history = history.clone();
                    let after = found(&mut history, &mut dice, from, |now| factor * rhythm(level, now));
                    let after =
                        after.unwrap_or_else(|| panic!("{factor} × {level}, day {days}, hour {hour}"));
                    slowest[index] = slowest[index].max(after);
                }
            }
        }
    }
    assert!(slowest[0] <= 15 && slowest[1] <= 8, "{slowest:?}");
}

#[test]
fn little_is_no_alarm_and_neither_is_the_beginning() {
    let (mut history, mut dice) = (History::default(), Dice(7));
    assert_eq!(live(&mut history, &mut dice, 0..600, |_| 1.0), 0);
    assert_eq!(found(&mut history, &mut dice, 600, |_| 3.0), None, "from 1 to 3 a minute");
    // Half of the history is needed.
    let mut history = History::default();
    assert_eq!(live(&mut history, &mut dice, 0..90, |now| if now < 80 { 100.0 } else { 0.0 }), 0);
    assert_eq!(history.last, None);
}

#[test]
fn the_morning_is_no_alarm_once_days_are_known() {
    let shop = |now: u64| if (480..1_200).contains(&(now % DAY)) { 200.0 } else { 2.0 };
    let (mut history, mut dice) = (History::default(), Dice(3));
    assert!(live(&mut history, &mut dice, 0..3 * DAY, shop) > 0);
    assert_eq!(live(&mut history, &mut dice, 3 * DAY + 240..6 * DAY, shop), 0);
    let day = 6 * DAY;
    live(&mut history, &mut dice, day..day + 720, shop);
    assert!(found(&mut history, &mut dice, day + 720, |_| 0.0).is_some_and(|after| after <= 8));
}

#[test]
fn an_outage_is_not_learnt_but_a_new_level_is() {
    let (mut history, mut dice) = (History::default(), Dice(4));
    live(&mut history, &mut dice, 0..400, |_| 100.0);
    let mut outage = history.clone();
    let unusual = (400..480).filter(|now| minute(&mut outage, *now, 0)).count();
    assert!(unusual >= 75, "{unusual} of 80 minutes");
    assert_eq!(live(&mut outage, &mut dice, 485..600, |_| 100.0), 0, "afterwards all is as before");
    assert_eq!(live(&mut history, &mut dice, 400..1_000, |_| 300.0), 1, "a new level is told once");
}

#[test]
fn a_pause_of_the_observatory_is_not_a_pause_of_the_orders() {
    let (mut history, mut dice) = (History::default(), Dice(5));
    live(&mut history, &mut dice, 0..300, |_| 100.0);
    let saved = serde_json::to_string(&history).unwrap();
    let mut history: History = serde_json::from_str(&saved).unwrap();
    history.resume(330 * MINUTE + 7);
    assert_eq!(history.judge(&HABIT, 334 * MINUTE), None, "a window is not full yet");
    assert_eq!(live(&mut history, &mut dice, 331..400, |_| 100.0), 0);
    assert!(found(&mut history, &mut dice, 400, |_| 0.0).is_some());
    // What it knows is old by now.
    history.resume(3_000 * MINUTE);
    assert_eq!(live(&mut history, &mut dice, 3_001..3_090, |_| 5.0), 0);
    // The same without a restart, when the machine slept.
    history.add(&HABIT, 4_000 * MINUTE + 3);
    assert_eq!((history.open, history.last), (Some((4_001, 0)), None));
}

#[test]
fn memory_is_bounded_by_the_habit() {
    let (mut history, mut dice) = (History::default(), Dice(9));
    live(&mut history, &mut dice, 0..30 * DAY, |_| 100.0);
    assert!(history.size() <= HABIT.window + HABIT.history + 24 * DAYS);
}
