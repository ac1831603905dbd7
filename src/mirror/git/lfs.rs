//! Files under Git LFS: their contents do not come with a push. git-lfs, where it is there,
//! brings them before the refs that need them are written.

use std::sync::MutexGuard;

use super::{Git, MANY, Side, TRANSFER_TIME, failed, locked, name, start};
use crate::mirror::refs::{self, Oid};
use crate::mirror::transport::{Problem, Trouble, Update};

/// What becomes of files under Git LFS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lfs {
    /// They are brought where git-lfs is there; without it nothing is written.
    #[default]
    Transfer,
    /// Nothing is written.
    Refuse,
    /// They are left to others.
    Skip,
}

/// For more new commits than this, the files of the whole history are brought.
const FEW_COMMITS: usize = 200;

/// So many commits are named to git-lfs at once.
const AT_ONCE: usize = 500;

impl Git {
    /// Whether these commits keep files in Git LFS, as their `.gitattributes` say.
    fn uses_lfs(&self, tips: &[&Oid]) -> Result<bool, Problem> {
        if tips.is_empty() {
            return Ok(false);
        }
        let asked: String = tips
            .iter()
            .take(MANY)
            .map(|tip| format!("{tip}:.gitattributes\n"))
            .collect();
        let program = self
            .local()
            .folder(self.fetched()?)
            .arguments(["cat-file", "--batch"])
            .input(asked);
        let done = self.run(program, "git cat-file")?;
        let text = String::from_utf8_lossy(&done.stdout);
        Ok(text
            .lines()
            .any(|line| !line.trim_start().starts_with('#') && line.contains("filter=lfs")))
    }

    /// Looks whether what was fetched keeps files in Git LFS, and whether they can be brought.
    pub(super) fn look_for_lfs(&self, tips: &[&Oid]) -> Result<(), Problem> {
        if self.lfs == Lfs::Skip || !self.uses_lfs(tips)? {
            self.known_lfs().get_or_insert(false);
            return Ok(());
        }
        let has_program = || {
            let asked = start(
                &self.local().arguments(["lfs", "version"]),
                "git lfs version",
            );
            asked.is_ok_and(|done| done.code == Some(0))
        };
        if self.lfs == Lfs::Refuse || !has_program() {
            return Err(Problem::new(
                Trouble::Lfs,
                ".gitattributes keeps files in Git LFS: their contents do not come with a push, and the mirror would have pointers to nothing",
            ));
        }
        *self.known_lfs() = Some(true);
        Ok(())
    }

    /// Whether what was looked at keeps files in Git LFS; nothing where nothing was.
    fn known_lfs(&self) -> MutexGuard<'_, Option<bool>> {
        locked(&self.keeps_lfs)
    }

    /// Brings the files that new commits point to, before a side gets these.
    pub(super) fn bring_lfs(&self, side: Side, updates: &[Update]) -> Result<(), Problem> {
        let told = || updates.iter().filter(|one| refs::kind(&one.name).is_some());
        let new: Vec<&Oid> = told().filter_map(|one| one.new.as_ref()).collect();
        let old: Vec<&Oid> = told().filter_map(|one| one.old.as_ref()).collect();
        if new.is_empty() {
            return Ok(());
        }
        if self.known_lfs().is_none() {
            // What a checkout has at hand was not fetched.
            self.look_for_lfs(&new)?;
        }
        if *self.known_lfs() != Some(true) {
            return Ok(());
        }
        let commits = self.commits_of(&new, &old, Some(FEW_COMMITS + 1))?;
        if commits.is_empty() {
            return Ok(());
        }
        // Of annotated tags the commits, which git-lfs takes.
        let tips = self.commits_of(&new, &[], None)?;
        let from = match side {
            Side::Source => Side::Mirror,
            Side::Mirror => Side::Source,
        };
        match commits.len() > FEW_COMMITS {
            true => self.lfs(from, &["fetch", "--all"], &tips)?,
            false => self.lfs(from, &["fetch"], &commits)?,
        }
        self.lfs(side, &["push"], &tips)
    }

    /// The commits of these objects without those of others: so many at most, or, without a
    /// number, themselves alone.
    fn commits_of(
        &self,
        of: &[&Oid],
        without: &[&Oid],
        most: Option<usize>,
    ) -> Result<Vec<Oid>, Problem> {
        let limit = match most {
            Some(most) => format!("--max-count={most}"),
            None => "--no-walk".to_owned(),
        };
        self.listed_commits(&[&limit], of, without)
    }

    fn lfs(&self, side: Side, command: &[&str], commits: &[Oid]) -> Result<(), Problem> {
        let address = &self.side(side).address;
        let what = format!("git lfs {} {} {address}", command[0], name(side));
        for some in commits.chunks(AT_ONCE) {
            let program = self
                .remote(side)
                .folder(self.fetched()?)
                .time_limit(TRANSFER_TIME)
                // Locks are of people, and not every server has them.
                .arguments(["-c", "lfs.locksverify=false", "lfs"])
                .arguments(command)
                .arguments([address.url()])
                .arguments(some.iter().map(Oid::as_str));
            let done = start(&program, &what)?;
            if done.code != Some(0) {
                let problem = failed(&what, &done);
                // What may pass or is a question of rights is known by its words.
                return Err(match problem.trouble {
                    Trouble::Other => Problem::new(Trouble::Lfs, problem.message),
                    _ => problem,
                });
            }
        }
        Ok(())
    }
}
