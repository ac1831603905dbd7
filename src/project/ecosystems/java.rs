//! Java and Kotlin components: Maven and Gradle builds.

use crate::project::Survey;
use crate::project::defaults;
use crate::project::model::{Component, Evidence, Fact, Language, Role, StepKind};
use crate::project::path;

/// Frameworks by a word of the build file.
const FRAMEWORKS: [(&str, &str); 5] = [
    ("spring-boot", "spring-boot"),
    ("org.springframework.boot", "spring-boot"),
    ("io.quarkus", "quarkus"),
    ("io.micronaut", "micronaut"),
    ("io.ktor", "ktor"),
];

const MAVEN: &str = "pom.xml";
const GRADLE: [&str; 2] = ["build.gradle.kts", "build.gradle"];
const SETTINGS: [&str; 2] = ["settings.gradle.kts", "settings.gradle"];

pub(super) fn detect(survey: &Survey<'_>) -> Vec<Component> {
    let tree = survey.tree;
    let maven = tree.named(MAVEN).filter(|file| {
        // A module is built by its parent.
        let folder = path::parent(file);
        !path::ancestors(folder).skip(1).any(|above| {
            tree.text(&path::join(above, MAVEN)).is_some_and(|text| {
                text.contains(&format!(
                    "<module>{}</module>",
                    path::relative(above, folder)
                ))
            })
        })
    });
    let gradle = GRADLE
        .iter()
        .flat_map(|name| tree.named(name))
        .filter(|file| {
            let folder = path::parent(file);
            // With both, Maven and Gradle build the same sources: one is enough.
            !tree.contains(&path::join(folder, MAVEN))
                && (tree.first_in(folder, &SETTINGS).is_some()
                    || !path::ancestors(folder)
                        .skip(1)
                        .any(|above| tree.first_in(above, &SETTINGS).is_some()))
        });
    maven
        .chain(gradle)
        .filter(|file| !path::is_sample(file))
        .filter_map(|file| describe(survey, file))
        .collect()
}

fn describe(survey: &Survey<'_>, file: &str) -> Option<Component> {
    let tree = survey.tree;
    let root = path::parent(file);
    let is_maven = path::name(file) == MAVEN;
    let texts: Vec<(&str, std::sync::Arc<str>)> = tree
        .under(root)
        .filter(|other| {
            let name = path::name(other);
            if is_maven {
                name == MAVEN
            } else {
                GRADLE.contains(&name) || name.ends_with(".versions.toml")
            }
        })
        .filter_map(|other| Some((other, tree.text(other)?)))
        .collect();
    let find = |word: &str| {
        texts.iter().find_map(|(file, text)| {
            let at = text.lines().position(|line| line.contains(word))?;
            Some((
                Evidence::new(*file, at + 1),
                text.lines().nth(at)?.to_owned(),
            ))
        })
    };
    if !tree.under(root).any(|file| {
        [".java", ".kt", ".groovy", ".scala"]
            .iter()
            .any(|end| file.ends_with(end))
    }) {
        return None;
    }
    let framework = FRAMEWORKS
        .iter()
        .find_map(|(word, id)| Some(Fact::new((*id).to_owned(), find(word)?.0)));
    let role = if framework.is_some() {
        Role::Backend
    } else {
        Role::Library
    };
    let mut component = Component::new(root, Language::Java, role, Evidence::new(file, 1));
    if root == "." && is_maven {
        component.name = own_artifact(&tree.text(file)?).unwrap_or_else(|| ".".to_owned());
    } else if root == "." {
        let name = tree.first_in(root, &SETTINGS).and_then(|file| {
            let text = tree.text(&file)?;
            let line = text
                .lines()
                .find(|line| line.contains("rootProject.name"))?
                .to_owned();
            line.split(['"', '\'']).nth(1).map(str::to_owned)
        });
        component.name = name.unwrap_or_else(|| ".".to_owned());
    }
    component.framework = framework;
    let mut claims: Vec<(String, Evidence)> = Vec::new();
    if let Some(version_file) = tree.nearest(root, ".java-version")
        && let Some(text) = tree.text(&version_file)
    {
        claims.push((major(text.trim()), Evidence::new(&version_file, 1)));
    }
    claims.extend(survey.image_versions(root, &["eclipse-temurin", "openjdk", "amazoncorretto"]));
    for word in [
        "<maven.compiler.release>",
        "<java.version>",
        "<release>",
        "<maven.compiler.source>",
        "JavaLanguageVersion.of(",
        "jvmToolchain(",
        "sourceCompatibility",
    ] {
        if let Some((evidence, line)) = find(word)
            && let Some((_, after)) = line.split_once(word)
        {
            let number: String = after
                .trim_start_matches(|c: char| !c.is_ascii_digit())
                .chars()
                .take_while(|c| c.is_ascii_digit() || *c == '.')
                .collect();
            if !number.is_empty() {
                claims.push((major(&number), evidence));
            }
        }
    }
    claims.extend(
        survey
            .ci_versions(root, "java-version")
            .into_iter()
            .map(|(version, evidence)| (major(&version), evidence)),
    );
    component.version = Fact::decide(claims);
    if component.version.is_none() {
        component.version = Some(Fact::assumed(defaults::JAVA.to_owned()));
        component.add_gap(
            "version",
            format!(
                "no file says which Java is meant; {} is used",
                defaults::JAVA
            ),
            "set `maven.compiler.release` or a Gradle toolchain",
        );
    }
    let (id, wrapper, program) = if is_maven {
        ("maven", "mvnw", "mvn")
    } else {
        ("gradle", "gradlew", "gradle")
    };
    let rival = tree
        .first_in(root, &GRADLE)
        .filter(|_| is_maven)
        .map(|rival| ("gradle".to_owned(), Evidence::new(rival, 1)));
    component.package_manager = Fact::decide(
        [(id.to_owned(), Evidence::new(file, 1))]
            .into_iter()
            .chain(rival),
    );
    let program = if tree.contains(&path::join(root, wrapper)) {
        format!("./{wrapper}")
    } else {
        program.to_owned()
    };
    let test = tree.under(root).find(|file| {
        file.contains("src/test/")
            && [".java", ".kt", ".groovy", ".scala"]
                .iter()
                .any(|end| file.ends_with(end))
    });
    let (kind, name, evidence) = match test {
        Some(test) => (StepKind::Test, "Build and test", Evidence::new(test, 1)),
        None => {
            component.add_gap(
                "test",
                "there are no tests",
                "write a first one in src/test",
            );
            (StepKind::Build, "Build", Evidence::new(file, 1))
        }
    };
    let command = if is_maven {
        format!("{program} --batch-mode --no-transfer-progress verify")
    } else {
        format!("{program} build")
    };
    component.add_step(kind, name, command, evidence);
    Some(component)
}

/// The project's own `<artifactId>`, not its parent's or a dependency's.
fn own_artifact(text: &str) -> Option<String> {
    let text = match text.split_once("</parent>") {
        Some((before, after)) if !before.contains("<dependencies>") => after,
        _ => text,
    };
    let (_, after) = text.split_once("<artifactId>")?;
    Some(after.split_once("</artifactId>")?.0.trim().to_owned())
}

/// `1.8` and `17.0.2` give 8 and 17.
fn major(version: &str) -> String {
    let version = version.strip_prefix("1.").unwrap_or(version);
    version.split('.').next().unwrap_or(version).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::detect_in;
    use crate::project::testing::tree;

    #[test]
    fn maven_modules_belong_to_their_parent() {
        let (_folder, tree) = tree(&[
            (
                "pom.xml",
                "<project><parent><artifactId>p</artifactId></parent>\n<artifactId>shop</artifactId>\n<modules><module>api</module></modules>\n<properties><java.version>17</java.version></properties></project>",
            ),
            (
                "api/pom.xml",
                "<artifactId>api</artifactId><dependency>spring-boot-starter-web</dependency>",
            ),
            ("api/src/main/java/A.java", ""),
            ("api/src/test/java/ATest.java", ""),
            ("mvnw", ""),
        ]);
        let found = detect_in(&tree).components;
        assert_eq!(found.len(), 1, "{found:#?}");
        assert_eq!(
            (found[0].name.as_str(), found[0].role),
            ("shop", Role::Backend)
        );
        assert_eq!(
            found[0].version.as_ref().map(|found| found.value.as_str()),
            Some("17")
        );
        assert_eq!(
            found[0].steps[0].command.run,
            "./mvnw --batch-mode --no-transfer-progress verify"
        );
    }
}
