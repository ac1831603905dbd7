//! Real processes behind a real nginx, and people who use them meanwhile.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{command, git, root, write};

/// A repository with two services, and the machine on which they run.
pub struct Local {
    folder: tempfile::TempDir,
    pub port: u16,
}

impl Local {
    /// nginx, with nothing behind it.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let run = Command::new("python3")
            .arg(root().join("scripts/local-platform.py"))
            .arg("start")
            .env("CI_TOOL_LOCAL", folder.path().join("machine"))
            .output()
            .expect("python3 starts");
        let port = String::from_utf8_lossy(&run.stdout).trim().parse();
        let port = port.unwrap_or_else(|_| {
            panic!(
                "nginx does not start: {}",
                String::from_utf8_lossy(&run.stderr)
            )
        });
        let local = Self { folder, port };
        std::fs::create_dir_all(local.repository()).expect("created");
        git(&local.repository(), &["init", "--quiet"]);
        local
    }

    /// The folder of the machine.
    pub fn machine(&self) -> String {
        self.folder.path().join("machine").display().to_string()
    }

    pub fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    /// The configuration: `api`, and `web`, which needs it; patient as by default, or for tests.
    pub fn configure(&self, soak: u32, is_default: bool) {
        let script = root().join("scripts/local-platform.py");
        let script = script.display();
        let port = self.port;
        let mut text = "deploy:\n  services:\n".to_owned();
        for (name, needs) in [("api", ""), ("web", "api")] {
            text.push_str(&format!(
                "    {name}:\n      platform: command\n      needs: [{needs}]\n      variables: [CI_TOOL_LOCAL]\n      time-limit: 20\n"
            ));
            for verb in ["release", "live", "rollback", "status", "promote", "cancel"] {
                text.push_str(&format!("      {verb}: python3 {script} {verb}\n"));
            }
        }
        text.push_str(&format!(
            "  environments:\n    production:\n      soak: {soak}\n      services:\n"
        ));
        let patience = match is_default {
            true => "",
            false => "          times: 2\n          every: 1\n          within: 6\n",
        };
        for name in ["api", "web"] {
            text.push_str(&format!(
                "        {name}:\n{patience}          health:\n            - url: http://127.0.0.1:{port}/{name}/health\n              json: {{status: ok}}\n              commit: commit\n"
            ));
        }
        write(&self.repository(), ".github/ci-tool.yml", text);
    }

    /// A commit; its name in full.
    pub fn commit(&self, message: &str) -> String {
        let folder = self.repository();
        git(&folder, &["add", "--all"]);
        git(
            &folder,
            &["commit", "--quiet", "--allow-empty", "--message", message],
        );
        let head = Command::new("git")
            .args(["rev-parse", "HEAD"])
            .current_dir(&folder)
            .output()
            .expect("git starts");
        String::from_utf8_lossy(&head.stdout).trim().to_owned()
    }

    /// What is wrong with releases: by service and commit.
    pub fn behave(&self, services: &[(&str, &str, &str)]) {
        let mut all = serde_json::Map::new();
        for (service, commit, what) in services {
            all.insert((*service).to_owned(), serde_json::json!({*commit: *what}));
        }
        let path = self.folder.path().join("machine/behaviour.json");
        let part = path.with_extension("part");
        std::fs::write(&part, serde_json::to_string(&all).expect("JSON")).expect("written");
        std::fs::rename(part, path).expect("renamed");
    }

    /// `ci-tool deploy production` in the repository, with more arguments.
    pub fn deploy(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        command
            .args(["deploy", "production"])
            .args(arguments)
            .current_dir(self.repository())
            .env("CI_TOOL_LOCAL", self.folder.path().join("machine"));
        command
    }

    /// The commit that answers for a service; empty where none does.
    pub fn commit_of(&self, service: &str) -> String {
        let answer = get(self.port, &format!("/{service}/")).unwrap_or_default();
        let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
        serde_json::from_str::<serde_json::Value>(body)
            .ok()
            .and_then(|body| Some(body["commit"].as_str()?.to_owned()))
            .unwrap_or_default()
    }

    /// The commits of both.
    pub fn commits(&self) -> [String; 2] {
        ["api", "web"].map(|service| self.commit_of(service))
    }

    pub fn journal(&self) -> PathBuf {
        self.repository()
            .join(".git/ci-tool/deploy-production.json")
    }

    /// So many requests a second, until the returned one is asked for its answer.
    pub fn load(&self, each_second: u32) -> Load {
        const THREADS: u32 = 8;
        let stop = Arc::new(AtomicBool::new(false));
        let port = self.port;
        let threads = (0..THREADS).map(|number| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let mut counts = (0, Vec::new());
                let start = Instant::now();
                let pause = Duration::from_secs(1) * THREADS / each_second;
                while !stop.load(Ordering::Relaxed) {
                    let path = if (counts.0 + number) % 2 == 0 {
                        "/api/"
                    } else {
                        "/web/"
                    };
                    counts.0 += 1;
                    match get(port, path) {
                        Ok(answer) if answer.starts_with("HTTP/1.1 200") => {}
                        Ok(answer) => counts
                            .1
                            .push(answer.lines().next().unwrap_or("").to_owned()),
                        Err(error) => counts.1.push(error.to_string()),
                    }
                    let next = pause * counts.0;
                    std::thread::sleep(next.saturating_sub(start.elapsed()));
                }
                counts
            })
        });
        let threads = threads.collect();
        Load {
            stop,
            threads,
            started: Instant::now(),
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let machine = self.folder.path().join("machine");
        for file in ["pids", "nginx.pid"] {
            let pids = std::fs::read_to_string(machine.join(file)).unwrap_or_default();
            for pid in pids.split_whitespace() {
                let _ = Command::new("kill").arg(pid).output();
            }
        }
    }
}

/// Requests under way.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<(u32, Vec<String>)>>,
    started: Instant,
}

impl Load {
    /// How many were sent each second, and what those got that failed.
    pub fn end(self) -> (f64, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let (mut sent, mut failed) = (0, Vec::new());
        for thread in self.threads {
            let (count, wrong) = thread.join().expect("it counts");
            sent += count;
            failed.extend(wrong);
        }
        (
            f64::from(sent) / self.started.elapsed().as_secs_f64(),
            failed,
        )
    }
}

/// One request on a connection of its own; the whole answer.
pub fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
