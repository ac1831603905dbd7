//! A step's outputs and its summary: files that the runner reads afterwards.

use std::io::{self, Write as _};
use std::path::Path;

/// GitHub shows no summary that is larger.
const MAX_SUMMARY_BYTES: usize = 1024 * 1024;

/// Appends one output. The delimiter cannot be in the value, whatever it is.
///
/// # Errors
/// Where the file cannot be written.
pub fn append(file: &Path, name: &str, value: &str) -> io::Result<()> {
    let mut delimiter = "ci-tool-end".to_owned();
    while value.contains(&delimiter) {
        delimiter.push('-');
    }
    append_text(
        file,
        &format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"),
    )
}

/// Appends to the step's summary, cut at GitHub's limit with a word about it.
///
/// # Errors
/// Where the file cannot be written.
pub fn summary(file: &Path, markdown: &str) -> io::Result<()> {
    const CUT: &str = "\n\n(cut: GitHub shows 1 MiB at most)\n";
    let used = std::fs::metadata(file).map_or(0, |found| found.len() as usize);
    let room = MAX_SUMMARY_BYTES.saturating_sub(used);
    if markdown.len() <= room {
        return append_text(file, markdown);
    }
    let mut end = room.saturating_sub(CUT.len());
    while !markdown.is_char_boundary(end) {
        end -= 1;
    }
    append_text(file, &format!("{}{CUT}", &markdown[..end]))
}

fn append_text(file: &Path, text: &str) -> io::Result<()> {
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)?
        .write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_itself() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("out");
        append(&file, "x", "a\nci-tool-end\nevil=1").expect("written");
        let text = std::fs::read_to_string(&file).expect("read");
        assert_eq!(
            text,
            "x<<ci-tool-end-\na\nci-tool-end\nevil=1\nci-tool-end-\n"
        );
    }

    #[test]
    fn a_summary_stays_within_the_limit() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("summary");
        summary(&file, &"é".repeat(MAX_SUMMARY_BYTES)).expect("written");
        let text = std::fs::read_to_string(&file).expect("read");
        assert!(text.len() <= MAX_SUMMARY_BYTES && text.ends_with("at most)\n"));
    }
}
