//! Pushes: a few refs are written by this program itself, where the other side can be
//! spoken to, and all else by git.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::address::Address;
use super::super::decide::Side;
use super::super::messages;
use super::super::refs::{HIDDEN, Oid};
use super::super::state;
use super::super::transport::{How, Problem, Pushed, Refusal, Transport as _, Trouble, Update};
use super::direct::{Direct, Miss};
use super::wire::{Advertised, Report};
use super::{Git, MANY, TRANSFER_TIME, locked, name, other, pack, start};
use crate::sys::process::Program;

/// What git calls the side that it pushes to. Nobody else's configuration names it.
const REMOTE: &str = "ci-tool-sync";

/// Larger packs are git's to send, in bytes: it sends them while it makes them.
const SMALL_PACK: u64 = 8 * 1024 * 1024;

/// Where a side has no more refs than this, what is pushed is compared with all of them.
const FEW_REFS: usize = 300;

/// What became of a push.
struct Done {
    /// All was written.
    is_good: bool,
    /// A line for each ref that was not, as `git push --porcelain` has it.
    porcelain: String,
    /// What git or the server said.
    said: String,
}

impl Git {
    /// Writes refs of a side, each only where it is what it was.
    pub(super) fn push_to(
        &self,
        side: Side,
        updates: &[Update],
        how: How<'_>,
    ) -> Result<Pushed, Problem> {
        let address = &self.side(side).address;
        let what = format!("cannot push to the {} {address}", name(side));
        self.bring_lfs(side, updates)?;
        let spoken = match self.direct(side) {
            Some(direct) => self.push_direct(direct, updates, how)?,
            None => None,
        };
        let done = match spoken {
            Some(done) => done,
            None => self.push_by_git(side, updates, how, &what)?,
        };
        let mut refused = messages::refused(&done.porcelain, &done.said);
        tracing::debug!(?refused, "pushed {} refs: {}", updates.len(), done.said);
        let trouble = messages::trouble(&done.said);
        let is_named = matches!(
            trouble,
            Trouble::Incomplete | Trouble::Size | Trouble::FileSize | Trouble::Lfs
        );
        if !done.is_good && (refused.is_empty() || is_named) {
            let reason = messages::reason(&done.said);
            return Err(Problem::new(trouble, format!("{what}: {reason}")));
        }
        if refused
            .values()
            .all(|refusal| *refusal == Refusal::Together)
        {
            // Only the server knows which one it was: somebody was faster.
            for refusal in refused.values_mut() {
                *refusal = Refusal::Moved;
            }
        }
        Ok(Pushed { refused })
    }

    fn push_by_git(
        &self,
        side: Side,
        updates: &[Update],
        how: How<'_>,
        what: &str,
    ) -> Result<Done, Problem> {
        self.write_unwritten(updates)?;
        let address = &self.side(side).address;
        let pushed = self.pushed()?;
        let list = self.written_list(address, updates)?;
        let mut program = self
            .remote(side)
            .folder(&pushed)
            .time_limit(TRANSFER_TIME)
            .arguments(["-c", &format!("include.path={}", list.display())])
            .arguments(["push", "--porcelain", "--progress"])
            .arguments(["--no-verify", "--no-signed"]);
        if how.atomic {
            program = program.arguments(["--atomic"]);
        }
        for option in how.options {
            program = program.arguments([format!("--push-option={option}")]);
        }
        // A `+` or `--force` would take the leases' force away. What is only made
        // needs no lease: without force nothing is written over, and a lease on
        // each of thousands is slow.
        for update in updates {
            let is_ours = update.name.starts_with(HIDDEN);
            let lease = match &update.old {
                Some(old) => old.as_str(),
                None if is_ours => "",
                None => continue,
            };
            program = program.arguments([format!("--force-with-lease={}:{lease}", update.name)]);
        }
        let program = program.arguments(["--", REMOTE]);
        let done = start(&program, what)?;
        let said = String::from_utf8_lossy(&done.stderr);
        let (said, bytes) = messages::without_progress(&said);
        locked(&self.traffic).sent += bytes;
        Ok(Done {
            is_good: done.code == Some(0),
            porcelain: String::from_utf8_lossy(&done.stdout).into_owned(),
            said,
        })
    }

    /// Writes a few refs without git; nothing where git has to do it.
    fn push_direct(
        &self,
        direct: &Direct,
        updates: &[Update],
        how: How<'_>,
    ) -> Result<Option<Done>, Problem> {
        if updates.len() > MANY {
            return Ok(None);
        }
        let told = match direct.advertised() {
            Ok(told) => told,
            Err(miss) => return by_git(direct, miss),
        };
        let deletes = updates.iter().any(|update| update.new.is_none());
        // What a server cannot do, git says in its own words.
        let needed = [
            ("report-status", true),
            ("side-band-64k", true),
            ("atomic", how.atomic),
            ("push-options", !how.options.is_empty()),
            ("delete-refs", deletes),
        ];
        let lacks = |(capability, is_needed): (&str, bool)| is_needed && !told.can(capability);
        if needed.into_iter().any(lacks) || told.can("object-format=sha256") {
            return Ok(None);
        }
        let (stale, left) = compared(&told, updates);
        let mut porcelain = rejected(&stale, "stale info");
        if left.is_empty() || (how.atomic && !stale.is_empty()) {
            porcelain.push_str(&rejected(&left, "atomic push failed"));
            return Ok(Some(Done {
                is_good: false,
                porcelain,
                said: String::new(),
            }));
        }
        let pack = match left.iter().any(|update| update.new.is_some()) {
            false => None,
            true => match self.small_pack(&told, &left)? {
                Some(pack) => Some(pack),
                None => return Ok(None),
            },
        };
        let Report {
            porcelain: refused,
            said,
        } = match direct.push(&left, how, pack) {
            Ok(report) => report,
            Err(miss) => return by_git(direct, miss),
        };
        porcelain.push_str(&refused);
        Ok(Some(Done {
            is_good: porcelain.is_empty() && !said.contains("error: remote unpack failed"),
            porcelain,
            said,
        }))
    }

    /// All that these updates bring and the side lacks, as a pack; nothing where it is
    /// large, or not here.
    fn small_pack(
        &self,
        told: &Advertised,
        updates: &[&Update],
    ) -> Result<Option<Vec<u8>>, Problem> {
        let unwritten = locked(&self.unwritten).clone();
        let mut new: Vec<&Oid> = updates
            .iter()
            .filter_map(|update| update.new.as_ref())
            .collect();
        new.sort();
        new.dedup();
        let record = unwritten.filter(|record| new.contains(&&record.oid));
        let is_there = |oid: &Oid| told.refs.iter().any(|(_, known)| known == oid);
        new.retain(|oid| record.as_ref().is_none_or(|one| one.oid != **oid) && !is_there(oid));
        let mut made = None;
        if !new.is_empty() {
            let mut old: Vec<&Oid> = match told.refs.len() <= FEW_REFS {
                true => told.refs.iter().map(|(_, oid)| oid).collect(),
                false => updates
                    .iter()
                    .filter_map(|update| update.old.as_ref())
                    .collect(),
            };
            let head = locked(&self.mirror_head).clone();
            old.extend(head.iter().filter(|head| is_there(head)));
            old.sort();
            old.dedup();
            let here = self.has(&old)?;
            let wanted = new.iter().map(|oid| format!("{oid}\n"));
            let known = old.iter().zip(here).filter(|(_, is_here)| *is_here);
            let asked: String = wanted
                .chain(known.map(|(oid, _)| format!("^{oid}\n")))
                .collect();
            let program = self
                .local()
                .folder(self.fetched()?)
                .arguments(["-c", "pack.threads=1", "pack-objects", "--revs", "--thin"])
                .arguments(["--stdout", "--delta-base-offset", "-q"])
                .output_limit(SMALL_PACK)
                .input(asked);
            match program.run() {
                Ok(done) if done.code == Some(0) => made = Some(done.stdout),
                _ => return Ok(None),
            }
        }
        Ok(pack::joined(made.as_deref(), record.as_ref()))
    }

    /// Writes a record that only memory holds, where it is to be pushed by git.
    fn write_unwritten(&self, updates: &[Update]) -> Result<(), Problem> {
        let unwritten = locked(&self.unwritten).clone();
        let Some(record) = unwritten else {
            return Ok(());
        };
        let is_pushed = updates
            .iter()
            .any(|update| update.new.as_ref() == Some(&record.oid));
        if is_pushed && self.write_record(&record.text)? != record.oid {
            return Err(other("git makes another object of the record"));
        }
        Ok(())
    }

    /// Writes a record where git pushes from.
    pub(super) fn write_record(&self, text: &[u8]) -> Result<Oid, Problem> {
        let folder = self.pushed()?;
        let made = |program: Program, what: &str| -> Result<Oid, Problem> {
            let done = self.run(program.folder(&folder), what)?;
            let text = String::from_utf8_lossy(&done.stdout).trim().to_owned();
            Oid::new(&text).ok_or_else(|| other(format!("{what} gave no object")))
        };
        let hash = self
            .local()
            .arguments(["hash-object", "-w", "--stdin"])
            .input(text);
        let blob = made(hash, "git hash-object")?;
        let entry = format!("100644 blob {blob}\t{}\n", state::FILE);
        let tree = made(
            self.local().arguments(["mktree"]).input(entry),
            "git mktree",
        )?;
        let date = format!("@{} +0000", self.now);
        let mut commit = self.local().arguments([
            "commit-tree",
            "--no-gpg-sign",
            "-m",
            pack::MESSAGE,
            tree.as_str(),
        ]);
        for who in ["AUTHOR", "COMMITTER"] {
            commit = commit
                .variable(&format!("GIT_{who}_NAME"), pack::NAME)
                .variable(&format!("GIT_{who}_EMAIL"), pack::EMAIL)
                .variable(&format!("GIT_{who}_DATE"), &date);
        }
        made(commit, "git commit-tree")
    }

    /// Writes down what is to be pushed, and where, as configuration of git: a command
    /// line has an end, and ten thousand refs come near to it.
    fn written_list(&self, address: &Address, updates: &[Update]) -> Result<PathBuf, Problem> {
        let quoted =
            |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let mut text = format!("[remote \"{REMOTE}\"]\nurl = {}\n", quoted(address.url()));
        for update in updates {
            let new = update.new.as_ref().map_or("", Oid::as_str);
            text.push_str(&format!(
                "push = {}\n",
                quoted(&format!("{new}:{}", update.name))
            ));
        }
        let (folder, name) = (self.folder()?, "push.config");
        crate::sys::fs::write_atomically(folder, name, &text)
            .map_err(|error| other(format!("{error}")))?;
        Ok(folder.join(name))
    }
}

/// Updates whose ref is not what it was, and the others.
fn compared<'u>(told: &Advertised, updates: &'u [Update]) -> (Vec<&'u Update>, Vec<&'u Update>) {
    let names: BTreeMap<&str, Option<&Oid>> = {
        let mut names: BTreeMap<&str, Option<&Oid>> = updates
            .iter()
            .map(|update| (update.name.as_str(), None))
            .collect();
        for (name, oid) in &told.refs {
            if let Some(known) = names.get_mut(name.as_str()) {
                *known = Some(oid);
            }
        }
        names
    };
    updates.iter().partition(|update| {
        let known = names.get(update.name.as_str()).copied().flatten();
        known != update.old.as_ref()
    })
}

fn rejected(updates: &[&Update], why: &str) -> String {
    let line = |update: &&Update| format!("!\t:{}\t[rejected] ({why})\n", update.name);
    updates.iter().map(line).collect()
}

fn by_git(direct: &Direct, miss: Miss) -> Result<Option<Done>, Problem> {
    match miss {
        Miss::Passing(problem) => Err(problem),
        Miss::Git(why) => {
            direct.give_up(&why);
            Ok(None)
        }
    }
}
