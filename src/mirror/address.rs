//! Where a repository is.

use std::fmt;

/// Who runs the server, where that can be told from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    /// GitHub.
    Github,
    /// GitLab.
    Gitlab,
    /// Something else.
    Other,
}

/// An address that git understands, without any secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
    host: String,
    path: String,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is a password in it.
    #[error("the address holds a password or token, which everybody could read")]
    Secret,
    /// It is not encrypted.
    #[error("`{0}` is not encrypted: anybody on the way could read the token")]
    Plain(String),
    /// It is none.
    #[error("`{0}` is no address of a repository")]
    Unknown(String),
}

impl Address {
    /// Reads `https://…`, `ssh://…`, `user@host:path` and `file:///…`; `http://`
    /// for this machine alone.
    ///
    /// # Errors
    /// Where it is none of these, or there is a password in it.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        let unknown = || AddressError::Unknown(without_user(text));
        let is_clean = !text.is_empty()
            && !text.starts_with('-')
            && !text.contains("::")
            && text.chars().all(|c| !c.is_control() && c != ' ');
        if !is_clean {
            return Err(unknown());
        }
        if let Some(path) = text.strip_prefix("file://") {
            return match path.starts_with('/') {
                true => Ok(Self::at(text, "", path)),
                false => Err(unknown()),
            };
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let (authority, path) = rest.split_once('/').ok_or_else(unknown)?;
            let (user, host) = match authority.rsplit_once('@') {
                Some((user, host)) => (Some(user), host),
                None => (None, authority),
            };
            // A name alone may be a token, where it is not for ssh.
            let is_secret = user.is_some_and(|user| user.contains(':') || scheme != "ssh");
            if is_secret {
                return Err(AddressError::Secret);
            }
            if host.is_empty() || path.is_empty() || host.starts_with('-') {
                return Err(unknown());
            }
            return match scheme {
                "https" | "ssh" => Ok(Self::at(text, host, path)),
                "http" if is_local(host) => Ok(Self::at(text, host, path)),
                "http" => Err(AddressError::Plain(text.to_owned())),
                _ => Err(unknown()),
            };
        }
        let (authority, path) = text.split_once(':').ok_or_else(unknown)?;
        let (user, host) = authority.split_once('@').ok_or_else(unknown)?;
        let is_name = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        if !is_name(user) || !is_name(host) || path.is_empty() || path.starts_with('-') {
            return Err(unknown());
        }
        Ok(Self::at(text, host, path))
    }

    fn at(url: &str, host: &str, path: &str) -> Self {
        let path = path.trim_matches('/');
        Self {
            url: url.to_owned(),
            host: host.to_ascii_lowercase(),
            path: path.strip_suffix(".git").unwrap_or(path).to_owned(),
        }
    }

    /// What git is given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The host, with its port where one is named; empty for a folder.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `https://host`, as git's question for a password names it; `None` where
    /// git does not ask.
    pub fn origin(&self) -> Option<String> {
        let (scheme, _) = self.url.split_once("://")?;
        let authority = self.url[scheme.len() + 3..].split('/').next()?;
        matches!(scheme, "https" | "http").then(|| format!("{scheme}://{authority}"))
    }

    /// What the server calls the repository: `owner/name`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What the repository is called in the record of a sync: the same however
    /// it is reached.
    pub fn id(&self) -> String {
        format!("{}/{}", self.host, self.path)
    }

    /// That as a part of a ref's name.
    pub fn slug(&self) -> String {
        use sha2::{Digest as _, Sha256};
        let id = self.id();
        let digest = Sha256::digest(&id);
        let plain: String = id
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let plain = plain.trim_matches('-');
        let start = plain.len().saturating_sub(60);
        format!(
            "{}-{:02x}{:02x}{:02x}{:02x}",
            &plain[start..].trim_matches('-'),
            digest[0],
            digest[1],
            digest[2],
            digest[3]
        )
    }

    /// Who runs the server; `servers` are the hosts of the GitHub and of the
    /// GitLab that this job runs on.
    pub fn forge(&self, servers: (Option<&str>, Option<&str>)) -> Forge {
        let is = |server: Option<&str>| server == Some(self.host.as_str());
        if self.host == "github.com" || is(servers.0) {
            Forge::Github
        } else if self.host.split(['.', ':']).any(|part| part == "gitlab") || is(servers.1) {
            Forge::Gitlab
        } else {
            Forge::Other
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

fn is_local(host: &str) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|local| {
        host == *local
            || host
                .strip_prefix(local)
                .is_some_and(|rest| rest.starts_with(':'))
    })
}

fn without_user(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority
                .rsplit_once('@')
                .map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}/{path}")
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_one_name_however_it_is_reached() {
        let id = |text: &str| Address::new(text).map(|address| address.id());
        let same = "gitlab.com/acme/shop";
        for text in [
            "https://gitlab.com/acme/shop.git",
            "https://GitLab.com/acme/shop/",
            "ssh://git@gitlab.com/acme/shop.git",
            "git@gitlab.com:acme/shop.git",
        ] {
            assert_eq!(id(text).as_deref(), Ok(same), "{text}");
        }
        assert_eq!(
            id("file:///srv/git/shop.git").as_deref(),
            Ok("/srv/git/shop")
        );
        let slug = Address::new("https://gitlab.com/acme/shop")
            .expect("an address")
            .slug();
        assert!(slug.starts_with("gitlab-com-acme-shop-"), "{slug}");
        let other = Address::new("https://gitlab.com/acme-shop")
            .expect("an address")
            .slug();
        assert_ne!(slug, other);
    }

    #[test]
    fn what_could_leak_or_run_something_is_no_address() {
        let refused = |text: &str| Address::new(text).expect_err(text);
        for text in [
            "https://oauth2:x@gitlab.com/a/b",
            "https://token@gitlab.com/a/b",
            "ssh://a:b@h/c",
        ] {
            let error = refused(text);
            assert_eq!(error, AddressError::Secret, "{text}");
            assert!(!error.to_string().contains("token@"), "{error}");
        }
        assert!(matches!(
            refused("http://gitlab.com/a/b"),
            AddressError::Plain(_)
        ));
        for text in [
            "",
            "-oProxyCommand=x",
            "ext::sh -c x",
            "git@-oProxyCommand=x:r",
            "main",
            "/srv/x",
            "file://srv/x",
            "ftp://h/x",
            "https://h",
            "https://h/",
            "git@h:-x",
            "https://h/a b",
            "https://h/a\nb",
        ] {
            assert!(matches!(refused(text), AddressError::Unknown(_)), "{text}");
        }
        assert!(Address::new("http://127.0.0.1:8080/a.git").is_ok());
        assert!(Address::new("http://127.0.0.1.evil.example/a.git").is_err());
    }

    #[test]
    fn a_forge_is_known_by_its_host_alone() {
        let forge = |text: &str| {
            Address::new(text)
                .expect("an address")
                .forge((Some("github.acme.com"), Some("git.acme.com")))
        };
        assert_eq!(forge("https://github.com/a/b"), Forge::Github);
        assert_eq!(forge("https://github.acme.com/a/b"), Forge::Github);
        assert_eq!(forge("https://gitlab.com/a/b"), Forge::Gitlab);
        assert_eq!(forge("https://gitlab.acme.com/a/b"), Forge::Gitlab);
        assert_eq!(forge("https://git.acme.com/a/b"), Forge::Gitlab);
        assert_eq!(forge("https://evil.example/gitlab/b"), Forge::Other);
        assert_eq!(forge("https://notgithub.com/a/b"), Forge::Other);
    }
}
