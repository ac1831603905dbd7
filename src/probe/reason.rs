//! Why a step is red, where its words tell: what is missing, and how that is mended.

use serde::Serialize;

/// Why a step is red.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Reason {
    /// What kind of reason.
    pub kind: Kind,
    /// What is missing, in a sentence.
    pub why: String,
    /// What to do about it.
    pub mend: String,
}

impl Reason {
    /// The variable that has no value, where that is the reason.
    pub fn variable(&self) -> Option<&str> {
        let name = between(&self.why, "`", "`")?;
        (self.kind == Kind::MissingVariable).then_some(name)
    }
}

/// The kinds of reasons that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A package that the code imports is not installed by what the project names.
    MissingDependency,
    /// A program is not there.
    MissingProgram,
    /// A script is called that `package.json` has not.
    MissingScript,
    /// A variable has no value.
    MissingVariable,
    /// A host was not reached.
    Network,
    /// A server was not reached.
    MissingService,
    /// It wrote outside of its copy, and was kept from it.
    Outside,
}

impl Kind {
    /// Whether it is of this machine, so that another may pass.
    pub const fn is_of_the_machine(self) -> bool {
        matches!(self, Self::Network | Self::MissingService | Self::Outside)
    }
}

/// The reasons that a step's words tell, each once, in the order of their lines.
pub fn reasons(output: &str) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for line in output.lines() {
        for rule in RULES {
            if let Some(reason) = rule(line.trim())
                && !reasons.iter().any(|known| known.why == reason.why)
            {
                reasons.push(reason);
            }
        }
    }
    reasons.truncate(10);
    reasons
}

/// Longer words of an install are cut, in characters.
const LONGEST: usize = 300;

/// Why an install failed: a reason that is known, else its first line that names an error
/// and is more than a number, else its last line.
pub fn install(output: &str) -> String {
    let output = crate::debt::readers::plain(output);
    if let Some(reason) = reasons(&output).first() {
        return reason.why.clone();
    }
    let lines = || {
        output
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    let names_error = |line: &&str| {
        let lower = line.to_ascii_lowercase();
        let is_one = lower.starts_with("npm error ") || lower.contains("error:");
        let is_number = lower.starts_with("npm error code") || lower.starts_with("npm error errno");
        is_one && !is_number && !lower.contains("complete log")
    };
    let named = lines().find(names_error).or_else(|| lines().next_back());
    let named = named.unwrap_or("it said nothing");
    named.chars().take(LONGEST).collect()
}

/// Whether the words of one failure are those of a machine that lacks something, where
/// another may have it.
pub fn is_of_the_machine(text: &str) -> bool {
    // Clients that do not say why they got no answer.
    let unanswered = [
        "fetch failed",
        "<no response>",
        "ConnectError",
        "ConnectTimeout",
        "ConnectionError",
        "socket hang up",
        "ERR_NETWORK",
    ];
    unanswered.iter().any(|words| text.contains(words))
        || reasons(text)
            .iter()
            .any(|reason| reason.kind.is_of_the_machine())
}

const RULES: [fn(&str) -> Option<Reason>; 9] = [
    python_package,
    node_package,
    program,
    script,
    variable,
    network,
    service,
    extension,
    outside,
];

fn python_package(line: &str) -> Option<Reason> {
    let name = between(line, "No module named '", "'")
        .or_else(|| between(line, "No module named \"", "\""))?;
    let package = name.split('.').next().filter(|name| is_name(name))?;
    Some(Reason {
        kind: Kind::MissingDependency,
        why: format!("the Python module `{package}` is imported and not installed"),
        mend: format!(
            "add the package of `{package}` to what the tests install, if it is not a module of yours"
        ),
    })
}

fn node_package(line: &str) -> Option<Reason> {
    let name = [
        "Cannot find module '",
        "Cannot find package '",
        "Failed to resolve import \"",
    ]
    .iter()
    .find_map(|before| between(line, before, &before[before.len() - 1..]))?;
    let is_file = name.starts_with(['.', '/']) || name.starts_with("@/") || name.starts_with("~/");
    if is_file
        || !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "@/._-".contains(c))
    {
        return None;
    }
    let depth = if name.starts_with('@') { 2 } else { 1 };
    let package: Vec<&str> = name.split('/').take(depth).collect();
    let package = package.join("/");
    Some(Reason {
        kind: Kind::MissingDependency,
        why: format!("the package `{package}` is imported and not installed"),
        mend: format!("add `{package}` to `devDependencies`"),
    })
}

fn program(line: &str) -> Option<Reason> {
    let name = line
        .strip_suffix(": command not found")
        .or_else(|| line.strip_suffix(": not found"))
        .and_then(|before| before.rsplit(": ").next())
        .or_else(|| between(line, "No such file or directory: '", "'"))?;
    let is_program = is_name(name) && !name.contains('/') && !name.contains("..");
    is_program.then(|| Reason {
        kind: Kind::MissingProgram,
        why: format!("the program `{name}` is not there"),
        mend: format!(
            "add what brings `{name}` to the project's dependencies, or install it in a step"
        ),
    })
}

fn script(line: &str) -> Option<Reason> {
    let name = between(line, "Missing script: \"", "\"")
        .or_else(|| between(line, "Command \"", "\" not found"))?;
    Some(Reason {
        kind: Kind::MissingScript,
        why: format!("`package.json` has no script `{name}`"),
        mend: format!("add the script `{name}`, or take out what calls it"),
    })
}

fn variable(line: &str) -> Option<Reason> {
    let lower = line.to_ascii_lowercase();
    let says_so = [
        "not set",
        "is required",
        "must be set",
        "is missing",
        "not defined in",
        "is not defined",
        "environment variable",
        "must be defined",
    ];
    let name = match between(line, "KeyError: '", "'") {
        Some(name) => name,
        None if says_so.iter().any(|words| lower.contains(words)) => line
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .find(|word| is_variable(word))?,
        None => return None,
    };
    is_variable(name).then(|| Reason {
        kind: Kind::MissingVariable,
        why: format!("the variable `{name}` has no value"),
        mend: format!(
            "give it one for tests, under `detect.components.FOLDER.env.{name}` of .github/ci-tool.yml"
        ),
    })
}

fn network(line: &str) -> Option<Reason> {
    let host = [
        "ENOTFOUND ",
        "EAI_AGAIN ",
        "Could not resolve host: ",
        "UnknownHostException: ",
        "lookup ",
    ]
    .iter()
    .find_map(|before| word_behind(line, before));
    let is_told = [
        "Temporary failure in name resolution",
        "Name or service not known",
        "No address associated with hostname",
        "nodename nor servname provided",
        "Network is unreachable",
        "ENETUNREACH",
        "no such host",
        "Failed to fetch `",
        "getaddrinfo failed",
        "Could not resolve host",
        "NameResolutionError",
    ];
    let host = host.filter(|host| host.contains('.') && !host.starts_with("127."));
    if host.is_none() && !is_told.iter().any(|words| line.contains(words)) {
        return None;
    }
    let (why, mend) = match host {
        Some(host) => (
            format!("`{host}` was not reached from here"),
            "run it where the network is, or have tests not need it".to_owned(),
        ),
        None => (
            "a host was not reached from here".to_owned(),
            "run it where the network is, or have tests not need it".to_owned(),
        ),
    };
    Some(Reason {
        kind: Kind::Network,
        why,
        mend,
    })
}

fn service(line: &str) -> Option<Reason> {
    let lower = line.to_ascii_lowercase();
    let refused = ["connection refused", "econnrefused", "connect call failed"];
    if !refused.iter().any(|words| lower.contains(words)) {
        return None;
    }
    let known = [
        ("5432", "PostgreSQL"),
        ("3306", "MySQL"),
        ("6379", "Redis"),
        ("27017", "MongoDB"),
        ("5672", "RabbitMQ"),
        ("9200", "Elasticsearch"),
    ];
    let found = known.iter().find(|(port, _)| line.contains(port));
    let name = found.map_or("a server", |(_, name)| *name);
    Some(Reason {
        kind: Kind::MissingService,
        why: format!("{name} was not reached"),
        mend: "where it needs one, name it in a compose file beside it, which detection reads"
            .to_owned(),
    })
}

fn extension(line: &str) -> Option<Reason> {
    let name = between(line, "extension \"", "\" is not available")?;
    is_name(name).then(|| Reason {
        kind: Kind::MissingService,
        why: format!("PostgreSQL has no extension `{name}` here"),
        mend: format!(
            "install `{name}` for PostgreSQL on this machine; a job needs an image that has it"
        ),
    })
}

fn outside(line: &str) -> Option<Reason> {
    let denied = line.contains("ermission denied") || line.contains("EACCES");
    let path = match line.split_once("AccessDeniedException: ") {
        Some((_, path)) => path,
        None if denied => between(line, "'", "'")?,
        None => return None,
    };
    let is_outside = path.starts_with('/') && !path.contains("ci-tool-probe-");
    (is_outside && !path.contains(char::is_whitespace)).then(|| Reason {
        kind: Kind::Outside,
        why: format!("it writes to `{path}`, which is outside of its copy"),
        mend: "let it write to the project, to `$TMPDIR` or to `$HOME`".to_owned(),
    })
}

fn between<'t>(line: &'t str, before: &str, behind: &str) -> Option<&'t str> {
    let rest = &line[line.find(before)? + before.len()..];
    Some(&rest[..rest.find(behind)?])
}

fn word_behind<'t>(line: &'t str, before: &str) -> Option<&'t str> {
    let rest = &line[line.find(before)? + before.len()..];
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && !".-".contains(c))
        .unwrap_or(rest.len());
    Some(rest[..end].trim_end_matches('.')).filter(|word| !word.is_empty())
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() < 80
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// `NEXTAUTH_SECRET`, and not `TypeError`, `I` or `HTTP`.
fn is_variable(text: &str) -> bool {
    text.contains('_')
        && text.len() >= 4
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Option<(Kind, String)> {
        let mut reasons = reasons(line);
        assert!(reasons.len() < 2, "{reasons:?}");
        reasons.pop().map(|reason| (reason.kind, reason.why))
    }

    #[test]
    fn words_of_real_tools_tell_what_is_missing() {
        let cases = [
            (
                "E   ModuleNotFoundError: No module named 'aiosqlite'",
                Kind::MissingDependency,
                "aiosqlite",
            ),
            (
                "Error: Cannot find module '@testing-library/react/pure'",
                Kind::MissingDependency,
                "`@testing-library/react`",
            ),
            ("sh: 1: vitest: not found", Kind::MissingProgram, "vitest"),
            (
                "/tmp/script: line 1: ruff: command not found",
                Kind::MissingProgram,
                "`ruff`",
            ),
            (
                "npm error Missing script: \"type-check\"",
                Kind::MissingScript,
                "type-check",
            ),
            (
                "KeyError: 'NEXTAUTH_SECRET'",
                Kind::MissingVariable,
                "NEXTAUTH_SECRET",
            ),
            (
                "ValueError: NEXTAUTH_SECRET is not set",
                Kind::MissingVariable,
                "NEXTAUTH_SECRET",
            ),
            (
                "Error: getaddrinfo ENOTFOUND fonts.googleapis.com",
                Kind::Network,
                "fonts.googleapis.com",
            ),
            (
                "[Errno -3] Temporary failure in name resolution",
                Kind::Network,
                "a host",
            ),
            (
                "PermissionError: [Errno 13] Permission denied: '/var/cache/x'",
                Kind::Outside,
                "/var/cache/x",
            ),
            (
                "Error: EACCES: permission denied, mkdir '/srv/data'",
                Kind::Outside,
                "/srv/data",
            ),
            (
                "Error: connect ECONNREFUSED 127.0.0.1:6379",
                Kind::MissingService,
                "Redis",
            ),
            (
                "port 5432 failed: Connection refused",
                Kind::MissingService,
                "PostgreSQL",
            ),
        ];
        for (line, kind, part) in cases {
            let told = told(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(told.0, kind, "{line}");
            assert!(told.1.contains(part), "{line}: {}", told.1);
        }
    }

    #[test]
    fn other_words_tell_nothing() {
        for line in [
            "AssertionError: assert 404 == 200",
            "Cannot find module './jobs'",
            "KeyError: 'name'",
            "TypeError: x is not a function",
            "relation \"job_applications\" does not exist",
            "HTTP is required",
        ] {
            assert_eq!(told(line), None, "{line}");
        }
    }

    #[test]
    fn an_install_says_why_in_its_first_words() {
        let said = "npm warn x\nnpm error code EUSAGE\nnpm error\nnpm error `npm ci` can only install packages when they are in sync\nnpm error A complete log of this run can be found in: /x\n";
        assert!(
            install(said).contains("can only install"),
            "{}",
            install(said)
        );
        assert_eq!(install("a\nb\n"), "b");
    }
}
