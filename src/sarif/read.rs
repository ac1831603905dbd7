//! Reading: from bytes to observations.

use std::sync::{Arc, OnceLock};

use super::document::Log;
use super::json;
use super::paths::Paths;
use super::repairs::{Repair, Repairs};
use super::run;
use super::split::Split;
use crate::error::SourceError;
use crate::findings::{Observation, Report, Scanner};

/// The text of a file, which everything that is read from it borrows.
#[derive(Debug)]
pub struct Source {
    text: String,
    repairs: Repairs,
    /// Without the results, where they are read apart.
    outline: OnceLock<String>,
}

impl Source {
    /// Takes UTF-8 with or without a mark, and UTF-16 with one, as PowerShell
    /// writes it. Bytes that are neither are replaced, and counted.
    pub fn new(bytes: Vec<u8>) -> Self {
        let mut repairs = Repairs::default();
        let mut text = match bytes.as_slice() {
            [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes, &mut repairs),
            [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes, &mut repairs),
            _ => String::from_utf8(bytes).unwrap_or_else(|error| {
                repairs.add(Repair::InvalidText);
                String::from_utf8_lossy(error.as_bytes()).into_owned()
            }),
        };
        if text.starts_with('\u{feff}') {
            repairs.add(Repair::Encoding);
            text.drain(..'\u{feff}'.len_utf8());
        }
        replace_lone_surrogates(&mut text, &mut repairs);
        Self {
            text,
            repairs,
            outline: OnceLock::new(),
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16, repairs: &mut Repairs) -> String {
    repairs.add(Repair::Encoding);
    let units = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
    let replaced =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    replaced.collect()
}

/// Escapes of half a character, which JavaScript writes and nothing else reads,
/// become the replacement character.
fn replace_lone_surrogates(text: &mut String, repairs: &mut Repairs) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    // Hardly any text has one, and most have other escapes.
    let bytes = text.as_bytes();
    let is_half = |at: usize| matches!(bytes.get(at + 2), Some(b'd' | b'D'));
    if !memchr::memmem::find_iter(bytes, b"\\u").any(is_half) {
        return;
    }
    let mut lone = Vec::new();
    let mut rest = 0;
    while let Some(found) = memchr::memchr(b'\\', &text.as_bytes()[rest..]) {
        let at = rest + found;
        rest = at + 2;
        match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => {
                rest = at + 12
            }
            Some(0xD800..=0xDFFF) => lone.push(at),
            _ => {}
        }
        rest = rest.min(text.len());
    }
    for at in lone {
        text.replace_range(at..at + 6, "\\ufffd");
        repairs.add(Repair::InvalidText);
    }
}

/// What is known of where the repository lies.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Absolute paths at which the scanners may have seen the repository's root.
    pub roots: Vec<String>,
}

/// What a file says.
#[derive(Debug, Default)]
pub struct Reading<'a> {
    /// The scanner of each run.
    pub scanners: Vec<Arc<Scanner<'a>>>,
    /// What they observed.
    pub observations: Vec<Arc<Observation<'a>>>,
    /// What had to be read around.
    pub repairs: Repairs,
}

impl<'a> Reading<'a> {
    /// The observations merged into findings.
    pub fn into_report(self) -> Report<'a> {
        Report::new(self.scanners, self.observations)
    }

    /// Adds what another file says.
    pub fn extend(&mut self, other: Self) {
        self.scanners.extend(other.scanners);
        self.observations.extend(other.observations);
        self.repairs.extend(&other.repairs);
    }
}

/// Reads a SARIF file; `name` is what messages call it.
///
/// # Errors
/// Where the text is not JSON, or is no SARIF log: without `runs`, or with
/// `runs` or `results` that are no lists, findings could be lost.
pub fn read<'a>(
    source: &'a Source,
    name: &str,
    options: &Options,
) -> Result<Reading<'a>, Box<SourceError>> {
    if source.text.trim().is_empty() {
        let error = SourceError::new(
            name,
            "",
            1,
            1,
            "the file is empty: the scanner has written no report",
        );
        return Err(Box::new(error));
    }
    // Whatever is wrong is found again below, with its place.
    if let Some(mut split) = Split::of(&source.text) {
        let outline = std::mem::take(&mut split.outline);
        let outline = source.outline.get_or_init(|| outline);
        if let Ok(reading) = read_log(|| split.log(outline), &source.repairs, options) {
            return Ok(reading);
        }
    }
    let log = || serde_json::from_str(&source.text);
    read_log(log, &source.repairs, options).map_err(|error| place(&source.text, name, &error))
}

fn read_log<'a>(
    log: impl FnOnce() -> Result<Log<'a>, serde_json::Error>,
    repairs: &Repairs,
    options: &Options,
) -> Result<Reading<'a>, serde_json::Error> {
    let mut repairs = repairs.clone();
    json::take_misfits();
    let log = log()?;
    repairs.add_many(Repair::WrongType, json::take_misfits());
    if log.was_list {
        repairs.add(Repair::ListOfLogs);
    }
    if log.version.get() != Some("2.1.0") {
        repairs.add(Repair::Version);
    }
    let paths = Paths::new(options.roots.iter().map(String::as_str));
    let mut reading = Reading::default();
    let elsewhere = log
        .external
        .0
        .iter()
        .any(|external| !external.results.0.is_empty());
    for run in log.runs {
        let (mut scanners, observations) = run::read(run, &paths, &mut repairs)?;
        if elsewhere {
            for scanner in scanners
                .iter_mut()
                .filter(|scanner| scanner.failure.is_none())
            {
                let failure = "results stand in `inlineExternalProperties`, which are not read";
                Arc::make_mut(scanner).failure = Some(failure.into());
            }
        }
        reading.scanners.extend(scanners);
        reading.observations.extend(observations);
    }
    reading.repairs = repairs;
    Ok(reading)
}

/// The longest part of a line that is shown: some files are one line.
const SHOWN: usize = 120;

fn place(text: &str, name: &str, error: &serde_json::Error) -> Box<SourceError> {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    let (line, byte) = (error.line().max(1), error.column().max(1));
    let source_line = text.lines().nth(line - 1).unwrap_or_default();
    // serde counts bytes.
    let end = (0..=byte.min(source_line.len()))
        .rev()
        .find(|at| source_line.is_char_boundary(*at))
        .unwrap_or(0);
    let column = source_line[..end].chars().count().max(1);
    let mut error = SourceError::new(name, "", line, column, message.to_owned());
    if source_line.len() > SHOWN {
        error.message = format!("{} (line {line}, column {column})", error.message);
        let before: Vec<(usize, char)> = source_line[..end]
            .char_indices()
            .rev()
            .take(SHOWN / 2)
            .collect();
        let start = before.last().map_or(0, |(at, _)| *at);
        error.column = before.len().max(1);
        error.source_line = source_line[start..].chars().take(SHOWN).collect();
    } else {
        error.source_line = source_line.to_owned();
    }
    Box::new(error.help("a SARIF log is an object with `version` and a list of `runs`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read apart is what is read as a whole: the log stands in a list, which is not split.
    fn compare(text: &str) -> bool {
        let options = Options::default();
        let (apart, whole) = (text.to_owned(), format!("[{text}]"));
        let [apart, whole] = [apart, whole].map(|text| Source::new(text.into_bytes()));
        let apart = read(&apart, "a.sarif", &options);
        let whole = read(&whole, "a.sarif", &options);
        let (Ok(apart), Ok(whole)) = (&apart, &whole) else {
            assert_eq!(apart.is_ok(), whole.is_ok(), "{text}");
            return false;
        };
        assert_eq!(apart.observations, whole.observations, "{text}");
        assert_eq!(apart.scanners, whole.scanners, "{text}");
        let told = |reading: &Reading<'_>| -> Vec<_> {
            let told = reading.repairs.iter();
            let told = told.filter(|(repair, _)| *repair != Repair::ListOfLogs);
            told.map(|(repair, times)| (format!("{repair:?}"), times))
                .collect()
        };
        assert_eq!(told(apart), told(whole), "{text}");
        true
    }

    #[test]
    fn a_list_that_does_not_count_may_not_be_broken() {
        let list = |item: &str| format!(r#""results":[{item},{{"message":{{"text":"bad"}}}}]"#);
        for item in ["null", "{?}"] {
            let twice = format!(r#"{{"runs":[{{{},{}}}]}}"#, list(item), list("{}"));
            let runs = [list(item), list("{}")].map(|list| format!(r#""runs":[{{{list}}}]"#));
            for log in [twice, format!("{{{}}}", runs.join(","))] {
                assert!(Split::of(&log).is_some());
                assert_eq!(compare(&log), item == "null", "{log}");
            }
        }
    }

    #[test]
    fn apart_is_as_whole_whatever_byte_is_wrong() {
        let log = r#"{"version":"2.1.0", "runs": [{"tool":{"driver":{"name":"a","rules":[{"id":"r"}]}},
            "results":[{"ruleId":"r","message":{"text":"\"}]\\"},"rank":1e999, "kind" : "fail",
              "locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.py","uriBaseId":"B"},"region":{"startLine":3}}}]},
              {"ruleId":7,"message":{"text":"\ud83d\ude00 é"}}, null],
            "originalUriBaseIds":{"B":{"uri":"src/"}}}, {"results":[{"message":{"text":"again"},"level":"error"}]}]}"#;
        assert!(Split::of(log).is_some());
        assert!(compare(log));
        let mut read = 0;
        for at in (0..log.len()).filter(|at| log.is_char_boundary(*at)) {
            let rest = log[at..].chars().next().map_or(0, char::len_utf8);
            for other in [
                "", "\"", "\\", "{", "}", "[", "]", ",", ":", " ", "0", "e", "\n",
            ] {
                let text = format!("{}{other}{}", &log[..at], &log[at + rest..]);
                read += usize::from(compare(&text));
            }
            compare(&log[..at]);
        }
        assert!(read > 1_000, "{read}");
    }
}
