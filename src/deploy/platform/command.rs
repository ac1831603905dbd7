//! Any platform, by commands of the repository. `docs/deploy.md` has the contract.

use std::path::PathBuf;
use std::time::Duration;

use super::{Kind, Platform, Release, State, Trouble, Wanted};
use crate::sys::process::{ProcessError, Program};
use crate::sys::ui::escape_line;

/// So many lines of what a command that failed said are told.
const LAST_LINES: usize = 5;

/// How long a question may take. Answers are looked at in a loop.
const QUESTION: Duration = Duration::from_secs(60);

/// The lines of the shell that do it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// Starts a release.
    pub release: String,
    /// Prints what has the traffic.
    pub live: String,
    /// Gives the traffic back.
    pub rollback: String,
    /// Prints how far a release is.
    pub status: Option<String>,
    /// Stops a release that is on its way.
    pub cancel: Option<String>,
    /// Gives the traffic to a release that was held back.
    pub promote: Option<String>,
}

/// A service behind commands.
#[derive(Debug, Clone)]
pub struct Command {
    /// The service's name.
    pub service: String,
    /// The environment's name.
    pub environment: String,
    /// The commands.
    pub lines: Lines,
    /// Where they run.
    pub folder: PathBuf,
    /// What they see of the environment.
    pub variables: Vec<(String, String)>,
    /// Which of these values are secret: they are taken out of what is told.
    pub secrets: Vec<String>,
    /// How long one that changes something may take.
    pub time_limit: Duration,
}

impl Command {
    fn program(&self, line: &str, own: &[(&str, &str)]) -> Program {
        let program = Program::new("sh")
            .arguments(["-c", line])
            .folder(&self.folder)
            .variable("CI_TOOL_SERVICE", &self.service)
            .variable("CI_TOOL_ENVIRONMENT", &self.environment);
        let program = self
            .variables
            .iter()
            .fold(program, |program, (name, value)| {
                program.variable(name, value)
            });
        own.iter().fold(program, |program, (name, value)| {
            program.variable(name, value)
        })
    }

    /// Runs a program and takes the first line of what it says.
    fn ask(&self, what: &str, program: &Program) -> Result<String, Trouble> {
        let run = program.run().map_err(|error| {
            let message = format!("`{what}`: {error}");
            match error {
                ProcessError::Interrupted(_) => Trouble::passing(message),
                _ => Trouble::lasting(message),
            }
        })?;
        if run.code != Some(0) {
            let ended = match run.code {
                Some(code) => format!("ended with exit code {code}"),
                None => "was ended by a signal".to_owned(),
            };
            let said = [&run.stderr, &run.stdout].map(|text| self.last_words(text));
            let said = said.into_iter().find(|text| !text.is_empty());
            let said = said.map_or_else(String::new, |said| match said.contains('\n') {
                true => format!(":\n{said}"),
                false => format!(": {said}"),
            });
            return Err(Trouble::lasting(format!("`{what}` {ended}{said}")));
        }
        let text = String::from_utf8_lossy(&run.stdout);
        Ok(text.lines().next().unwrap_or_default().trim().to_owned())
    }

    /// The last lines that are no blanks, without secrets: the very last one of a library may
    /// be where to read more.
    fn last_words(&self, text: &[u8]) -> String {
        let text = String::from_utf8_lossy(text).into_owned();
        let secrets = self.secrets.iter().filter(|secret| !secret.is_empty());
        // Before anything is cut: half a secret is one too.
        let text = secrets.fold(text, |text, secret| text.replace(secret, "***"));
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut last: Vec<String> = lines
            .rev()
            .take(LAST_LINES)
            .map(|line| escape_line(&line.chars().take(300).collect::<String>()))
            .collect();
        last.reverse();
        last.join("\n")
    }

    /// A question: it changes nothing, and is answered also after a wish to stop.
    fn question(&self, what: &str, line: &str, own: &[(&str, &str)]) -> Result<String, Trouble> {
        let program = self.program(line, own).time_limit(QUESTION).to_its_end();
        // Whatever kept it from answering may be over in a moment.
        self.ask(what, &program).map_err(|trouble| Trouble {
            kind: Kind::Passing,
            ..trouble
        })
    }

    /// What the command `status` says of a release; nothing where it does not know it.
    fn status(&self, id: &str) -> Result<Option<State>, Trouble> {
        let Some(line) = &self.lines.status else {
            let is_live = self.live()?.is_some_and(|live| live.id == id);
            return Ok(is_live.then_some(State::Live));
        };
        let answer = self.question("status", line, &[("CI_TOOL_RELEASE", id)])?;
        let (word, rest) = answer.split_once(' ').unwrap_or((&answer, ""));
        let words = |unless: &str| match rest.trim() {
            "" => unless.to_owned(),
            rest => escape_line(rest),
        };
        match word {
            "pending" => Ok(Some(State::Pending(words("on its way")))),
            "ready" => Ok(Some(State::Ready)),
            "live" => Ok(Some(State::Live)),
            "failed" => Ok(Some(State::Failed(words("no reason is given")))),
            "unknown" => Ok(None),
            _ => Err(Trouble::lasting(format!(
                "`status` says `{}`, and has to say pending, ready, live, failed or unknown",
                escape_line(word)
            ))),
        }
    }
}

impl Platform for Command {
    fn preflight(&self) -> Result<Vec<String>, Trouble> {
        Ok(Vec::new())
    }

    fn live(&self) -> Result<Option<Release>, Trouble> {
        let answer = self.question("live", &self.lines.live, &[])?;
        let mut words = answer.split_whitespace();
        Ok(words.next().map(|id| Release {
            id: id.to_owned(),
            origin: words.next().map(str::to_owned),
        }))
    }

    fn holds_back(&self) -> bool {
        self.lines.promote.is_some()
    }

    fn start(&self, wanted: &Wanted<'_>) -> Result<String, Trouble> {
        let own = [
            ("CI_TOOL_RELEASE", wanted.key),
            ("CI_TOOL_COMMIT", wanted.commit),
        ];
        let program = self
            .program(&self.lines.release, &own)
            .time_limit(self.time_limit);
        self.ask("release", &program)?;
        // The release has the name that we gave it.
        Ok(wanted.key.to_owned())
    }

    fn find(&self, wanted: &Wanted<'_>) -> Result<Vec<String>, Trouble> {
        let found = self.status(wanted.key)?;
        Ok(found.map(|_| wanted.key.to_owned()).into_iter().collect())
    }

    fn shows_within(&self) -> Duration {
        // The command that starts a release is over before it is looked for.
        Duration::ZERO
    }

    fn state(&self, id: &str) -> Result<State, Trouble> {
        Ok(self.status(id)?.unwrap_or_else(|| {
            State::Failed(match self.lines.status {
                Some(_) => "`status` does not know it".to_owned(),
                None => "`release` has ended, and `live` names another one".to_owned(),
            })
        }))
    }

    fn promote(&self, id: &str) -> Result<(), Trouble> {
        let line = self.lines.promote.as_deref().unwrap_or("true");
        let program = self
            .program(line, &[("CI_TOOL_RELEASE", id)])
            .time_limit(self.time_limit);
        self.ask("promote", &program).map(drop)
    }

    fn cancel(&self, id: &str) -> Result<(), Trouble> {
        let Some(line) = &self.lines.cancel else {
            return Ok(());
        };
        let program = self
            .program(line, &[("CI_TOOL_RELEASE", id)])
            .time_limit(self.time_limit)
            .to_its_end();
        self.ask("cancel", &program).map(drop)
    }

    fn rollback(&self, from: &str, to: Option<&Release>) -> Result<(), Trouble> {
        let to = to.map_or("", |to| to.id.as_str());
        let own = [("CI_TOOL_RELEASE", to), ("CI_TOOL_FROM", from)];
        let program = self
            .program(&self.lines.rollback, &own)
            .time_limit(self.time_limit)
            .to_its_end();
        self.ask("rollback", &program).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(lines: Lines) -> Command {
        Command {
            service: "api".to_owned(),
            environment: "staging".to_owned(),
            lines,
            folder: PathBuf::from("."),
            variables: vec![
                ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
                ("TOKEN".to_owned(), "canary".to_owned()),
            ],
            secrets: vec!["canary".to_owned()],
            time_limit: Duration::from_secs(5),
        }
    }

    #[test]
    fn answers_are_words_and_failures_tell_no_secret() {
        let lines = |live: &str, status: &str| Lines {
            live: live.to_owned(),
            status: Some(status.to_owned()),
            release: "echo \"no $TOKEN $CI_TOOL_COMMIT\" >&2; exit 4".to_owned(),
            ..Lines::default()
        };
        let one = command(lines(
            "echo r7 abc; echo more",
            "echo \"failed out of $TOKEN\"",
        ));
        let live = one.live().expect("it answers").expect("a release");
        assert_eq!(
            (live.id.as_str(), live.origin.as_deref()),
            ("r7", Some("abc"))
        );
        let wanted = Wanted {
            environment: "staging",
            commit: "0123",
            key: "k",
            since: 0,
        };
        let error = one.start(&wanted).expect_err("it fails");
        assert_eq!(
            error.message,
            "`release` ended with exit code 4: no *** 0123"
        );
        assert_eq!(error.kind, Kind::Lasting);
        // The last lines, and no half of a secret where they are cut.
        let talks = Lines {
            release: "seq 7 >&2; printf '%0298d%s\\n\\n' 0 $TOKEN >&2; exit 1".to_owned(),
            ..lines("", "echo")
        };
        let error = command(talks).start(&wanted).expect_err("it fails");
        let told: Vec<&str> = error.message.lines().collect();
        assert_eq!(&told[1..5], ["4", "5", "6", "7"], "{told:?}");
        assert!(told[5].ends_with("00**") && told.len() == 6, "{told:?}");

        assert_eq!(command(lines("", "echo")).live(), Ok(None));
        let none = command(lines("true", "echo unknown"));
        assert_eq!(none.find(&wanted), Ok(Vec::new()));
        assert_eq!(
            command(lines("true", "echo live")).find(&wanted),
            Ok(vec!["k".to_owned()])
        );
        let odd = command(lines("true", "echo '<b>'")).state("k");
        assert!(odd.is_err_and(|trouble| trouble.message.contains("has to say")));
        // A question that is not answered is asked again.
        let broken = command(lines("exit 1", "exit 1"));
        assert!(
            broken
                .live()
                .is_err_and(|trouble| trouble.kind == Kind::Passing)
        );
    }
}
