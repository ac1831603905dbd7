//! Asks GitHub about pinned commits.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;

use super::ends_the_conversation;
use crate::forge::Error;
use crate::forge::github::{GitHub, Relation, Repository};
use crate::report::pins::Located;
use crate::workflows::pins::check::{Finding, Kind};
use crate::workflows::pins::online::{Claimed, Facts, Home, judge};
use crate::workflows::pins::update::Tag;
use crate::workflows::pins::{Reference, Repository as Pinned, Use};

/// A use with its file.
pub(super) type Place<'a> = (&'a str, &'a Use);

/// Repositories that are asked about at the same time: GitHub minds more.
pub(super) const AT_ONCE: usize = 4;

/// Branches and tags that a commit is compared with. Only a commit that no tag
/// names needs more than a few.
const MAX_COMPARISONS: usize = 500;

/// The uses of one repository.
pub(super) struct Group<'a> {
    pinned: &'a Pinned,
    pub(super) uses: Vec<Place<'a>>,
}

/// The uses of every repository, sorted by its name. GitHub's names know no
/// upper case.
pub(super) fn by_repository<'a>(uses: &[Place<'a>]) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<String, Group<'a>> = BTreeMap::new();
    for (path, found) in uses {
        if let Some(pinned) = found.repository() {
            let group = groups
                .entry(pinned.slug().to_ascii_lowercase())
                .or_insert_with(|| Group {
                    pinned,
                    uses: Vec::new(),
                });
            group.uses.push((path, found));
        }
    }
    groups.into_values().collect()
}

/// What GitHub knows to be wrong, and what it did not say. A failure that would
/// meet every repository ends the conversation.
pub(super) async fn check(github: &GitHub, uses: &[Place<'_>]) -> (Vec<Located>, Vec<Error>) {
    let groups = by_repository(uses);
    let mut answers = futures_util::stream::iter(&groups)
        .map(|group| of_repository(github, group))
        .buffered(AT_ONCE);
    let mut findings = Vec::new();
    let mut failures = Vec::new();
    while let Some((found, failure)) = answers.next().await {
        findings.extend(found);
        let Some(failure) = failure else { continue };
        let is_end = ends_the_conversation(&failure);
        failures.push(failure);
        if is_end {
            break;
        }
    }
    (findings, failures)
}

/// All findings of a repository's uses, and the failure that cut it short.
async fn of_repository(github: &GitHub, group: &Group<'_>) -> (Vec<Located>, Option<Error>) {
    let mut findings = Vec::new();
    let failure = ask_all(github, group, &mut findings).await.err();
    (findings, failure)
}

async fn ask_all(
    github: &GitHub,
    group: &Group<'_>,
    findings: &mut Vec<Located>,
) -> Result<(), Error> {
    let mut add = |place: &Place<'_>, finding: Finding| {
        findings.push(Located::new(place.0, place.1, finding));
    };
    let uses = &group.uses;
    let mut asker = match Asker::new(github, group).await? {
        Ok(asker) => asker,
        Err(finding) => {
            uses.iter().for_each(|place| add(place, finding.clone()));
            return Ok(());
        }
    };
    for finding in asker.of_repository() {
        uses.iter().for_each(|place| add(place, finding.clone()));
    }
    let mut known: BTreeMap<(&str, Option<&str>), Vec<Finding>> = BTreeMap::new();
    for place in uses {
        let Some(Reference::Commit(commit)) =
            place.1.repository().map(|repository| &repository.reference)
        else {
            continue;
        };
        let claim = place.1.claim();
        let judged = match known.entry((commit, claim)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(judge(&asker.facts(commit, claim).await?)),
        };
        judged
            .iter()
            .for_each(|finding| add(place, finding.clone()));
    }
    Ok(())
}

/// Asks about one repository, and nothing twice.
pub(super) struct Asker<'a> {
    github: &'a GitHub,
    asked_as: String,
    repository: Repository,
    owner: String,
    name: String,
    tags: Option<Vec<Tag>>,
}

impl<'a> Asker<'a> {
    /// Asks for the repository of a group. The inner error is an answer: that
    /// there is no such repository.
    pub(super) async fn new(
        github: &'a GitHub,
        group: &Group<'_>,
    ) -> Result<Result<Self, Finding>, Error> {
        let asked = group.pinned;
        let Some(repository) = github.repository(&asked.owner, &asked.name).await? else {
            // A private repository looks like a missing one, an account does not.
            if github.has_account(&asked.owner).await? {
                return Err(Error::Hidden { slug: asked.slug() });
            }
            return Ok(Err(Finding::new(
                Kind::NoSuchRepository,
                format!("there is no account `{}` on GitHub", asked.owner),
                "whoever registers that name decides what runs: use another action",
            )));
        };
        let Some((owner, name)) = repository.full_name.split_once('/') else {
            return Err(Error::Unexpected {
                url: asked.slug(),
                why: format!("the repository is called `{}`", repository.full_name),
            });
        };
        Ok(Ok(Self {
            github,
            asked_as: asked.slug(),
            owner: owner.to_owned(),
            name: name.to_owned(),
            repository,
            tags: None,
        }))
    }

    /// The repository's owner and name today.
    pub(super) fn names(&self) -> (&str, &str) {
        (&self.owner, &self.name)
    }

    /// What there is to say about the repository itself.
    fn of_repository(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let now = &self.repository.full_name;
        if !now.eq_ignore_ascii_case(&self.asked_as) {
            findings.push(Finding::new(
                Kind::Renamed,
                format!("{} is called {now} today", self.asked_as),
                format!("write {now}: whoever registers the old name decides what runs"),
            ));
        }
        if self.repository.archived {
            findings.push(Finding::new(
                Kind::Archived,
                format!("{now} is archived: nobody mends it any more"),
                "look for an action that is maintained",
            ));
        }
        findings
    }

    /// All tags.
    pub(super) async fn tags(&mut self) -> Result<&[Tag], Error> {
        if self.tags.is_none() {
            let tags = self.github.tags(&self.owner, &self.name).await?;
            self.tags = Some(
                tags.into_iter()
                    .map(|tag| Tag {
                        name: tag.name,
                        commit: tag.commit.sha,
                    })
                    .collect(),
            );
        }
        Ok(self.tags.as_deref().unwrap_or_default())
    }

    async fn tags_at(&mut self, commit: &str) -> Result<Vec<Tag>, Error> {
        let tags = self.tags().await?.iter();
        Ok(tags.filter(|tag| tag.commit == commit).cloned().collect())
    }

    /// What GitHub says about a pinned commit. A tag that is the commit, as its
    /// comment claims, proves that the commit is the repository's own.
    async fn facts(&mut self, pinned: &str, claim: Option<&str>) -> Result<Facts, Error> {
        let mut facts = Facts {
            slug: self.repository.full_name.clone(),
            commit: pinned.to_owned(),
            is_tag_object: false,
            claimed: self.claimed(claim).await?,
            tags: Vec::new(),
            home: Home::Own,
        };
        if matches!(&facts.claimed, Claimed::Tag(_, commit) if commit == pinned) {
            return Ok(facts);
        }
        facts.tags = self.tags_at(pinned).await?;
        if facts.tags.is_empty() {
            let behind = self
                .github
                .commit_of_tag_object(&self.owner, &self.name, pinned)
                .await?;
            if let Some(commit) = behind {
                facts.is_tag_object = true;
                facts.tags = self.tags_at(&commit).await?;
                facts.commit = commit;
            }
        }
        if facts.tags.is_empty() {
            facts.home = self.home(&facts.commit).await?;
        }
        Ok(facts)
    }

    async fn claimed(&self, claim: Option<&str>) -> Result<Claimed, Error> {
        let Some(claim) = claim else {
            return Ok(Claimed::Nothing);
        };
        let (owner, name) = self.names();
        if let Some(commit) = self.github.commit_of_tag(owner, name, claim).await? {
            return Ok(Claimed::Tag(claim.to_owned(), commit));
        }
        let is_branch = self.github.has_branch(owner, name, claim).await?;
        Ok(if is_branch {
            Claimed::Branch(claim.to_owned())
        } else {
            Claimed::Unknown(claim.to_owned())
        })
    }

    /// Whether a commit that no tag points to is in the repository's history.
    /// GitHub finds it under the repository's name even if it is a fork's, so it
    /// has to be compared with every branch and tag, by the commits that they
    /// point to: a name could be that of something else.
    async fn home(&mut self, commit: &str) -> Result<Home, Error> {
        let found = self.github.commit(&self.owner, &self.name, commit).await?;
        if found.is_none() {
            return Ok(Home::Nowhere);
        }
        let mut branches = self.github.branches(&self.owner, &self.name).await?;
        let default = self.repository.default_branch.clone();
        branches.sort_by_key(|branch| branch.name != default);
        let branches = branches.into_iter().map(|branch| branch.commit.sha);
        let tags: Vec<String> = self
            .tags()
            .await?
            .iter()
            .map(|tag| tag.commit.clone())
            .collect();
        let mut seen = BTreeSet::new();
        let heads: Vec<String> = branches
            .chain(tags)
            .filter(|head| seen.insert(head.clone()))
            .collect();
        if heads.iter().any(|head| head == commit) {
            return Ok(Home::Own);
        }
        for head in heads.iter().take(MAX_COMPARISONS) {
            let relation = self
                .github
                .compare(&self.owner, &self.name, head, commit)
                .await?;
            if matches!(relation, Some(Relation::Behind | Relation::Identical)) {
                return Ok(Home::Own);
            }
        }
        if heads.len() > MAX_COMPARISONS {
            return Err(Error::Undecided {
                slug: self.repository.full_name.clone(),
                commit: commit.to_owned(),
                compared: MAX_COMPARISONS,
                all: heads.len(),
            });
        }
        Ok(Home::Elsewhere)
    }
}
