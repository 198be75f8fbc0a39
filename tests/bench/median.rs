//! Medians and percentiles.

use std::time::{Duration, Instant};

pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    percentile(values, 0.5)
}

/// The value that so large a part of them does not exceed; of none it is no number, which meets no goal.
pub fn percentile(values: impl IntoIterator<Item = f64>, part: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Nanoseconds of one of `count` repetitions.
pub fn each(count: usize, run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    nanoseconds(start.elapsed()) / count as f64
}

pub fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}
