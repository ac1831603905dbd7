//! Where a SARIF location lies in the repository. Scanners write relative URIs,
//! paths of the machine they ran on, of a container, of Windows, or a URL of the
//! file; what counts is the path from the repository's root.

use std::borrow::Cow;

/// Folders into which CI services and containers check a repository out, and
/// temporary folders, segment by segment: `*` is any segment, `=` repeats the one
/// before.
const ROOTS: [&[&str]; 19] = [
    &["github", "workspace"],
    &["home", "runner", "work", "*", "="],
    &["Users", "runner", "work", "*", "="],
    &["home", "runner", "_work", "*", "="],
    &["actions-runner", "_work", "*", "="],
    &["__w", "*", "="],
    &["home", "vsts", "work", "*", "s"],
    &["home", "circleci", "project"],
    &["opt", "atlassian", "pipelines", "agent", "build"],
    &["workspaces", "*"],
    &["builds", "*", "*"],
    &["private", "var", "folders", "*", "*", "T", "*"],
    &["var", "folders", "*", "*", "T", "*"],
    &["private", "tmp", "*"],
    &["var", "tmp", "*"],
    &["tmp", "*"],
    &["Users", "*", "AppData", "Local", "Temp", "*"],
    // On a Windows drive: a runner's checkout.
    &["a", "*", "="],
    &["a", "*", "s"],
];

/// Makes paths relative to the repository's root.
#[derive(Debug, Clone, Default)]
pub(super) struct Paths {
    roots: Vec<Vec<String>>,
}

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It was written as it should be.
    AsWritten,
    /// It was brought into its form.
    Mended,
    /// It is absolute and in no folder that is known to be a repository's root.
    Outside,
}

impl Paths {
    /// `roots` are absolute paths at which the repository is known to lie.
    pub(super) fn new<'r>(roots: impl IntoIterator<Item = &'r str>) -> Self {
        let mut paths = Self::default();
        roots.into_iter().for_each(|root| paths.add_root(root));
        paths
    }

    /// Adds a root; a relative path is none, and neither is `/`.
    pub(super) fn add_root(&mut self, root: &str) {
        let (text, _) = plain(root);
        let (is_absolute, segments) = split(&text);
        if is_absolute && !segments.is_empty() {
            self.roots
                .push(segments.into_iter().map(str::to_owned).collect());
            // The longest one first, so that the innermost counts.
            self.roots.sort_by_key(|root| std::cmp::Reverse(root.len()));
        }
    }

    /// The path of a URI, below `prefix`, which is a relative path or empty.
    pub(super) fn resolve<'a>(
        &self,
        uri: &Cow<'a, str>,
        prefix: Option<&str>,
    ) -> (Cow<'a, str>, Found) {
        if is_plain(uri) {
            return match prefix {
                None | Some("") => (uri.clone(), Found::AsWritten),
                Some(prefix) => (format!("{prefix}/{uri}").into(), Found::AsWritten),
            };
        }
        if let Some(path) = of_url(uri) {
            return (path.into_owned().into(), Found::Mended);
        }
        let (text, had_scheme) = plain(uri);
        let (is_absolute, segments) = split(&text);
        // Below a base a path is relative, whatever it begins with.
        let is_absolute = is_absolute && (prefix.is_none() || had_scheme || has_drive(&text));
        if !is_absolute {
            let path = segments.join("/");
            return match prefix {
                None | Some("") => (path.into(), Found::Mended),
                Some(prefix) => (format!("{prefix}/{path}").into(), Found::Mended),
            };
        }
        match self.below_root(&segments) {
            Some(below) => (below.join("/").into(), Found::Mended),
            None if has_drive(&text) => (segments.join("/").into(), Found::Outside),
            None => (format!("/{}", segments.join("/")).into(), Found::Outside),
        }
    }

    /// The prefix that a base stands for: relative to its parent, to a root that
    /// is known, or the root itself.
    pub(super) fn base(&self, uri: &str, parent: Option<&str>) -> String {
        let uri = uri.trim();
        if of_url(&Cow::Borrowed(uri)).is_some()
            || (uri.contains("://") && !uri.starts_with("file:"))
        {
            return String::new();
        }
        let (text, _) = plain(uri);
        let (is_absolute, segments) = split(&text);
        if is_absolute {
            return self
                .below_root(&segments)
                .map_or_else(String::new, |below| below.join("/"));
        }
        let below = segments.join("/");
        match parent {
            None | Some("") => below,
            Some(parent) if below.is_empty() => parent.to_owned(),
            Some(parent) => format!("{parent}/{below}"),
        }
    }

    fn below_root<'s>(&self, segments: &'s [&'s str]) -> Option<&'s [&'s str]> {
        for root in &self.roots {
            if segments.len() > root.len()
                && root
                    .iter()
                    .zip(segments)
                    .all(|(root, segment)| root == segment)
            {
                return Some(&segments[root.len()..]);
            }
        }
        // A drive is a segment by itself.
        let (drive, rest) = match segments {
            [drive, rest @ ..] if has_drive(drive) => (true, rest),
            all => (false, all),
        };
        ROOTS
            .iter()
            .filter(|root| drive || root[0] != "a")
            .find(|root| matches(root, rest))
            .map(|root| &rest[root.len()..])
            .filter(|below| !below.is_empty())
    }
}

fn matches(root: &[&str], segments: &[&str]) -> bool {
    segments.len() >= root.len()
        && root.iter().enumerate().all(|(at, wanted)| match *wanted {
            "*" => true,
            "=" => segments[at] == segments[at - 1],
            wanted => segments[at] == wanted,
        })
}

/// Whether a path can stay as it is.
pub(super) fn is_plain(uri: &str) -> bool {
    let bytes = uri.as_bytes();
    let Some(first) = bytes.first() else {
        return true;
    };
    if matches!(first, b'/' | b'.' | b' ') || bytes.last() == Some(&b' ') {
        return false;
    }
    let mut before = 0;
    for byte in bytes {
        match byte {
            b'%' | b'\\' | b':' => return false,
            // `//`, `/./` and `/../`; a hidden file goes the long way.
            b'/' | b'.' if before == b'/' => return false,
            _ => before = *byte,
        }
    }
    true
}

fn has_drive(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes.get(2), None | Some(b'/' | b'\\'))
}

/// Whether a relative path begins above its root.
pub(super) fn leaves_repository(uri: &str) -> bool {
    split(&plain(uri).0).1.first() == Some(&"..")
}

/// The path in a repository that a web address of a file shows.
fn of_url<'u>(uri: &'u str) -> Option<Cow<'u, str>> {
    let rest = uri
        .strip_prefix("https://")
        .or_else(|| uri.strip_prefix("http://"))?;
    let (_, after) = rest
        .split_once("/blob/")
        .or_else(|| rest.split_once("/-/blob/"))?;
    let (_, path) = after.split_once('/')?;
    let path = path.split(['#', '?']).next()?;
    (!path.is_empty()).then(|| decode(path))
}

/// A path with `/` and without scheme or escapes, and whether it had a scheme.
fn plain(uri: &str) -> (Cow<'_, str>, bool) {
    let uri = uri.trim();
    let (path, is_uri) = match uri.get(..5) {
        Some(scheme) if scheme.eq_ignore_ascii_case("file:") => (&uri[5..], true),
        _ => (uri, false),
    };
    let mut text = decode(path);
    if text.contains('\\') {
        text = text.replace('\\', "/").into();
    }
    if !is_uri {
        return (text, false);
    }
    let path = match text.strip_prefix("//") {
        // `file://host/path`, but `file://C:/path` is a common mistake.
        Some(rest) if !rest.starts_with('/') && !has_drive(rest) => rest
            .split_once('/')
            .map_or(String::new(), |(_, path)| format!("/{path}")),
        Some(rest) => rest.to_owned(),
        None => text.into_owned(),
    };
    let path = match path.trim_start_matches('/') {
        drive if has_drive(drive) => drive.to_owned(),
        _ => path,
    };
    (path.into(), true)
}

/// A path as a URI. An absolute one gets the scheme that the standard asks for.
pub(super) fn encode(path: &str) -> Cow<'_, str> {
    const SPECIAL: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'[')
        .add(b'\\')
        .add(b']')
        .add(b'^')
        .add(b'`')
        .add(b'{')
        .add(b'|')
        .add(b'}')
        // `alpine:3.18` would read as the scheme `alpine`.
        .add(b':');
    let encode = |text| Cow::from(percent_encoding::utf8_percent_encode(text, SPECIAL));
    if has_drive(path) {
        return Cow::Owned(format!("file:///{}{}", &path[..2], encode(&path[2..])));
    }
    if path.starts_with('/') {
        return Cow::Owned(format!("file://{}", encode(path)));
    }
    encode(path)
}

/// Percent escapes decoded, if all of them are right.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.unwrap_or(Cow::Borrowed(text))
}

/// Whether a path is absolute, and its segments without `.`, `..` and empty ones.
fn split(text: &str) -> (bool, Vec<&str>) {
    let is_absolute = text.starts_with('/') || has_drive(text);
    let mut segments = Vec::new();
    for segment in text.split('/') {
        match segment {
            "" | "." => {}
            ".." if segments.last().is_some_and(|last| *last != "..") => {
                segments.pop();
            }
            ".." if is_absolute => {}
            segment => segments.push(segment),
        }
    }
    (is_absolute, segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(uri: &str, prefix: Option<&str>) -> (String, Found) {
        let paths = Paths::new(["/srv/checkout", "file:///D:/repo%20one"]);
        let (path, found) = paths.resolve(&Cow::Borrowed(uri), prefix);
        (path.into_owned(), found)
    }

    #[test]
    fn what_scanners_write_becomes_a_path_of_the_repository() {
        for (uri, path) in [
            ("src/main.py", "src/main.py"),
            ("./src/main.py", "src/main.py"),
            ("src/../lib//a.py", "lib/a.py"),
            (".github/workflows/ci.yml", ".github/workflows/ci.yml"),
            ("src\\Web\\a.cs", "src/Web/a.cs"),
            ("with%20space/a%2Bb.py", "with space/a+b.py"),
            ("100%/a.py", "100%/a.py"),
            ("/github/workspace/src/a.py", "src/a.py"),
            ("file:///github/workspace/src/a.py", "src/a.py"),
            ("file:/github/workspace/src/a.py", "src/a.py"),
            (
                concat!("/home/runner", "/work", "/app/app/src/a.py"),
                "src/a.py",
            ),
            ("/__w/app/app/src/a.py", "src/a.py"),
            ("D:\\a\\app\\app\\src\\a.cs", "src/a.cs"),
            ("file:///D:/a/app/app/src/a.cs", "src/a.cs"),
            ("file://C:/a/app/app/a.cs", "a.cs"),
            ("/srv/checkout/a.py", "a.py"),
            ("d:/repo one/a.py", "d:/repo one/a.py"),
            ("D:/repo one/a.py", "a.py"),
            ("/tmp/tmp8s7d/src/a.py", "src/a.py"),
            ("file:///private/var/folders/x/y/T/z/src/a.py", "src/a.py"),
            (
                "https://github.com/o/r/blob/0123abc/src/a.py#L3",
                "src/a.py",
            ),
            (
                "https://gitlab.com/g/r/-/blob/main/src/a%20b.py",
                "src/a b.py",
            ),
            ("alpine:3.18", "alpine:3.18"),
            ("not a valid URI", "not a valid URI"),
        ] {
            assert_eq!(resolve(uri, None).0, path, "{uri}");
        }
    }

    #[test]
    fn a_path_that_is_elsewhere_stays_absolute() {
        assert_eq!(
            resolve("/etc/passwd", None),
            ("/etc/passwd".into(), Found::Outside)
        );
        assert_eq!(
            resolve(concat!("/home/runner", "/work", "/app/other/a.py"), None).1,
            Found::Outside
        );
        assert_eq!(resolve("/a/app/app/a.py", None).1, Found::Outside);
    }

    #[test]
    fn a_path_survives_being_written_as_a_uri() {
        for path in [
            "src/a.py",
            "a b/100%.py",
            "alpine:3.18",
            "ünï/[id].ts",
            "/etc/passwd",
            "C:/code/a.c",
            "a#b?c",
        ] {
            assert_eq!(resolve(&encode(path), None).0, path);
        }
    }

    #[test]
    fn bases_are_prefixes() {
        let paths = Paths::new([]);
        assert_eq!(paths.base("file:///github/workspace/", None), "");
        assert_eq!(paths.base("file:///github/workspace/sub/", None), "sub");
        assert_eq!(paths.base("file:///Users/somebody/app/", None), "");
        assert_eq!(paths.base(" src/", Some("web")), "web/src");
        assert_eq!(paths.base("https://github.com/o/r/blob/abc/", None), "");
        assert_eq!(resolve("a.py", Some("sub")).0, "sub/a.py");
        assert_eq!(resolve("/webgoat/a.aspx", Some("")).0, "webgoat/a.aspx");
        assert_eq!(
            resolve("file:///github/workspace/a.py", Some("sub")).0,
            "a.py"
        );
    }
}
