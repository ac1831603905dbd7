//! YAML, from the events of `saphyr-parser`. Scalars follow YAML 1.2, as
//! GitHub reads them: `on` and `yes` are texts.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{Entry, Node, SyntaxError, Value};

/// No workflow, compose file or manifest comes near it.
const MAX_DEPTH: usize = 100;
/// Nodes after aliases are expanded: bounds a "billion laughs" text.
const MAX_NODES: usize = 500_000;

/// A collection that is still being read.
struct Open {
    line: usize,
    column: usize,
    anchor: usize,
    is_map: bool,
    nodes: Vec<Node>,
}

/// Turns the parser's offsets, which count characters, into bytes.
enum Offsets {
    /// Every character is one byte.
    Ascii,
    /// The byte of every character, and the end.
    Table(Vec<usize>),
}

impl Offsets {
    fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Ascii;
        }
        let starts = text.char_indices().map(|(at, _)| at);
        Self::Table(starts.chain([text.len()]).collect())
    }

    fn byte(&self, character: usize) -> usize {
        match self {
            Self::Ascii => character,
            Self::Table(bytes) => bytes[character.min(bytes.len() - 1)],
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, (Node, usize)> = HashMap::new();
    let mut root = None;
    let mut budget = MAX_NODES;
    let offsets = Offsets::of(text);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| SyntaxError {
            line: error.marker().line(),
            column: error.marker().col() + 1,
            message: error.info().to_owned(),
        })?;
        let (line, column) = (span.start.line(), span.start.col() + 1);
        let fail = |message: &str| SyntaxError {
            line,
            column,
            message: message.to_owned(),
        };
        let finished = match event {
            Event::DocumentEnd => break,
            Event::MappingStart(anchor, _) | Event::SequenceStart(anchor, _) => {
                if open.len() >= MAX_DEPTH {
                    return Err(fail("nested too deeply"));
                }
                open.push(Open {
                    line,
                    column,
                    anchor,
                    is_map: matches!(event, Event::MappingStart(..)),
                    nodes: Vec::new(),
                });
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                let Some(closed) = open.pop() else { continue };
                let anchor = closed.anchor;
                (close(closed), anchor)
            }
            Event::Scalar(text, style, anchor, _) => {
                let value = match style {
                    ScalarStyle::Plain => plain(&text),
                    _ => Value::String(text.into_owned()),
                };
                let span = offsets.byte(span.start.index())..offsets.byte(span.end.index());
                let node = Node {
                    line,
                    column,
                    span,
                    value,
                };
                (node, anchor)
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = anchors.get(&anchor) else {
                    return Err(fail("alias of an anchor that is still open"));
                };
                budget = budget
                    .checked_sub(*size)
                    .ok_or_else(|| fail("aliases expand to too much"))?;
                let node = Node {
                    line,
                    column,
                    ..node.clone()
                };
                (node, 0)
            }
            _ => continue,
        };
        let (node, anchor) = finished;
        budget = budget
            .checked_sub(1)
            .ok_or_else(|| fail("too many values"))?;
        if anchor != 0 {
            anchors.insert(anchor, (node.clone(), size(&node)));
        }
        match open.last_mut() {
            Some(parent) => parent.nodes.push(node),
            None => root = Some(node),
        }
    }
    Ok(root.unwrap_or(Node::new(Value::Null)))
}

/// A mapping's nodes came as key, value, key, value.
fn close(open: Open) -> Node {
    let value = if open.is_map {
        let mut entries = Vec::with_capacity(open.nodes.len() / 2);
        let mut nodes = open.nodes.into_iter();
        while let (Some(key), Some(node)) = (nodes.next(), nodes.next()) {
            entries.push(Entry {
                key: key.scalar().unwrap_or_default().to_owned(),
                line: key.line,
                column: key.column,
                span: key.span,
                node,
            });
        }
        Value::Map(entries)
    } else {
        Value::List(open.nodes)
    };
    Node {
        line: open.line,
        column: open.column,
        span: 0..0,
        value,
    }
}

fn size(node: &Node) -> usize {
    1 + node.items().iter().map(size).sum::<usize>()
        + node
            .entries()
            .iter()
            .map(|entry| size(&entry.node))
            .sum::<usize>()
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
            && text.parse::<f64>().is_ok() =>
        {
            Value::Number(text.to_owned())
        }
        text => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_yaml_1_1_takes_for_booleans_stay_texts() {
        let node = parse("on: push\nyes: no\nversion: 3.10\n").expect("valid");
        assert_eq!(node.get("on").and_then(Node::str), Some("push"));
        assert_eq!(node.get("yes").and_then(Node::str), Some("no"));
        assert_eq!(node.get("version").and_then(Node::scalar), Some("3.10"));
    }

    #[test]
    fn aliases_are_expanded_within_bounds() {
        let node = parse("a: &x {k: 1}\nb: *x\n").expect("valid");
        assert_eq!(node.at(&["b", "k"]).and_then(Node::scalar), Some("1"));
        let mut laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let previous = format!("*a{}", level - 1);
            laughs += &format!(
                "a{level}: &a{level} [{}]\n",
                [previous.as_str(); 10].join(",")
            );
        }
        let error = parse(&laughs).expect_err("it would expand to a billion");
        assert!(error.message.contains("expand"), "{error:?}");
    }

    #[test]
    fn scalars_know_where_they_are_written() {
        let text =
            "# é\r\na: &x plain one # c\r\nb: \"qé\"\r\nc: [ 'x' , y ]\r\nd: *x\r\ne: !!str z\r\n";
        let node = parse(text).expect("valid");
        let written = |node: &Node| text[node.span.clone()].trim().to_owned();
        let at = |key| written(node.get(key).expect("there"));
        assert_eq!(at("a"), "&x plain one");
        assert_eq!(at("b"), "\"qé\"");
        assert_eq!(at("d"), "&x plain one");
        assert!(at("e").ends_with('z'));
        let items: Vec<String> = node
            .get("c")
            .expect("there")
            .items()
            .iter()
            .map(written)
            .collect();
        assert_eq!(items, ["'x'", "y"]);
    }

    #[test]
    fn block_scalars_keep_the_line_of_their_text() {
        let node = parse("run: |\n  one\n  two\nafter: 1\n").expect("valid");
        assert_eq!(node.get("run").and_then(Node::str), Some("one\ntwo\n"));
        assert_eq!(node.entry("after").map(|entry| entry.line), Some(4));
    }
}
