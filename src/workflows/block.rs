//! A YAML text as a tree of blocks: each knows its own lines, so that it can be
//! written again byte for byte, or at another indentation.

use crate::project::document::{self, Node, Syntax, Value};

/// What a block consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Lines that are not taken apart: a scalar, a flow collection.
    Leaf,
    /// A key above a mapping's entries, or the document itself.
    Map,
    /// A key above a list's items.
    Sequence,
    /// A list's item that is a mapping.
    Item,
}

/// An entry of a mapping, an item of a list, or the whole document.
#[derive(Debug, Clone)]
pub(super) struct Block<'t> {
    pub(super) kind: Kind,
    /// The key; for an item the text by which people know it.
    pub(super) key: String,
    /// The value, where it is a scalar.
    pub(super) scalar: Option<String>,
    /// The line, counted from 1.
    pub(super) line: usize,
    /// The column of the key or of the dash, counted from 0.
    pub(super) indent: usize,
    /// Blank lines and comments above it, as they are.
    pub(super) lead: Vec<&'t str>,
    /// The first line from `indent` on. Empty for a document and for an item,
    /// whose first entry stands on the line of its dash.
    pub(super) head: &'t str,
    /// An item's dash with the spaces behind it.
    pub(super) dash: &'t str,
    /// The other lines of a leaf, as they are.
    pub(super) rest: Vec<&'t str>,
    /// Comments and blank lines below everything else of the block, as they are.
    pub(super) tail: Vec<&'t str>,
    pub(super) children: Vec<Self>,
}

/// The text cannot be taken apart into blocks; lines are all that is left.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unstructured;

impl<'t> Block<'t> {
    /// Reads a document whose root is a mapping in block style.
    pub(super) fn parse(text: &'t str) -> Result<Self, Unstructured> {
        let node = document::parse(text, Syntax::Yaml).map_err(|_| Unstructured)?;
        let lines: Vec<&str> = lines_of(text).collect();
        let is_plain = lines.iter().enumerate().all(|(at, line)| {
            let document_mark = *line == "---" || line.starts_with("--- ") || *line == "...";
            !indentation(line).contains('\t') && (!document_mark || at == 0)
        });
        let Value::Map(_) = &node.value else {
            return Err(Unstructured);
        };
        if !is_plain || text.starts_with('\u{feff}') {
            return Err(Unstructured);
        }
        let reader = Reader { lines };
        let end = reader.end_of(0..reader.lines.len(), 1);
        let children = reader.entries(&node, 0, end, None)?;
        Ok(Self {
            kind: Kind::Map,
            key: String::new(),
            scalar: None,
            line: 1,
            indent: 0,
            lead: Vec::new(),
            head: "",
            dash: "",
            rest: Vec::new(),
            tail: reader.lines[end..].to_vec(),
            children,
        })
    }

    /// The child with a key.
    pub(super) fn child(&self, key: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.key == key)
    }

    /// Whether it is an item of a list.
    pub(super) fn is_item(&self) -> bool {
        self.kind == Kind::Item || self.head.starts_with("- ") || self.head == "-"
    }

    /// The first block in it whose key its parent has twice.
    pub(super) fn twin(&self) -> Option<&Self> {
        let mut keys = std::collections::BTreeSet::new();
        self.children.iter().find_map(|child| {
            let is_twin = !child.is_item() && !keys.insert(&child.key);
            if is_twin { Some(child) } else { child.twin() }
        })
    }

    /// What the block says below its lead, without its place: equal for texts
    /// that differ in indentation and line endings alone.
    pub(super) fn body_canon(&self) -> String {
        let children: String = self.children.iter().map(Self::canon).collect();
        format!(
            "{}\u{3}{}\u{4}",
            shape_of(
                self.kind,
                self.head,
                &dedented(&self.rest).join("\n"),
                &[children]
            ),
            self.tail_canon()
        )
    }

    /// The same of the lines above it.
    pub(super) fn lead_canon(&self) -> String {
        canon_of_comments(self.lead.iter().copied())
    }

    /// The same of the lines below it.
    pub(super) fn tail_canon(&self) -> String {
        canon_of_comments(self.tail.iter().copied())
    }

    fn canon(&self) -> String {
        format!("{}{}", self.lead_canon(), self.body_canon())
    }

    /// What the block says, without the comments around it.
    pub(super) fn shape(&self) -> String {
        let children: Vec<String> = self.children.iter().map(Self::shape).collect();
        shape_of(
            self.kind,
            self.head,
            &dedented(&self.rest).join("\n"),
            &children,
        )
    }

    /// Its lines, with the lead, at `indent`; deeper levels step by `unit`, or
    /// as they are without one.
    pub(super) fn lines(&self, indent: usize, unit: Option<usize>) -> Vec<String> {
        let mut lines = self.lead_lines(indent);
        lines.extend(self.body_lines(indent, unit));
        lines
    }

    /// The lines above it, for a place at `indent`.
    pub(super) fn lead_lines(&self, indent: usize) -> Vec<String> {
        shifted(&self.lead, self.indent, indent)
    }

    /// The lines below everything else of it, for a place at `indent`.
    pub(super) fn tail_lines(&self, indent: usize) -> Vec<String> {
        shifted(&self.tail, self.indent, indent)
    }

    /// Whether a blank line stands between its first children.
    pub(super) fn is_spaced(&self) -> bool {
        let second = self.children.get(1).and_then(|child| child.lead.first());
        second.is_some_and(|line| line.trim().is_empty())
    }

    /// Its lines without the lead.
    pub(super) fn body_lines(&self, indent: usize, unit: Option<usize>) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.head.is_empty() {
            lines.push(format!("{}{}", " ".repeat(indent), self.head));
        }
        lines.extend(shifted(&self.rest, self.indent, indent));
        let mut below = Vec::new();
        for child in &self.children {
            let place = child_indent(self, child, indent, unit);
            below.extend(child.lines(place, unit));
        }
        if self.kind == Kind::Item {
            put_dash(&mut below, indent, self.dash);
        }
        lines.extend(below);
        lines.extend(self.tail_lines(indent));
        lines
    }
}

/// Where a child of `block` stands if `block` stands at `indent`.
pub(super) fn child_indent(
    block: &Block<'_>,
    child: &Block<'_>,
    indent: usize,
    unit: Option<usize>,
) -> usize {
    let offset = child.indent.saturating_sub(block.indent);
    let is_document = block.kind == Kind::Map && block.head.is_empty();
    match unit {
        Some(unit) if offset > 0 && block.kind != Kind::Item && !is_document => indent + unit,
        _ => indent + offset,
    }
}

/// Puts an item's dash before its first entry. The entry's column is that of
/// the text behind the dash.
pub(super) fn put_dash(lines: &mut [String], indent: usize, dash: &str) {
    if let Some(first) = lines.first_mut() {
        let text = first.trim_start_matches(' ').to_owned();
        *first = format!("{}{dash}{text}", " ".repeat(indent));
    }
}

/// What [`Block::shape`] gives for a block of these parts.
pub(super) fn shape_of(kind: Kind, head: &str, rest: &str, children: &[String]) -> String {
    format!(
        "\u{1}{}{}\n{rest}\u{2}{}\u{5}",
        kind as u8,
        head.trim_end_matches(['\r', ' ']),
        children.concat()
    )
}

/// Comments without their place. Blank lines count: they are form that a person
/// may want.
pub(super) fn canon_of_comments<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    lines.fold(String::new(), |mut canon, line| {
        canon.push_str(line.trim());
        canon.push('\n');
        canon
    })
}

/// The lines without the indentation that all of them share.
pub(super) fn dedented(lines: &[&str]) -> Vec<String> {
    let shared = shared_indent(lines);
    lines
        .iter()
        .map(|line| {
            let line = line.trim_end_matches('\r');
            line.get(shared.min(line.len())..)
                .unwrap_or(line)
                .to_owned()
        })
        .map(|line| {
            if line.trim().is_empty() {
                String::new()
            } else {
                line
            }
        })
        .collect()
}

/// The indentation that all lines that are not blank share.
pub(super) fn shared_indent(lines: &[&str]) -> usize {
    lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| indentation(line).len())
        .min()
        .unwrap_or(0)
}

/// Lines of a block at `from`, for a block at `to`.
fn shifted(lines: &[&str], from: usize, to: usize) -> Vec<String> {
    lines
        .iter()
        .map(|line| {
            if from == to || line.trim().is_empty() {
                return (*line).to_owned();
            }
            let own = indentation(line).len();
            let indent = (own + to).saturating_sub(from);
            format!("{}{}", " ".repeat(indent), &line[own..])
        })
        .collect()
}

fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// Lines without `\n`; a `\r` before it stays, so that a line can be written as it was.
fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.strip_suffix('\n').unwrap_or(text).split('\n')
}

/// Reads blocks from lines, led by the parsed nodes.
struct Reader<'t> {
    lines: Vec<&'t str>,
}

impl<'t> Reader<'t> {
    /// The entries of a mapping in the lines from `start` to before `end`. The
    /// first entry of an item stands on the dash's line, at column `inline`.
    fn entries(
        &self,
        node: &Node,
        start: usize,
        end: usize,
        inline: Option<usize>,
    ) -> Result<Vec<Block<'t>>, Unstructured> {
        let entries = node.entries();
        let places: Vec<(usize, usize)> = entries
            .iter()
            .enumerate()
            .map(|(at, entry)| {
                let line = entry.line - 1;
                let column = match inline {
                    Some(column) if at == 0 => column,
                    _ => indentation(self.lines.get(line).ok_or(Unstructured)?).len(),
                };
                Ok((line, column))
            })
            .collect::<Result<_, Unstructured>>()?;
        self.regions(&places, start, end)?
            .into_iter()
            .zip(entries)
            .map(|(region, entry)| self.entry(region, &entry.key, &entry.node))
            .collect()
    }

    /// Parts the lines among siblings at `places` (line and column, from 0).
    fn regions(
        &self,
        places: &[(usize, usize)],
        start: usize,
        end: usize,
    ) -> Result<Vec<Region>, Unstructured> {
        let mut regions = Vec::with_capacity(places.len());
        let mut lead = start;
        for (at, &(line, column)) in places.iter().enumerate() {
            let same_column = column == places[0].1;
            if line < lead || line >= end || !same_column {
                return Err(Unstructured);
            }
            let is_start = |line: &&str| is_blank_or_comment(line) || line.trim() == "---";
            if !self.lines[lead..line].iter().all(is_start) {
                return Err(Unstructured);
            }
            let next = places.get(at + 1).map_or(end, |&(next, column)| {
                let mut first = next;
                while first > line + 1
                    && is_blank_or_comment(self.lines[first - 1])
                    && indentation(self.lines[first - 1]).len() <= column
                {
                    first -= 1;
                }
                first
            });
            if next <= line {
                return Err(Unstructured);
            }
            regions.push(Region {
                lead,
                line,
                column,
                end: next,
            });
            lead = next;
        }
        Ok(regions)
    }

    /// Where the lines of a block end whose first child is at line `first`.
    fn inner_end(&self, region: &Region, first: usize) -> Result<usize, Unstructured> {
        let line = self.lines.get(first).ok_or(Unstructured)?;
        Ok(self.end_of(region.line..region.end, indentation(line).len()))
    }

    /// Where the lines end that belong to blocks at `column`: a comment that
    /// stands further left belongs to something around them.
    fn end_of(&self, lines: std::ops::Range<usize>, column: usize) -> usize {
        let mut end = lines.end;
        for at in lines.rev() {
            let line = self.lines[at];
            if !is_blank_or_comment(line) {
                break;
            }
            if !line.trim().is_empty() && indentation(line).len() < column {
                end = at;
            }
        }
        // Blank lines above such a comment go with it.
        while end > 0
            && end < self.lines.len()
            && self.lines[end - 1].trim().is_empty()
            && is_blank_or_comment(self.lines[end])
        {
            end -= 1;
        }
        end
    }

    fn entry(&self, region: Region, key: &str, node: &Node) -> Result<Block<'t>, Unstructured> {
        let head = self.lines[region.line]
            .get(region.column..)
            .ok_or(Unstructured)?;
        let value = value_behind(head, key).ok_or(Unstructured)?;
        let mut block = self.block(&region, Kind::Leaf, key, head);
        let opens = value.is_empty() || value.starts_with(['#', '&', '!']);
        let below = |line: Option<usize>| line.is_some_and(|line| line - 1 > region.line);
        if opens && below(node.entries().first().map(|entry| entry.line)) {
            block.kind = Kind::Map;
            let first = node.entries()[0].line - 1;
            let end = self.inner_end(&region, first)?;
            block.children = self.entries(node, region.line + 1, end, None)?;
            block.tail = self.lines[end..region.end].to_vec();
            if block.children[0].indent <= region.column {
                return Err(Unstructured);
            }
        } else if opens && below(node.items().first().map(|item| item.line)) {
            block.kind = Kind::Sequence;
            let first = node.items()[0].line - 1;
            let end = self.inner_end(&region, first)?;
            block.children = self.items(node, region.line + 1, end)?;
            block.tail = self.lines[end..region.end].to_vec();
            if block.children[0].indent < region.column {
                return Err(Unstructured);
            }
        } else {
            block.scalar = node.scalar().map(str::to_owned);
            self.fill_leaf(&mut block, &region, value);
        }
        Ok(block)
    }

    fn items(&self, node: &Node, start: usize, end: usize) -> Result<Vec<Block<'t>>, Unstructured> {
        let places: Vec<(usize, usize)> = node
            .items()
            .iter()
            .map(|item| {
                let line = self.lines.get(item.line - 1).ok_or(Unstructured)?;
                let column = indentation(line).len();
                line[column..]
                    .starts_with('-')
                    .then_some((item.line - 1, column))
                    .ok_or(Unstructured)
            })
            .collect::<Result<_, Unstructured>>()?;
        self.regions(&places, start, end)?
            .into_iter()
            .zip(node.items())
            .map(|(region, item)| self.item(region, item))
            .collect()
    }

    fn item(&self, region: Region, node: &Node) -> Result<Block<'t>, Unstructured> {
        let head = &self.lines[region.line][region.column..];
        let behind = head[1..].trim_start_matches(' ');
        let dash = &head[..head.len() - behind.len()];
        let first = node.entries().first();
        let is_map = first.is_some_and(|entry| {
            entry.line - 1 == region.line && value_behind(behind, &entry.key).is_some()
        });
        if !is_map {
            let mut block = self.block(&region, Kind::Leaf, behind.trim_end(), head);
            block.scalar = node.scalar().map(str::to_owned);
            self.fill_leaf(&mut block, &region, behind);
            return Ok(block);
        }
        let mut block = self.block(&region, Kind::Item, "", "");
        block.dash = dash;
        let inner = region.column + dash.len();
        let end = self.end_of(region.line..region.end, inner);
        block.children = self.entries(node, region.line, end, Some(inner))?;
        block.tail = self.lines[end..region.end].to_vec();
        block.key = name_of(&block);
        Ok(block)
    }

    fn block(&self, region: &Region, kind: Kind, key: &str, head: &'t str) -> Block<'t> {
        Block {
            kind,
            key: key.to_owned(),
            scalar: None,
            line: region.line + 1,
            indent: region.column,
            lead: self.lines[region.lead..region.line].to_vec(),
            head,
            dash: "",
            rest: Vec::new(),
            tail: Vec::new(),
            children: Vec::new(),
        }
    }

    fn fill_leaf(&self, block: &mut Block<'t>, region: &Region, value: &str) {
        let is_block_scalar = value.starts_with(['|', '>']);
        let mut end = region.end;
        while end > region.line + 1 {
            let line = self.lines[end - 1];
            let is_content = is_block_scalar
                && !line.trim().is_empty()
                && indentation(line).len() > region.column;
            if !is_blank_or_comment(line) || is_content {
                break;
            }
            end -= 1;
        }
        block.rest = self.lines[region.line + 1..end].to_vec();
        block.tail = self.lines[end..region.end].to_vec();
    }
}

/// The lines of one sibling, counted from 0: from `lead` to before `end`, its
/// first at `line`.
struct Region {
    lead: usize,
    line: usize,
    column: usize,
    end: usize,
}

/// What stands behind a key and its colon.
fn value_behind<'l>(head: &'l str, key: &str) -> Option<&'l str> {
    let bare = head
        .strip_prefix(key)
        .or_else(|| {
            let quote = head.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            head[1..].strip_prefix(key)?.strip_prefix(quote)
        })?
        .trim_start_matches(' ');
    let value = bare.strip_prefix(':')?;
    (value.trim_end().is_empty() || value.starts_with(' ')).then(|| value.trim())
}

/// The text by which people know an item.
fn name_of(item: &Block<'_>) -> String {
    ["name", "id", "uses", "run", "package-ecosystem"]
        .iter()
        .find_map(|key| item.child(key)?.scalar.as_deref())
        .map(|name| name.lines().next().unwrap_or_default().to_owned())
        .or_else(|| item.children.first().map(|child| child.key.clone()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
---
# top
name: X   # trailing

on:
  push:
    branches: [main]
# about jobs
jobs:
  a:
    # first
    steps:
      - name: A
        run: |
          one
            two

          # in the script
        # below
      # about B
      -   uses: x/y@1
          with: {a: 1,
            b: 2}
    # end of a
  \"b\":
    needs:
    - a
    env: &e
      K: v
# end
";

    #[test]
    fn a_text_is_written_again_byte_for_byte() {
        for text in [TEXT.to_owned(), TEXT.replace('\n', "\r\n")] {
            let block = Block::parse(&text).expect("blocks");
            let mut written = block.lines(0, None).join("\n");
            written.push('\n');
            assert_eq!(written, text);
        }
    }

    #[test]
    fn comments_belong_to_what_follows_and_deeper_ones_to_what_precedes() {
        let block = Block::parse(TEXT).expect("blocks");
        let jobs = block.child("jobs").expect("jobs");
        assert_eq!(jobs.lead, ["# about jobs"]);
        let a = jobs.child("a").expect("a");
        let steps = a.child("steps").expect("steps");
        assert_eq!(steps.lead, ["    # first"]);
        assert_eq!(steps.children[1].lead, ["      # about B"]);
        let run = steps.children[0].child("run").expect("run");
        assert_eq!(run.rest.len(), 4, "{:?}", run.rest);
        assert_eq!(run.tail, ["        # below"]);
        assert_eq!(steps.children[1].key, "x/y@1");
        assert_eq!(jobs.child("b").expect("b").children[0].kind, Kind::Sequence);
    }

    #[test]
    fn indentation_is_no_content_and_can_be_another() {
        let two = "a:\n  # c\n  b:\n    - x: |\n        s\n      y: 1\n  z: 2\n";
        let four = "a:\n    # c\n    b:\n        - x: |\n            s\n          y: 1\n    z: 2\n";
        let (small, large) = (
            Block::parse(two).expect("blocks"),
            Block::parse(four).expect("blocks"),
        );
        assert_eq!(small.canon(), large.canon());
        assert_eq!(format!("{}\n", small.lines(0, Some(4)).join("\n")), four);
        assert_eq!(format!("{}\n", large.lines(0, Some(2)).join("\n")), two);
    }

    #[test]
    fn what_is_no_block_style_is_refused() {
        for text in [
            "{a: 1}\n",
            "- a\n",
            "a: 1\n---\nb: 2\n",
            "a:\n\tb: 1\n",
            "a: [\n",
            "\u{feff}a: 1\n",
            "? a\n: b\n",
            "",
        ] {
            assert_eq!(Block::parse(text).err(), Some(Unstructured), "{text:?}");
        }
    }
}
