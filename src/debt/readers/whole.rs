//! Any other step, as a whole: it fails as it failed, by its exit code and its most
//! telling line. Numbers and addresses in it differ from run to run and do not count.

use super::{Place, Reader, Record, Seen, plain};

pub(super) const READER: Reader = Reader {
    name: "whole",
    tools: &[],
    options: "",
    report: None,
    tests: false,
    read,
};

/// Longer lines are cut, in characters.
const LONGEST: usize = 200;

fn read(record: &Record) -> Result<Seen, String> {
    let output = plain(&record.output).replace(&record.directory, ".");
    let telling = telling(&output).ok_or("it failed and said nothing")?;
    let mut seen = Seen::default();
    seen.add(
        format!("exit code {}: {}", record.status, steady(telling)),
        Place::new(String::new(), 0, telling),
    );
    Ok(seen)
}

/// The last line that names an error, else the last line.
fn telling(output: &str) -> Option<&str> {
    let lines = || {
        output
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    let names_error = |line: &&str| {
        // "(Background on this error at: …)" explains one.
        let lower = line.to_ascii_lowercase();
        let is_one = ["error", "fatal", "exception", "failed", "cannot "]
            .iter()
            .any(|word| lower.contains(word));
        // And a heading says what follows.
        let explains = lower.starts_with('(')
            || lower.ends_with(':')
            || ["at ", "npm ", "exit code", "see ", "for more"]
                .iter()
                .any(|word| lower.starts_with(word));
        is_one && !explains
    };
    let named = lines().rfind(names_error);
    named.or_else(|| lines().next_back())
}

/// The line without what differs from run to run: times, ports, addresses, hashes.
fn steady(line: &str) -> String {
    let mut steady = String::new();
    for word in line.split_whitespace() {
        if !steady.is_empty() {
            steady.push(' ');
        }
        let digits = word.chars().filter(char::is_ascii_digit).count();
        if word.starts_with("0x") || digits * 2 > word.len() && digits > 3 {
            steady.push('#');
            continue;
        }
        let mut last = ' ';
        for c in word.chars() {
            let c = if c.is_ascii_digit() { '#' } else { c };
            if c != '#' || last != '#' {
                steady.push(c);
            }
            last = c;
        }
    }
    steady.chars().take(LONGEST).collect()
}
