//! The table of results, as it stands in the README.

use crate::rounds::Estimate;

/// What a row has to reach.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// More is better.
    AtLeast(f64),
    /// Less is better.
    AtMost(f64),
}

/// One result.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    against: &'static str,
    value: Estimate,
    unit: &'static str,
    detail: String,
    target: Option<Target>,
}

impl Row {
    /// A ratio; `detail` gives both of its sides.
    pub(crate) fn ratio(
        what: String,
        against: &'static str,
        value: Estimate,
        detail: String,
        target: Option<Target>,
    ) -> Self {
        Self { what, against, value, unit: "x", detail, target }
    }

    /// A number that stands for itself.
    pub(crate) fn absolute(what: &str, value: f64, unit: &'static str, target: Target) -> Self {
        let value = Estimate { median: value, error: 0.0 };
        Self { what: what.to_owned(), against: "", value, unit, detail: String::new(), target: Some(target) }
    }

    /// What stands for itself and is more than a number.
    pub(crate) fn said(what: String, value: String) -> Self {
        let nothing = Estimate { median: 0.0, error: 0.0 };
        Self { what, against: "", value: nothing, unit: "", detail: value, target: None }
    }

    /// Whether there is a target and it was not reached.
    pub(crate) fn is_missed(&self) -> bool {
        match self.target {
            // What is not a number misses.
            Some(_) if self.value.median.is_nan() => true,
            Some(Target::AtLeast(least)) => self.value.median < least,
            Some(Target::AtMost(most)) => self.value.median > most,
            None => false,
        }
    }

    fn cells(&self) -> [String; 6] {
        let number = |value: f64| {
            if self.unit == "x" { format!("{value:.2}x") } else { format!("{value:.1}{}", self.unit) }
        };
        let mut measured = number(self.value.median);
        if self.unit.is_empty() {
            measured.clear();
        }
        if self.value.error > 0.0 {
            measured += &format!(" ±{:.2}", self.value.error);
        }
        let target = match self.target {
            Some(Target::AtLeast(least)) => format!("≥ {}", number(least)),
            Some(Target::AtMost(most)) => format!("≤ {}", number(most)),
            None => "—".to_owned(),
        };
        let verdict = match self.target {
            None => "",
            Some(_) if self.is_missed() => "**miss**",
            Some(_) => "pass",
        };
        [
            self.what.clone(),
            self.against.to_owned(),
            measured,
            target,
            verdict.to_owned(),
            self.detail.clone(),
        ]
    }
}

/// A count of something a second.
pub(crate) fn rate(per_second: f64) -> String {
    let digits = format!("{per_second:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + "/s"
}

/// All rows as a Markdown table.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let head = ["what", "against", "measured", "target", "", "on this machine"].map(str::to_owned);
    let lines: Vec<[String; 6]> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let widths: Vec<usize> = (0..6)
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default().max(3))
        .collect();
    let mut table = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (cell, width) in line.iter().zip(&widths) {
            table += &format!("| {cell:width$} ");
        }
        table.push_str("|\n");
        if index == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            table += &format!("| {} |\n", rules.join(" | "));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(median: f64, target: Target) -> Row {
        Row::ratio("a".into(), "b", Estimate { median, error: 0.012 }, "1/s, 2/s".into(), Some(target))
    }

    #[test]
    fn targets_are_reached_or_missed() {
        assert!(!row(0.85, Target::AtLeast(0.85)).is_missed());
        assert!(row(0.849, Target::AtLeast(0.85)).is_missed());
        assert!(row(1.36, Target::AtMost(1.35)).is_missed());
        assert!(row(f64::NAN, Target::AtMost(1.35)).is_missed());
    }

    #[test]
    fn the_table_is_aligned() {
        assert_eq!(
            markdown(&[
                row(0.5, Target::AtLeast(0.75)),
                Row::absolute("size", 7.25, " MB", Target::AtMost(25.0))
            ]),
            "| what | against | measured    | target    |          | on this machine |\n\
             | ---- | ------- | ----------- | --------- | -------- | --------------- |\n\
             | a    | b       | 0.50x ±0.01 | ≥ 0.75x   | **miss** | 1/s, 2/s        |\n\
             | size |         | 7.2 MB      | ≤ 25.0 MB | pass     |                 |\n"
        );
    }

    #[test]
    fn rates_are_grouped() {
        assert_eq!((rate(999.4), rate(1234567.0)), ("999/s".to_owned(), "1,234,567/s".to_owned()));
    }
}
