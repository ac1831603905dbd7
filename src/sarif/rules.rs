//! The rules of a run: by index, by id, in the driver or in an extension, and
//! made up where a result names one that is not there.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::document::{
    Component, Descriptor, DescriptorReference, Message, SarifResult, Tool as Tools,
};
use super::json::Map;
use super::repairs::{Repair, Repairs};
use super::tools::{self, RulePackage, Tool};
use crate::findings::{Id, Kind, Rule, Score, Severity};

/// A rule and what reading its results takes.
#[derive(Debug)]
pub(super) struct ReadRule<'a> {
    pub(super) rule: Arc<Rule<'a>>,
    pub(super) kind: Kind,
    pub(super) ids: Vec<Id<'static>>,
    pub(super) package: RulePackage<'a>,
    pub(super) messages: Map<'a, Message<'a>>,
    /// The level of results without one.
    pub(super) level: Option<Cow<'a, str>>,
    guid: Option<Cow<'a, str>>,
}

/// All rules of a run.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    components: Vec<RulesOf<'a>>,
    tool: Tool,
    kind: Option<Kind>,
}

/// The rules of the driver or of an extension.
#[derive(Debug)]
struct RulesOf<'a> {
    name: Option<Cow<'a, str>>,
    guid: Option<Cow<'a, str>>,
    rules: Vec<ReadRule<'a>>,
    by_id: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(tool: Tool, name: &str, tools: Tools<'a>, repairs: &mut Repairs) -> Self {
        let kind = tools::kind_of_tool(name);
        let mut read = |component: Component<'a>| RulesOf::new(tool, kind, component, repairs);
        let mut components = vec![read(tools.driver)];
        components.extend(tools.extensions.0.into_iter().map(read));
        Self {
            components,
            tool,
            kind,
        }
    }

    /// The rule of a result, if the run describes it.
    pub(super) fn find(&self, result: &SarifResult<'a>) -> Option<&ReadRule<'a>> {
        let reference = result.rule.get();
        let id = result.rule_id.get().or_else(|| reference?.id.get());
        let index = result.rule_index.0.or_else(|| reference?.index.0);
        let guid = reference.and_then(|reference| reference.guid.get());
        if let Some(component) = reference.and_then(|reference| self.component(reference)) {
            return component.find(id, index, guid);
        }
        let driver = &self.components[0];
        if let Some(rule) = driver.find(id, index, guid) {
            return Some(rule);
        }
        // CodeQL's packs: the id is there, the component is not named.
        self.components[1..]
            .iter()
            .find_map(|component| component.find(id, None, guid))
    }

    fn component(&self, reference: &DescriptorReference<'a>) -> Option<&RulesOf<'a>> {
        let wanted = &reference.component;
        let extensions = &self.components[1..];
        if let Some(index) = wanted.index.0 {
            return extensions.get(usize::try_from(index).ok()?);
        }
        let same = |known: &Option<Cow<'a, str>>, wanted: Option<&str>| {
            wanted.is_some() && known.as_deref() == wanted
        };
        self.components.iter().find(|component| {
            same(&component.guid, wanted.guid.get()) || same(&component.name, wanted.name.get())
        })
    }

    /// A rule for a result whose rule is not described.
    pub(super) fn make_up(&self, id: Cow<'a, str>, repairs: &mut Repairs) -> ReadRule<'a> {
        let descriptor = Descriptor {
            id: id.into(),
            ..Descriptor::default()
        };
        ReadRule::new(self.tool, self.kind, descriptor, repairs)
    }
}

impl<'a> RulesOf<'a> {
    fn new(
        tool: Tool,
        kind: Option<Kind>,
        component: Component<'a>,
        repairs: &mut Repairs,
    ) -> Self {
        let rules: Vec<ReadRule<'a>> = component
            .rules
            .0
            .into_iter()
            .map(|descriptor| ReadRule::new(tool, kind, descriptor, repairs))
            .collect();
        let mut by_id = HashMap::with_capacity(rules.len());
        for (at, rule) in rules.iter().enumerate() {
            // The first of several with one id.
            by_id.entry(rule.rule.id.clone()).or_insert(at);
        }
        Self {
            name: component.name.cow(),
            guid: component.guid.cow(),
            rules,
            by_id,
        }
    }

    fn find(
        &self,
        id: Option<&str>,
        index: Option<u32>,
        guid: Option<&str>,
    ) -> Option<&ReadRule<'a>> {
        let by_index = index.and_then(|index| self.rules.get(usize::try_from(index).ok()?));
        let Some(id) = id else {
            let by_guid = || {
                guid.and_then(|guid| {
                    self.rules
                        .iter()
                        .find(|rule| rule.guid.as_deref() == Some(guid))
                })
            };
            return by_index.or_else(by_guid);
        };
        // An id says more than an index, which tools get wrong. `CA1000/1` is a
        // part of `CA1000`.
        let is_part = |rule: &&ReadRule<'a>| {
            let rest = id.strip_prefix(rule.rule.id.as_ref());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        by_index
            .filter(is_part)
            .or_else(|| self.by_id(id))
            .or_else(|| {
                let (parent, _) = id.rsplit_once('/')?;
                self.by_id(parent)
            })
    }

    fn by_id(&self, id: &str) -> Option<&ReadRule<'a>> {
        self.by_id.get(id).map(|at| &self.rules[*at])
    }
}

impl<'a> ReadRule<'a> {
    fn new(
        tool: Tool,
        kind: Option<Kind>,
        mut descriptor: Descriptor<'a>,
        repairs: &mut Repairs,
    ) -> Self {
        let ids = tools::ids_of_rule(tool, &descriptor);
        let kind = tools::kind_of_rule(kind, &descriptor, &ids);
        let package = RulePackage::of(tool, &descriptor);
        let properties = &descriptor.properties;
        let (score, word) = score(properties.security_severity.get(), repairs);
        let score = score.or_else(|| properties.cvss.get()?.parse().ok());
        let word = word.or_else(|| Severity::from_word(properties.severity.get()?));
        let id = descriptor
            .id
            .take()
            .or_else(|| descriptor.name.cow())
            .unwrap_or_default();
        let rule = Rule {
            cwes: cwes(&descriptor),
            id,
            name: descriptor.name.take(),
            short: descriptor.short.text.take(),
            full: descriptor
                .full
                .text
                .take()
                .or_else(|| descriptor.full.markdown.take()),
            help: descriptor.help.text.take(),
            help_markdown: descriptor.help.markdown.take(),
            help_uri: descriptor.help_uri.take(),
            severity: score.map(Score::severity).or(word),
            score,
            tags: descriptor
                .properties
                .tags
                .0
                .iter_mut()
                .filter_map(|tag| tag.take())
                .collect(),
        };
        Self {
            rule: Arc::new(rule),
            kind,
            ids,
            package,
            messages: descriptor.messages,
            level: descriptor.configuration.level.take(),
            guid: descriptor.guid.take(),
        }
    }
}

/// A `security-severity`: a number, or the severity of a word. What is neither
/// is counted: GitHub would refuse the whole file for it.
pub(super) fn score(
    text: Option<&str>,
    repairs: &mut Repairs,
) -> (Option<Score>, Option<Severity>) {
    let Some(text) = text else {
        return (None, None);
    };
    if let Ok(score) = text.parse() {
        return (Some(score), None);
    }
    // Zero is a number, and says that there is no severity.
    if !text.trim().parse::<f64>().is_ok_and(f64::is_finite) {
        repairs.add(Repair::SecuritySeverity);
    }
    (None, Severity::from_word(text))
}

/// Numbers of weaknesses from tags (`external/cwe/cwe-079`, `CWE-79`), the
/// property that Snyk uses, and relationships to the CWE taxonomy.
fn cwes(descriptor: &Descriptor<'_>) -> Vec<u32> {
    let properties = &descriptor.properties;
    let tags = properties
        .tags
        .0
        .iter()
        .chain(&properties.cwe.0)
        .filter_map(|tag| tag.get());
    let targets = descriptor
        .relationships
        .0
        .iter()
        .filter_map(|relationship| relationship.target.id.get());
    let mut cwes: Vec<u32> = tags
        .chain(targets)
        .chain(descriptor.id.get())
        .filter_map(cwe)
        .collect();
    cwes.sort_unstable();
    cwes.dedup();
    cwes
}

fn cwe(text: &str) -> Option<u32> {
    let text = text.rsplit('/').next()?;
    let prefix = text.get(..4)?;
    let rest = &text[4..];
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .map_or(rest, |end| &rest[..end]);
    prefix
        .eq_ignore_ascii_case("cwe-")
        .then(|| digits.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weaknesses_are_read_in_every_spelling() {
        assert_eq!(cwe("external/cwe/cwe-079"), Some(79));
        assert_eq!(cwe("CWE-79"), Some(79));
        assert_eq!(cwe("CWE-79: Cross-site Scripting"), Some(79));
        assert_eq!(cwe("security"), None);
    }
}
