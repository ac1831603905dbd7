//! Packages that the image's Debian does not have any more.

use crate::audit::fix::{Fix, Text};
use crate::audit::images;
use crate::audit::shell::{Shell, Start};
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::dockerfile::Instruction;

pub(super) const RULE: Rule = Rule {
    id: "debian-package-gone",
    title: "The image's Debian has no such package any more",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Containers,
    what: "`apt-get install` names a package that Debian's own index had and has no more in the release that the image starts from: Debian and official images whose tag tells it, and Python's, which stand on Debian 13 where their tag names no release. Images that add other sources of packages are passed over.",
    why: "The build ends with an error, often months after it worked: a tag without a release moves on to the next one.",
    mend: "Install what took its place, and name the release in the tag (`python:3.12-slim-bookworm`), so that the next move is yours.",
    references: &[
        "https://packages.debian.org/",
        "https://hub.docker.com/_/python",
    ],
    check,
};

/// Packages that people install, the first release that is without them, and what takes
/// their place. Read from the indexes of Debian 11, 12 and 13 (main, amd64) on 2026-11-28; one
/// that a single other package provides still installs, and is not here.
const GONE: [(&str, u32, &str); 48] = [
    ("gconf-service", 13, ""),
    ("libaio1", 13, "libaio1t64"),
    ("libappindicator1", 13, "libayatana-appindicator3-1"),
    ("libatlas-base-dev", 13, "libopenblas-dev"),
    ("libavresample-dev", 12, "libswresample-dev"),
    ("libdc1394-22-dev", 12, "libdc1394-dev"),
    ("libegl1-mesa", 13, "libegl1"),
    ("libffi7", 12, "libffi8"),
    ("libgconf-2-4", 13, ""),
    ("libgdk-pixbuf2.0-0", 13, "libgdk-pixbuf-2.0-0"),
    ("libgdk-pixbuf2.0-dev", 13, "libgdk-pixbuf-2.0-dev"),
    ("libgl1-mesa-glx", 13, "libgl1"),
    ("libgles2-mesa", 13, "libgles2"),
    ("libhdf5-103", 13, "libhdf5-310"),
    ("libicu67", 12, "the library of the release, or libicu-dev"),
    ("libjasper-dev", 11, ""),
    (
        "libldap-2.4-2",
        12,
        "the library of the release, or libldap-dev",
    ),
    ("libmagickwand-6.q16-6", 13, "libmagickwand-7.q16-10"),
    ("libmysqlclient-dev", 11, "default-libmysqlclient-dev"),
    ("libncurses5", 13, "libncurses6"),
    ("libopenblas-base", 12, "libopenblas0"),
    ("libpango1.0-0", 13, "libpango-1.0-0"),
    ("libpcre3", 13, "libpcre2-8-0"),
    ("libpcre3-dev", 13, "libpcre2-dev"),
    ("libpng12-0", 11, "libpng16-16"),
    ("libssl1.1", 12, "libssl3"),
    ("libtbb2", 12, "libtbb12"),
    ("libtiff5", 12, "libtiff6"),
    ("libtinfo5", 13, "libtinfo6"),
    ("libwebkit2gtk-4.0-37", 13, "libwebkit2gtk-4.1-0"),
    ("libwebp6", 12, "libwebp7"),
    ("libzip4", 13, "libzip5"),
    ("mysql-client", 11, "default-mysql-client"),
    ("neofetch", 13, "fastfetch"),
    ("netcat", 12, "netcat-openbsd"),
    ("ntp", 13, "ntpsec"),
    ("openjdk-11-jdk", 12, "default-jdk-headless"),
    ("openjdk-11-jre", 12, "default-jre-headless"),
    ("openjdk-11-jre-headless", 12, "default-jre-headless"),
    ("openjdk-17-jdk", 13, "default-jdk-headless"),
    ("openjdk-17-jdk-headless", 13, "default-jdk-headless"),
    ("openjdk-17-jre", 13, "default-jre-headless"),
    ("openjdk-17-jre-headless", 13, "default-jre-headless"),
    ("policykit-1", 13, "polkitd"),
    ("python3-distutils", 13, ""),
    ("qt5-default", 11, "qtbase5-dev"),
    ("software-properties-common", 13, ""),
    ("wkhtmltopdf", 13, ""),
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for file in facts.dockerfiles() {
        for stage in file.images() {
            let Some((from, rest)) = stage.split_first() else {
                continue;
            };
            let Some(release) = release(images::base(&from.rest)) else {
                continue;
            };
            if rest.iter().any(|one| adds_sources(one)) {
                continue;
            }
            let text = facts.tree.text(&file.path).unwrap_or_default();
            for one in rest.iter().filter(|one| one.name == "RUN") {
                for package in installed(one) {
                    let gone = GONE.iter().find(|(name, first, _)| {
                        // A version or an architecture may follow the name.
                        let plain = package.split(['=', ':']).next().unwrap_or_default();
                        plain == *name && release >= *first
                    });
                    let Some((name, _, instead)) = gone else {
                        continue;
                    };
                    let mut message = format!("Debian {release} has no package `{name}`");
                    if !instead.is_empty() {
                        message.push_str(&format!("; in its place: {instead}"));
                    }
                    let line = line_of(&text, one, &package);
                    let defect = Defect::new(&file.path, line, message).about(*name);
                    let fix = replace(facts, &file.path, line, &package, name, instead);
                    let defect = defect.with(&file.path, from.line).mended_by(fix);
                    // What a stage is built on is seen again in each that is built on it.
                    if !defects.contains(&defect) {
                        defects.push(defect);
                    }
                }
            }
        }
    }
    defects
}

/// The package that took its place, where one did.
fn replace(
    facts: &Facts<'_>,
    file: &str,
    line: usize,
    package: &str,
    name: &str,
    instead: &str,
) -> Option<Fix> {
    if instead.is_empty() || instead.contains(' ') || package.contains('=') {
        return None;
    }
    let text = Text::of(facts.tree, file)?;
    let span = text.line(line)?;
    let own = &text.str()[span.clone()];
    let ends = |at: usize| {
        let rest = &own[at + package.len()..];
        (at == 0 || own[..at].ends_with(char::is_whitespace))
            && (rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || c == ';'))
    };
    let at = own
        .match_indices(package)
        .map(|(at, _)| at)
        .find(|at| ends(*at))?;
    let at = span.start + at;
    let change = text.replace(at..at + name.len(), instead);
    Some(Fix::safe(format!("install `{instead}`"), [change]))
}

/// The release of Debian that an image stands on, where its name tells it.
fn release(image: &str) -> Option<u32> {
    const NAMES: [(&str, u32); 3] = [("bullseye", 11), ("bookworm", 12), ("trixie", 13)];
    let tag = images::tag(image);
    let name = images::name(image);
    let is_official = matches!(
        name,
        "debian" | "python" | "node" | "ruby" | "golang" | "rust" | "php" | "buildpack-deps"
    );
    if !is_official || image.contains('@') || image.contains('$') {
        return None;
    }
    let named = NAMES
        .iter()
        .find(|(release, _)| tag.split('-').any(|part| part == *release));
    if let Some((_, release)) = named {
        return Some(*release);
    }
    let first = tag.split('-').next().unwrap_or_default();
    match name {
        "debian" => {
            let number = first.split('.').next().unwrap_or_default();
            number
                .parse()
                .ok()
                .filter(|number| (11..=13).contains(number))
        }
        // Since August 2025, for the versions that were alive then.
        "python" => {
            let flavour = tag.strip_prefix(first).unwrap_or_default();
            let mut numbers = first.split('.').map(str::parse::<u32>);
            let version = (numbers.next(), numbers.next());
            let is_alive = matches!(version, (Some(Ok(3)), None))
                || matches!(version, (Some(Ok(3)), Some(Ok(minor))) if (10..=14).contains(&minor));
            // A patch that is named may have been built before the move.
            let is_moving = first.split('.').count() < 3;
            (is_alive && is_moving && matches!(flavour, "" | "-slim")).then_some(13)
        }
        _ => None,
    }
}

/// Whether a line may bring packages from elsewhere than the release.
fn adds_sources(one: &Instruction) -> bool {
    let words = [
        "/etc/apt",
        "sources.list",
        "apt-add-repository",
        "add-apt-repository",
        "deb http",
        "apt_preferences",
        ".deb",
        "snapshot.debian.org",
        "--target-release",
        "xargs",
    ];
    one.name != "FROM" && words.iter().any(|word| one.rest.contains(word))
}

/// The packages that a line installs where its failure ends the build.
fn installed(one: &Instruction) -> Vec<String> {
    let code = one.rest.trim_start();
    // `--mount=...` and its like come before the command.
    let options = code
        .split_whitespace()
        .take_while(|word| word.starts_with("--"));
    let code = match options.last() {
        Some(last) => &code[code.find(last).map_or(0, |at| at + last.len())..],
        None => code,
    };
    if code.contains("||") || code.trim_start().starts_with('[') {
        return Vec::new();
    }
    let shell = Shell::parse(code, Start::default());
    let mut packages = Vec::new();
    for command in &shell.commands {
        let words = command.program();
        let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
        if !matches!(text(0), "apt-get" | "apt") || command.loops > 0 {
            continue;
        }
        let mut words = words[1..]
            .iter()
            .filter(|word| word.is_literal && !word.text.starts_with('-'));
        if words.next().is_some_and(|word| word.text == "install") {
            packages.extend(words.map(|word| word.text.clone()));
        }
    }
    packages
}

/// The line of an instruction that names a package.
fn line_of(text: &str, one: &Instruction, package: &str) -> usize {
    let lines = text.lines().enumerate();
    let mut own = lines.skip(one.line - 1).take(one.last + 1 - one.line);
    let names = |line: &str| line.split_whitespace().any(|word| word == package);
    own.find(|(_, line)| names(line))
        .map_or(one.line, |(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn of(text: &str) -> Vec<String> {
        found(&RULE, &[("Dockerfile", text)])
    }

    #[test]
    fn packages_that_are_gone() {
        assert_eq!(
            of(
                "FROM python:3.12-slim\nRUN apt-get update && apt-get install -y --no-install-recommends \\\n    libcairo2 \\\n    libgdk-pixbuf2.0-0 \\\n    && rm -rf /var/lib/apt/lists/*\n"
            ),
            ["Dockerfile:4 libgdk-pixbuf2.0-0"]
        );
        assert_eq!(
            of(
                "FROM node:22-bookworm-slim AS base\nRUN --mount=type=cache,target=/x apt-get -qq install -y netcat\nFROM base\nCMD x\n"
            ),
            ["Dockerfile:2 netcat"]
        );
        assert_eq!(
            of("FROM debian:13.1-slim\nRUN apt install openjdk-17-jre-headless:amd64\n"),
            ["Dockerfile:2 openjdk-17-jre-headless"]
        );
    }

    #[test]
    fn packages_that_are_there_or_may_be() {
        let install = "RUN apt-get update && apt-get install -y libgdk-pixbuf2.0-0\n";
        for from in [
            "python:3.12-slim-bookworm",
            "python:3.12-alpine",
            "python:3.8-slim",
            "python:3.12.1-slim",
            "python:3.12-slim@sha256:0",
            "node:22-slim",
            "ubuntu:24.04",
            "example.com/python:3.12",
            "python:${VERSION}-slim",
            "debian:12",
            "python:3.12-windowsservercore",
        ] {
            assert!(of(&format!("FROM {from}\n{install}")).is_empty(), "{from}");
        }
        for run in [
            "RUN apt-get install -y libgdk-pixbuf-2.0-0\n".to_owned(),
            format!(
                "RUN echo deb http://x bookworm main > /etc/apt/sources.list.d/x.list\n{install}"
            ),
            "RUN apt-get install -y netcat || apt-get install -y netcat-openbsd\n".to_owned(),
            "RUN apt-get remove -y netcat\n".to_owned(),
            "RUN echo apt-get install netcat\n".to_owned(),
        ] {
            assert!(
                of(&format!("FROM python:3.12-slim\n{run}")).is_empty(),
                "{run}"
            );
        }
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(GONE.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
