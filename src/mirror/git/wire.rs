//! The packets of git's protocol, as gitprotocol-common, -v2 and -pack describe them. What
//! ends early is an error here, never a shorter answer.

use super::super::refs::{self, HIDDEN, Oid};
use super::super::transport::Listing;

/// The answer is not one of git's, or it is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    /// There is less of it than it says.
    #[error("the answer ends early")]
    Short,
    /// It is something else.
    #[error("the answer is not one of git's protocol")]
    Foreign,
}

/// A packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// With something in it.
    Data(&'a [u8]),
    /// The end of an answer, or of a part of it.
    Flush,
    /// Between the parts of an answer.
    Delimiter,
}

/// Packets one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packets<'a>(pub(super) &'a [u8]);

impl<'a> Packets<'a> {
    /// The next one.
    pub(super) fn take(&mut self) -> Result<Packet<'a>, WireError> {
        let (head, _) = self.0.split_first_chunk::<4>().ok_or(WireError::Short)?;
        let length = std::str::from_utf8(head).ok();
        let length = length.and_then(|text| usize::from_str_radix(text, 16).ok());
        let (packet, end) = match length.ok_or(WireError::Foreign)? {
            0 => (Packet::Flush, 4),
            1 => (Packet::Delimiter, 4),
            2 | 3 => return Err(WireError::Foreign),
            length => {
                let data = self.0.get(4..length).ok_or(WireError::Short)?;
                (Packet::Data(data), length)
            }
        };
        self.0 = &self.0[end..];
        Ok(packet)
    }

    /// What a server says first, without the line that names the service.
    fn advertisement(mut self) -> Result<Vec<&'a [u8]>, WireError> {
        let lines = self.lines()?;
        let names_service = |line: &&[u8]| line.starts_with(b"# service=");
        match lines.first().is_some_and(names_service) {
            true => self.lines(),
            false => Ok(lines),
        }
    }

    /// The packets until the next flush, as lines.
    fn lines(&mut self) -> Result<Vec<&'a [u8]>, WireError> {
        let mut lines = Vec::new();
        loop {
            match self.take()? {
                Packet::Data(line) => lines.push(line.strip_suffix(b"\n").unwrap_or(line)),
                Packet::Flush => return Ok(lines),
                Packet::Delimiter => return Err(WireError::Foreign),
            }
        }
    }
}

/// Adds a packet to what is sent.
pub(super) fn put(sent: &mut Vec<u8>, data: &[u8]) {
    sent.extend_from_slice(format!("{:04x}", data.len() + 4).as_bytes());
    sent.extend_from_slice(data);
}

/// Ends what is sent, or a part of it.
pub(super) const FLUSH: &[u8] = b"0000";

/// Between the parts of what is sent.
pub(super) const DELIMITER: &[u8] = b"0001";

/// What a server can do, of protocol version 2; `None` where it speaks an older one.
pub(super) fn capabilities(answer: &[u8]) -> Result<Option<Vec<String>>, WireError> {
    let lines = Packets(answer).advertisement()?;
    if lines.first() != Some(&b"version 2".as_slice()) {
        return Ok(None);
    }
    let texts = lines[1..].iter();
    Ok(Some(
        texts
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect(),
    ))
}

/// The answer to `ls-refs`, without what is nobody's to mirror.
pub(super) fn listing(answer: &[u8]) -> Result<Listing, WireError> {
    let mut listing = Listing::default();
    let mut found = Vec::new();
    for line in Packets(answer).lines()? {
        let line = std::str::from_utf8(line).map_err(|_| WireError::Foreign)?;
        let (value, rest) = line.split_once(' ').ok_or(WireError::Foreign)?;
        let mut words = rest.split(' ');
        let name = words.next().unwrap_or_default();
        if name == "HEAD" {
            let target = words.find_map(|word| word.strip_prefix("symref-target:"));
            listing.default_branch = target.map(str::to_owned);
        } else if refs::kind(name).is_some() || name.starts_with(HIDDEN) {
            let oid = Oid::new(value).ok_or(WireError::Foreign)?;
            found.push((name.to_owned(), oid));
        }
    }
    // All at once: a map is made of a sorted list in one go.
    listing.refs = found.into_iter().collect();
    Ok(listing)
}

/// What a server says before it takes a push.
#[derive(Debug, Default)]
pub(super) struct Advertised {
    /// Its refs.
    pub(super) refs: Vec<(String, Oid)>,
    /// What it can do.
    pub(super) capabilities: Vec<String>,
}

impl Advertised {
    /// Whether it can do this.
    pub(super) fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known == capability)
    }
}

/// The answer to the question that comes before a push.
pub(super) fn advertised(answer: &[u8]) -> Result<Advertised, WireError> {
    let lines = Packets(answer).advertisement()?;
    let mut told = Advertised::default();
    for (at, line) in lines.into_iter().enumerate() {
        let line = std::str::from_utf8(line).map_err(|_| WireError::Foreign)?;
        let (line, capabilities) = line.split_once('\0').unwrap_or((line, ""));
        if at == 0 {
            told.capabilities = capabilities.split_whitespace().map(str::to_owned).collect();
        }
        let (value, name) = line.split_once(' ').ok_or(WireError::Foreign)?;
        // What the server has beside refs, and the line of a repository without any.
        if matches!(name, ".have" | "capabilities^{}") {
            continue;
        }
        let oid = Oid::new(value).ok_or(WireError::Foreign)?;
        told.refs.push((name.to_owned(), oid));
    }
    Ok(told)
}

/// Takes an answer in bands apart: the data, and what the server says to people.
pub(super) fn unband(answer: &[u8]) -> Result<(Vec<u8>, String), WireError> {
    let (mut data, mut said) = (Vec::new(), Vec::new());
    let mut packets = Packets(answer);
    loop {
        match packets.take()? {
            Packet::Flush => break,
            Packet::Data([1, bytes @ ..]) => data.extend_from_slice(bytes),
            Packet::Data([2 | 3, bytes @ ..]) => said.extend_from_slice(bytes),
            Packet::Data(_) | Packet::Delimiter => return Err(WireError::Foreign),
        }
    }
    Ok((data, String::from_utf8_lossy(&said).into_owned()))
}

/// What became of a push, in the words of `git push --porcelain` and its standard error.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// A line for each ref that was not written.
    pub(super) porcelain: String,
    /// What the server said.
    pub(super) said: String,
}

/// The answer to a push.
pub(super) fn report(answer: &[u8]) -> Result<Report, WireError> {
    let (data, text) = unband(answer)?;
    let mut told = Report::default();
    for line in text.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        told.said.push_str(&format!("remote: {line}\n"));
    }
    let lines = Packets(&data).lines()?;
    let mut lines = lines.iter().map(|line| String::from_utf8_lossy(line));
    let first = lines.next().ok_or(WireError::Short)?;
    let unpacked = first.strip_prefix("unpack ").ok_or(WireError::Foreign)?;
    if unpacked != "ok" {
        told.said
            .push_str(&format!("error: remote unpack failed: {unpacked}\n"));
    }
    for line in lines {
        if let Some(refused) = line.strip_prefix("ng ") {
            let (name, why) = refused
                .split_once(' ')
                .unwrap_or((refused, "it does not say why"));
            told.porcelain
                .push_str(&format!("!\t:{name}\t[remote rejected] ({why})\n"));
        } else if !line.starts_with("ok ") && !line.starts_with("option ") {
            return Err(WireError::Foreign);
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(lines: &[&str]) -> Vec<u8> {
        let mut sent = Vec::new();
        for line in lines {
            put(&mut sent, line.as_bytes());
        }
        sent.extend_from_slice(FLUSH);
        sent
    }

    fn banded(band: u8, data: &[u8]) -> Vec<u8> {
        let mut sent = Vec::new();
        put(&mut sent, &[&[band], data].concat());
        sent
    }

    #[test]
    fn a_listing_leaves_out_what_is_nobodys_and_is_never_short() {
        let oid = "a".repeat(40);
        let answer = packets(&[
            &format!("{oid} HEAD symref-target:refs/heads/trunk\n"),
            &format!("{oid} refs/heads/trunk\n"),
            &format!("{oid} refs/pull/1/head\n"),
            &format!("{oid} refs/tags/v1 peeled:{oid}\n"),
            &format!("{oid} refs/ci-tool/sync/x\n"),
        ]);
        let told = listing(&answer).expect("a listing");
        let names: Vec<&str> = told.refs.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            ["refs/ci-tool/sync/x", "refs/heads/trunk", "refs/tags/v1"]
        );
        assert_eq!(told.default_branch.as_deref(), Some("refs/heads/trunk"));
        for end in 0..answer.len() {
            assert_eq!(listing(&answer[..end]), Err(WireError::Short), "{end}");
        }
        assert_eq!(listing(b"<html>"), Err(WireError::Foreign));
    }

    #[test]
    fn versions_are_told_apart() {
        let two = packets(&["version 2\n", "ls-refs=unborn\n", "object-format=sha1\n"]);
        let known = capabilities(&two).expect("an answer").expect("version 2");
        assert_eq!(known, ["ls-refs=unborn", "object-format=sha1"]);
        let mut with_service = packets(&["# service=git-upload-pack\n"]);
        with_service.extend_from_slice(&two);
        assert!(capabilities(&with_service).expect("an answer").is_some());
        let oid = "a".repeat(40);
        let mut zero = packets(&["# service=git-upload-pack\n"]);
        zero.extend(packets(&[&format!("{oid} HEAD\0multi_ack\n")]));
        assert_eq!(capabilities(&zero), Ok(None));
    }

    #[test]
    fn what_a_server_has_is_read_before_a_push() {
        let oid = "b".repeat(40);
        let mut answer = packets(&["# service=git-receive-pack\n"]);
        answer.extend(packets(&[
            &format!("{oid} refs/heads/main\0 report-status atomic\n"),
            &format!("{oid} .have\n"),
        ]));
        let told = advertised(&answer).expect("an answer");
        assert_eq!(told.refs.len(), 1);
        assert!(told.can("atomic") && !told.can("push-options"));
        let empty = packets(&[&format!("{} capabilities^{{}}\0atomic", "0".repeat(40))]);
        assert_eq!(advertised(&empty).expect("an answer").refs.len(), 0);
    }

    #[test]
    fn a_report_tells_what_git_would() {
        let inner = packets(&[
            "unpack ok\n",
            "ok refs/heads/a\n",
            "ng refs/heads/b pre-receive hook declined\n",
        ]);
        let mut answer = banded(2, b"GitLab: no\nnever\n");
        answer.extend(banded(1, &inner));
        answer.extend_from_slice(FLUSH);
        let told = report(&answer).expect("a report");
        assert_eq!(told.said, "remote: GitLab: no\nremote: never\n");
        assert_eq!(
            told.porcelain,
            "!\t:refs/heads/b\t[remote rejected] (pre-receive hook declined)\n"
        );
        for end in 0..answer.len() {
            assert_eq!(report(&answer[..end]), Err(WireError::Short), "{end}");
        }
        let mut none = Vec::new();
        none.extend_from_slice(FLUSH);
        assert_eq!(report(&none), Err(WireError::Short));
    }
}
