//! Code flows, related locations and fixes are passed through as JSON text. What
//! they say by the numbers of a run's lists, or relative to its bases, is
//! spelled out first: in another run the numbers would mean something else.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::paths;

/// The path of an artifact, by its URI, its base and its number.
pub(super) type Resolve<'c> =
    dyn Fn(Option<&str>, Option<&str>, Option<u32>) -> Option<String> + 'c;

/// How parts of a run are made independent of it.
pub(super) struct Flows<'c, 'a> {
    /// The path of an artifact.
    pub(super) resolve: &'c Resolve<'c>,
    /// Whether a base stands for a folder.
    pub(super) has_prefixes: bool,
    /// The run's `threadFlowLocations`.
    pub(super) shared: Option<&'a str>,
}

impl<'a> Flows<'_, 'a> {
    /// The text itself where every place is written out as it should be; else a
    /// copy in which it is.
    pub(super) fn portable(&self, raw: &'a str) -> Cow<'a, str> {
        if self.shared.is_none() && !self.has_prefixes && is_portable(raw) {
            return Cow::Borrowed(raw);
        }
        let Ok(mut value) = serde_json::from_str::<Value>(raw) else {
            return Cow::Borrowed(raw);
        };
        let shared = self
            .shared
            .and_then(|shared| serde_json::from_str::<Vec<Value>>(shared).ok());
        self.spell_out(&mut value, shared.as_deref().unwrap_or_default());
        Cow::Owned(value.to_string())
    }

    fn spell_out(&self, value: &mut Value, shared: &[Value]) {
        match value {
            Value::Array(items) => items
                .iter_mut()
                .for_each(|item| self.spell_out(item, shared)),
            Value::Object(fields) => {
                if let Some(Value::Array(flows)) = fields.get_mut("threadFlows") {
                    let locations = flows
                        .iter_mut()
                        .filter_map(|flow| flow.get_mut("locations")?.as_array_mut());
                    locations
                        .flatten()
                        .for_each(|location| spell_out_shared(location, shared));
                }
                for (key, field) in fields.iter_mut() {
                    match field {
                        Value::Object(location) if key == "artifactLocation" => {
                            self.spell_out_path(location)
                        }
                        field => self.spell_out(field, shared),
                    }
                }
            }
            _ => {}
        }
    }

    fn spell_out_path(&self, location: &mut Map<String, Value>) {
        let text = |key: &str| location.get(key).and_then(Value::as_str);
        let index = location.get("index").and_then(Value::as_u64);
        let index = index.and_then(|index| u32::try_from(index).ok());
        if let Some(path) = (self.resolve)(text("uri"), text("uriBaseId"), index) {
            let uri = paths::encode(&path).into_owned();
            *location = Map::from_iter([("uri".to_owned(), Value::String(uri))]);
        }
    }
}

fn spell_out_shared(location: &mut Value, shared: &[Value]) {
    let index = location
        .get("index")
        .and_then(Value::as_u64)
        .and_then(|index| usize::try_from(index).ok());
    if let (Some(Value::Object(shared)), Some(own)) = (
        index.and_then(|index| shared.get(index)),
        location.as_object_mut(),
    ) {
        for (key, value) in shared {
            own.entry(key.as_str()).or_insert_with(|| value.clone());
        }
    }
}

/// Whether every artifact is given by a URI that needs no change.
fn is_portable(raw: &str) -> bool {
    let count = |word: &str| memchr::memmem::find_iter(raw.as_bytes(), word).count();
    let mut uris = 0;
    for at in memchr::memmem::find_iter(raw.as_bytes(), "\"uri\"") {
        let rest = raw[at + 5..].trim_start();
        let Some(text) = rest
            .strip_prefix(':')
            .and_then(|rest| rest.trim_start().strip_prefix('"'))
        else {
            return false;
        };
        let uri = &text[..text.find('"').unwrap_or(text.len())];
        if !paths::is_plain(uri) || uri.contains(' ') {
            return false;
        }
        uris += 1;
    }
    uris >= count("\"artifactLocation\"")
}
