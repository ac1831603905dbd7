//! Git's protocol spoken without a child: what a sync asks most often are two lists of refs,
//! its own record and a push of a few commits, and git takes longer to start for these than
//! to do them; before a push it compares what is pushed with every ref there is. Whatever
//! is not plain (an older protocol, a redirect, a proxy, settings of the user's for HTTP, a
//! certificate that is not trusted, a token that is refused) is left to git, which then also
//! says what is wrong.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use secrecy::SecretString;

use super::super::decide::Side;
use super::super::refs::{HIDDEN, Oid};
use super::super::transport::{How, Listing, Problem, Traffic, Trouble, Update};
use super::wire::{self, Advertised, DELIMITER, FLUSH, Report, WireError, put};
use super::{Endpoint, name};
use crate::forge::web::{Request, Web, WebError, outside};
use crate::sys::env::Env;

/// How long one answer may take, hooks of the server included.
const TIME_LIMIT: Duration = Duration::from_secs(180);

/// Longer answers are left to git, in bytes.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

/// Variables that change how git reaches a server, where it is asked over this.
const VARIABLES: [(&str, &str); 5] = [
    // `SSL_CERT_FILE` and `SSL_CERT_DIR` are followed here too.
    ("https://", "GIT_SSL_CAINFO"),
    ("https://", "HTTPS_PROXY"),
    ("https://", "https_proxy"),
    ("http", "ALL_PROXY"),
    ("http://", "http_proxy"),
];

/// Settings of `http` that matter to git's own way of sending alone.
const HARMLESS: [&str; 5] = [
    "postbuffer",
    "lowspeedlimit",
    "lowspeedtime",
    "version",
    "maxrequests",
];

/// A side that is spoken to.
#[derive(Debug)]
pub(super) struct Direct {
    side: Side,
    web: Web,
    url: String,
    secret: Option<SecretString>,
    what: String,
    /// It was not plain: git is asked from then on.
    is_off: AtomicBool,
    sent: AtomicU64,
    received: AtomicU64,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Miss {
    /// Git has to be asked.
    Git(String),
    /// It went wrong, and may pass.
    Passing(Problem),
}

impl Direct {
    /// A side that can be spoken to; `settings` are the names of what git's user has set.
    pub(super) fn new(side: Side, end: &Endpoint, env: &Env, settings: &str) -> Option<Self> {
        let origin = end.address.origin()?;
        let is_plain = !VARIABLES
            .iter()
            .any(|(scheme, name)| origin.starts_with(scheme) && env.get(name).is_some())
            && settings.lines().all(|name| !matters(name, &origin));
        if !is_plain {
            tracing::debug!("the {} is left to git", name(side));
            return None;
        }
        Some(Self {
            side,
            web: Web::new().ok()?.keeping_connections(),
            url: end.address.url().trim_end_matches('/').to_owned(),
            secret: end.credential.as_ref().map(|one| one.basic()),
            what: format!("the {} {}", name(side), end.address),
            is_off: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        })
    }

    /// Whether it is still spoken to.
    pub(super) fn is_on(&self) -> bool {
        !self.is_off.load(Ordering::Relaxed)
    }

    /// Leaves it to git from now on.
    pub(super) fn give_up(&self, why: &str) {
        tracing::debug!("{} is left to git: {why}", self.what);
        self.is_off.store(true, Ordering::Relaxed);
    }

    /// How many bytes of requests and answers there were, without their headers.
    pub(super) fn traffic(&self) -> Traffic {
        Traffic {
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
        }
    }

    fn ask(
        &self,
        doing: &str,
        path: &str,
        sent: Option<(&str, Vec<u8>)>,
        answers: &str,
    ) -> Result<Vec<u8>, Miss> {
        let url = format!("{}/{path}", self.url);
        let mut request = Request::new(if sent.is_some() { "POST" } else { "GET" }, &url);
        request.follow = false;
        request.time_limit = TIME_LIMIT;
        request.max_body = MAX_ANSWER;
        request.headers.push(("accept", answers));
        if let Some((kind, body)) = sent {
            self.sent.fetch_add(body.len() as u64, Ordering::Relaxed);
            request.headers.push(("content-type", kind));
            request.body = Some(body);
        }
        // A push knows the older protocol alone.
        if !path.ends_with("git-receive-pack") {
            request.headers.push(("git-protocol", "version=2"));
        }
        let secret = self.secret.as_ref();
        request.secret = secret.map(|secret| ("authorization", "Basic ", secret));
        let response = self.web.send(&request).map_err(|error| match error {
            WebError::NoAnswer { why, .. } => self.passing(doing, &why),
            WebError::NotSent { why, .. } | WebError::Unusable { why, .. } => Miss::Git(why),
        })?;
        let length = response.body.len() as u64;
        self.received.fetch_add(length, Ordering::Relaxed);
        match response.status {
            200 if response.header("content-type") == Some(answers) => Ok(response.body),
            status @ (429 | 500..=599) => {
                let said = String::from_utf8_lossy(&response.body);
                let said = outside(said.lines().next().unwrap_or_default(), request.secret);
                let said: String = said.chars().take(200).collect();
                Err(self.passing(doing, &format!("error: {status} {said}")))
            }
            status => Err(Miss::Git(format!("it answered {status}"))),
        }
    }

    fn passing(&self, doing: &str, why: &str) -> Miss {
        let message = format!("cannot {doing} {}: {}", self.what, why.trim_end());
        Miss::Passing(Problem::new(Trouble::Passing, message))
    }

    fn wrong(&self, doing: &str, error: WireError) -> Miss {
        match error {
            WireError::Short => self.passing(doing, &error.to_string()),
            WireError::Foreign => Miss::Git(error.to_string()),
        }
    }

    /// What the server can do, of version 2 of the protocol.
    fn capabilities(&self, doing: &str) -> Result<Vec<String>, Miss> {
        let answer = self.ask(
            doing,
            "info/refs?service=git-upload-pack",
            None,
            "application/x-git-upload-pack-advertisement",
        )?;
        let known = wire::capabilities(&answer).map_err(|error| self.wrong(doing, error))?;
        let known = known.ok_or_else(|| Miss::Git("it speaks an older protocol".to_owned()))?;
        let is = |text: &str| known.iter().any(|known| known == text);
        if is("object-format=sha256") {
            return Err(Miss::Git("it names objects by SHA-256".to_owned()));
        }
        Ok(known)
    }

    fn command(&self, doing: &str, known: &[String], lines: &[String]) -> Result<Vec<u8>, Miss> {
        let mut sent = Vec::new();
        put(&mut sent, lines[0].as_bytes());
        put(
            &mut sent,
            concat!("agent=ci-tool/", env!("CARGO_PKG_VERSION"), "\n").as_bytes(),
        );
        if known.iter().any(|known| known == "object-format=sha1") {
            put(&mut sent, b"object-format=sha1\n");
        }
        sent.extend_from_slice(DELIMITER);
        for line in &lines[1..] {
            put(&mut sent, line.as_bytes());
        }
        sent.extend_from_slice(FLUSH);
        self.ask(
            doing,
            "git-upload-pack",
            Some(("application/x-git-upload-pack-request", sent)),
            "application/x-git-upload-pack-result",
        )
    }

    /// What it has: branches, tags, and what is ours.
    pub(super) fn list(&self) -> Result<Listing, Miss> {
        let doing = "read the refs of";
        let known = self.capabilities(doing)?;
        let mut lines = vec!["command=ls-refs\n".to_owned(), "symrefs\n".to_owned()];
        // Of the source only branches and tags: GitHub has a ref for each pull request
        // there ever was.
        let ours: &[&str] = match self.side {
            Side::Source => &[],
            Side::Mirror => &["HEAD", HIDDEN],
        };
        for prefix in ["refs/heads/", "refs/tags/"].iter().chain(ours) {
            lines.push(format!("ref-prefix {prefix}\n"));
        }
        let answer = self.command(doing, &known, &lines)?;
        wire::listing(&answer).map_err(|error| self.wrong(doing, error))
    }

    /// An object and all that belongs to it, as a pack.
    pub(super) fn object(&self, oid: &Oid) -> Result<Vec<u8>, Miss> {
        let doing = "fetch the record from";
        // The server said what it can do when its refs were asked for.
        let lines = [
            "command=fetch\n".to_owned(),
            "no-progress\n".to_owned(),
            format!("want {oid}\n"),
            "done\n".to_owned(),
        ];
        let answer = self.command(doing, &["object-format=sha1".to_owned()], &lines)?;
        let mut packets = wire::Packets(&answer);
        match packets.take().map_err(|error| self.wrong(doing, error))? {
            wire::Packet::Data(b"packfile\n") => {}
            _ => return Err(Miss::Git("it sends no pack".to_owned())),
        }
        let (pack, _) = wire::unband(packets.0).map_err(|error| self.wrong(doing, error))?;
        Ok(pack)
    }

    /// What it has and can do, before a push.
    pub(super) fn advertised(&self) -> Result<Advertised, Miss> {
        let doing = "push to";
        let answer = self.ask(
            doing,
            "info/refs?service=git-receive-pack",
            None,
            "application/x-git-receive-pack-advertisement",
        )?;
        wire::advertised(&answer).map_err(|error| self.wrong(doing, error))
    }

    /// Writes refs, each only where it is what it was.
    pub(super) fn push(
        &self,
        updates: &[&Update],
        how: How<'_>,
        pack: Option<Vec<u8>>,
    ) -> Result<Report, Miss> {
        let none = "0".repeat(40);
        let mut sent = Vec::new();
        for (at, update) in updates.iter().enumerate() {
            let id = |oid: &Option<Oid>| oid.as_ref().map_or(none.clone(), Oid::to_string);
            let mut line = format!("{} {} {}", id(&update.old), id(&update.new), update.name);
            if at == 0 {
                line.push_str("\0 report-status side-band-64k object-format=sha1");
                if how.atomic {
                    line.push_str(" atomic");
                }
                if !how.options.is_empty() {
                    line.push_str(" push-options");
                }
                line.push_str(concat!(" agent=ci-tool/", env!("CARGO_PKG_VERSION")));
            }
            put(&mut sent, line.as_bytes());
        }
        sent.extend_from_slice(FLUSH);
        if !how.options.is_empty() {
            for option in how.options {
                put(&mut sent, option.as_bytes());
            }
            sent.extend_from_slice(FLUSH);
        }
        sent.extend(pack.into_iter().flatten());
        let doing = "push to";
        let answer = self.ask(
            doing,
            "git-receive-pack",
            Some(("application/x-git-receive-pack-request", sent)),
            "application/x-git-receive-pack-result",
        )?;
        // What the server did is not known without a whole report.
        wire::report(&answer).map_err(|error| self.passing(doing, &error.to_string()))
    }
}

/// Whether a setting changes how git reaches a server: `http.…`, `http.URL.…`, `url.…`.
fn matters(setting: &str, origin: &str) -> bool {
    let setting = setting.to_ascii_lowercase();
    if setting.starts_with("url.") {
        return true;
    }
    let Some(rest) = setting.strip_prefix("http.") else {
        return false;
    };
    match rest.rsplit_once('.') {
        Some((url, _)) => {
            // `https://*.example.com` and `https://user@host` are not worth telling apart.
            let origin = origin.to_ascii_lowercase();
            let is_other =
                !url.contains(['*', '@']) && !url.starts_with(&origin) && !origin.starts_with(url);
            !is_other
        }
        None => !HARMLESS.contains(&rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_user_that_change_the_way_are_known() {
        let at = "https://gitlab.example.com";
        for (setting, changes) in [
            ("http.proxy", true),
            ("http.sslVerify", true),
            ("http.sslcainfo", true),
            ("http.extraheader", true),
            ("http.postBuffer", false),
            ("http.lowspeedtime", false),
            ("http.https://gitlab.example.com/.extraheader", true),
            ("http.https://gitlab.example.com/group.proxy", true),
            ("http.https://*.example.com.proxy", true),
            ("http.https://github.com/.extraheader", false),
            ("url.git@github.com:.insteadof", true),
            ("core.bare", false),
            ("remote.origin.url", false),
        ] {
            assert_eq!(matters(setting, at), changes, "{setting}");
        }
    }
}
