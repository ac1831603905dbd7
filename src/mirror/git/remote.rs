//! What is asked of the two sides, as calls of git.

use std::collections::BTreeMap;

use super::super::decide::Side;
use super::super::messages;
use super::super::refs::{self, HIDDEN, HIDDEN_BRANCHES, Oid, Refs};
use super::super::state;
use super::super::transport::{
    How, Listing, Problem, Pushed, Subject, Transport, Trouble, Update, Write,
};

use crate::sys::fs::size;

use super::direct::Miss;
use super::pack::Record;
use super::{Git, MANY, TRANSFER_TIME, locked, name, other, yes_or_no};

/// So many commits of a conflict are listed.
const MAX_SUBJECTS: usize = 5;

impl Transport for Git {
    fn list(&self, side: Side) -> Result<Listing, Problem> {
        let address = &self.side(side).address;
        if side == Side::Mirror && self.is_new_mirror {
            return Ok(Listing::default());
        }
        if let Some(direct) = self.direct(side) {
            match direct.list() {
                Ok(listing) => return self.listed(side, listing),
                Err(Miss::Passing(problem)) => return Err(problem),
                Err(Miss::Git(why)) => direct.give_up(&why),
            }
        }
        let what = format!("cannot read the refs of the {} {address}", name(side));
        // Of the source only branches and tags are asked for: GitHub has a ref for
        // each pull request there ever was.
        let program = match side {
            Side::Source => self.remote(side).arguments([
                "ls-remote",
                "--heads",
                "--tags",
                "--refs",
                "--quiet",
                "--",
                address.url(),
            ]),
            Side::Mirror => self.remote(side).arguments([
                "ls-remote",
                "--symref",
                "--quiet",
                "--",
                address.url(),
            ]),
        };
        let done = self.run(program, &what)?;
        locked(&self.traffic).received += done.stdout.len() as u64;
        self.listed(side, read_listing(&String::from_utf8_lossy(&done.stdout)))
    }

    fn fetch(&self, side: Side, names: &[&str]) -> Result<Refs, Problem> {
        if names.is_empty() {
            return Ok(Refs::new());
        }
        let address = &self.side(side).address;
        let what = format!("cannot fetch from the {} {address}", name(side));
        let fetched = self.fetched()?;
        let is_many = names.len() > MANY;
        let space = format!(
            "refs/{}-{}/",
            name(side),
            if is_many { "all" } else { "some" }
        );
        // Where some are fetched, `a` and a later `a/b` must not be in each other's way.
        let own = |name: &str| match is_many {
            true => format!("{space}{}", &name["refs/".len()..]),
            false => format!("{space}{}", name["refs/".len()..].replace('/', "%2F")),
        };
        let wanted: String = match is_many {
            true => format!("+refs/heads/*:{space}heads/*\n+refs/tags/*:{space}tags/*\n"),
            false => names
                .iter()
                .map(|name| format!("+{name}:{}\n", own(name)))
                .collect(),
        };
        let mut program = self.fetching(side, fetched);
        if is_many {
            program = program.arguments(["--prune"]);
        }
        let program = program
            .arguments(["--stdin", "--", address.url()])
            .input(wanted);
        let before = size(&fetched.join("objects"));
        self.run(program, &what)?;
        let after = size(&fetched.join("objects"));
        locked(&self.traffic).received += after.saturating_sub(before);
        if fetched.join("shallow").exists() {
            return Err(Problem::new(
                Trouble::Incomplete,
                format!(
                    "the {} {address} is shallow: nothing can be said of its history",
                    name(side)
                ),
            ));
        }
        let list = self.local().folder(fetched).arguments([
            "for-each-ref",
            "--format=%(objectname) %(refname)",
            &space,
        ]);
        let done = self.run(list, "git for-each-ref")?;
        let text = String::from_utf8_lossy(&done.stdout);
        let here: BTreeMap<&str, Oid> = text
            .lines()
            .filter_map(|line| {
                let (oid, name) = line.split_once(' ')?;
                Some((name, Oid::new(oid)?))
            })
            .collect();
        let came: Refs = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), here.get(own(name).as_str())?.clone())))
            .collect();
        let said = String::from_utf8_lossy(&done.stderr);
        if came.is_empty() {
            return Err(Problem::new(messages::trouble(&said), what));
        }
        let branches = came
            .iter()
            .filter(|(name, _)| refs::kind(name) == Some(refs::Kind::Branch));
        let mut tips: Vec<&Oid> = branches.map(|(_, oid)| oid).collect();
        tips.sort();
        tips.dedup();
        self.look_for_lfs(&tips)?;
        Ok(came)
    }

    fn foreseen(&self, writes: &[(&str, Write)]) -> BTreeMap<String, String> {
        let foresight = self.foresight.as_deref();
        foresight.map_or_else(BTreeMap::new, |foresight| foresight.refused(writes))
    }

    fn has(&self, objects: &[&Oid]) -> Result<Vec<bool>, Problem> {
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let asked: String = objects.iter().map(|oid| format!("{oid}\n")).collect();
        let program = self
            .local()
            .folder(self.fetched()?)
            .arguments(["cat-file", "--batch-check", "--buffer"])
            .input(asked);
        let done = self.run(program, "git cat-file")?;
        let text = String::from_utf8_lossy(&done.stdout);
        let here: Vec<bool> = text
            .lines()
            .map(|line| !line.ends_with(" missing"))
            .collect();
        match here.len() == objects.len() {
            true => Ok(here),
            false => Err(other("git cat-file did not answer every question")),
        }
    }

    fn is_ancestor(&self, ancestor: &Oid, descendant: &Oid) -> Result<bool, Problem> {
        let program = self
            .local()
            .folder(self.fetched()?)
            .time_limit(TRANSFER_TIME)
            .arguments([
                "merge-base",
                "--is-ancestor",
                ancestor.as_str(),
                descendant.as_str(),
            ]);
        yes_or_no(&program, "git merge-base")
    }

    fn is_related(&self, one: &Oid, other: &Oid) -> Result<bool, Problem> {
        let program = self
            .local()
            .folder(self.fetched()?)
            .time_limit(TRANSFER_TIME)
            .arguments(["merge-base", one.as_str(), other.as_str()]);
        yes_or_no(&program, "git merge-base")
    }

    fn commits(&self, of: &Oid, without: &Oid) -> Result<(usize, Vec<Subject>), Problem> {
        let fetched = self.fetched()?;
        let range = format!("{without}..{of}");
        let counted = self
            .local()
            .folder(fetched)
            .arguments(["rev-list", "--count", &range, "--"]);
        let count = self.run(counted, "git rev-list")?;
        let count = String::from_utf8_lossy(&count.stdout).trim().parse();
        let count = count.map_err(|_| other("git rev-list gave no number"))?;
        let limit = format!("-{MAX_SUBJECTS}");
        let listed = self.local().folder(fetched).arguments([
            "log",
            "--no-decorate",
            "--no-show-signature",
            "--format=%H %s",
            &limit,
            &range,
            "--",
        ]);
        let listed = self.run(listed, "git log")?;
        let subjects = String::from_utf8_lossy(&listed.stdout)
            .lines()
            .filter_map(|line| {
                let (id, subject) = line.split_once(' ').unwrap_or((line, ""));
                Some(Subject {
                    id: Oid::new(id)?,
                    subject: subject.to_owned(),
                })
            })
            .collect();
        Ok((count, subjects))
    }

    fn history(&self, of: &[&Oid], without: &[&Oid]) -> Result<Vec<Oid>, Problem> {
        self.listed_commits(&["--topo-order", "--reverse"], of, without)
    }

    fn read_state(&self, name: &str) -> Result<(Oid, Vec<u8>), Problem> {
        let known = locked(&self.records).get(name).cloned();
        if let Some((direct, oid)) = self.direct(Side::Mirror).zip(known) {
            match direct.object(&oid) {
                Ok(pack) => {
                    if let Some(text) = Record::unpack(&pack, &oid) {
                        return Ok((oid, text));
                    }
                }
                Err(Miss::Passing(problem)) => return Err(problem),
                Err(Miss::Git(why)) => tracing::debug!("the record is fetched by git: {why}"),
            }
        }
        let recorded = self.recorded()?;
        let address = &self.mirror.address;
        let what = format!("cannot fetch the record {name} from the mirror {address}");
        let wanted = format!("+{name}:refs/record");
        let program =
            self.fetching(Side::Mirror, &recorded)
                .arguments(["--", address.url(), &wanted]);
        self.run(program, &what)?;
        let program = self
            .local()
            .folder(&recorded)
            .arguments(["cat-file", "--batch"])
            .input(format!("refs/record\nrefs/record:{}\n", state::FILE));
        let done = self.run(program, "git cat-file")?;
        match &objects(&done.stdout)[..] {
            [(oid, _), (_, bytes)] => Ok((oid.clone(), bytes.to_vec())),
            _ => Err(other(format!(
                "the mirror's record {name} is not one of ci-tool"
            ))),
        }
    }

    fn keep_state(&self, text: &[u8]) -> Result<Oid, Problem> {
        if self.direct(Side::Mirror).is_some()
            && let Some(record) = Record::new(text, self.now)
        {
            let oid = record.oid.clone();
            *locked(&self.unwritten) = Some(record);
            return Ok(oid);
        }
        self.write_record(text)
    }

    fn push(&self, side: Side, updates: &[Update], how: How<'_>) -> Result<Pushed, Problem> {
        self.push_to(side, updates, how)
    }
}

impl Git {
    /// The default branch of a side, by its full name, where it says so.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn default_branch(&self, side: Side) -> Result<Option<String>, Problem> {
        let address = &self.side(side).address;
        let what = format!("cannot read the refs of the {} {address}", name(side));
        let asked = [
            "ls-remote",
            "--symref",
            "--quiet",
            "--",
            address.url(),
            "HEAD",
        ];
        let done = self.run(self.remote(side).arguments(asked), &what)?;
        Ok(read_listing(&String::from_utf8_lossy(&done.stdout)).default_branch)
    }

    /// The commits of these objects without those of others. What is not here any more
    /// counts for nothing.
    pub(super) fn listed_commits(
        &self,
        options: &[&str],
        of: &[&Oid],
        without: &[&Oid],
    ) -> Result<Vec<Oid>, Problem> {
        let wanted = of.iter().map(|oid| format!("{oid}\n"));
        let others = without.iter().map(|oid| format!("^{oid}\n"));
        let asked: String = wanted.chain(others).collect();
        let program = self
            .local()
            .folder(self.fetched()?)
            .time_limit(TRANSFER_TIME)
            .arguments(["rev-list", "--ignore-missing"])
            .arguments(options)
            .arguments(["--stdin"])
            .input(asked);
        let done = self.run(program, "git rev-list")?;
        let text = String::from_utf8_lossy(&done.stdout);
        Ok(text.lines().filter_map(Oid::new).collect())
    }

    /// Remembers what a listing says of a side.
    fn listed(&self, side: Side, listing: Listing) -> Result<Listing, Problem> {
        self.note_digits(side, &listing)?;
        if side == Side::Mirror {
            let ours = listing.refs.iter();
            let ours = ours
                .filter(|(name, _)| name.starts_with(HIDDEN) || name.starts_with(HIDDEN_BRANCHES));
            let head = listing.default_branch.as_ref();
            *locked(&self.mirror_head) = head.and_then(|head| listing.refs.get(head).cloned());
            *locked(&self.records) = ours
                .map(|(name, oid)| (name.clone(), oid.clone()))
                .collect();
        }
        Ok(listing)
    }
}

/// What `git ls-remote` prints, without what tags point to and what is hidden.
fn read_listing(text: &str) -> Listing {
    let mut listing = Listing::default();
    let mut found = Vec::new();
    for line in text.lines() {
        let Some((value, name)) = line.split_once('\t') else {
            continue;
        };
        if let Some(branch) = value.strip_prefix("ref: ") {
            if name == "HEAD" {
                listing.default_branch = Some(branch.to_owned());
            }
        } else if let Some(oid) = Oid::new(value)
            && !name.ends_with("^{}")
            && (refs::kind(name).is_some() || name.starts_with(HIDDEN))
        {
            found.push((name.to_owned(), oid));
        }
    }
    // All at once: a map is made of a sorted list in one go.
    listing.refs = found.into_iter().collect();
    listing
}

/// What `git cat-file --batch` prints: ids and contents, without what is missing.
fn objects(mut text: &[u8]) -> Vec<(Oid, &[u8])> {
    let mut found = Vec::new();
    while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
        let head = String::from_utf8_lossy(&text[..end]);
        let rest = &text[end + 1..];
        let words: Vec<&str> = head.split(' ').collect();
        let size = match words[..] {
            [id, _, size] => Oid::new(id).zip(size.parse::<usize>().ok()),
            _ => None,
        };
        text = match size {
            Some((oid, size)) if rest.len() > size => {
                found.push((oid, &rest[..size]));
                &rest[size + 1..]
            }
            _ => rest,
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_leaves_out_what_is_nobodys_to_mirror() {
        let oid = "a".repeat(40);
        let text = format!(
            "ref: refs/heads/trunk\tHEAD\n{oid}\tHEAD\n{oid}\trefs/heads/trunk\n{oid}\trefs/pull/1/head\n{oid}\trefs/tags/v1\n{oid}\trefs/tags/v1^{{}}\n{oid}\trefs/ci-tool/sync/x\n"
        );
        let listing = read_listing(&text);
        let names: Vec<&str> = listing.refs.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["refs/ci-tool/sync/x", "refs/heads/trunk", "refs/tags/v1"]
        );
        assert_eq!(listing.default_branch.as_deref(), Some("refs/heads/trunk"));
    }
}
