//! Samples in turn: every contestant once a round, the order reversed each time. What disturbs the machine for longer than
//! a round disturbs all, so the ratios within a round hold when its absolute numbers do not.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{machine, process};

/// A round during which others used more of the machine than this many cores is repeated, once.
const DISTURBED: f64 = 0.3;

/// One measurement of one contestant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// What is compared: pieces of work a second, or a time.
    pub(crate) measured: f64,
    /// CPU of the server for each piece of work, in µs.
    pub(crate) cpu: f64,
}

/// A server, alive for all rounds, or a limit.
pub(crate) struct Contestant<'a> {
    /// Its process; `None` for this one.
    pub(crate) pid: Option<u32>,
    /// Measures it once.
    pub(crate) sample: Box<dyn FnMut() -> Result<Sample> + 'a>,
}

/// What was measured, by contestant.
#[derive(Debug)]
pub(crate) struct Rounds {
    samples: Vec<Vec<Sample>>,
    /// How many cores others used, by round.
    pub(crate) others: Vec<f64>,
}

/// A median and how far it may be off (one standard error).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimate {
    /// The median.
    pub(crate) median: f64,
    /// Its standard error.
    pub(crate) error: f64,
}

/// Measures all contestants in each of `rounds`, after one round that does not count.
pub(crate) fn contest(rounds: u32, contestants: &mut [Contestant<'_>]) -> Result<Rounds> {
    let mut outcome = Rounds { samples: vec![Vec::new(); contestants.len()], others: Vec::new() };
    round(contestants, false)?;
    for number in 0..rounds {
        let reversed = number % 2 == 1;
        let (mut samples, mut others) = round(contestants, reversed)?;
        if others > DISTURBED {
            (samples, others) = round(contestants, reversed)?;
        }
        outcome.others.push(others);
        for (all, sample) in outcome.samples.iter_mut().zip(samples) {
            all.push(sample);
        }
    }
    Ok(outcome)
}

fn round(contestants: &mut [Contestant<'_>], reversed: bool) -> Result<(Vec<Sample>, f64)> {
    let pids: Vec<u32> =
        contestants.iter().filter_map(|contestant| contestant.pid).chain([std::process::id()]).collect();
    let own = || pids.iter().map(|pid| process::cpu(*pid)).sum::<Duration>();
    let (begin, busy, ours) = (Instant::now(), machine::busy(), own());
    let mut samples: Vec<(usize, Sample)> = Vec::new();
    let mut order: Vec<usize> = (0..contestants.len()).collect();
    if reversed {
        order.reverse();
    }
    for index in order {
        samples.push((index, (contestants[index].sample)()?));
    }
    let others = (machine::busy() - busy).saturating_sub(own().saturating_sub(ours));
    samples.sort_by_key(|(index, _)| *index);
    let samples = samples.into_iter().map(|(_, sample)| sample).collect();
    Ok((samples, others.as_secs_f64() / begin.elapsed().as_secs_f64()))
}

impl Rounds {
    /// The ratio of two contestants, taken within each round.
    pub(crate) fn ratio(&self, of: usize, to: usize, what: impl Fn(&Sample) -> f64) -> Estimate {
        let pairs = self.samples[of].iter().zip(&self.samples[to]);
        Estimate::of(pairs.map(|(of, to)| what(of) / what(to)).collect())
    }

    /// What one contestant reached.
    pub(crate) fn median(&self, of: usize, what: impl Fn(&Sample) -> f64) -> f64 {
        Estimate::of(self.samples[of].iter().map(what).collect()).median
    }
}

impl Estimate {
    /// The median of some values; there is at least one.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let count = values.len() as f64;
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
        let mean = values.iter().sum::<f64>() / count;
        let variance =
            values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
        // The median of a normal sample varies 1.25 times as much as its mean.
        Self { median, error: 1.25 * variance.sqrt() / count.sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_stand_in_the_middle() {
        assert_eq!(Estimate::of(vec![3.0, 1.0, 2.0]).median, 2.0);
        let four = Estimate::of(vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!(four.median, 2.5);
        assert!((four.error - 1.25 * (5.0_f64 / 3.0).sqrt() / 2.0).abs() < 1e-9);
        assert_eq!(Estimate::of(vec![7.0]).error, 0.0);
    }

    #[test]
    fn ratios_are_taken_within_a_round_and_the_first_round_does_not_count() {
        let mut calls = 0;
        let mut slow = 0.0;
        let contestant = |sample: Box<dyn FnMut() -> Result<Sample>>| Contestant { pid: None, sample };
        let rounds = contest(
            3,
            &mut [
                Contestant {
                    pid: None,
                    sample: Box::new(|| {
                        calls += 1;
                        slow += 1.0;
                        Ok(Sample { measured: slow, cpu: 1.0 })
                    }),
                },
                contestant(Box::new(|| Ok(Sample { measured: 2.0, cpu: 4.0 }))),
            ],
        )
        .unwrap();
        assert!(calls >= 4);
        assert_eq!(rounds.median(1, |sample| sample.measured), 2.0);
        assert_eq!(rounds.ratio(0, 1, |sample| sample.cpu).median, 0.25);
    }
}
