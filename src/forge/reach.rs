//! Whether a server that is no web server answers at all.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use reqwest::Url;

/// How long one address may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The ports of servers whose addresses name none, by the word that the scheme begins with.
const PORTS: [(&str, u16); 5] = [
    ("postgres", 5432),
    ("mysql", 3306),
    ("mariadb", 3306),
    ("redis", 6379),
    ("mongodb", 27017),
];

/// Asks PostgreSQL whether it would speak TLS, which it answers with one letter to everybody
/// (PostgreSQL's documentation, "Message Formats", SSLRequest).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Connects to the database of an address such as `postgresql://user:password@host/name`,
/// without signing in. What is said of it holds neither name nor password.
///
/// # Errors
/// Why nobody answers.
pub fn database(address: &str) -> Result<(), String> {
    let url = Url::parse(address).map_err(|error| format!("it is no address: {error}"))?;
    let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
    let known = PORTS.iter().find(|(word, _)| scheme.starts_with(word));
    let Some((word, usual)) = known.filter(|_| !host.is_empty()) else {
        return Err(format!(
            "`{scheme}` is no server of a database that is known"
        ));
    };
    // Names are looked up without the brackets of an address of IPv6.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = url.port().unwrap_or(*usual);
    let about = |why: &dyn std::fmt::Display| format!("{host}:{port} does not answer: {why}");
    let all = (host, port).to_socket_addrs();
    let all: Vec<SocketAddr> = all.map_err(|error| about(&error))?.collect();
    let mut last = about(&"it has no address");
    for one in all {
        match greet(&one, *word == "postgres") {
            Ok(()) => return Ok(()),
            Err(error) => last = about(&error),
        }
    }
    Err(last)
}

fn greet(address: &SocketAddr, is_postgres: bool) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(address, PATIENCE)?;
    if !is_postgres {
        return Ok(());
    }
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&SSL_REQUEST)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    match answer[0] {
        b'S' | b'N' => Ok(()),
        _ => Err(std::io::Error::other("what is there is no PostgreSQL")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says this to the first who connects, and where it is.
    fn server(answer: &'static [u8]) -> u16 {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody");
            let _ = stream.read(&mut [0; 16]);
            let _ = stream.write_all(answer);
        });
        port
    }

    #[test]
    fn a_server_answers_or_it_is_told_why_not() {
        let at = |port: u16| format!("postgresql+psycopg://me:hidden@127.0.0.1:{port}/shop");
        database(&at(server(b"N"))).expect("it answers");
        for (address, expected) in [
            (at(server(b"H")), "is no PostgreSQL"),
            (at(server(b"")), "does not answer"),
            (at(1), "127.0.0.1:1 does not answer"),
            ("ftp://me:hidden@host".to_owned(), "`ftp` is no server"),
            ("hidden".to_owned(), "is no address"),
        ] {
            let why = database(&address).expect_err("no database");
            assert!(why.contains(expected), "{why}");
            assert!(!why.contains("hidden") && !why.contains("me:"), "{why}");
        }
    }
}
