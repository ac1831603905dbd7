//! Which findings go into which run and file, so that GitHub takes all of them.
//!
//! A run holds what GitHub shows of one; findings are dealt to runs by their
//! identity, so that an alert keeps its category when others come and go. Files
//! hold as many runs as fit. Where they are too many or too big, what is heavy
//! and does not decide is left out in stages; only then the mildest findings.

use std::io::Write as _;
use std::ops::Range;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use super::limits::Limits;
use super::out::Json;
use super::write::{Detail, Writer};
use crate::findings::{Report, Severity};

/// How a report is written.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The category, under which GitHub keeps the alerts apart from others. It
    /// must be the same for every commit.
    pub category: String,
    /// At most so many files.
    pub files: usize,
    /// What is taken.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            category: "ci-tool".to_owned(),
            files: 10,
            limits: Limits::GITHUB,
        }
    }
}

/// A written report.
#[derive(Debug)]
pub struct Written {
    /// The files' bytes; at least one file.
    pub files: Vec<Vec<u8>>,
    /// How much detail there was room for.
    pub detail: Detail,
    /// How many findings there was no room for, by severity, the worst first.
    pub dropped: Vec<(Severity, usize)>,
}

/// What a finding mostly takes, in bytes.
const FINDING: usize = 1024;

/// No more is reserved at once, in bytes.
const MOST_RESERVED: usize = 256 * 1024 * 1024;

/// Writes a report as SARIF within the limits.
pub fn write(report: &Report<'_>, settings: &Settings) -> Written {
    let writer = Writer::new(report, settings.limits);
    let all = report.findings.len();
    for detail in Detail::ALL {
        if let Some(files) = files(&writer, report, settings, all, detail) {
            return Written {
                files,
                detail,
                dropped: Vec::new(),
            };
        }
    }
    // Findings are in the order of their importance: the most that fit.
    let (mut fits, mut too_many) = (0, all);
    let mut best = None;
    while too_many - fits > (all / 100).max(1) {
        let middle = fits + (too_many - fits) / 2;
        match files(&writer, report, settings, middle, Detail::Bare) {
            Some(files) => {
                fits = middle;
                best = Some(files);
            }
            None => too_many = middle,
        }
    }
    let files = best.unwrap_or_else(|| vec![empty(&writer, settings)]);
    let mut dropped = Vec::new();
    for severity in Severity::ALL.into_iter().rev() {
        let count = report.findings[fits..]
            .iter()
            .filter(|finding| finding.severity() == severity)
            .count();
        if count > 0 {
            dropped.push((severity, count));
        }
    }
    Written {
        files,
        detail: Detail::Bare,
        dropped,
    }
}

/// The first `count` findings in files, or `None` if they do not fit.
fn files(
    writer: &Writer<'_, '_>,
    report: &Report<'_>,
    settings: &Settings,
    count: usize,
    detail: Detail,
) -> Option<Vec<Vec<u8>>> {
    let limits = settings.limits;
    // All in one text, which mostly is the one file: a second copy would be as large.
    let mut out = Json::default();
    // A text that grows is there twice while it moves. What is not written to costs nothing.
    out.0
        .reserve(count.saturating_mul(FINDING).min(MOST_RESERVED));
    out.0.extend_from_slice(HEAD);
    let mut parts: Vec<Part> = Vec::new();
    // Each run, and which parts are of it.
    let mut sized: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for (suffix, findings) in runs(report, settings, count)? {
        let range = run(&mut out, writer, settings, &suffix, &findings, detail);
        let first = parts.len();
        parts.extend(Part::all_of(&range));
        look_closer(&mut parts, &out.0, limits.gzip_bytes);
        // Of one run alone: nothing more can be divided.
        if look_closer(&mut parts[first..], &out.0, limits.gzip_bytes) > limits.gzip_bytes {
            return None;
        }
        sized.push((range, first..parts.len()));
    }
    let mut files: Vec<Share> = Vec::new();
    for (range, parts_of_it) in sized {
        let size: usize = parts[parts_of_it].iter().map(|part| part.size).sum();
        match files.last_mut() {
            Some((runs, total))
                if runs.len() < limits.runs && *total + size <= limits.gzip_bytes =>
            {
                runs.push(range);
                *total += size;
            }
            _ => files.push((vec![range], size)),
        }
    }
    if files.len() > settings.files.max(1) {
        return None;
    }
    Some(split(out.0, &files))
}

/// Runs that go into one file, and what they take there.
type Share = (Vec<Range<usize>>, usize);

/// Cuts the text of all runs into files, from its end, so that never all of it is there twice.
fn split(mut text: Vec<u8>, files: &[Share]) -> Vec<Vec<u8>> {
    let mut written = Vec::with_capacity(files.len());
    for (at, (runs, _)) in files.iter().enumerate().rev() {
        // What lies between two runs is the comma between them.
        let start = runs.first().map_or(HEAD.len(), |run| run.start);
        text.truncate(runs.last().map_or(start, |run| run.end));
        if at == 0 {
            text.extend_from_slice(TAIL);
            break;
        }
        written.push([HEAD, &text[start..], TAIL].concat());
        text.truncate(start);
    }
    written.push(text);
    written.reverse();
    written
}

/// Deals findings to runs: as few as hold what is shown, in a power of two, by
/// their rule, so that each rule is written once, and by their identity where a
/// rule has too many. Where that makes too many runs, as GitHub takes and does
/// not show. A run that is empty is written too: it closes its alerts.
fn runs(
    report: &Report<'_>,
    settings: &Settings,
    count: usize,
) -> Option<Vec<(String, Vec<usize>)>> {
    let limits = settings.limits;
    let most = limits.runs * settings.files.max(1);
    let findings = &report.findings[..count];
    let rules: Vec<usize> = findings
        .iter()
        .map(|finding| hash(finding.name()))
        .collect();
    let powers = |to: usize| {
        std::iter::successors(Some(1_usize), |power| Some(power * 2))
            .take_while(move |power| *power <= to)
    };
    for limit in [limits.shown_results, limits.results] {
        for parts in powers(most) {
            if count > limit * parts {
                continue;
            }
            for spread in powers(parts) {
                let part = |at: usize| {
                    (rules[at] & (parts / spread - 1)) * spread + findings[at].identity.part(spread)
                };
                let mut sizes = vec![0; parts];
                (0..count).for_each(|at| sizes[part(at)] += 1);
                if sizes.iter().all(|size| *size <= limit) {
                    let mut runs: Vec<Vec<usize>> =
                        sizes.into_iter().map(Vec::with_capacity).collect();
                    (0..count).for_each(|at| runs[part(at)].push(at));
                    let suffix = |at: usize| {
                        if parts == 1 {
                            String::new()
                        } else {
                            format!("/{}", at + 1)
                        }
                    };
                    let named = runs.into_iter().enumerate();
                    return Some(named.map(|(at, run)| (suffix(at), run)).collect());
                }
            }
        }
    }
    None
}

/// FNV-1a: the same everywhere and always.
fn hash(text: &str) -> usize {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    // Its low bits are the good ones.
    (text.bytes().fold(0x811C_9DC5, step) & 0xFFFF) as usize
}

/// Writes a run behind what is there; where it lies, without the comma before it.
fn run(
    out: &mut Json,
    writer: &Writer<'_, '_>,
    settings: &Settings,
    suffix: &str,
    findings: &[usize],
    detail: Detail,
) -> Range<usize> {
    let start = out.0.len();
    let category = format!("{}{suffix}", settings.category);
    writer.run(out, &category, findings, detail);
    let comma = usize::from(out.0.get(start) == Some(&b','));
    start + comma..out.0.len()
}

/// What stands before the runs of a file.
const HEAD: &[u8] =
    br#"{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":["#;

/// What stands behind them.
const TAIL: &[u8] = b"]}\n";

/// A file in which nothing was found.
fn empty(writer: &Writer<'_, '_>, settings: &Settings) -> Vec<u8> {
    let mut out = Json::default();
    out.0.extend_from_slice(HEAD);
    run(&mut out, writer, settings, "", &[], Detail::Bare);
    out.0.extend_from_slice(TAIL);
    out.0
}

/// No less than the bytes after gzip: the size at the fastest level, which the better ones stay
/// below.
fn upper_size(text: &[u8]) -> usize {
    packed_size(text, Compression::fast()).saturating_add(1024)
}

/// Whether a text surely stays below a size after gzip.
pub(super) fn surely_fits(text: &[u8], limit: usize) -> bool {
    let mut parts: Vec<Part> = Part::all_of(&(0..text.len())).collect();
    look_closer(&mut parts, text, limit) <= limit
}

/// A part of a text, and what is known of its size after gzip.
struct Part {
    range: Range<usize>,
    /// No less than it is.
    size: usize,
    looked: usize,
}

impl Part {
    /// The ways to know more, each of which takes much longer than the one before.
    const WAYS: [fn(&[u8]) -> usize; 2] = [rough_size, upper_size];

    /// The parts of a stretch, so small that not much more is packed than it takes to know.
    fn all_of(range: &Range<usize>) -> impl Iterator<Item = Self> + use<> {
        const MOST: usize = 1 << 20;
        let end = range.end;
        range.clone().step_by(MOST).map(move |start| {
            let range = start..end.min(start + MOST);
            Self {
                size: most_size(range.len()),
                range,
                looked: 0,
            }
        })
    }
}

/// Looks as closely as it takes to know whether parts stay below a limit together. The result is
/// no less than their size after gzip.
fn look_closer(parts: &mut [Part], text: &[u8], limit: usize) -> usize {
    let mut total = parts.iter().map(|part| part.size).sum::<usize>();
    for (at, way) in Part::WAYS.into_iter().enumerate() {
        for part in parts.iter_mut().filter(|part| part.looked == at) {
            if total <= limit {
                return total;
            }
            total -= part.size;
            part.size = way(&text[part.range.clone()]);
            part.looked += 1;
            total += part.size;
        }
    }
    total
}

/// No less than the bytes after gzip of so many bytes: where nothing repeats they are copied.
const fn most_size(length: usize) -> usize {
    length + length / 1000 + 64
}

/// No less than the bytes after gzip, without packing: what a code for single bytes takes. Gzip
/// has a better one for every stretch of text, and finds repetitions, which make up for what it
/// tells about its codes.
fn rough_size(text: &[u8]) -> usize {
    // Four, so that equal neighbours do not wait for each other.
    let mut counts = [[0_u32; 256]; 4];
    let (four, rest) = text.as_chunks::<4>();
    for bytes in four {
        for (counts, byte) in counts.iter_mut().zip(bytes) {
            counts[usize::from(*byte)] += 1;
        }
    }
    rest.iter()
        .for_each(|byte| counts[0][usize::from(*byte)] += 1);
    let bits = (0..256).map(|byte| {
        let count: usize = counts.iter().map(|counts| counts[byte] as usize).sum();
        // One bit for what is every second byte, two for every fourth; no byte takes less than one.
        let share = text.len().div_ceil(count.max(1)).max(2);
        count * share.next_power_of_two().ilog2() as usize
    });
    let size = bits.sum::<usize>() / 8;
    (size + size / 8 + 1024).min(most_size(text.len()))
}

/// The bytes after gzip.
pub(super) fn packed_size(text: &[u8], level: Compression) -> usize {
    // The same without the checksum, which takes time as well.
    const FRAME: usize = 18;
    let mut encoder = DeflateEncoder::new(Counter(0), level);
    // Counting does not fail.
    let _ = encoder.write_all(text);
    encoder
        .finish()
        .map_or(usize::MAX, |counter| counter.0 + FRAME)
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that pack well, badly and not at all.
    fn texts() -> Vec<Vec<u8>> {
        let mut state = 7_u64;
        let mut random = move |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % below
        };
        let words = ["value", "\"ruleId\":", "path/to/", "input", "{", "},", "17"];
        let mut bytes = |count: usize, below: usize| -> Vec<u8> {
            (0..count).map(|_| random(below) as u8).collect()
        };
        let said = |numbers: &[u8]| -> Vec<u8> {
            let words = numbers.iter().map(|at| words[usize::from(*at)]);
            words.collect::<String>().into_bytes()
        };
        vec![
            vec![b'a'; 3_000_000],
            bytes(2_500_000, 256),
            bytes(2_500_000, 64),
            // Repetitions of three bytes that are hardly worth telling.
            bytes(2_500_000, 5),
            said(&bytes(400_000, 7)),
            bytes(10, 256),
        ]
    }

    #[test]
    fn what_surely_fits_does() {
        for text in texts() {
            let usual = packed_size(&text, Compression::default());
            let (rough, upper) = (rough_size(&text), upper_size(&text));
            assert!(
                rough.min(upper) >= usual,
                "{usual} is not below {rough} and {upper}"
            );
            let mut fitting = 0;
            for limit in [
                0,
                usual / 2,
                usual - 1,
                usual,
                usual * 2,
                text.len() * 2 + 2_000,
            ] {
                let fits = surely_fits(&text, limit);
                assert!(
                    !fits || usual <= limit,
                    "{usual} of {} in {limit}",
                    text.len()
                );
                fitting += usize::from(fits);
            }
            assert!(fitting > 0, "nothing is enough for {}", text.len());
        }
    }

    #[test]
    fn the_size_is_that_of_gzip() {
        for text in texts() {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&text).expect("a Vec takes all");
            let size = encoder.finish().expect("a Vec takes all").len();
            assert_eq!(packed_size(&text, Compression::default()), size);
        }
    }
}
