//! The instructions of a Dockerfile, with their lines.

use super::path;

/// One instruction with the line on which it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Line on which it starts, counted from 1.
    pub line: usize,
    /// Line on which it ends.
    pub last: usize,
    /// `FROM`, `RUN` and so on, in capitals.
    pub name: String,
    /// What follows, with continued lines joined.
    pub rest: String,
}

/// Whether a file of this name is a Dockerfile.
pub fn is_dockerfile(name: &str) -> bool {
    name == "Dockerfile"
        || name == "Containerfile"
        || name.ends_with(".Dockerfile")
        || name.ends_with(".dockerfile")
        || name.starts_with("Dockerfile.") && !name.ends_with(".dockerignore")
        || name.starts_with("Containerfile.") && !name.ends_with(".dockerignore")
}

/// Joins continued lines and leaves out comments. The text of a here-document
/// (`RUN <<EOF`) is no instruction.
pub fn instructions(text: &str) -> Vec<Instruction> {
    let mut found: Vec<Instruction> = Vec::new();
    let mut open = false;
    let mut ends: Vec<String> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if let Some(end) = ends.first() {
            if trimmed == end {
                ends.remove(0);
            }
            continue;
        }
        if trimmed.starts_with('#') || trimmed.is_empty() {
            continue;
        }
        let (body, continues) = match trimmed.strip_suffix('\\') {
            Some(body) => (body.trim_end(), true),
            None => (trimmed, false),
        };
        match (open, found.last_mut()) {
            (true, Some(last)) => {
                last.last = at + 1;
                last.rest.push(' ');
                last.rest.push_str(body);
            }
            _ => {
                let (name, rest) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
                found.push(Instruction {
                    line: at + 1,
                    last: at + 1,
                    name: name.to_ascii_uppercase(),
                    rest: rest.trim().to_owned(),
                });
            }
        }
        open = continues;
        if !open && let Some(last) = found.last() {
            ends = here_documents(last);
        }
    }
    found
}

fn here_documents(instruction: &Instruction) -> Vec<String> {
    if !matches!(instruction.name.as_str(), "RUN" | "COPY" | "ADD") {
        return Vec::new();
    }
    words(&instruction.rest)
        .filter_map(|word| word.strip_prefix("<<"))
        .map(|word| word.trim_start_matches('-').trim_matches(['"', '\'']))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
        .map(str::to_owned)
        .collect()
}

/// The words of an instruction.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
}

/// What `COPY` and `ADD` take from the build context.
pub fn sources(instructions: &[Instruction]) -> Vec<String> {
    let mut sources = Vec::new();
    for instruction in instructions {
        if !matches!(instruction.name.as_str(), "COPY" | "ADD") {
            continue;
        }
        let mut from_elsewhere = false;
        let mut rest = instruction.rest.as_str();
        while let Some(flag) = rest.strip_prefix("--") {
            from_elsewhere |= flag.starts_with("from=");
            rest = flag
                .split_once(char::is_whitespace)
                .map_or("", |(_, rest)| rest.trim_start());
        }
        if from_elsewhere || rest.starts_with("<<") {
            continue;
        }
        let list: Vec<String> = if rest.starts_with('[') {
            serde_json::from_str(rest).unwrap_or_default()
        } else {
            words(rest)
                .map(|word| word.trim_matches(['"', '\'']).to_owned())
                .collect()
        };
        let Some((_, list)) = list.split_last() else {
            continue;
        };
        sources.extend(
            list.iter()
                .filter(|source| !source.contains("://") && !source.contains('$'))
                .map(|source| path::normalise(source)),
        );
    }
    sources
}
