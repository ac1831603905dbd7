//! A coverage below its threshold, as a floor that may only rise: the percent points
//! that are missing are what is complained about.

use super::{Place, Reader, Record, Seen, plain};

pub(super) const READER: Reader = Reader {
    name: "coverage",
    tools: &[&["coverage", "report"]],
    options: "",
    report: None,
    tests: false,
    read,
};

/// What is complained about.
const WHAT: &str = "percent points of coverage are missing";

fn read(record: &Record) -> Result<Seen, String> {
    let mut seen = Seen::default();
    add(&record.output, &mut seen);
    if seen.complaints.is_empty() {
        return Err("it does not say which coverage was reached".to_owned());
    }
    Ok(seen)
}

/// Adds what is missing, where a program says that the threshold is not reached.
pub(super) fn add(output: &str, seen: &mut Seen) {
    let Some((reached, asked)) = floor(&plain(output)) else {
        return;
    };
    let missing = (asked - reached).ceil().max(1.0) as u64;
    for _ in 0..missing {
        seen.add(
            WHAT,
            Place::new(
                String::new(),
                0,
                format!("{reached} % is covered, {asked} % is asked"),
            ),
        );
    }
}

/// The coverage that was reached and the one that is asked, in percent, as coverage.py
/// and pytest-cov say it.
pub fn floor(output: &str) -> Option<(f64, f64)> {
    output.lines().rev().find_map(|line| {
        let line = line.to_ascii_lowercase();
        // "Coverage failure: total of 63 is less than fail-under=80", "FAIL Required test
        // coverage of 80% not reached. Total coverage: 63.00%"
        let number = |text: &str| -> Option<f64> {
            let text = text.trim_start_matches([' ', '=', ':']);
            let end = text
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(text.len());
            text[..end].trim_end_matches('.').parse().ok()
        };
        let behind = |words: &str| number(&line[line.find(words)? + words.len()..]);
        let reached = behind("total of").or_else(|| behind("total coverage"))?;
        let asked = behind("fail-under").or_else(|| behind("test coverage of"))?;
        Some((reached, asked))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_programs_say_it_in_their_own_words() {
        let said = "TOTAL 10 4 60%\nCoverage failure: total of 60 is less than fail-under=80\n";
        assert_eq!(floor(said), Some((60.0, 80.0)));
        let said = "FAIL Required test coverage of 80% not reached. Total coverage: 63.25%\n";
        assert_eq!(floor(said), Some((63.25, 80.0)));
        assert_eq!(floor("3 passed\n"), None);
        let record = Record {
            status: 1,
            output: said.to_owned(),
            ..Record::default()
        };
        assert_eq!(read(&record).expect("read").total(), 17);
    }
}
