//! What is usual for a count, learnt from what it was.
//!
//! The last minutes together (a window) are compared with all such windows of the last hours: with the line through the
//! median of their first half and that of their second half, so that a rise in the morning is no surprise; and as their
//! deviation from it with the median absolute deviation times 1.4826, which is the standard deviation where the noise is
//! normal. Medians do not mind single windows that are out of the ordinary (P. J. Rousseeuw and C. Croux, "Alternatives to
//! the median absolute deviation", 1993; the line is that of J. W. Tukey, "Exploratory data analysis", 1977, with halves for
//! thirds). Counts scatter at least by their root, as those of independent events do, and a tenth is never a surprise.
//!
//! A day has its hours: what was low and high in this hour on the days before, in the median of those days, is usual
//! too. So an alert is what fits neither the last hours nor the same hour of other days.
//!
//! What is unusual is not learnt from: an outage does not become usual while it lasts. When half of the history has passed
//! with nothing usual in it, what was known is of no use any more, and learning begins anew.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::rule::Habit;
use crate::model::Nanos;

const MINUTE: Nanos = 60_000_000_000;
/// A longer time without a minute's end is a time in which nobody counted.
const PAUSE: u64 = 10;
/// Days of an hour that are remembered, the present one included.
const DAYS: usize = 8;
/// A day older than this says nothing about today.
const OLDEST_DAY: u64 = 14;
/// Days that are needed before the hour of day counts.
const ENOUGH_DAYS: usize = 3;
/// Minutes of an hour that make it a whole one.
const WHOLE_HOUR: u32 = 30;

/// The history of one count.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct History {
    /// The minute that is being counted, and its count so far. Its number is that of minutes since the Unix epoch.
    open: Option<(u64, u64)>,
    /// The last minutes, each right after the other; no more than a window.
    minutes: VecDeque<u64>,
    /// The minute each window ended in, and its sum; oldest first.
    windows: VecDeque<(u64, u64)>,
    /// By hour of day.
    hours: [VecDeque<Day>; 24],
    last: Option<Judgement>,
}

/// One hour of one day: the least and the most of a window in it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Day {
    day: u64,
    low: u64,
    high: u64,
    minutes: u32,
}

/// A window and what would be usual for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Judgement {
    pub(super) count: u64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) is_unusual: bool,
}

impl History {
    pub(super) fn add(&mut self, habit: &Habit, now: Nanos) {
        self.advance(habit, now);
        if let Some((minute, count)) = &mut self.open
            && *minute == now / MINUTE
        {
            *count += 1;
        }
    }

    /// The last full window's judgement; `None` while too little is known.
    pub(super) fn judge(&mut self, habit: &Habit, now: Nanos) -> Option<Judgement> {
        self.advance(habit, now);
        self.last
    }

    /// Ends the minutes that are over.
    fn advance(&mut self, habit: &Habit, now: Nanos) {
        let present = now / MINUTE;
        while let Some((minute, count)) = self.open
            && minute < present
            && present - minute <= PAUSE
        {
            self.open = Some((minute + 1, 0));
            self.end(habit, minute, count);
        }
        // Nobody counted for a while, or nobody ever did: this minute is not a whole one, the next will be.
        if self.open.is_none_or(|(minute, _)| minute < present || minute > present + 1) {
            self.pause(present);
        }
    }

    fn pause(&mut self, present: u64) {
        self.open = Some((present + 1, 0));
        self.minutes.clear();
        self.last = None;
    }

    /// After a restart: what was counted before it is still history, but minutes are missing.
    pub(super) fn resume(&mut self, now: Nanos) {
        self.pause(now / MINUTE);
    }

    fn end(&mut self, habit: &Habit, minute: u64, count: u64) {
        self.minutes.push_back(count);
        if self.minutes.len() > habit.window {
            self.minutes.pop_front();
        }
        if self.minutes.len() < habit.window {
            return;
        }
        while self.windows.front().is_some_and(|(ended, _)| ended + habit.history as u64 <= minute) {
            self.windows.pop_front();
        }
        let was_unusual = self.last.is_some_and(|last| last.is_unusual);
        if was_unusual && self.windows.len() < habit.history / 2 {
            self.windows.clear();
        }
        let sum = self.minutes.iter().sum();
        self.last = self.compare(habit, minute, sum);
        if self.last.is_none_or(|last| !last.is_unusual) {
            self.windows.push_back((minute, sum));
        }
        self.remember(minute, sum);
    }

    fn compare(&self, habit: &Habit, minute: u64, count: u64) -> Option<Judgement> {
        if self.windows.len() < habit.history / 2 {
            return None;
        }
        let (middle, scatter) = self.of_last_hours()?;
        let reach = habit.deviations * scatter.max(least_scatter(middle));
        let (mut low, mut high) = (middle - reach, middle + reach);
        if let Some((day_low, day_high)) = self.of_other_days(minute) {
            low = low.min(day_low - habit.deviations * least_scatter(day_low));
            high = high.max(day_high + habit.deviations * least_scatter(day_high));
        }
        // What is too little to be told is usual.
        let (low, high) = (low.min(middle - habit.at_least).max(0.0), high.max(middle + habit.at_least));
        let is_unusual = !(low..=high).contains(&(count as f64));
        Some(Judgement { count, low, high, is_unusual })
    }

    /// Where the line through the last hours ends, and how far they scatter around it.
    fn of_last_hours(&self) -> Option<(f64, f64)> {
        let sums: Vec<f64> = self.windows.iter().map(|(_, sum)| *sum as f64).collect();
        let half = sums.len() / 2;
        let (early, late) = sums.split_at_checked(half)?;
        let (early, late) = (median(early.to_vec())?, median(late.to_vec())?);
        let rise = (late - early) / half as f64;
        let line = |place: usize| f64::midpoint(early, late) + rise * (place as f64 - half as f64);
        let apart = sums.iter().enumerate().map(|(place, sum)| (sum - line(place)).abs());
        Some((line(sums.len()).max(0.0), 1.4826 * median(apart.collect())?))
    }

    /// The usual low and high of the minute's hour on the days before.
    fn of_other_days(&self, minute: u64) -> Option<(f64, f64)> {
        let today = day(minute);
        let hour = self.hours.get(hour(minute))?;
        let days: Vec<&Day> = hour
            .iter()
            .filter(|day| day.day < today && day.day + OLDEST_DAY >= today && day.minutes >= WHOLE_HOUR)
            .collect();
        if days.len() < ENOUGH_DAYS {
            return None;
        }
        let low = median(days.iter().map(|day| day.low as f64).collect())?;
        Some((low, median(days.iter().map(|day| day.high as f64).collect())?))
    }

    fn remember(&mut self, minute: u64, sum: u64) {
        let Some(days) = self.hours.get_mut(hour(minute)) else { return };
        let today = day(minute);
        match days.back_mut() {
            Some(day) if day.day == today => {
                day.low = day.low.min(sum);
                day.high = day.high.max(sum);
                day.minutes += 1;
            }
            _ => {
                days.push_back(Day { day: today, low: sum, high: sum, minutes: 1 });
                if days.len() > DAYS {
                    days.pop_front();
                }
            }
        }
    }

    /// Numbers that are remembered.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.minutes.len() + self.windows.len() + self.hours.iter().map(VecDeque::len).sum::<usize>()
    }
}

fn day(minute: u64) -> u64 {
    minute / (24 * 60)
}

fn hour(minute: u64) -> usize {
    (minute / 60 % 24) as usize
}

fn least_scatter(count: f64) -> f64 {
    count.max(0.0).sqrt().max(count / 10.0)
}

fn median(mut numbers: Vec<f64>) -> Option<f64> {
    let middle = numbers.len() / 2;
    (middle < numbers.len()).then(|| *numbers.select_nth_unstable_by(middle, f64::total_cmp).1)
}
