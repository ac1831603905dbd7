//! Names of container images.

/// The image that a `FROM` line starts from.
pub(super) fn base(from: &str) -> &str {
    let mut words = from.split_whitespace();
    words
        .find(|word| !word.starts_with("--"))
        .unwrap_or_default()
}

/// An image's name without its tag, its digest and the hub's own address.
pub(super) fn name(image: &str) -> &str {
    let plain = image.split('@').next().unwrap_or_default();
    let plain = match plain.rsplit_once(':') {
        // A colon before a slash is that of a registry's port.
        Some((before, tag)) if !tag.contains('/') => before,
        _ => plain,
    };
    let plain = plain.strip_prefix("docker.io/").unwrap_or(plain);
    plain.strip_prefix("library/").unwrap_or(plain)
}

/// An image's tag; empty where it has none.
pub(super) fn tag(image: &str) -> &str {
    let plain = image.split('@').next().unwrap_or_default();
    match plain.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => tag,
        _ => "",
    }
}

/// Whether it is an official image that runs a command as it is given.
pub(super) fn is_plain_runtime(image: &str) -> bool {
    matches!(
        name(image),
        "python"
            | "node"
            | "ruby"
            | "php"
            | "debian"
            | "ubuntu"
            | "alpine"
            | "golang"
            | "rust"
            | "oven/bun"
            | "ghcr.io/astral-sh/uv"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_what_is_around_them() {
        for (image, expected) in [
            ("postgres:16", "postgres"),
            ("docker.io/library/mysql@sha256:x", "mysql"),
            ("localhost:5000/a/b:1", "localhost:5000/a/b"),
            ("localhost:5000/a", "localhost:5000/a"),
        ] {
            assert_eq!(name(image), expected);
        }
        assert_eq!(tag("localhost:5000/a/b:1@sha256:x"), "1");
        assert_eq!(tag("localhost:5000/a"), "");
        assert_eq!(base("--platform=x node:22 AS a"), "node:22");
        assert!(is_plain_runtime("python:3.12-slim") && !is_plain_runtime("x/python"));
    }
}
