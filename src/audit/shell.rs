//! Shell scripts, read with the grammar of tree-sitter into the commands that they run:
//! where each stands, around it, and what becomes of its exit code.
//!
//! Nothing is expanded: a word with a variable in it is told as it is written.

mod walk;

use std::ops::Range;

use super::{Place, grammar};

/// Longer scripts are data with a script in front, and nobody reads them.
const MAX_BYTES: usize = 256 * 1024;

/// Longer pipelines cost the parser memory by the square of their length.
const MAX_PIPES: usize = 1_000;

/// What was read of a script.
#[derive(Debug, Default)]
pub struct Shell {
    /// The simple commands, in the order of the text; those of substitutions too.
    pub commands: Vec<Command>,
    /// Variables that are set by a statement of their own.
    pub assignments: Vec<Assignment>,
    /// Whether all of it was understood.
    pub is_whole: bool,
}

/// A simple command.
#[derive(Debug)]
pub struct Command {
    /// Where it begins.
    pub place: Place,
    /// Where it is written, in bytes of the script.
    pub span: Range<usize>,
    /// Its words: the program and its arguments, without redirections.
    pub words: Vec<Word>,
    /// What becomes of its exit code.
    pub exit: Exit,
    /// How many loops are around it.
    pub loops: usize,
    /// Whether it runs only where something else says so: in a branch, or behind `&&` or
    /// `||`.
    pub is_conditional: bool,
    /// Whether it is in a substitution: `$(...)` or `<(...)`.
    pub is_substituted: bool,
    /// The command whose output it reads through a pipe, as an index.
    pub reads: Option<usize>,
    /// The command in whose words it is substituted, as an index.
    pub inside: Option<usize>,
    /// The function that it is in.
    pub function: Option<String>,
    /// Whether the text that goes in comes from a file or a here-document.
    pub is_fed: bool,
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it says, without quotes; expansions as they are written.
    pub text: String,
    /// Whether nothing in it is expanded.
    pub is_literal: bool,
    /// Where it begins.
    pub place: Place,
    /// Where it is written, in bytes of the script.
    pub span: Range<usize>,
}

/// `NAME=value` on its own, or after `export`, `local` and their like.
#[derive(Debug)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// What it is set to.
    pub value: Word,
}

/// What becomes of an exit code that is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The script ends: `set -e` is in force.
    Stops,
    /// Something asks for it: a condition, `||`, `&&`, or `$?` in the next statement.
    Asked,
    /// It is thrown away in so many words: `|| true`, `&`, a pipe without `pipefail`, a
    /// substitution in another command.
    Ignored,
    /// Nobody asks, and the script goes on.
    Lost,
    /// It is the script's own, or its function's: the command is the last one.
    Last,
}

/// How a script is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start {
    /// Whether `set -e` is in force at the beginning.
    pub stops: bool,
    /// Whether `set -o pipefail` is.
    pub pipefail: bool,
    /// The line of its first line in its file, counted from 0; `None` where lines and
    /// columns are its own.
    pub offset: Option<usize>,
}

impl Shell {
    /// Reads a script. One that the grammar does not understand gives what was understood
    /// of it; one that is too long gives nothing.
    pub fn parse(text: &str, start: Start) -> Self {
        let is_data = text.len() > MAX_BYTES || text.contains('\0');
        if is_data || longest_pipeline(text) > MAX_PIPES {
            return Self::default();
        }
        let readable = readable(text);
        let Some(tree) = grammar::parse(&tree_sitter_bash::LANGUAGE.into(), &readable) else {
            return Self::default();
        };
        walk::commands(text, &tree, start)
    }

    /// The commands that run a program: `runs("railway", &["up"])`.
    pub fn running<'a>(
        &'a self,
        program: &'a [&'a str],
    ) -> impl Iterator<Item = (usize, &'a Command)> {
        let all = self.commands.iter().enumerate();
        all.filter(move |(_, command)| command.runs(program))
    }
}

impl Command {
    /// The words from the program on that is really started: without `sudo`, `exec`,
    /// `npx` and their like.
    pub fn program(&self) -> &[Word] {
        let mut words = self.words.as_slice();
        while let Some(count) = wrapper(words) {
            words = &words[count..];
        }
        words
    }

    /// Whether the program and its first arguments are these.
    pub fn runs(&self, words: &[&str]) -> bool {
        let own = self.program();
        own.len() >= words.len()
            && words
                .iter()
                .zip(own)
                .all(|(word, own)| own.is_literal && own.text == *word)
    }

    /// Whether one of its words is this one, or begins with it and `=`.
    pub fn has(&self, flag: &str) -> bool {
        self.words.iter().any(|word| {
            word.text
                .strip_prefix(flag)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        })
    }

    /// The value of an option: `--flag value` or `--flag=value`.
    pub fn option(&self, flag: &str) -> Option<&str> {
        let at = self.words.iter().position(|word| {
            word.text == flag
                || word
                    .text
                    .strip_prefix(flag)
                    .is_some_and(|rest| rest.starts_with('='))
        })?;
        match self.words[at].text.split_once('=') {
            Some((_, value)) => Some(value),
            None => self.words.get(at + 1).map(|word| word.text.as_str()),
        }
    }

    /// Whether it only tells something.
    pub fn is_message(&self) -> bool {
        let name = self.words.first().map_or("", |word| word.text.as_str());
        matches!(name, "echo" | "printf" | "log" | "info" | "warn" | "error")
    }

    /// Its words as one text, for messages.
    pub fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        words.join(" ")
    }
}

/// How many words stand before the program that is really started.
fn wrapper(words: &[Word]) -> Option<usize> {
    let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    let fixed = match (text(0), text(1)) {
        ("poetry" | "uv" | "pipenv" | "hatch" | "pdm", "run")
        | ("pnpm" | "yarn" | "npm", "exec" | "dlx")
        | ("bundle", "exec")
        | ("python" | "python3", "-m") => 2,
        (
            "sudo" | "exec" | "command" | "time" | "nohup" | "env" | "npx" | "bunx" | "builtin"
            | "nice" | "ionice" | "stdbuf",
            _,
        ) => 1,
        _ => return None,
    };
    let options = words[fixed..].iter().take_while(|word| {
        word.text.starts_with('-') || text(0) == "env" && word.text.contains('=')
    });
    let all = fixed + options.count();
    (all < words.len()).then_some(all)
}

/// At least as many signs as the longest pipeline has; those in quotes count too.
fn longest_pipeline(text: &str) -> usize {
    let (mut longest, mut open) = (0, 0);
    for line in text.lines() {
        let code = line.split(" #").next().unwrap_or_default().trim();
        if code.is_empty() || code.starts_with('#') {
            continue;
        }
        open += memchr::memchr_iter(b'|', code.as_bytes()).count();
        longest = longest.max(open);
        if !code.ends_with(['|', '\\', '&']) {
            open = 0;
        }
    }
    longest
}

/// The text with the same places, in a form that the grammar knows: no carriage returns,
/// and no expressions of GitHub's.
fn readable(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains('\r') && !text.contains("${{") {
        return text.into();
    }
    let mut out = text.replace("\r\n", " \n");
    let mut from = 0;
    while let Some(start) = out[from..].find("${{").map(|at| at + from) {
        let Some(end) = out[start..].find("}}").map(|at| start + at + 2) else {
            break;
        };
        let plain: String = out[start..end]
            .bytes()
            .map(|byte| if byte == b'\n' { '\n' } else { 'x' })
            .collect();
        out.replace_range(start..end, &plain);
        from = end;
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Shell {
        Shell::parse(text, Start::default())
    }

    /// `line:column words exit` of all commands.
    fn told(text: &str) -> Vec<String> {
        let shell = parse(text);
        assert!(shell.is_whole, "{text}");
        let commands = shell.commands.iter();
        commands
            .map(|one| {
                let column = one.place.column.expect("a column");
                format!("{}:{column} {} {:?}", one.place.line, one.text(), one.exit)
            })
            .collect()
    }

    #[test]
    fn what_becomes_of_an_exit_code() {
        let cases: [(&str, &[&str]); 14] = [
            ("a\nb\n", &["1:1 a Lost", "2:1 b Last"]),
            (
                "set -eu\na\nb",
                &["1:1 set -eu Lost", "2:1 a Stops", "3:1 b Stops"],
            ),
            (
                "set -o errexit\na\n",
                &["1:1 set -o errexit Lost", "2:1 a Stops"],
            ),
            (
                "#!/bin/sh -e\na\nset +e\nb\nc\n",
                &[
                    "2:1 a Stops",
                    "3:1 set +e Stops",
                    "4:1 b Lost",
                    "5:1 c Last",
                ],
            ),
            (
                "a || true\nb\n",
                &["1:1 a Ignored", "1:6 true Lost", "2:1 b Last"],
            ),
            (
                "a || exit 1\nb\n",
                &["1:1 a Asked", "1:6 exit 1 Lost", "2:1 b Last"],
            ),
            ("a && b\nc\n", &["1:1 a Asked", "1:6 b Lost", "2:1 c Last"]),
            (
                "if a; then b; fi\nc\n",
                &["1:4 a Asked", "1:12 b Lost", "2:1 c Last"],
            ),
            (
                "a\nif [ $? -ne 0 ]; then exit 1; fi\n",
                &["1:1 a Asked", "2:23 exit 1 Last"],
            ),
            ("a | b\nc\n", &["1:1 a Ignored", "1:5 b Lost", "2:1 c Last"]),
            ("a &\nb\n", &["1:1 a Ignored", "2:1 b Last"]),
            (
                "set -e\nx=$(a)\nexport y=$(b)\n",
                &["1:1 set -e Lost", "2:5 a Stops", "3:12 b Ignored"],
            ),
            (
                "trap 'c' ERR\na\nb\n",
                &["1:1 trap c ERR Lost", "2:1 a Stops", "3:1 b Stops"],
            ),
            (
                "(a; b) || c\n",
                &["1:2 a Lost", "1:5 b Asked", "1:11 c Last"],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn loops_functions_branches_and_pipes() {
        let shell = parse(
            "for i in 1 2; do sleep $i; done\nf() { curl x | sh; }\ncase $1 in a) b;; esac\nbash <(curl y)\n",
        );
        let told: Vec<_> = shell
            .commands
            .iter()
            .map(|one| {
                let function = one.function.as_deref().unwrap_or("-");
                (
                    one.text(),
                    one.loops,
                    function,
                    one.is_conditional,
                    one.reads,
                    one.inside,
                )
            })
            .collect();
        let expected = [
            ("sleep $i", 1, "-", false, None, None),
            ("curl x", 0, "f", false, None, None),
            ("sh", 0, "f", false, Some(1), None),
            ("b", 0, "-", true, None, None),
            ("bash <(curl y)", 0, "-", false, None, None),
            ("curl y", 0, "-", false, None, Some(4)),
        ];
        assert_eq!(
            told,
            expected.map(|(text, loops, function, conditional, reads, inside)| (
                text.to_owned(),
                loops,
                function,
                conditional,
                reads,
                inside
            ))
        );
    }

    #[test]
    fn words_lose_their_quotes_and_keep_their_places() {
        let shell = parse("A=1 railway variables --set \"S=$S\" 'x y' a\"b\"c\\ d <in 2>&1\n");
        let words: Vec<(&str, bool)> = shell.commands[0]
            .words
            .iter()
            .map(|word| (word.text.as_str(), word.is_literal))
            .collect();
        assert_eq!(
            words,
            [
                ("railway", true),
                ("variables", true),
                ("--set", true),
                ("S=$S", false),
                ("x y", true),
                ("abc d", true),
            ]
        );
        assert!(shell.commands[0].is_fed);
        assert_eq!(shell.commands[0].words[3].place.column, Some(29));
        assert!(shell.commands[0].runs(&["railway", "variables"]));
    }

    #[test]
    fn here_documents_and_comments_are_no_commands() {
        let text = "# a\ncat <<EOF\nnot code $(code)\nEOF\nb <<'X'\n$(no)\nX\nd\n";
        let names: Vec<String> = parse(text).commands.iter().map(Command::text).collect();
        assert_eq!(names, ["cat", "code", "b", "d"]);
    }

    #[test]
    fn expressions_and_carriage_returns_do_not_disturb() {
        let shell = parse("railway up --service ${{ inputs.it || 'x' }}\r\nsleep 5\r\n");
        assert!(shell.is_whole);
        let told: Vec<String> = shell.commands.iter().map(Command::text).collect();
        assert_eq!(
            told,
            ["railway up --service ${{ inputs.it || 'x' }}", "sleep 5"]
        );
        assert!(!shell.commands[0].words[3].is_literal);
    }

    #[test]
    fn wrappers_are_seen_through() {
        for text in [
            "sudo -E npx --yes a b",
            "env X=1 exec a b",
            "poetry run a b",
            "uv run --frozen a b",
        ] {
            assert!(parse(text).commands[0].runs(&["a", "b"]), "{text}");
        }
        assert!(!parse("sudo").commands[0].runs(&["a"]));
        assert!(!parse("echo a b").commands[0].runs(&["a", "b"]));
    }

    #[test]
    fn assignments_are_known() {
        let shell = parse("A=1\nexport B=\"x y\" C\nlocal D=$(e)\n");
        let told: Vec<(&str, &str, bool)> = shell
            .assignments
            .iter()
            .map(|one| {
                (
                    one.name.as_str(),
                    one.value.text.as_str(),
                    one.value.is_literal,
                )
            })
            .collect();
        assert_eq!(
            told,
            [("A", "1", true), ("B", "x y", true), ("D", "$(e)", false)]
        );
    }

    #[test]
    fn broken_huge_and_deep_scripts_end() {
        let shell = parse("if a; then\nb\n");
        assert!(!shell.is_whole);
        for text in [
            "(".repeat(200_000),
            "$(".repeat(100_000),
            "if ".repeat(100_000),
            "a | ".repeat(100_000),
            "a |\n# why\n\n".repeat(50_000),
            "a | b\n".repeat(50_000),
            "a && ".repeat(100_000),
            "<<E ".repeat(50_000),
            "\"$(".repeat(50_000),
            "${".repeat(100_000),
            "case x in ".repeat(20_000),
            "a[\n".repeat(80_000),
            "<<<".repeat(80_000),
            "$[".repeat(100_000),
            "\0".repeat(200_000),
        ] {
            let start = std::time::Instant::now();
            let _ = parse(&text);
            assert!(start.elapsed().as_secs() < 20, "{:?}", &text[..12]);
        }
        assert!(parse(&"a\n".repeat(MAX_BYTES)).commands.is_empty());
    }
}
