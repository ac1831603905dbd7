//! TOML, through `toml_edit`.

use toml_edit::{Document, Item, TableLike};

use super::{Entry, Lines, Node, SyntaxError, Value};

pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let lines = Lines::of(text);
    let document = Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        SyntaxError {
            line: lines.line(at),
            column: text[line_start..at].chars().count() + 1,
            message: error.message().to_owned(),
        }
    })?;
    Ok(table(document.as_table(), 1, &lines))
}

fn table(table: &dyn TableLike, line: usize, lines: &Lines) -> Node {
    let entries = table
        .iter()
        .map(|(key, item)| {
            let line = table
                .get_key_value(key)
                .and_then(|(key, _)| key.span())
                .map_or(line, |span| lines.line(span.start));
            Entry {
                key: key.to_owned(),
                line,
                node: node(item, line, lines),
            }
        })
        .collect();
    Node::new(line, Value::Map(entries))
}

fn node(item: &Item, line: usize, lines: &Lines) -> Node {
    let line = item.span().map_or(line, |span| lines.line(span.start));
    if let Some(nested) = item.as_table_like() {
        return table(nested, line, lines);
    }
    if let Some(tables) = item.as_array_of_tables() {
        let items = tables
            .iter()
            .map(|nested| {
                let line = nested.span().map_or(line, |span| lines.line(span.start));
                table(nested, line, lines)
            })
            .collect();
        return Node::new(line, Value::List(items));
    }
    item.as_value()
        .map_or(Node::new(line, Value::Null), |found| {
            value(found, line, lines)
        })
}

fn value(found: &toml_edit::Value, line: usize, lines: &Lines) -> Node {
    let line = found.span().map_or(line, |span| lines.line(span.start));
    let value = match found {
        toml_edit::Value::String(text) => Value::String(text.value().clone()),
        toml_edit::Value::Integer(number) => Value::Number(number.value().to_string()),
        toml_edit::Value::Float(number) => Value::Number(number.value().to_string()),
        toml_edit::Value::Boolean(truth) => Value::Bool(*truth.value()),
        toml_edit::Value::Datetime(date) => Value::String(date.value().to_string()),
        toml_edit::Value::Array(items) => {
            Value::List(items.iter().map(|item| value(item, line, lines)).collect())
        }
        toml_edit::Value::InlineTable(nested) => return table(nested, line, lines),
    };
    Node::new(line, value)
}
