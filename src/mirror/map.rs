//! Names that are others on the mirror: `main` of the source is `upstream/main` there. The
//! engine and its record know the source's names alone; between them and the mirror every
//! name is put into the other's.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::address::Address;
use super::decide::Side;
use super::refs::{self, Filter, Oid, Refs, kind};
use super::transport::{How, Listing, Problem, Pushed, Subject, Transport, Trouble, Update, Write};

/// A rule: a name of the source, and the mirror's for it, each with one `*` or none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    source: String,
    mirror: String,
}

/// What is called otherwise on the mirror.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    rules: Vec<Rule>,
}

/// A rule is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamesError {
    /// A name has more than one `*`, or one side has it and the other not.
    #[error("`{0}: {1}`: both names have one `*`, or neither has")]
    Stars(String, String),
    /// A branch cannot become a tag.
    #[error("`{0}: {1}`: one is a branch and the other a tag")]
    Kinds(String, String),
    /// It is no name of a branch or tag.
    #[error("`{0}` is no name of a branch or tag")]
    Name(String),
    /// Two names of the source are one of the mirror.
    #[error("`{0}` and `{1}` have the same name on the mirror")]
    Same(String, String),
}

impl Names {
    /// Reads rules: names of the source, with what they are called on the mirror, as
    /// `main`, `release/*`, `tags/v*`.
    ///
    /// # Errors
    /// Where one is wrong.
    pub fn new(rules: &BTreeMap<String, String>) -> Result<Self, NamesError> {
        let mut read: Vec<Rule> = Vec::new();
        for (source, mirror) in rules {
            let stars = [source, mirror].map(|name| name.matches('*').count());
            if stars[0] != stars[1] || stars[0] > 1 {
                return Err(NamesError::Stars(source.clone(), mirror.clone()));
            }
            let rule = Rule {
                source: full(source)?,
                mirror: full(mirror)?,
            };
            if kind(&rule.source) != kind(&rule.mirror) {
                return Err(NamesError::Kinds(source.clone(), mirror.clone()));
            }
            if let Some(other) = read.iter().find(|known| known.mirror == rule.mirror) {
                let other = refs::short(&other.source).to_owned();
                return Err(NamesError::Same(other, source.clone()));
            }
            read.push(rule);
        }
        // What says more about a name decides: a whole name, then the longer beginning.
        read.sort_by_key(|rule| {
            let star = rule.source.find('*');
            (star.is_some(), std::cmp::Reverse(star))
        });
        Ok(Self { rules: read })
    }

    /// Whether everything keeps its name.
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What a ref of the source is called on the mirror.
    pub fn on_mirror(&self, name: &str) -> String {
        let mut renamed = self.rules.iter();
        renamed
            .find_map(|rule| put(&rule.source, &rule.mirror, name))
            .unwrap_or_else(|| name.to_owned())
    }

    /// What a ref of the mirror is called at the source; `None` where nothing of the
    /// source can have this name there.
    pub fn at_source(&self, name: &str) -> Option<String> {
        let candidates = self
            .rules
            .iter()
            .filter_map(|rule| put(&rule.mirror, &rule.source, name))
            .chain([name.to_owned()]);
        let mut fitting = candidates.filter(|candidate| self.on_mirror(candidate) == name);
        fitting.next()
    }

    /// The same, where the mirror is copied to the source.
    ///
    /// # Errors
    /// Where that cannot be told.
    pub fn swapped(&self) -> Result<Self, NamesError> {
        let swapped = self.rules.iter();
        let swapped = swapped.map(|rule| (rule.mirror.clone(), rule.source.clone()));
        Self::new(&swapped.collect())
    }

    /// What a source is called in the record, as a text and as a part of a ref's name: with
    /// other names it is another sync, which knows nothing of what was.
    pub fn record(&self, source: &Address) -> (String, String) {
        if self.is_empty() {
            return (source.id(), source.slug());
        }
        let rules = self.rules.iter();
        let rules = rules.map(|rule| format!("{}>{}", rule.source, rule.mirror));
        let text = rules.collect::<Vec<_>>().join(" ");
        let digest = Sha256::digest(&text);
        let short: String = digest[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        (
            format!("{} {text}", source.id()),
            format!("{}-{short}", source.slug()),
        )
    }
}

/// A full name of one that is written short.
fn full(name: &str) -> Result<String, NamesError> {
    let wrong = || NamesError::Name(name.to_owned());
    let rest = name.strip_prefix("refs/").unwrap_or(name);
    let full = match rest.starts_with("heads/") || rest.starts_with("tags/") {
        true => format!("refs/{rest}"),
        false if name.starts_with("refs/") => return Err(wrong()),
        false => format!("refs/heads/{name}"),
    };
    let tried = full.replace('*', "x");
    let is_name = tried
        .split('/')
        .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
        && !tried.contains("..")
        && !tried.ends_with('.')
        && tried
            .chars()
            .all(|c| !c.is_control() && !" ~^:?[\\".contains(c))
        && !tried.contains("@{")
        && !refs::is_reserved(&tried);
    if is_name { Ok(full) } else { Err(wrong()) }
}

/// A name that fits one pattern, in the form of the other.
fn put(from: &str, to: &str, name: &str) -> Option<String> {
    let Some((before, after)) = from.split_once('*') else {
        return (from == name).then(|| to.to_owned());
    };
    let star = name.strip_prefix(before)?.strip_suffix(after)?;
    (!star.is_empty()).then(|| to.replacen('*', star, 1))
}

/// A transport whose mirror has other names.
pub struct Renamed<'t> {
    inner: &'t dyn Transport,
    names: &'t Names,
    filter: &'t Filter,
}

impl<'t> Renamed<'t> {
    /// Puts names between an engine and a transport; of the source's names only those that
    /// are kept the same need one on the mirror.
    pub fn new(inner: &'t dyn Transport, names: &'t Names, filter: &'t Filter) -> Self {
        Self {
            inner,
            names,
            filter,
        }
    }

    fn there(&self, side: Side, name: &str) -> String {
        match side {
            Side::Mirror if kind(name).is_some() && !refs::is_reserved(name) => {
                self.names.on_mirror(name)
            }
            Side::Mirror | Side::Source => name.to_owned(),
        }
    }

    fn here(&self, side: Side, name: String) -> Option<String> {
        match side {
            Side::Mirror if kind(&name).is_some() && !refs::is_reserved(&name) => {
                self.names.at_source(&name)
            }
            Side::Mirror | Side::Source => Some(name),
        }
    }
}

impl Transport for Renamed<'_> {
    fn list(&self, side: Side) -> Result<Listing, Problem> {
        let mut listing = self.inner.list(side)?;
        if self.names.is_empty() {
            return Ok(listing);
        }
        if side == Side::Mirror {
            let default = listing.default_branch.take();
            listing.default_branch = default.and_then(|name| self.here(side, name));
            listing.refs = listing
                .refs
                .into_iter()
                .filter_map(|(name, oid)| Some((self.here(side, name)?, oid)))
                .collect();
            return Ok(listing);
        }
        let mut taken: BTreeMap<String, &str> = BTreeMap::new();
        for name in listing.refs.keys().filter(|name| self.filter.takes(name)) {
            if let Some(other) = taken.insert(self.there(Side::Mirror, name), name) {
                return Err(Problem::new(
                    Trouble::Other,
                    format!(
                        "{other} and {name} of the source have the same name on the mirror: `sync.names` gives them one each"
                    ),
                ));
            }
        }
        Ok(listing)
    }

    fn fetch(&self, side: Side, names: &[&str]) -> Result<Refs, Problem> {
        let there: Vec<String> = names.iter().map(|name| self.there(side, name)).collect();
        let asked: Vec<&str> = there.iter().map(String::as_str).collect();
        let mut came = self.inner.fetch(side, &asked)?;
        let named = names.iter().zip(&there);
        Ok(named
            .filter_map(|(name, there)| Some(((*name).to_owned(), came.remove(there)?)))
            .collect())
    }

    fn foreseen(&self, writes: &[(&str, Write)]) -> BTreeMap<String, String> {
        let there: Vec<String> = writes
            .iter()
            .map(|(name, _)| self.there(Side::Mirror, name))
            .collect();
        let asked: Vec<(&str, Write)> = there
            .iter()
            .zip(writes)
            .map(|(name, (_, write))| (name.as_str(), *write))
            .collect();
        let mut refused = self.inner.foreseen(&asked);
        writes
            .iter()
            .zip(&there)
            .filter_map(|((name, _), there)| Some(((*name).to_owned(), refused.remove(there)?)))
            .collect()
    }

    fn has(&self, objects: &[&Oid]) -> Result<Vec<bool>, Problem> {
        self.inner.has(objects)
    }

    fn is_ancestor(&self, ancestor: &Oid, descendant: &Oid) -> Result<bool, Problem> {
        self.inner.is_ancestor(ancestor, descendant)
    }

    fn is_related(&self, one: &Oid, other: &Oid) -> Result<bool, Problem> {
        self.inner.is_related(one, other)
    }

    fn commits(&self, of: &Oid, without: &Oid) -> Result<(usize, Vec<Subject>), Problem> {
        self.inner.commits(of, without)
    }

    fn history(&self, of: &[&Oid], without: &[&Oid]) -> Result<Vec<Oid>, Problem> {
        self.inner.history(of, without)
    }

    fn read_state(&self, name: &str) -> Result<(Oid, Vec<u8>), Problem> {
        self.inner.read_state(name)
    }

    fn keep_state(&self, state: &[u8]) -> Result<Oid, Problem> {
        self.inner.keep_state(state)
    }

    fn push(&self, side: Side, updates: &[Update], how: How<'_>) -> Result<Pushed, Problem> {
        let there: Vec<Update> = updates
            .iter()
            .map(|update| Update {
                name: self.there(side, &update.name),
                ..update.clone()
            })
            .collect();
        // A merge request for a conflict is against the mirror's own branch.
        let target = "merge_request.target=";
        let options: Vec<String> = how
            .options
            .iter()
            .map(|option| match option.strip_prefix(target) {
                Some(name) => {
                    let name = self.there(side, &format!("refs/heads/{name}"));
                    format!("{target}{}", refs::short(&name))
                }
                None => option.clone(),
            })
            .collect();
        let how = How {
            options: &options,
            ..how
        };
        let mut pushed = self.inner.push(side, &there, how)?;
        let named = updates.iter().zip(&there);
        pushed.refused = named
            .filter_map(|(update, there)| {
                let refusal = pushed.refused.remove(&there.name)?;
                Some((update.name.clone(), refusal))
            })
            .collect();
        Ok(pushed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(rules: &[(&str, &str)]) -> Result<Names, NamesError> {
        let rules = rules
            .iter()
            .map(|(source, mirror)| ((*source).to_owned(), (*mirror).to_owned()));
        Names::new(&rules.collect())
    }

    #[test]
    fn names_go_there_and_come_back() {
        let names = names(&[
            ("main", "upstream/main"),
            ("release/*", "upstream/r-*"),
            ("release/old", "attic"),
            ("tags/v*", "tags/upstream-v*"),
        ])
        .expect("rules");
        for (source, mirror) in [
            ("refs/heads/main", "refs/heads/upstream/main"),
            ("refs/heads/release/1", "refs/heads/upstream/r-1"),
            ("refs/heads/release/old", "refs/heads/attic"),
            ("refs/heads/topic", "refs/heads/topic"),
            ("refs/tags/v1.0", "refs/tags/upstream-v1.0"),
            ("refs/tags/main", "refs/tags/main"),
        ] {
            assert_eq!(names.on_mirror(source), mirror);
            assert_eq!(names.at_source(mirror).as_deref(), Some(source));
        }
        // Nothing of the source is called so on the mirror.
        for mirror in ["refs/heads/main", "refs/heads/release/1", "refs/tags/v1"] {
            assert_eq!(names.at_source(mirror), None, "{mirror}");
        }
    }

    #[test]
    fn wrong_rules_are_told() {
        for (rules, error) in [
            (
                vec![("a/*", "b")],
                NamesError::Stars("a/*".into(), "b".into()),
            ),
            (
                vec![("a", "tags/b")],
                NamesError::Kinds("a".into(), "tags/b".into()),
            ),
            (vec![("a", "b c")], NamesError::Name("b c".into())),
            (vec![("a", "x..y")], NamesError::Name("x..y".into())),
            (
                vec![("a", "ci-tool/x")],
                NamesError::Name("ci-tool/x".into()),
            ),
            (
                vec![("refs/pull/*", "p/*")],
                NamesError::Name("refs/pull/*".into()),
            ),
            (
                vec![("a", "c"), ("b", "c")],
                NamesError::Same("a".into(), "b".into()),
            ),
        ] {
            assert_eq!(names(&rules), Err(error), "{rules:?}");
        }
    }
}
