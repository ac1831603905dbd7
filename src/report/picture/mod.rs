//! Boxes and arrows: what a plan looks like. Mermaid for job summaries, which GitHub and GitLab
//! draw, and SVG for the page, which needs nobody to draw it.

pub mod mirror;
pub mod pipeline;
mod svg;

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::svg::svg;
use crate::sys::ui::escape_line;

/// Mermaid draws no more arrows (`maxEdges`).
const MAX_ARROWS: usize = 500;

/// Mermaid reads no more characters (`maxTextSize` is 50,000).
const MAX_TEXT: usize = 49_000;

/// A picture. It is part of the JSON of plans, so that a page can show what another run planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Picture {
    /// What it shows, in a sentence.
    pub title: String,
    /// Its parts, one below the other.
    pub groups: Vec<Group>,
}

/// Boxes that belong together; arrows lead from one to another within.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// The boxes.
    pub boxes: Vec<Box>,
}

/// A box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Box {
    /// What it stands for.
    pub name: String,
    /// What else is to be said, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// How it looks; the words say the same.
    #[serde(default)]
    pub tone: Tone,
    /// The positions in the group of those from which an arrow leads here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<usize>,
}

/// How a box looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// Something is done.
    Change,
    /// A person has to look.
    Trouble,
}

impl Tone {
    /// Fill and line. Black on each fill has a contrast of more than 12.
    const fn colours(self) -> (&'static str, &'static str) {
        match self {
            Self::Plain => ("#f4f4f7", "#55565c"),
            Self::Change => ("#d9f0df", "#1b6b2f"),
            Self::Trouble => ("#fbdcd9", "#a3140c"),
        }
    }
}

impl Picture {
    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        self.groups.iter().all(|group| group.boxes.is_empty())
    }

    /// The picture as a block of Markdown; empty where there is nothing to draw, and a sentence
    /// where forges would draw nothing because it is too large.
    pub fn markdown(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let boxes = || self.groups.iter().flat_map(|group| &group.boxes);
        let arrows: usize = boxes().map(|one| one.after.len()).sum();
        let text = self.mermaid();
        if arrows > MAX_ARROWS || text.len() > MAX_TEXT {
            return format!(
                "\nThe picture has {} boxes, too many to be drawn here: `ci-tool report --plan` draws them.\n",
                boxes().count()
            );
        }
        format!("\n```mermaid\n{text}```\n")
    }

    /// The picture as a flowchart of Mermaid.
    pub fn mermaid(&self) -> String {
        let mut out = String::from("flowchart LR\n");
        let mut toned: [Vec<String>; 2] = [Vec::new(), Vec::new()];
        for (at, group) in self.groups.iter().enumerate() {
            let _ = writeln!(out, "  subgraph g{at}[\"{}\"]", label(&group.name));
            for (index, one) in group.boxes.iter().enumerate() {
                let remark = one.remark.as_deref().map(label);
                let remark = remark.map_or_else(String::new, |remark| format!("<br>{remark}"));
                let _ = writeln!(out, "    b{at}x{index}[\"{}{remark}\"]", label(&one.name));
                match one.tone {
                    Tone::Plain => {}
                    Tone::Change => toned[0].push(format!("b{at}x{index}")),
                    Tone::Trouble => toned[1].push(format!("b{at}x{index}")),
                }
            }
            for (index, one) in group.boxes.iter().enumerate() {
                for after in &one.after {
                    let _ = writeln!(out, "    b{at}x{after} --> b{at}x{index}");
                }
            }
            out.push_str("  end\n");
        }
        for (tone, boxes) in [Tone::Change, Tone::Trouble].into_iter().zip(toned) {
            if !boxes.is_empty() {
                let (fill, line) = tone.colours();
                let class = format!("{tone:?}").to_lowercase();
                let _ = writeln!(
                    out,
                    "  classDef {class} fill:{fill},stroke:{line},color:#000\n  class {} {class}",
                    boxes.join(",")
                );
            }
        }
        out
    }
}

/// A text in which nothing is markup of Mermaid or HTML: what could be is written as its number.
fn label(text: &str) -> String {
    let mut out = String::new();
    for c in escape_line(text).chars() {
        match c {
            'a'..='z'
            | 'A'..='Z'
            | '0'..='9'
            | ' '
            | '-'
            | '_'
            | '.'
            | '/'
            | ':'
            | ','
            | '('
            | ')' => {
                out.push(c);
            }
            c if c.is_alphanumeric() => out.push(c),
            c => {
                let _ = write!(out, "#{};", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_markup() {
        let picture = Picture {
            title: "t".to_owned(),
            groups: vec![Group {
                name: "a\"]; click b0x0 \"javascript:x\"".to_owned(),
                boxes: vec![Box {
                    name: "<img src=x>\nend".to_owned(),
                    remark: Some("```".to_owned()),
                    tone: Tone::Trouble,
                    after: Vec::new(),
                }],
            }],
        };
        let text = picture.markdown();
        assert!(
            !text.contains("<img") && !text.contains("\"javascript"),
            "{text}"
        );
        assert_eq!(text.matches("```").count(), 2, "{text}");
        assert_eq!(text.matches('"').count(), 4, "{text}");
        assert!(text.contains("class b0x0 trouble"), "{text}");
        let text = svg(&picture);
        assert!(!text.contains("<img"), "{text}");
    }

    #[test]
    fn what_is_too_large_is_said() {
        let one = |at: usize| Box {
            name: format!("box {at}"),
            remark: None,
            tone: Tone::Plain,
            after: at.checked_sub(1).into_iter().collect(),
        };
        let picture = |count: usize| Picture {
            title: String::new(),
            groups: vec![Group {
                name: "all".to_owned(),
                boxes: (0..count).map(one).collect(),
            }],
        };
        assert!(picture(501).markdown().contains("```mermaid"));
        let told = picture(502).markdown();
        assert!(
            told.contains("502 boxes") && !told.contains("```"),
            "{told}"
        );
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let picture = Picture {
            title: String::new(),
            groups: Vec::new(),
        };
        assert_eq!(picture.markdown(), "");
    }
}
