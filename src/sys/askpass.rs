//! Answers git's question for a password without the token ever being in an
//! argument, an address, a file or a variable of git's environment: git starts
//! this program again, which asks its first self over a socket that only this
//! user can open. The first self answers for the addresses that it knows and for
//! no other, wherever a server may have sent git.

use std::fs::Permissions;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use secrecy::{ExposeSecret as _, SecretString};

use super::env::Env;

/// The variable that makes this program the one that asks: the socket's path.
const SOCKET: &str = "CI_TOOL_ASKPASS";

/// No question and no token is longer, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// How long a token is waited for.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Who may be told what.
#[derive(Debug, Clone)]
pub struct Credential {
    /// `https://host` or `https://host:port`, as git's question names it.
    pub origin: String,
    /// The name to sign in with.
    pub user: String,
    /// The token.
    pub token: SecretString,
}

impl Credential {
    /// What follows `Basic` in the header of a request.
    pub fn basic(&self) -> SecretString {
        let plain = format!("{}:{}", self.user, self.token.expose_secret());
        SecretString::from(BASE64_STANDARD.encode(plain))
    }
}

/// Waits for questions until it is dropped.
#[derive(Debug)]
pub struct Askpass {
    program: PathBuf,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Askpass {
    /// Starts to wait.
    ///
    /// # Errors
    /// Where this program's own path is not known, or no socket can be opened.
    pub fn start(credentials: Vec<Credential>) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("ci-tool-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        let socket = folder.path().join("askpass");
        let listener = UnixListener::bind(&socket)?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A child that went away needs no answer.
                let _ = answer(&stream, &credentials);
            }
        });
        Ok(Self {
            program: std::env::current_exe()?,
            socket,
            _folder: folder,
        })
    }

    /// What git needs in its environment to ask.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("GIT_ASKPASS", self.program.display().to_string()),
            (SOCKET, self.socket.display().to_string()),
        ]
    }
}

/// Where git asks us, the answer that it reads from standard output; `None` in
/// every other run of this program.
pub fn asked(env: &Env, question: Option<&str>) -> Option<io::Result<SecretString>> {
    let socket = env.path(SOCKET)?;
    Some(ask(&socket, question.unwrap_or_default()))
}

fn ask(socket: &std::path::Path, question: &str) -> io::Result<SecretString> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIME_LIMIT))?;
    writeln!(stream, "{question}")?;
    let mut text = String::new();
    stream.take(MAX_BYTES).read_to_string(&mut text)?;
    if text.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "no token belongs to this address",
        ));
    }
    Ok(SecretString::from(text))
}

fn answer(stream: &UnixStream, credentials: &[Credential]) -> io::Result<()> {
    stream.set_read_timeout(Some(TIME_LIMIT))?;
    stream.set_write_timeout(Some(TIME_LIMIT))?;
    let mut question = String::new();
    BufReader::new(stream.take(MAX_BYTES)).read_line(&mut question)?;
    let mut stream = stream;
    match answer_to(&question, credentials) {
        Some(text) => stream.write_all(text.as_bytes()),
        None => Ok(()),
    }
}

/// `Username for 'https://host': ` and `Password for 'https://user@host': `; git-lfs asks with
/// `"https://host"`.
fn answer_to<'a>(question: &str, credentials: &'a [Credential]) -> Option<&'a str> {
    let (word, rest) = question.trim_end().split_once(" for ")?;
    let by_git = || rest.strip_prefix('\'')?.strip_suffix("':");
    let by_lfs = || rest.strip_prefix('"')?.strip_suffix('"');
    let address = by_git().or_else(by_lfs)?;
    let (scheme, host) = address.split_once("://")?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let origin = format!("{scheme}://{}", host.trim_end_matches('/'));
    let known = credentials.iter().find(|known| known.origin == origin)?;
    match word {
        "Username" => Some(&known.user),
        "Password" => Some(known.token.expose_secret()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Vec<Credential> {
        vec![Credential {
            origin: "https://gitlab.com".to_owned(),
            user: "oauth2".to_owned(),
            token: SecretString::from("secret".to_owned()),
        }]
    }

    #[test]
    fn a_token_is_told_for_its_own_address_only() {
        let told = |question: &str| answer_to(question, &credentials()).map(str::to_owned);
        assert_eq!(
            told("Username for 'https://gitlab.com': ").as_deref(),
            Some("oauth2")
        );
        assert_eq!(
            told("Password for 'https://oauth2@gitlab.com': ").as_deref(),
            Some("secret")
        );
        assert_eq!(
            told("Password for \"https://oauth2@gitlab.com\"\n").as_deref(),
            Some("secret")
        );
        for question in [
            "Password for \"https://oauth2@example.com\"",
            "Password for \"https://gitlab.com': ",
            "Password for 'https://oauth2@gitlab.com.evil.example': ",
            "Password for 'https://gitlab.com@evil.example': ",
            "Password for 'http://oauth2@gitlab.com': ",
            "Password for 'https://oauth2@gitlab.com:8443': ",
            "Enter passphrase for key '/home/me/.ssh/id': ",
            "",
        ] {
            assert_eq!(told(question), None, "{question}");
        }
    }

    #[test]
    fn the_answer_comes_over_the_socket() {
        let server = Askpass::start(credentials()).expect("started");
        let [_, (name, socket)] = server.variables();
        let env = Env::from_pairs([(name, &socket)]);
        let right = asked(&env, Some("Password for 'https://oauth2@gitlab.com': "));
        let right = right.expect("asked").expect("answered");
        assert_eq!(right.expose_secret(), "secret");
        let wrong = asked(&env, Some("Password for 'https://oauth2@example.com': "));
        assert!(wrong.expect("asked").is_err());
        assert!(asked(&Env::default(), Some("Password")).is_none());
    }
}
