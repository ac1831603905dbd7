//! What the server of a side is asked beside git: whether its rules would refuse a write, to
//! make a repository, to set its default branch, and to open a pull request.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

use crate::forge::github::{GitHub, Rule};
use crate::forge::gitlab::{Access, GitLab, ProtectedBranch, ProtectedTag};
use crate::forge::http::Patience;
use crate::forge::{self, Error};
use crate::mirror::address::Forge;
use crate::mirror::refs::{Kind, kind, short};
use crate::mirror::{Address, Foresight, Write};
use crate::sys::env::Env;

/// A sync goes on without these answers: it does not wait long for them.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(20),
    retries: 2,
    first_wait: Duration::from_millis(500),
    longest_wait: Duration::from_secs(10),
    secondary_limit: Duration::from_secs(60),
};

/// GitHub is asked about so many branches: each is a question.
const MAX_ASKED: usize = 20;

/// The server of a side.
#[derive(Debug)]
pub(super) struct Server {
    api: Api,
    /// `owner/name`, as the server calls the repository.
    path: String,
}

#[derive(Debug)]
enum Api {
    GitHub(GitHub),
    GitLab(GitLab),
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.api {
            Api::GitHub(_) => "GitHub",
            Api::GitLab(_) => "GitLab",
        })
    }
}

impl Server {
    /// The server of a side; `None` where there is no API that we know, or no token for it.
    ///
    /// # Errors
    /// Where its address or the token cannot be used.
    pub(super) fn new(
        address: &Address,
        token: Option<SecretString>,
        env: &Env,
    ) -> Result<Option<Self>, Error> {
        let Some(token) = token else {
            return Ok(None);
        };
        let servers = super::servers(env);
        let own = |server: Option<&str>, variable| {
            (server == Some(address.host()))
                .then(|| env.get(variable))
                .flatten()
        };
        let host = address.host();
        let api = match address.forge(servers) {
            Forge::Github => {
                let known = (host == "github.com").then_some("https://api.github.com");
                let Some(url) = own(servers.0, "GITHUB_API_URL").or(known) else {
                    return Ok(None);
                };
                Api::GitHub(GitHub::at(url, Some(token), PATIENCE)?)
            }
            Forge::Gitlab => {
                // An address of ssh has its own port.
                let name = host.split(':').next().unwrap_or(host);
                let origin = address
                    .origin()
                    .unwrap_or_else(|| format!("https://{name}"));
                let url = own(servers.1, "CI_API_V4_URL")
                    .map_or_else(|| format!("{origin}/api/v4"), str::to_owned);
                Api::GitLab(GitLab::at(&url, Some(token), PATIENCE)?)
            }
            Forge::Other => return Ok(None),
        };
        Ok(Some(Self {
            api,
            path: address.path().to_owned(),
        }))
    }

    /// The parts of a GitHub repository's name.
    fn parts(&self) -> (&str, &str) {
        self.path.split_once('/').unwrap_or(("", &self.path))
    }

    /// Whether there is such a repository that the token may see.
    ///
    /// # Errors
    /// Where the server does not say.
    pub(super) fn exists(&self) -> Result<bool, Error> {
        let (owner, name) = self.parts();
        talk(async {
            match &self.api {
                Api::GitHub(github) => Ok(github.repository(owner, name).await?.is_some()),
                Api::GitLab(gitlab) => match gitlab.project(&self.path).await {
                    Ok(_) => Ok(true),
                    Err(Error::NotFound { .. }) => Ok(false),
                    Err(error) => Err(error),
                },
            }
        })
    }

    /// Makes the repository, private and empty.
    ///
    /// # Errors
    /// Where that is not allowed, or there is no such owner.
    pub(super) fn create(&self) -> Result<(), Error> {
        let (owner, name) = self.parts();
        talk(async {
            match &self.api {
                Api::GitHub(github) => github.create(owner, name).await.map(drop),
                Api::GitLab(gitlab) => gitlab.create(&self.path).await.map(drop),
            }
        })
    }

    /// Makes a branch the default one.
    ///
    /// # Errors
    /// Where that is not allowed.
    pub(super) fn set_default_branch(&self, branch: &str) -> Result<(), Error> {
        let (owner, name) = self.parts();
        talk(async {
            match &self.api {
                Api::GitHub(github) => {
                    let done = github.set_default_branch(owner, name, branch).await;
                    done.map(drop)
                }
                Api::GitLab(gitlab) => {
                    let done = gitlab.set_default_branch(&self.path, branch).await;
                    done.map(drop)
                }
            }
        })
    }

    /// Opens a pull request from one branch to another, unless there is one: where it is.
    /// GitLab opens its own by an option of the push: `None`.
    ///
    /// # Errors
    /// Where that is not allowed.
    pub(super) fn open_pull_request(
        &self,
        head: &str,
        base: &str,
    ) -> Result<Option<String>, Error> {
        let Api::GitHub(github) = &self.api else {
            return Ok(None);
        };
        let (owner, name) = self.parts();
        talk(async {
            if let Some(there) = github.pull_request((owner, name), head, base).await? {
                return Ok(Some(there.html_url));
            }
            let title = format!("Commits of {base} that only the source has");
            let text = format!(
                "`{base}` has changed on both sides of a mirror. These are the commits that the \
                 source has and this repository lacks. `ci-tool sync` changes neither side until \
                 they are joined."
            );
            let opened = github
                .open_pull_request((owner, name), (head, base), &title, &text)
                .await?;
            Ok(Some(opened.html_url))
        })
    }
}

/// Talks to an API to the end.
fn talk<T>(conversation: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    forge::run(conversation).unwrap_or_else(|error| {
        Err(Error::Setup {
            url: "the network".to_owned(),
            why: error.to_string(),
        })
    })
}

impl Foresight for Server {
    fn refused(&self, writes: &[(&str, Write)]) -> BTreeMap<String, String> {
        let found = talk(async {
            match &self.api {
                Api::GitHub(github) => self.of_github(github, writes).await,
                Api::GitLab(gitlab) => self.of_gitlab(gitlab, writes).await,
            }
        });
        found.unwrap_or_else(|error| {
            tracing::info!("{self}'s rules are not known beforehand: {error}");
            BTreeMap::new()
        })
    }
}

impl Server {
    async fn of_gitlab(
        &self,
        gitlab: &GitLab,
        writes: &[(&str, Write)],
    ) -> Result<BTreeMap<String, String>, Error> {
        let project = gitlab.project(&self.path).await?;
        if project.archived {
            return Ok(all(
                writes,
                "the project is archived: nobody may write to it",
            ));
        }
        let own = project.own_access();
        let branches = gitlab.protected_branches(&self.path).await?;
        let tags = gitlab.protected_tags(&self.path).await?;
        let refused = writes.iter().filter_map(|(name, write)| {
            let why = match kind(name)? {
                Kind::Branch => branch_refused(&branches, short(name), *write, own)?,
                Kind::Tag => tag_refused(&tags, short(name), *write, own)?,
            };
            Some(((*name).to_owned(), why.to_owned()))
        });
        Ok(refused.collect())
    }

    async fn of_github(
        &self,
        github: &GitHub,
        writes: &[(&str, Write)],
    ) -> Result<BTreeMap<String, String>, Error> {
        let (owner, name) = self.parts();
        let repository = github.repository(owner, name).await?;
        if repository.is_some_and(|repository| repository.archived) {
            return Ok(all(
                writes,
                "the repository is archived: nobody may write to it",
            ));
        }
        // What only moves on is asked about last.
        let mut asked: Vec<&(&str, Write)> = writes
            .iter()
            .filter(|(name, _)| kind(name) == Some(Kind::Branch))
            .collect();
        asked.sort_by_key(|(_, write)| matches!(write, Write::Create | Write::Forward));
        if asked.len() > MAX_ASKED {
            tracing::info!(
                "GitHub's rules are asked for {MAX_ASKED} branches of {}",
                asked.len()
            );
        }
        let mut refused = BTreeMap::new();
        let mut binding: BTreeMap<u64, bool> = BTreeMap::new();
        for (branch, write) in asked.into_iter().take(MAX_ASKED) {
            for rule in github.rules(owner, name, short(branch)).await? {
                let Some((forbidden, ruleset)) = forbidden(&rule, *write).zip(rule.ruleset_id)
                else {
                    continue;
                };
                let binds = match binding.get(&ruleset) {
                    Some(binds) => *binds,
                    // A ruleset that may not be read is left to the server.
                    None => match github.binds(owner, name, ruleset).await {
                        Ok(binds) => binds == Some(true),
                        Err(Error::NotFound { .. } | Error::Forbidden { .. }) => false,
                        Err(error) => return Err(error),
                    },
                };
                binding.insert(ruleset, binds);
                if binds {
                    refused.insert((*branch).to_owned(), forbidden.to_owned());
                }
            }
        }
        Ok(refused)
    }
}

fn all(writes: &[(&str, Write)], why: &str) -> BTreeMap<String, String> {
    let names = writes.iter().map(|(name, _)| (*name).to_owned());
    names.map(|name| (name, why.to_owned())).collect()
}

/// What a rule of GitHub forbids of a write.
fn forbidden(rule: &Rule, write: Write) -> Option<&'static str> {
    match (rule.kind.as_str(), write) {
        ("non_fast_forward", Write::Rewrite) => Some("a ruleset of GitHub forbids to rewrite it"),
        ("deletion", Write::Delete) => Some("a ruleset of GitHub forbids to delete it"),
        ("creation", Write::Create) => Some("a ruleset of GitHub forbids to make it"),
        ("update", Write::Forward | Write::Rewrite) => {
            Some("a ruleset of GitHub forbids to change it")
        }
        ("pull_request", Write::Forward | Write::Rewrite) => {
            Some("a ruleset of GitHub takes changes of it by pull request alone")
        }
        _ => None,
    }
}

/// Whether any of these roles and people is, or may be, who asks. A list that is empty
/// says nothing.
fn may(levels: &[Access], own: Option<u32>) -> bool {
    levels.is_empty() || levels.iter().any(|level| level.allows(own) != Some(false))
}

/// What GitLab says of a push to a branch. Where several rules are for it, one that allows
/// is enough.
fn branch_refused(
    rules: &[ProtectedBranch],
    branch: &str,
    write: Write,
    own: Option<u32>,
) -> Option<&'static str> {
    let rules: Vec<&ProtectedBranch> = rules
        .iter()
        .filter(|rule| covers(&rule.name, branch))
        .collect();
    if rules.is_empty() {
        return None;
    }
    let may_push = rules.iter().any(|rule| may(&rule.push_access_levels, own));
    let may_force = rules.iter().any(|rule| rule.allow_force_push);
    match write {
        Write::Delete => {
            Some("the branch is protected, and GitLab deletes such a branch on its web pages alone")
        }
        Write::Rewrite if may_push && !may_force => Some(
            "the branch is protected and may not be rewritten; `Allowed to force push` in the project's settings allows it",
        ),
        Write::Forward | Write::Rewrite if !may_push => Some(
            "the branch is protected, and the token's role may not push to it; `Allowed to push and merge` in the project's settings says who may",
        ),
        _ => None,
    }
}

fn tag_refused(
    rules: &[ProtectedTag],
    tag: &str,
    write: Write,
    own: Option<u32>,
) -> Option<&'static str> {
    let rules: Vec<&ProtectedTag> = rules
        .iter()
        .filter(|rule| covers(&rule.name, tag))
        .collect();
    if rules.is_empty() {
        return None;
    }
    let may_create = rules
        .iter()
        .any(|rule| may(&rule.create_access_levels, own));
    match write {
        Write::Delete => {
            Some("the tag is protected, and GitLab deletes such a tag on its web pages alone")
        }
        Write::Forward | Write::Rewrite => {
            Some("the tag is protected, and GitLab never moves such a tag")
        }
        Write::Create if !may_create => Some(
            "the tag is protected, and the token's role may not make it; `Allowed to create` in the project's settings says who may",
        ),
        Write::Create => None,
    }
}

/// Whether a name is one of a pattern's, in which `*` stands for anything, also for `/`.
fn covers(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_is_where_the_repository_is_and_never_at_the_port_of_ssh() {
        let known = |address: &str| {
            let address = Address::new(address).expect("an address");
            let token = Some(SecretString::from("t"));
            let server = Server::new(&address, token, &Env::default()).expect("usable")?;
            Some(format!("{:?}", server.api))
        };
        for (address, api) in [
            ("git@gitlab.com:a/b.git", "gitlab.com"),
            (
                "ssh://git@gitlab.example.com:2222/a/b",
                "gitlab.example.com",
            ),
            (
                "https://gitlab.example.com:8443/a/b",
                "gitlab.example.com:8443",
            ),
        ] {
            let found = known(address).expect("a GitLab");
            assert!(!found.contains("2222"), "{found}");
            let name = api.split(':').next().unwrap_or_default();
            assert!(found.contains(name), "{address}: {found}");
            assert_eq!(found.contains("8443"), api.contains("8443"), "{found}");
        }
        assert!(known("https://github.com/a/b").is_some_and(|api| api.contains("api.github.com")));
        assert_eq!(known("https://codeberg.org/a/b"), None);
    }

    #[test]
    fn a_star_is_anything() {
        for (pattern, name, is_one) in [
            ("main", "main", true),
            ("main", "main2", false),
            ("*", "a/b", true),
            ("*-stable", "1-stable", true),
            ("*-stable", "1-stable-2", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("a*ba*a", "aba", false),
        ] {
            assert_eq!(covers(pattern, name), is_one, "{pattern} {name}");
        }
    }

    #[test]
    fn of_several_rules_one_that_allows_is_enough() {
        let rule = |name: &str, level: u32, force: bool| ProtectedBranch {
            name: name.to_owned(),
            push_access_levels: vec![Access {
                access_level: Some(level),
                user_id: None,
                group_id: None,
                deploy_key_id: None,
            }],
            allow_force_push: force,
        };
        let rules = [rule("main", 0, true), rule("m*", 30, false)];
        let refused = |branch, write| branch_refused(&rules, branch, write, Some(30));
        assert_eq!(refused("main", Write::Forward), None);
        assert_eq!(refused("main", Write::Rewrite), None);
        assert!(refused("main", Write::Delete).is_some_and(|why| why.contains("web pages")));
        assert!(refused("more", Write::Rewrite).is_some_and(|why| why.contains("force push")));
        assert_eq!(refused("topic", Write::Delete), None);
        let nobody = [rule("main", 0, false)];
        let refused = branch_refused(&nobody, "main", Write::Forward, Some(60));
        assert!(refused.is_some_and(|why| why.contains("may not push")));
        // A role that GitLab does not tell may be any.
        let unknown = branch_refused(&[rule("main", 40, false)], "main", Write::Forward, None);
        assert_eq!(unknown, None);
    }
}
