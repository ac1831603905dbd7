//! Two repositories behind git's own HTTP backend, and people who push to them.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{command, finish, root};

/// A token that must never be printed.
pub const TOKEN: &str = "glpat-canary0123456789abcdefgh";

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    has_children: bool,
    pub url: String,
}

impl Server {
    /// Serves the repositories below a folder.
    pub fn start(folder: &Path, options: &[&str]) -> Self {
        Self::run("scripts/git-http.py", folder, options, false)
    }

    /// Serves them behind nginx.
    pub fn behind_nginx(folder: &Path, options: &[&str]) -> Self {
        Self::run("scripts/git-nginx.py", folder, options, true)
    }

    fn run(script: &str, folder: &Path, options: &[&str], has_children: bool) -> Self {
        let mut child = Command::new("python3")
            .arg(root().join(script))
            .arg(folder)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 starts");
        let mut port = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout)
            .read_line(&mut port)
            .expect("it prints its port");
        let url = format!("http://127.0.0.1:{}", port.trim());
        Self {
            child,
            has_children,
            url,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It stops what it has started once nobody holds its input.
        drop(self.child.stdin.take());
        for _ in 0..if self.has_children { 200 } else { 0 } {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A bare repository on disk.
#[derive(Debug, Clone)]
pub struct Bare(pub PathBuf);

impl Bare {
    /// A new one with the branch `main` as its default.
    pub fn new(path: PathBuf, options: &[&str]) -> Self {
        std::fs::create_dir_all(&path).expect("created");
        let bare = Self(path);
        let mut init = vec!["init", "--quiet", "--bare", "-b", "main"];
        init.extend(options);
        bare.git(&init);
        bare.git(&["config", "http.receivepack", "true"]);
        bare
    }

    /// Runs git in it; what it prints.
    pub fn git(&self, arguments: &[&str]) -> String {
        let done = self.try_git(arguments);
        assert!(
            done.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    fn try_git(&self, arguments: &[&str]) -> std::process::Output {
        Command::new("git")
            .args(["-c", "user.name=test", "-c", "user.email=test@example.com"])
            .args(arguments)
            .current_dir(&self.0)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git starts")
    }

    /// Commits to a branch on top of what it is, or of these commits.
    pub fn commit(&self, branch: &str, message: &str, parents: &[&str]) -> String {
        let name = format!("refs/heads/{branch}");
        let there = self.read(&name);
        let tree = self.git(&["mktree", "--missing"]);
        let mut arguments = vec!["commit-tree", &tree, "-m", message];
        let own = there.as_deref().unwrap_or_default();
        let parents = match parents {
            [] if own.is_empty() => vec![],
            [] => vec![own],
            given => given.to_vec(),
        };
        for parent in &parents {
            arguments.extend(["-p", parent]);
        }
        let oid = self.git(&arguments);
        self.set(&name, &oid);
        oid
    }

    /// Sets a ref, whatever it was.
    pub fn set(&self, name: &str, oid: &str) {
        self.git(&["update-ref", name, oid]);
    }

    /// Deletes a ref.
    pub fn delete(&self, name: &str) {
        self.git(&["update-ref", "-d", name]);
    }

    /// What a ref is.
    pub fn read(&self, name: &str) -> Option<String> {
        let done = self.try_git(&["rev-parse", "--verify", "--quiet", name]);
        let text = String::from_utf8_lossy(&done.stdout).trim().to_owned();
        done.status.success().then_some(text)
    }

    /// All refs below a prefix, with what they are.
    pub fn refs(&self, prefix: &str) -> Vec<(String, String)> {
        let text = self.git(&["for-each-ref", "--format=%(refname) %(objectname)", prefix]);
        text.lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, oid)| (name.to_owned(), oid.to_owned()))
            .collect()
    }

    /// Branches and tags, without what ci-tool keeps for itself.
    pub fn visible(&self) -> Vec<(String, String)> {
        let all = self
            .refs("refs/heads")
            .into_iter()
            .chain(self.refs("refs/tags"));
        all.filter(|(name, _)| !name.starts_with("refs/heads/ci-tool/"))
            .collect()
    }

    /// Installs a hook.
    pub fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.0.join("hooks").join(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("created");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("set");
    }
}

/// A source and a mirror, each behind a server of its own.
#[derive(Debug)]
pub struct Pair {
    pub folder: tempfile::TempDir,
    pub source: Bare,
    pub mirror: Bare,
    pub servers: [Server; 2],
}

impl Pair {
    /// Two empty repositories; the mirror asks for a token.
    pub fn new() -> Self {
        Self::with(&[], &[], &["--token", TOKEN])
    }

    /// Two empty repositories, made and served with these options.
    pub fn with(init: &[&str], source: &[&str], mirror: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| folder.path().join(name);
        let (source_bare, mirror_bare) = (
            Bare::new(at("source/shop.git"), init),
            Bare::new(at("mirror/shop.git"), init),
        );
        std::fs::create_dir_all(at("work")).expect("created");
        let servers = [
            Server::start(&at("source"), source),
            Server::start(&at("mirror"), mirror),
        ];
        Self {
            source: source_bare,
            mirror: mirror_bare,
            servers,
            folder,
        }
    }

    /// Serves the mirror behind nginx from now on.
    pub fn behind_nginx(&mut self, options: &[&str]) {
        self.servers[1] = Server::behind_nginx(&self.folder.path().join("mirror"), options);
    }

    /// The address of the source or of the mirror.
    pub fn url(&self, at: usize) -> String {
        format!("{}/shop.git", self.servers[at].url)
    }

    /// The binary, ready to sync.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        let work = self.folder.path().join("work");
        let config = work.join(".github/ci-tool.yml");
        if !config.exists() {
            super::write(
                &work,
                ".github/ci-tool.yml",
                "sync:\n  mirror-token: MIRROR_TOKEN\n",
            );
        }
        command
            .current_dir(work)
            .env("HOME", self.folder.path())
            .env("MIRROR_TOKEN", TOKEN)
            .arg("sync")
            .args(["--source", &self.url(0), "--mirror", &self.url(1)])
            .args(arguments);
        command
    }

    /// Syncs.
    pub fn sync(&self, arguments: &[&str]) -> super::Run {
        finish(&mut self.command(arguments))
    }

    /// Syncs, which has to end with this exit code.
    pub fn synced(&self, arguments: &[&str], code: i32) -> super::Run {
        let run = self.sync(arguments);
        assert_eq!(run.code, code, "{}{}", run.stdout, run.stderr);
        assert!(
            !run.stdout.contains(TOKEN) && !run.stderr.contains(TOKEN),
            "the token is told"
        );
        run
    }

    /// Adds keys to `sync:` of the configuration.
    pub fn configure(&self, keys: &str) {
        let text = format!("sync:\n  mirror-token: MIRROR_TOKEN\n{keys}");
        super::write(
            &self.folder.path().join("work"),
            ".github/ci-tool.yml",
            text,
        );
    }
}
