//! Writing JSON straight into bytes.

use std::borrow::Cow;
use std::io::Write as _;

/// JSON text that grows; commas come by themselves.
#[derive(Debug, Default)]
pub(super) struct Json(pub(super) Vec<u8>);

impl Json {
    fn comma(&mut self) {
        // No value ends so.
        if !matches!(self.0.last(), None | Some(b'{' | b'[' | b':')) {
            self.0.push(b',');
        }
    }

    /// A key of ours: nothing in it needs an escape.
    pub(super) fn key(&mut self, key: &'static str) {
        self.comma();
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    pub(super) fn object(&mut self, fields: impl FnOnce(&mut Self)) {
        self.comma();
        self.0.push(b'{');
        fields(self);
        self.0.push(b'}');
    }

    pub(super) fn array<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut item: impl FnMut(&mut Self, T),
    ) {
        self.comma();
        self.0.push(b'[');
        items.into_iter().for_each(|one| item(self, one));
        self.0.push(b']');
    }

    pub(super) fn text(&mut self, text: &str) {
        self.comma();
        // Neither a Vec nor a str refuses.
        let _ = serde_json::to_writer(&mut self.0, text);
    }

    pub(super) fn number(&mut self, number: impl std::fmt::Display) {
        self.comma();
        let _ = write!(self.0, "{number}");
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.number(flag);
    }

    /// JSON text as it is.
    pub(super) fn raw(&mut self, raw: &str) {
        self.comma();
        self.0.extend_from_slice(raw.as_bytes());
    }

    pub(super) fn field(&mut self, key: &'static str, text: &str) {
        self.key(key);
        self.text(text);
    }

    pub(super) fn field_if(&mut self, key: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.field(key, text);
        }
    }

    pub(super) fn texts<'t>(
        &mut self,
        key: &'static str,
        texts: impl IntoIterator<Item = &'t str>,
    ) {
        self.key(key);
        self.array(texts, Self::text);
    }
}

/// JSON text without the members of these names, whose values are numbers or
/// texts: what `raw` says by numbers of another run's lists.
pub(super) fn without<'r>(raw: &'r str, names: &[&str]) -> Cow<'r, str> {
    let bytes = raw.as_bytes();
    let mut cuts: Vec<(usize, usize)> = Vec::new();
    for name in names {
        let quoted = format!("\"{name}\"");
        cuts.extend(
            memchr::memmem::find_iter(bytes, &quoted)
                .filter_map(|at| member(bytes, at, quoted.len())),
        );
    }
    if cuts.is_empty() {
        return Cow::Borrowed(raw);
    }
    cuts.sort_unstable();
    let mut out = String::with_capacity(raw.len());
    let mut copied = 0;
    for (start, end) in cuts {
        if start > copied {
            out.push_str(&raw[copied..start]);
        }
        copied = copied.max(end);
        // What stays between an opening brace and the next member needs no comma.
        if out.trim_end().ends_with('{') {
            let rest = &raw[copied..];
            let blank = rest.len() - rest.trim_start().len();
            if rest[blank..].starts_with(',') {
                copied += blank + 1;
            }
        }
    }
    out.push_str(&raw[copied..]);
    Cow::Owned(out)
}

/// From the comma before a member to its end; `None` for what is no member or
/// has another value.
fn member(bytes: &[u8], at: usize, len: usize) -> Option<(usize, usize)> {
    let blank = |byte: &u8| byte.is_ascii_whitespace();
    let skip = |from: usize| from + bytes[from..].iter().take_while(|byte| blank(byte)).count();
    if at > 0 && bytes[at - 1] == b'\\' {
        return None;
    }
    let colon = skip(at + len);
    if bytes.get(colon) != Some(&b':') {
        return None;
    }
    let value = skip(colon + 1);
    let end = match bytes.get(value)? {
        b'"' => {
            let mut end = value + 1;
            while *bytes.get(end)? != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            end + 1
        }
        b'-' | b'0'..=b'9' => {
            value
                + bytes[value..]
                    .iter()
                    .take_while(|byte| !matches!(byte, b',' | b'}') && !blank(byte))
                    .count()
        }
        _ => return None,
    };
    let before = bytes[..at].iter().rposition(|byte| !blank(byte))?;
    Some((if bytes[before] == b',' { before } else { at }, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_go_and_the_rest_stays_json() {
        for (raw, expected) in [
            (r#"{"index":0,"uri":"a"}"#, r#"{"uri":"a"}"#),
            (r#"{"uri":"a","index":-1}"#, r#"{"uri":"a"}"#),
            (
                r#"{ "uri" : "a" , "uriBaseId" : "%S\"RC%" , "index" : 3 }"#,
                r#"{"uri":"a"}"#,
            ),
            (r#"{"index":0,"uriBaseId":"b"}"#, "{}"),
            (
                r#"[{"index":1},{"a":"\"index\":2","b":"index"}]"#,
                r#"[{},{"a":"\"index\":2","b":"index"}]"#,
            ),
            (r#"{"index":{"a":1}}"#, r#"{"index":{"a":1}}"#),
        ] {
            let without = without(raw, &["index", "uriBaseId"]);
            let read: serde_json::Value = serde_json::from_str(&without).expect(raw);
            assert_eq!(
                read,
                serde_json::from_str::<serde_json::Value>(expected).expect("JSON"),
                "{without}"
            );
        }
    }
}
