//! JSON with comments, through `jsonc-parser`.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::{Entry, Lines, Node, SyntaxError, Value};

pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let options = ParseOptions {
        allow_missing_commas: false,
        allow_loose_object_property_names: false,
        ..ParseOptions::default()
    };
    let parsed =
        parse_to_ast(text, &CollectOptions::default(), &options).map_err(|error| SyntaxError {
            line: error.line_display(),
            column: error.column_display(),
            message: error.kind().to_string(),
        })?;
    let lines = Lines::of(text);
    Ok(parsed
        .value
        .map_or(Node::new(Value::Null), |value| node(value, &lines)))
}

fn node(value: ast::Value<'_>, lines: &Lines<'_>) -> Node {
    let range = value.range();
    let value = match value {
        ast::Value::StringLit(text) => Value::String(text.value.into_owned()),
        ast::Value::NumberLit(number) => Value::Number(number.value.to_owned()),
        ast::Value::BooleanLit(truth) => Value::Bool(truth.value),
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::Array(array) => Value::List(
            array
                .elements
                .into_iter()
                .map(|item| node(item, lines))
                .collect(),
        ),
        ast::Value::Object(object) => Value::Map(
            object
                .properties
                .into_iter()
                .map(|property| entry(property, lines))
                .collect(),
        ),
    };
    lines.node(range.start..range.end, value)
}

fn entry(property: ast::ObjectProp<'_>, lines: &Lines<'_>) -> Entry {
    let range = property.name.range();
    let (line, column) = lines.place(range.start);
    Entry {
        key: property.name.into_string(),
        line,
        column,
        span: range.start..range.end,
        node: node(property.value, lines),
    }
}
