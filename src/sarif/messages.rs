//! Messages by id and with arguments.

use std::borrow::Cow;

use super::document::Message;
use super::json::{Map, Text};

/// The text of a result's message: its own, or that of its id in the rule or in
/// the tool's messages, with the arguments filled in.
pub(super) fn expand<'a>(
    message: &mut Message<'a>,
    of_rule: Option<&Map<'a, Message<'a>>>,
    of_tool: &Map<'a, Message<'a>>,
) -> Option<Cow<'a, str>> {
    let arguments = &message.arguments.0;
    let own = message.text.take().or_else(|| message.markdown.take());
    if let Some(text) = own {
        return Some(if arguments.is_empty() {
            text
        } else {
            fill(&text, arguments).into()
        });
    }
    let id = message.id.get()?;
    let found = of_rule
        .and_then(|messages| messages.get(id))
        .or_else(|| of_tool.get(id))?;
    let text = found.text.cow().or_else(|| found.markdown.cow())?;
    Some(if text.contains(['{', '}']) {
        fill(&text, arguments).into()
    } else {
        text
    })
}

/// `{0}` is the first argument, `{{` a brace. What is no placeholder of an
/// argument stays as it is.
fn fill(text: &str, arguments: &[Text<'_>]) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
            continue;
        }
        let argument = (brace == "{")
            .then(|| rest.split_once('}'))
            .flatten()
            .and_then(|(number, after)| {
                Some((arguments.get(number.parse::<usize>().ok()?)?, after))
            });
        if let Some((argument, after)) = argument {
            out.push_str(argument.get().unwrap_or_default());
            rest = after;
        } else {
            out.push_str(brace);
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_braces_stay() {
        let arguments: super::super::json::List<Text<'_>> =
            serde_json::from_str(r#"["a", 2, "{0}"]"#).expect("read");
        let fill = |text: &str| fill(text, &arguments.0);
        assert_eq!(fill("{0} and {1}, {2}"), "a and 2, {0}");
        assert_eq!(fill("{{0}} {9} {x} } {"), "{0} {9} {x} } {");
        assert_eq!(fill("{0"), "{0");
    }
}
