//! TOML, through `toml_edit`.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike};

use super::{Entry, Lines, Node, SyntaxError, Value};

pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let lines = Lines::of(text);
    let document = Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let (line, column) = lines.place(at);
        SyntaxError {
            line,
            column,
            message: error.message().to_owned(),
        }
    })?;
    Ok(table(document.as_table(), 0..0, &lines))
}

/// A table that is written at `span`: all of it for an inline one, its header for others.
fn table(table: &dyn TableLike, span: Range<usize>, lines: &Lines<'_>) -> Node {
    let entries = table
        .iter()
        .map(|(key, item)| {
            let own = table.get_key_value(key).and_then(|(key, _)| key.span());
            let own = own.unwrap_or(span.start..span.start);
            let (line, column) = lines.place(own.start);
            Entry {
                key: key.to_owned(),
                line,
                column,
                node: node(item, own.start, lines),
                span: own,
            }
        })
        .collect();
    lines.node(span, Value::Map(entries))
}

/// An item; one that does not know its place is where its key is.
fn node(item: &Item, key: usize, lines: &Lines<'_>) -> Node {
    let span = item.span().unwrap_or(key..key);
    if let Some(found) = item.as_value() {
        return value(found, key, lines);
    }
    // What follows a header belongs to no single place.
    let place = span.start..span.start;
    if let Some(nested) = item.as_table_like() {
        return table(nested, place, lines);
    }
    if let Some(tables) = item.as_array_of_tables() {
        let items = tables
            .iter()
            .map(|nested| {
                let start = nested.span().map_or(span.start, |span| span.start);
                table(nested, start..start, lines)
            })
            .collect();
        return lines.node(place, Value::List(items));
    }
    lines.node(place, Value::Null)
}

fn value(found: &toml_edit::Value, key: usize, lines: &Lines<'_>) -> Node {
    let span = found.span().unwrap_or(key..key);
    let value = match found {
        toml_edit::Value::String(text) => Value::String(text.value().clone()),
        toml_edit::Value::Integer(number) => Value::Number(number.value().to_string()),
        toml_edit::Value::Float(number) => Value::Number(number.value().to_string()),
        toml_edit::Value::Boolean(truth) => Value::Bool(*truth.value()),
        toml_edit::Value::Datetime(date) => Value::String(date.value().to_string()),
        toml_edit::Value::Array(items) => Value::List(
            items
                .iter()
                .map(|item| value(item, span.start, lines))
                .collect(),
        ),
        toml_edit::Value::InlineTable(nested) => return table(nested, span, lines),
    };
    lines.node(span, value)
}
