//! The parts of a SARIF log that mean something here, in the standard's words.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::json::{self, Flag, Key, List, Map, Number, Rare, Raw, Results, Skipped, Text, objects};

/// A log: its runs.
#[derive(Debug, Default)]
pub(super) struct Log<'a> {
    pub(super) version: Text<'a>,
    pub(super) runs: Vec<Run<'a>>,
    /// Parts of runs that stand beside them.
    pub(super) external: List<ExternalProperties<'a>>,
    /// Whether several logs stood in a list.
    pub(super) was_list: bool,
}

objects! {
    struct Run {
        "tool" tool: Tool<'a>,
        "results" results: Results<'a>,
        "artifacts" artifacts: List<Artifact<'a>>,
        "automationDetails" automation: Automation<'a>,
        "originalUriBaseIds" bases: Map<'a, ArtifactLocation<'a>>,
        "invocations" invocations: List<Invocation<'a>>,
        "logicalLocations" logical_locations: List<LogicalLocation<'a>>,
        "threadFlowLocations" thread_flow_locations: Raw<'a>,
        "externalPropertyFileReferences" external: ExternalReferences<'a>,
        "properties" properties: RunProperties<'a>,
    }

    struct Tool {
        "driver" driver: Component<'a>,
        "extensions" extensions: List<Component<'a>>,
    }

    struct Component {
        "name" name: Text<'a>,
        "guid" guid: Text<'a>,
        "version" version: Text<'a>,
        "semanticVersion" semantic_version: Text<'a>,
        "informationUri" uri: Text<'a>,
        "rules" rules: List<Descriptor<'a>>,
        "globalMessageStrings" messages: Map<'a, Message<'a>>,
    }

    struct Descriptor {
        "id" id: Text<'a>,
        "guid" guid: Text<'a>,
        "deprecatedIds" deprecated_ids: List<Text<'a>>,
        "name" name: Text<'a>,
        "shortDescription" short: Message<'a>,
        "fullDescription" full: Message<'a>,
        "help" help: Message<'a>,
        "helpUri" help_uri: Text<'a>,
        "messageStrings" messages: Map<'a, Message<'a>>,
        "defaultConfiguration" configuration: Configuration<'a>,
        "relationships" relationships: List<Relationship<'a>>,
        "properties" properties: RuleProperties<'a>,
    }

    struct Configuration {
        "level" level: Text<'a>,
    }

    struct Relationship {
        "target" target: DescriptorReference<'a>,
    }

    struct DescriptorReference {
        "id" id: Text<'a>,
        "index" index: Number,
        "guid" guid: Text<'a>,
        "toolComponent" component: ComponentReference<'a>,
    }

    struct ComponentReference {
        "name" name: Text<'a>,
        "index" index: Number,
        "guid" guid: Text<'a>,
    }

    struct RuleProperties {
        "security-severity" security_severity: Text<'a>,
        "severity" severity: Text<'a>,
        "tags" tags: List<Text<'a>>,
        "cwe" cwe: List<Text<'a>>,
        "purls" purls: List<Text<'a>>,
        "cvssv3_baseScore" cvss: Text<'a>,
    }

    struct Automation {
        "id" id: Text<'a>,
    }

    struct Invocation {
        "executionSuccessful" successful: Flag,
        "exitCode" exit_code: Number,
        "exitCodeDescription" exit_description: Text<'a>,
        "workingDirectory" folder: ArtifactLocation<'a>,
        "toolExecutionNotifications" notifications: List<Notification<'a>>,
    }

    struct Notification {
        "level" level: Text<'a>,
        "message" message: Message<'a>,
    }

    struct ExternalReferences {
        "results" results: List<Skipped>,
    }

    struct ExternalProperties {
        "results" results: List<Skipped>,
    }

    struct RunProperties {
        "imageName" image_name: Text<'a>,
        "ci-tool" own: OwnRun<'a>,
    }

    struct Artifact {
        "location" location: ArtifactLocation<'a>,
    }

    struct ArtifactLocation {
        "uri" uri: Text<'a>,
        "uriBaseId" base: Text<'a>,
        "index" index: Number,
    }

    struct Message {
        "text" text: Text<'a>,
        "markdown" markdown: Text<'a>,
        "id" id: Text<'a>,
        "arguments" arguments: List<Text<'a>>,
    }

    struct SarifResult {
        "ruleId" rule_id: Text<'a>,
        "ruleIndex" rule_index: Number,
        "rule" rule: Rare<DescriptorReference<'a>>,
        "kind" kind: Text<'a>,
        "level" level: Text<'a>,
        "message" message: Message<'a>,
        "analysisTarget" analysis_target: Rare<ArtifactLocation<'a>>,
        "locations" locations: List<Location<'a>>,
        "relatedLocations" related_locations: Raw<'a>,
        "codeFlows" code_flows: Raw<'a>,
        "fixes" fixes: Raw<'a>,
        "suppressions" suppressions: List<Suppression<'a>>,
        "partialFingerprints" partial_fingerprints: Map<'a, Text<'a>>,
        "fingerprints" fingerprints: Map<'a, Text<'a>>,
        "baselineState" state: Text<'a>,
        "properties" properties: Raw<'a>,
    }

    struct Fix {
        "description" description: Message<'a>,
        "artifactChanges" changes: List<Skipped>,
    }

    struct Flow {
        "threadFlows" thread_flows: List<ThreadFlow<'a>>,
    }

    struct ThreadFlow {
        "locations" locations: List<Skipped>,
    }

    struct Location {
        "physicalLocation" physical: PhysicalLocation<'a>,
        "logicalLocations" logical: List<LogicalLocation<'a>>,
        "properties" properties: LocationProperties<'a>,
    }

    struct LocationProperties {
        "ci-tool" own: OwnPlace<'a>,
    }

    struct PhysicalLocation {
        "artifactLocation" artifact: ArtifactLocation<'a>,
        "region" region: Region<'a>,
        "contextRegion" context: ContextRegion<'a>,
    }

    struct Region {
        "startLine" start_line: Number,
        "startColumn" start_column: Number,
        "endLine" end_line: Number,
        "endColumn" end_column: Number,
        "snippet" snippet: ArtifactContent<'a>,
    }

    struct ContextRegion {
        "snippet" snippet: ArtifactContent<'a>,
    }

    struct ArtifactContent {
        "text" text: Text<'a>,
    }

    struct LogicalLocation {
        "fullyQualifiedName" full_name: Text<'a>,
        "name" name: Text<'a>,
        "index" index: Number,
    }

    struct Suppression {
        "kind" kind: Text<'a>,
        "status" status: Text<'a>,
        // The name before the standard was final.
        "state" state: Text<'a>,
        "justification" justification: Text<'a>,
        "properties" properties: SuppressionProperties<'a>,
    }

    struct SuppressionProperties {
        "origin" origin: Text<'a>,
        "owner" owner: Text<'a>,
        "expires" expires: Text<'a>,
    }

    /// What scanners put beside a result.
    struct ResultProperties {
        "security-severity" security_severity: Text<'a>,
        "severity" severity: Text<'a>,
        "issue_severity" issue_severity: Text<'a>,
        "securityRisk" security_risk: Text<'a>,
        "purl" purl: Text<'a>,
        "component" component: Text<'a>,
        "componentVersion" component_version: Text<'a>,
        "componentOrigin" component_origin: Text<'a>,
        "ci-tool" own: OwnResult<'a>,
    }

    // Our own properties, see `own` and `write`.

    struct OwnRun {
        "version" version: Number,
        "scanners" scanners: List<OwnScanner<'a>>,
    }

    struct OwnScanner {
        "name" name: Text<'a>,
        "version" version: Text<'a>,
        "uri" uri: Text<'a>,
        "category" category: Text<'a>,
        "failure" failure: Text<'a>,
    }

    struct OwnPlace {
        "noPath" no_path: Flag,
        "noRegion" no_region: Flag,
    }

    struct OwnResult {
        "by" by: List<OwnObservation<'a>>,
    }

    struct OwnObservation {
        "scanner" scanner: Number,
        "rule" rule: Text<'a>,
        "kind" kind: Text<'a>,
        "severity" severity: Text<'a>,
        "score" score: Text<'a>,
        "ids" ids: List<Text<'a>>,
        "message" message: Text<'a>,
        "locations" locations: Option<List<Location<'a>>>,
        "target" target: Text<'a>,
        "package" package: OwnPackage<'a>,
        "fixed" fixed: List<Text<'a>>,
        "fixStatus" fix_status: Text<'a>,
        "epss" epss: Text<'a>,
        "epssPercentile" epss_percentile: Text<'a>,
        "knownExploited" known_exploited: Flag,
        "suppressions" suppressions: List<Suppression<'a>>,
        "state" state: Text<'a>,
        "context" context: Text<'a>,
        "lineHash" line_hash: Text<'a>,
    }

    struct OwnPackage {
        "type" kind: Text<'a>,
        "namespace" namespace: Text<'a>,
        "name" name: Text<'a>,
        "version" version: Text<'a>,
        "scope" scope: Text<'a>,
        "direct" direct: Flag,
        "licenses" licenses: List<Text<'a>>,
    }
}

impl<'a> SarifResult<'a> {
    /// Reads the text of a result. What is JSON and cannot be represented (a number past all
    /// bounds) counts as a result of which nothing is known: it must not lose the finding.
    ///
    /// # Errors
    /// Where the text is broken JSON. The place is told within the text.
    pub(super) fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).or_else(|_| {
            serde_json::from_str::<Skipped>(text)?;
            json::misfit();
            Ok(Self::default())
        })
    }
}

impl<'a> Deserialize<'a> for Log<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl<'a> Visitor<'a> for One {
            type Value = Log<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a SARIF log, which is an object")
            }
            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Log<'a>, A::Error> {
                let mut log = Log::default();
                let mut has_runs = false;
                while let Some(key) = map.next_key::<Key<'a>>()? {
                    match key.0.as_ref() {
                        "version" => log.version = map.next_value()?,
                        "runs" => {
                            log.runs = map.next_value::<Runs<'a>>()?.0;
                            has_runs = true;
                        }
                        "inlineExternalProperties" => log.external = map.next_value()?,
                        _ => {
                            map.next_value::<Skipped>()?;
                        }
                    }
                }
                if has_runs {
                    Ok(log)
                } else {
                    Err(A::Error::custom(
                        "there are no `runs`: this is not a SARIF log",
                    ))
                }
            }
            fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Log<'a>, A::Error> {
                let mut all = Log {
                    was_list: true,
                    ..Log::default()
                };
                let mut logs = 0;
                while let Some(log) = seq.next_element::<Log<'a>>()? {
                    all.runs.extend(log.runs);
                    all.external.0.extend(log.external.0);
                    all.version = log.version;
                    logs += 1;
                }
                if logs == 0 {
                    return Err(A::Error::custom(
                        "the list is empty: this is not a SARIF log",
                    ));
                }
                Ok(all)
            }
        }
        deserializer.deserialize_any(One)
    }
}

/// The runs; of any other type they may stand for findings that would be lost.
struct Runs<'a>(Vec<Run<'a>>);

impl<'a> Deserialize<'a> for Runs<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'a> Visitor<'a> for Any {
            type Value = Runs<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`runs` to be a list")
            }
            fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Runs<'a>, A::Error> {
                let mut runs = Vec::new();
                while let Some(run) = seq.next_element()? {
                    runs.push(run);
                }
                Ok(Runs(runs))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
