//! The shape of Trivy's report.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::{or_default, text};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Report<'a> {
    pub(super) schema_version: u32,
    #[serde(borrow, default)]
    pub(super) trivy: Option<Program<'a>>,
    #[serde(borrow, deserialize_with = "text", default)]
    pub(super) artifact_name: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "text", default)]
    pub(super) artifact_type: Cow<'a, str>,
    #[serde(default)]
    pub(super) metadata: Option<Metadata>,
    // Absent where nothing was found.
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) results: Vec<ResultOf<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Program<'a> {
    Is {
        #[serde(rename = "Version", borrow, deserialize_with = "text")]
        version: Cow<'a, str>,
    },
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
pub(super) struct Metadata {
    #[serde(rename = "OS", default)]
    pub(super) os: Option<Os>,
}

#[derive(Deserialize)]
pub(super) struct Os {
    #[serde(rename = "Family", default)]
    pub(super) family: String,
    #[serde(rename = "Name", default)]
    pub(super) name: String,
    #[serde(rename = "EOSL", default)]
    pub(super) end_of_life: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResultOf<'a> {
    #[serde(borrow, deserialize_with = "text")]
    pub(super) target: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "text", default)]
    pub(super) class: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "text", default)]
    pub(super) r#type: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) packages: Vec<PackageOf<'a>>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) vulnerabilities: Vec<Vulnerability<'a>>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) misconfigurations: Vec<Misconfiguration<'a>>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) secrets: Vec<Secret<'a>>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) licenses: Vec<License<'a>>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) experimental_modified_findings: Vec<Modified<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct PackageOf<'a> {
    #[serde(rename = "ID", borrow, deserialize_with = "text")]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) identifier: Identifier<'a>,
    pub(super) dev: bool,
    #[serde(borrow, deserialize_with = "text")]
    pub(super) relationship: Cow<'a, str>,
    #[serde(deserialize_with = "or_default")]
    pub(super) locations: Vec<Lines>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) licenses: Vec<Cow<'a, str>>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
pub(super) struct Identifier<'a> {
    #[serde(rename = "PURL", borrow, deserialize_with = "text")]
    pub(super) purl: Cow<'a, str>,
    #[serde(rename = "UID", borrow, deserialize_with = "text")]
    pub(super) uid: Cow<'a, str>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Lines {
    pub(super) start_line: u32,
    pub(super) end_line: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Vulnerability<'a> {
    #[serde(rename = "VulnerabilityID", borrow, deserialize_with = "text")]
    pub(super) id: Cow<'a, str>,
    #[serde(rename = "VendorIDs", borrow, default, deserialize_with = "or_default")]
    pub(super) vendor_ids: Vec<Cow<'a, str>>,
    #[serde(rename = "PkgID", borrow, default, deserialize_with = "text")]
    pub(super) package_id: Cow<'a, str>,
    #[serde(rename = "PkgName", borrow, deserialize_with = "text")]
    pub(super) name: Cow<'a, str>,
    #[serde(rename = "PkgPath", borrow, default, deserialize_with = "text")]
    pub(super) path: Cow<'a, str>,
    #[serde(rename = "PkgIdentifier", borrow, default)]
    pub(super) identifier: Identifier<'a>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) installed_version: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) fixed_version: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) status: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) severity_source: Cow<'a, str>,
    #[serde(rename = "PrimaryURL", borrow, default, deserialize_with = "text")]
    pub(super) url: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) title: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) description: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) severity: Cow<'a, str>,
    #[serde(rename = "CweIDs", borrow, default, deserialize_with = "or_default")]
    pub(super) cwes: Vec<Cow<'a, str>>,
    #[serde(rename = "CVSS", default, deserialize_with = "or_default")]
    pub(super) cvss: BTreeMap<String, Cvss>,
    #[serde(borrow, default, deserialize_with = "or_default")]
    pub(super) references: Vec<Cow<'a, str>>,
}

#[derive(Deserialize, Clone, Copy)]
pub(super) struct Cvss {
    #[serde(rename = "V40Score", default)]
    pub(super) v4: Option<f64>,
    #[serde(rename = "V3Score", default)]
    pub(super) v3: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Misconfiguration<'a> {
    #[serde(rename = "ID", borrow, deserialize_with = "text")]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) title: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) description: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) message: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) resolution: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) severity: Cow<'a, str>,
    #[serde(rename = "PrimaryURL", borrow, default, deserialize_with = "text")]
    pub(super) url: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) status: Cow<'a, str>,
    #[serde(default)]
    pub(super) cause_metadata: Cause,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Cause {
    #[serde(deserialize_with = "or_default")]
    pub(super) resource: String,
    pub(super) start_line: u32,
    pub(super) end_line: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Secret<'a> {
    #[serde(rename = "RuleID", borrow, deserialize_with = "text")]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) severity: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) title: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) r#match: Cow<'a, str>,
    #[serde(default)]
    pub(super) start_line: u32,
    #[serde(default)]
    pub(super) end_line: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct License<'a> {
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) severity: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) category: Cow<'a, str>,
    #[serde(rename = "PkgName", borrow, default, deserialize_with = "text")]
    pub(super) package: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) file_path: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "text")]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) link: Cow<'a, str>,
}

/// What Trivy set aside itself.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Modified<'a> {
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) r#type: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) statement: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) source: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) finding: Option<&'a serde_json::value::RawValue>,
}
