//! What a list of components (CycloneDX, as JSON) holds: packages by the files that ask for
//! them, and which of them are asked for directly.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// A list, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bom {
    /// Packages by what asks for them: a file, or an image.
    pub groups: Vec<Group>,
    /// How many components have no package URL, and are no such file either.
    pub nameless: usize,
}

/// What one file or image asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name; nothing where the list does not say what asks.
    pub name: Option<String>,
    /// The packages, by their package URLs.
    pub packages: BTreeMap<String, Package>,
}

/// A package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// Whether it is asked for by name; others come with those.
    pub is_direct: bool,
    /// The package URLs of what it needs.
    pub needs: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "bomFormat")]
    format: String,
    metadata: Option<Metadata>,
    #[serde(default)]
    components: Vec<Component>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Metadata {
    component: Option<Component>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(rename = "bom-ref", default)]
    reference: Option<String>,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    purl: Option<String>,
    #[serde(default)]
    components: Vec<Self>,
}

#[derive(Deserialize)]
struct Dependency {
    #[serde(rename = "ref")]
    of: String,
    #[serde(rename = "dependsOn", default)]
    on: Vec<String>,
}

/// The components of a list by their references, and what each depends on.
struct Known<'d> {
    components: BTreeMap<&'d str, &'d Component>,
    depends: BTreeMap<&'d str, &'d [String]>,
}

impl<'d> Known<'d> {
    fn on(&self, of: &str) -> &'d [String] {
        self.depends.get(of).copied().unwrap_or_default()
    }

    fn purl(&self, of: &str) -> Option<&'d str> {
        let purl = self.components.get(of)?.purl.as_deref()?;
        purl.starts_with("pkg:").then_some(purl)
    }

    /// Everything that hangs on these, however deep.
    fn reached(&self, from: &'d [String]) -> BTreeSet<&'d str> {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&str> = from.iter().map(String::as_str).collect();
        while let Some(one) = next.pop() {
            if seen.insert(one) {
                next.extend(self.on(one).iter().map(String::as_str));
            }
        }
        seen
    }

    /// The packages among these; those that are listed as `direct` are.
    fn group<'r>(
        &self,
        name: Option<&str>,
        of: impl Iterator<Item = &'r str>,
        direct: &[String],
    ) -> Group {
        let mut packages: BTreeMap<String, Package> = BTreeMap::new();
        for reference in of {
            let Some(purl) = self.purl(reference) else {
                continue;
            };
            let needs = self.on(reference).iter().filter_map(|one| self.purl(one));
            let package = packages.entry(purl.to_owned()).or_default();
            package.is_direct |= direct.iter().any(|one| one == reference);
            package.needs.extend(needs.map(str::to_owned));
            package.needs.sort();
            package.needs.dedup();
        }
        Group {
            name: name.map(str::to_owned),
            packages,
        }
    }
}

impl Bom {
    /// Reads a list.
    ///
    /// # Errors
    /// Where it is none of CycloneDX, in words.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(text)
            .map_err(|error| format!("it is no CycloneDX list in JSON: {error}"))?;
        if document.format != "CycloneDX" {
            return Err(format!(
                "it is a list of the format `{}`, not CycloneDX",
                document.format
            ));
        }
        let mut known = Known {
            components: BTreeMap::new(),
            depends: document
                .dependencies
                .iter()
                .map(|one| (one.of.as_str(), one.on.as_slice()))
                .collect(),
        };
        let root = document.metadata.and_then(|metadata| metadata.component);
        let mut rest: Vec<&Component> = document.components.iter().collect();
        let mut nameless = 0;
        let mut unnamed = Vec::new();
        while let Some(one) = rest.pop() {
            rest.extend(&one.components);
            match &one.reference {
                Some(reference) => {
                    known.components.insert(reference, one);
                }
                // What cannot be referred to depends on nothing.
                None => unnamed.extend(one.purl.as_deref().filter(|purl| purl.starts_with("pkg:"))),
            }
        }
        let mut groups = Vec::new();
        let mut grouped = BTreeSet::new();
        for (reference, one) in &known.components {
            let asks = known.on(reference);
            let is_package = known.purl(reference).is_some();
            if !is_package && one.kind == "application" && !asks.is_empty() {
                let reached = known.reached(asks);
                groups.push(known.group(Some(&one.name), reached.iter().copied(), asks));
                grouped.extend(reached);
            } else if !is_package && one.kind != "operating-system" {
                nameless += 1;
            }
        }
        let others = known.components.keys().copied();
        let others = others.filter(|reference| !grouped.contains(reference));
        let root = root.as_ref();
        let direct = root.and_then(|root| root.reference.as_deref());
        let direct = direct.map_or(&[][..], |root| known.on(root));
        let mut group = known.group(None, others, direct);
        for purl in unnamed {
            group.packages.entry(purl.to_owned()).or_default();
        }
        if !group.packages.is_empty() {
            groups.push(group);
        }
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { groups, nameless })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let bom = Bom::parse(text.as_bytes()).expect("a list");
        let mut all = vec![format!("{} nameless", bom.nameless)];
        for group in &bom.groups {
            for (purl, package) in &group.packages {
                let name = group.name.as_deref().unwrap_or("-");
                let direct = if package.is_direct {
                    "direct"
                } else {
                    "indirect"
                };
                all.push(format!("{name}: {purl} {direct} {:?}", package.needs));
            }
        }
        all
    }

    #[test]
    fn packages_are_told_by_the_files_that_ask_for_them() {
        // As Trivy writes it, and a system package beside.
        let text = r#"{"bomFormat": "CycloneDX", "metadata": {"component": {"bom-ref": "root", "type": "application", "name": "."}},
          "components": [
            {"bom-ref": "lock", "type": "application", "name": "web/package-lock.json"},
            {"bom-ref": "a", "type": "library", "name": "a", "purl": "pkg:npm/a@1"},
            {"bom-ref": "b", "type": "library", "name": "b", "purl": "pkg:npm/b@2"},
            {"bom-ref": "d", "type": "library", "name": "d", "purl": "pkg:deb/debian/d@3"},
            {"bom-ref": "os", "type": "operating-system", "name": "debian"},
            {"type": "library", "name": "x", "purl": "pkg:npm/x@1"},
            {"bom-ref": "?", "type": "library", "name": "nobody knows"}],
          "dependencies": [
            {"ref": "root", "dependsOn": ["lock", "d"]}, {"ref": "lock", "dependsOn": ["a"]},
            {"ref": "a", "dependsOn": ["b"]}, {"ref": "b", "dependsOn": ["a"]}]}"#;
        assert_eq!(
            told(text),
            [
                "1 nameless",
                "-: pkg:deb/debian/d@3 direct []",
                "-: pkg:npm/x@1 indirect []",
                "web/package-lock.json: pkg:npm/a@1 direct [\"pkg:npm/b@2\"]",
                "web/package-lock.json: pkg:npm/b@2 indirect [\"pkg:npm/a@1\"]",
            ]
        );
    }

    #[test]
    fn what_is_no_such_list_is_refused() {
        for (text, word) in [
            ("{", "no CycloneDX list"),
            (r#"{"bomFormat": "SPDX"}"#, "format `SPDX`"),
            (r#"{"spdxVersion": "SPDX-2.3"}"#, "no CycloneDX list"),
        ] {
            let error = Bom::parse(text.as_bytes()).expect_err("none");
            assert!(error.contains(word), "{error}");
        }
    }
}
