//! Tables for a terminal.

use std::fmt::Write;

/// The rows under their heads, each column as wide as its widest cell; the columns of `numbers` stand to the right.
pub(super) fn render<const N: usize>(heads: [&str; N], numbers: &[usize], rows: &[[String; N]]) -> String {
    let heads = heads.map(str::to_owned);
    let mut widths = [0; N];
    for row in std::iter::once(&heads).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let rule = widths.map(|width| "-".repeat(width));
    [&heads, &rule].into_iter().chain(rows).map(|row| aligned(row, numbers, &widths)).collect()
}

fn aligned<const N: usize>(row: &[String; N], numbers: &[usize], widths: &[usize; N]) -> String {
    let mut out = String::new();
    for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
        let gap = if at == 0 { "" } else { "  " };
        // Writing to a string cannot fail.
        let _ = if numbers.contains(&at) { write!(out, "{gap}{cell:>width$}") } else { write!(out, "{gap}{cell:<width$}") };
    }
    format!("{}\n", out.trim_end())
}
