//! What a sync writes, and what it leaves to people: each ref from one side to the other.

use super::{Box, Group, Picture, Tone};

/// Of a group no more are drawn; the rest is counted.
const MAX_REFS: usize = 20;

/// A ref that is drawn.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// Its name.
    pub name: String,
    /// What is done with it, or why nothing is.
    pub what: String,
    /// Whether it goes from the mirror to the source.
    pub is_backwards: bool,
}

/// The picture of groups of refs; a group without any is left out.
pub fn picture(groups: Vec<(&str, Tone, Vec<Drawn>)>) -> Picture {
    let groups = groups.into_iter().filter(|(_, _, refs)| !refs.is_empty());
    Picture {
        title: "What goes from where to where".to_owned(),
        groups: groups
            .map(|(name, tone, refs)| group(name, tone, &refs))
            .collect(),
    }
}

fn group(name: &str, tone: Tone, refs: &[Drawn]) -> Group {
    let mut boxes = Vec::new();
    for one in refs.iter().take(MAX_REFS) {
        let (from, to) = match one.is_backwards {
            false => ("source", "mirror"),
            true => ("mirror", "source"),
        };
        let short = one
            .name
            .strip_prefix("refs/heads/")
            .or(one.name.strip_prefix("refs/"));
        boxes.push(Box {
            name: short.unwrap_or(&one.name).to_owned(),
            remark: Some(from.to_owned()),
            tone: Tone::Plain,
            after: Vec::new(),
        });
        boxes.push(Box {
            name: to.to_owned(),
            remark: Some(one.what.clone()),
            tone,
            after: vec![boxes.len() - 1],
        });
    }
    if let Some(more) = refs.len().checked_sub(MAX_REFS).filter(|more| *more > 0) {
        boxes.push(Box {
            name: format!("and {more} more"),
            remark: None,
            tone: Tone::Plain,
            after: Vec::new(),
        });
    }
    Group {
        name: format!("{name} ({})", refs.len()),
        boxes,
    }
}
