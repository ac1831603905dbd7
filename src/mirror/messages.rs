//! What git and servers say, and what can be done about it. The sentences are
//! those of git 2.39 to 2.47 in the language `C`, and of GitHub and GitLab.

use std::collections::BTreeMap;

use super::transport::{Refusal, Trouble};

/// Sentences, in small letters, by what can be done about them; the first that is
/// found decides.
const TROUBLES: [(Trouble, &[&str]); 9] = [
    (Trouble::NotAtomic, &["does not support --atomic"]),
    (
        Trouble::Incomplete,
        &[
            "shallow update not allowed",
            "missing necessary objects",
            "shallow roots are not allowed",
        ],
    ),
    (Trouble::Lfs, &["lfs objects are missing"]),
    (
        Trouble::FileSize,
        &["exceeds github's file size limit", "mib limit"],
    ),
    (
        Trouble::Size,
        &["exceeds maximum allowed size", "error: 413", "http 413"],
    ),
    (
        Trouble::Access,
        &[
            "authentication failed",
            "could not read username",
            "could not read password",
            "access denied",
            "permission denied",
            "permission to ",
            "error: 401",
            "error: 403",
            "http 403",
            "host key verification failed",
            "not allowed to push code",
        ],
    ),
    (
        Trouble::Missing,
        &[
            "repository not found",
            "' not found",
            "does not appear to be a git repository",
            "error: 404",
            "could not be found or you don't have permission",
            "does not exist",
        ],
    ),
    (
        Trouble::Moved,
        &[
            "couldn't find remote ref",
            "cannot lock ref",
            "not our ref",
            "unable to update local ref",
        ],
    ),
    (
        Trouble::Passing,
        &[
            "error: 429",
            "error: 500",
            "error: 502",
            "error: 503",
            "error: 504",
            "http 429",
            "http 500",
            "http 502",
            "http 503",
            "http 504",
            "could not resolve host",
            "failed to connect",
            "connection reset",
            "connection refused",
            "connection timed out",
            "connection closed",
            "operation timed out",
            "operation too slow",
            "early eof",
            "unexpected disconnect",
            "hung up unexpectedly",
            "empty reply from server",
            "rpc failed",
            "recv failure",
            "send failure",
            "ssl_error",
            "ssl connect error",
            "tls connect error",
            "gnutls",
            "invalid index-pack output",
            "index-pack failed",
            "bad pack header",
            "protocol error",
            "expected flush",
            "bad line length",
            "transfer closed",
            "unpack-objects failed",
            "invalid server response",
        ],
    ),
];

/// What can be done about what git said.
pub(super) fn trouble(said: &str) -> Trouble {
    let said = said.to_lowercase();
    let known = |phrases: &[&str]| phrases.iter().any(|phrase| said.contains(phrase));
    TROUBLES
        .iter()
        .find(|(_, phrases)| known(phrases))
        .map_or(Trouble::Other, |(trouble, _)| *trouble)
}

/// The lines of it that say why, for people.
pub(super) fn reason(said: &str) -> String {
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| {
            let text = line.strip_prefix("remote:").unwrap_or(line).trim();
            text.chars().any(char::is_alphanumeric) && !text.starts_with("hint:")
        })
        .collect();
    // The cause comes first, what follows from it later.
    let important = |line: &&&str| {
        line.starts_with("remote:") || line.starts_with("fatal:") || line.starts_with("error:")
    };
    let mut told: Vec<&str> = lines.iter().filter(important).take(4).copied().collect();
    if told.is_empty() {
        told.extend(lines.last());
    }
    match told.is_empty() {
        true => "it said nothing".to_owned(),
        false => told.join("; "),
    }
}

/// How git begins a line that tells how far it is.
const PROGRESS: [&str; 9] = [
    "Enumerating objects:",
    "Counting objects:",
    "Delta compression using",
    "Compressing objects:",
    "Writing objects:",
    "Total ",
    "remote: Resolving deltas:",
    "remote: Unpacking objects:",
    "remote: Checking connectivity:",
];

/// What git said without how far it was, and how many bytes it wrote to a server; git
/// rounds them to hundredths of a KiB, MiB or GiB.
pub(super) fn without_progress(said: &str) -> (String, u64) {
    let (mut rest, mut bytes) = (String::new(), 0);
    for line in said.split(['\n', '\r']) {
        if PROGRESS.iter().any(|words| line.starts_with(words)) {
            if line.starts_with("Writing objects:") && line.ends_with("done.") {
                bytes += written(line).unwrap_or_default();
            }
        } else if !line.trim().is_empty() {
            rest.push_str(line);
            rest.push('\n');
        }
    }
    (rest, bytes)
}

/// `Writing objects: 100% (9/9), 88.45 KiB | 22.11 MiB/s, done.`
fn written(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("), ")?;
    let (number, unit) = rest.split(" | ").next()?.split_once(' ')?;
    let unit = match unit {
        "bytes" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * unit;
    // Too large for a number of bytes is no size of a push.
    (bytes < 1e15).then_some(bytes as u64)
}

/// Why a ref was refused, from the words in brackets behind it.
pub(super) fn refusal(why: &str, said: &str) -> Refusal {
    let is = |phrases: &[&str]| phrases.iter().any(|phrase| why.contains(phrase));
    if is(&[
        "atomic push fail",
        "atomic transaction failed",
        "transaction failed",
    ]) {
        return Refusal::Together;
    }
    if is(&[
        "stale info",
        "fetch first",
        "non-fast-forward",
        "already exists",
        "failed to update ref",
        "cannot lock ref",
        "failed to lock",
        "incorrect old value",
    ]) {
        return Refusal::Moved;
    }
    let server: Vec<&str> = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("remote:"))
        .map(str::trim)
        .filter(|line| line.chars().any(char::is_alphanumeric))
        .take(3)
        .collect();
    Refusal::Rule(match server.is_empty() {
        true => why.to_owned(),
        false => format!("{why}: {}", server.join(" ")),
    })
}

/// What `git push --porcelain` says of refs that it did not write, by name.
pub(super) fn refused(porcelain: &str, said: &str) -> BTreeMap<String, Refusal> {
    let lines = porcelain
        .lines()
        .filter_map(|line| line.strip_prefix("!\t"));
    lines
        .filter_map(|line| {
            let (refs, summary) = line.split_once('\t')?;
            let (_, name) = refs.split_once(':')?;
            let why = summary.split_once('(').map_or(summary, |(_, why)| why);
            let why = why.trim_end().trim_end_matches(')');
            Some((name.to_owned(), refusal(why, said)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        for (said, known) in [
            (
                "fatal: unable to access 'https://h/x/': The requested URL returned error: 503",
                Trouble::Passing,
            ),
            (
                "error: RPC failed; HTTP 504 curl 22\nfatal: the remote end hung up unexpectedly",
                Trouble::Passing,
            ),
            (
                "fatal: unable to access 'https://h/': Could not resolve host: h",
                Trouble::Passing,
            ),
            (
                "fatal: Authentication failed for 'https://h/x/'",
                Trouble::Access,
            ),
            (
                "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                Trouble::Access,
            ),
            (
                "remote: HTTP Basic: Access denied\nfatal: the remote end hung up unexpectedly",
                Trouble::Access,
            ),
            (
                "fatal: unable to access 'https://h/': The requested URL returned error: 403",
                Trouble::Access,
            ),
            (
                "remote: Repository not found.\nfatal: repository 'https://h/x/' not found",
                Trouble::Missing,
            ),
            (
                "fatal: the receiving end does not support --atomic push",
                Trouble::NotAtomic,
            ),
            (
                "fatal: couldn't find remote ref refs/heads/x",
                Trouble::Moved,
            ),
            (
                "remote: fatal: pack exceeds maximum allowed size (1.00 KiB)\nerror: remote unpack failed",
                Trouble::Size,
            ),
            (
                "remote: GitLab: You are attempting to check in one or more blobs which exceed the 100.0MiB limit:",
                Trouble::FileSize,
            ),
            ("fatal: something new", Trouble::Other),
        ] {
            assert_eq!(trouble(said), known, "{said}");
        }
    }

    #[test]
    fn how_far_git_is_says_nothing_but_how_much_it_wrote() {
        let said = "Enumerating objects: 9, done.\nCounting objects:  50% (1/2)\rCounting objects: 100% (2/2), done.\nWriting objects:  50% (1/2)\rWriting objects: 100% (2/2), 88.50 KiB | 22.11 MiB/s, done.\nTotal 2 (delta 1), reused 0\nremote: GitLab: no        \nerror: failed to push some refs\n";
        let (rest, bytes) = without_progress(said);
        assert_eq!(
            rest,
            "remote: GitLab: no        \nerror: failed to push some refs\n"
        );
        assert_eq!(bytes, 90_624);
        let broken = "Writing objects:  45% (4/9), 12.00 MiB | 1 MiB/s\rerror: RPC failed; HTTP 504 curl 22\n";
        let (rest, bytes) = without_progress(broken);
        assert_eq!(
            (rest.as_str(), bytes),
            ("error: RPC failed; HTTP 504 curl 22\n", 0)
        );
    }

    #[test]
    fn porcelain_is_read() {
        let text = "To http://h/x\n!\taaa:refs/heads/a\t[rejected] (stale info)\n!\t:refs/heads/b\t[remote rejected] (pre-receive hook declined)\n*\tbbb:refs/heads/c\t[new branch]\n!\tccc:refs/heads/d\t[rejected] (atomic push failed)\n";
        let said = "remote: \nremote: GitLab: You are not allowed to force push code to a protected branch on this project.\nerror: failed to push some refs";
        let refused = refused(text, said);
        assert_eq!(refused.len(), 3);
        assert_eq!(refused["refs/heads/a"], Refusal::Moved);
        assert_eq!(refused["refs/heads/d"], Refusal::Together);
        assert_eq!(
            refused["refs/heads/b"],
            Refusal::Rule("pre-receive hook declined: GitLab: You are not allowed to force push code to a protected branch on this project.".to_owned())
        );
    }
}
