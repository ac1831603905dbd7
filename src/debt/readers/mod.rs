//! Readers of what tools say: a file for each, and a line here. What they give has no
//! line numbers in its names, so that code may move without becoming new debt.

mod cargotest;
mod coverage;
mod eslint;
mod flake8;
mod formats;
mod gotest;
mod jest;
mod mypy;
mod pyright;
mod pytest;
mod ruff;
mod tsc;
mod unittest;
mod vitest;
mod whole;
mod xml;

use std::collections::BTreeMap;

use serde::Serialize;

use super::tool::Tool;
use crate::project::path;

pub use coverage::floor;

/// Where a complaint is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Place {
    /// The file, below the folder that the step runs in; empty where there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The line, from 1; 0 where it concerns no line.
    #[serde(skip_serializing_if = "is_zero")]
    pub line: u64,
    /// What the tool says.
    pub message: String,
    /// All that it says of a test that fails, where it says more.
    #[serde(skip)]
    pub detail: String,
}

impl Place {
    /// A place with what the tool says there.
    fn new(path: impl Into<String>, line: u64, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line,
            message: message.into(),
            detail: String::new(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(line: &u64) -> bool {
    *line == 0
}

/// What a step complained about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// By what is complained about, every place of it.
    pub complaints: BTreeMap<String, Vec<Place>>,
}

impl Seen {
    /// Adds a complaint.
    pub fn add(&mut self, what: impl Into<String>, place: Place) {
        self.complaints.entry(what.into()).or_default().push(place);
    }

    /// How many complaints there are.
    pub fn total(&self) -> u64 {
        let each = self.complaints.values();
        each.map(|places| places.len() as u64).sum()
    }

    /// How often each is there.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let each = self.complaints.iter();
        each.map(|(what, places)| (what.clone(), places.len() as u64))
            .collect()
    }
}

/// What is kept of a run of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Its exit code.
    pub status: i32,
    /// What it said on both outputs.
    pub output: String,
    /// The report that its reader asked it to write.
    pub report: Option<String>,
    /// The folder that it ran in, which tools put before names of files.
    pub directory: String,
}

impl Record {
    /// A file's name as it is from the folder that the step ran in.
    fn relative(&self, file: &str) -> String {
        if file.starts_with('/') && self.directory.starts_with('/') {
            let up = |path: &str| path::normalise(path.trim_start_matches('/'));
            return path::relative(&up(&self.directory), &up(file));
        }
        file.strip_prefix("./").unwrap_or(file).to_owned()
    }

    /// Asks that the tool ended as one does that complains, and did not break.
    fn ended_with(&self, status: i32, tool: &str) -> Result<(), String> {
        if self.status == status {
            return Ok(());
        }
        Err(format!("{tool} ended with {}", self.status))
    }

    fn report(&self) -> Result<&str, String> {
        let report = self.report.as_deref().filter(|text| !text.is_empty());
        report.ok_or_else(|| "it wrote no report".to_owned())
    }
}

/// Somebody who understands a tool.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// Its name in files of debts.
    pub name: &'static str,
    /// First words of the commands that start the tool.
    tools: &'static [&'static [&'static str]],
    /// What makes the tool say it so that it can be read; `{report}` is the report's file.
    options: &'static str,
    /// The ending of the report's file, where the tool writes one.
    pub report: Option<&'static str>,
    /// Whether it runs tests, of which some may fail by chance.
    pub tests: bool,
    /// Reads what is kept of a run that failed.
    read: fn(&Record) -> Result<Seen, String>,
}

/// Every reader; the last one takes what no other understands.
pub const READERS: [Reader; 15] = [
    ruff::READER,
    flake8::READER,
    eslint::READER,
    mypy::READER,
    pyright::READER,
    tsc::READER,
    formats::READER,
    coverage::READER,
    pytest::READER,
    vitest::READER,
    jest::READER,
    unittest::READER,
    gotest::READER,
    cargotest::READER,
    whole::READER,
];

/// The reader of this name.
pub fn named(name: &str) -> Option<&'static Reader> {
    READERS.iter().find(|reader| reader.name == name)
}

/// The reader that fits a tool.
pub fn fitting(tool: &Tool) -> Option<&'static Reader> {
    READERS
        .iter()
        .find(|reader| reader.tools.iter().any(|words| tool.is(words)))
}

/// The reader for what no other understands.
pub fn whole() -> &'static Reader {
    &READERS[READERS.len() - 1]
}

impl Reader {
    /// The command that makes the tool say it so that it can be read; `name` is that of
    /// the debt.
    pub fn recorded(&self, tool: &Tool, name: &str) -> String {
        let report = format!(
            "\"${}/{}\"",
            super::RECORDS,
            super::record(name, self.report.unwrap_or("txt"))
        );
        tool.with(&self.options.replace("{report}", &report))
    }

    /// What a step complained about. One that passed complained about nothing that
    /// counts.
    ///
    /// # Errors
    /// Where what is kept of the run does not tell it: then it is never taken for
    /// nothing.
    pub fn read(&self, record: &Record) -> Result<Seen, String> {
        if record.status == 0 {
            return Ok(Seen::default());
        }
        let seen = (self.read)(record)?;
        if seen.complaints.is_empty() {
            let status = record.status;
            return Err(format!(
                "it failed with {status} and no complaint of it is one that can be read"
            ));
        }
        Ok(seen)
    }
}

/// Takes colours and other sequences of a terminal out.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => {
                if rest.next_if_eq(&'[').is_some() {
                    while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
                } else {
                    rest.next();
                }
            }
            '\r' => {}
            c => plain.push(c),
        }
    }
    plain
}

/// `PATH:LINE:COLUMN: REST` or `PATH:LINE: REST`.
fn located(line: &str) -> Option<(&str, u64, &str)> {
    let (place, rest) = line.split_once(": ")?;
    let mut parts = place.rsplitn(3, ':');
    let (last, middle, first) = (parts.next()?, parts.next()?, parts.next());
    match (first, middle.parse(), last.parse::<u64>()) {
        (Some(path), Ok(line), Ok(_)) => Some((path, line, rest)),
        (_, _, Ok(line)) => {
            let path = &place[..place.len() - last.len() - 1];
            Some((path, line, rest))
        }
        _ => None,
    }
}

/// The number before these words in the last line that has them.
fn number_before(text: &str, words: &str) -> Option<u64> {
    let line = text.lines().rev().find(|line| line.contains(words))?;
    let before = &line[..line.find(words)?];
    before.split_whitespace().last()?.parse().ok()
}

/// Asks that as much was read as the tool says there is.
fn all_of(seen: Seen, said: Option<u64>) -> Result<Seen, String> {
    match said {
        Some(said) if said != seen.total() => Err(format!(
            "it says that there are {said} complaints, and {} could be read",
            seen.total()
        )),
        _ => Ok(seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(output: &str) -> Record {
        Record {
            status: 1,
            output: output.to_owned(),
            report: None,
            directory: "/w/backend".to_owned(),
        }
    }

    fn counts(reader: &str, record: &Record) -> Result<Vec<(String, u64)>, String> {
        let seen = named(reader).expect("known").read(record)?;
        Ok(seen.counts().into_iter().collect())
    }

    fn pairs(of: &[(&str, u64)]) -> Result<Vec<(String, u64)>, String> {
        Ok(of
            .iter()
            .map(|(what, count)| ((*what).to_owned(), *count))
            .collect())
    }

    #[test]
    fn a_step_that_passed_complained_about_nothing_and_one_that_failed_did() {
        let passed = Record {
            status: 0,
            ..failed("anything\n")
        };
        for reader in READERS {
            assert_eq!(reader.read(&passed), Ok(Seen::default()));
            assert!(reader.read(&failed("")).is_err(), "{}", reader.name);
        }
    }

    #[test]
    fn ruff_is_read_and_counted() {
        let said = "app/main.py:1:8: F401 [*] `os` imported but unused\n\
            app/main.py:2:8: F401 [*] `re` imported but unused\n\
            app/x y.py:9:1: invalid-syntax: Expected an expression\n\
            Found 3 errors.\n[*] 2 fixable with the `--fix` option.\n";
        assert_eq!(
            counts("ruff", &failed(said)),
            pairs(&[("app/main.py F401", 2), ("app/x y.py invalid-syntax", 1)])
        );
        let less = said.replace("Found 3", "Found 4");
        assert!(counts("ruff", &failed(&less)).is_err());
    }

    #[test]
    fn checkers_of_types_are_read() {
        let said = "app/a.py:3: error: Name \"x\" is not defined  [name-defined]\n\
            app/a.py:3: note: See\napp/a.py:4:5: error: odd\n\
            Found 2 errors in 1 file (checked 3 source files)\n";
        assert_eq!(
            counts("mypy", &failed(said)),
            pairs(&[("app/a.py error", 1), ("app/a.py name-defined", 1)])
        );
        let said = "src/a.ts(1,7): error TS2322: Type 'string'\n  is not assignable\n\
            error TS18003: No inputs\n";
        assert_eq!(
            counts("tsc", &failed(said)),
            pairs(&[("TS18003", 1), ("src/a.ts TS2322", 1)])
        );
        let said = "/w/backend/app/a.py\n\
            \x20 /w/backend/app/a.py:1:8 - error: Import \"x\" could not be resolved (reportMissingImports)\n\
            1 error, 0 warnings, 0 informations\n";
        assert_eq!(
            counts("pyright", &failed(said)),
            pairs(&[("app/a.py reportMissingImports", 1)])
        );
    }

    #[test]
    fn formatters_name_files() {
        for said in [
            "would reformat /w/backend/app/a.py\n\nOh no!\n1 file would be reformatted.\n",
            "Would reformat: app/a.py\n1 file would be reformatted\n",
            "Checking formatting...\n[warn] app/a.py\n[warn] Code style issues found in the above file. Run Prettier with --write to fix.\n",
        ] {
            assert_eq!(
                counts("format", &failed(said)),
                pairs(&[("app/a.py", 1)]),
                "{said}"
            );
        }
    }

    #[test]
    fn tests_are_known_by_their_ids() {
        let mut record = failed("");
        record.report = Some(
            "<?xml version=\"1.0\"?><testsuites><testsuite errors=\"2\" failures=\"2\" tests=\"5\">\
             <testcase classname=\"tests.test_a.TestA\" name=\"test_x[a&lt;b]\" file=\"tests/test_a.py\" line=\"4\"><failure message=\"no &#10; way\">t</failure></testcase>\
             <testcase classname=\"tests.test_a\" name=\"test_y\" file=\"tests/test_a.py\" line=\"9\"><failure message=\"m\"/><error message=\"teardown\"/></testcase>\
             <testcase classname=\"tests.test_a\" name=\"test_z\" file=\"tests/test_a.py\"/>\
             <testcase classname=\"\" name=\"tests.test_b\" file=\"tests/test_b.py\"><error message=\"collection failure\">ModuleNotFoundError</error></testcase>\
             </testsuite></testsuites>"
                .to_owned(),
        );
        assert_eq!(
            counts("pytest", &record),
            pairs(&[
                ("tests/test_a.py::TestA::test_x[a<b]", 1),
                ("tests/test_a.py::test_y", 1),
                ("tests/test_b.py", 1),
            ])
        );
        record.status = 2;
        assert!(counts("pytest", &record).is_err(), "interrupted");
        record.status = 1;
        record.report = record.report.map(|text| text.replace("</testsuites>", ""));
        assert!(counts("pytest", &record).is_err(), "cut short");
    }

    #[test]
    fn vitest_and_jest_are_known_by_file_and_name() {
        let mut record = failed("");
        record.report = Some(
            "<testsuites tests=\"3\" failures=\"1\" errors=\"0\"><testsuite name=\"lib/a.test.ts\" tests=\"2\" failures=\"1\" errors=\"0\">\
             <testcase classname=\"lib/a.test.ts\" name=\"sums &gt; adds\"><failure message=\"1\" type=\"AssertionError\"/></testcase>\
             <testcase classname=\"lib/a.test.ts\" name=\"ok\"/></testsuite></testsuites>"
                .to_owned(),
        );
        assert_eq!(
            counts("vitest", &record),
            pairs(&[("lib/a.test.ts > sums > adds", 1)])
        );
        record.report = Some(
            "{\"numFailedTests\":1,\"numRuntimeErrorTestSuites\":1,\"testResults\":[\
             {\"name\":\"/w/backend/lib/a.test.js\",\"status\":\"failed\",\"message\":\"m\",\"assertionResults\":[\
             {\"fullName\":\"sums adds\",\"status\":\"failed\",\"failureMessages\":[\"no\"]},{\"fullName\":\"b\",\"status\":\"passed\"}]},\
             {\"name\":\"/w/backend/lib/b.test.js\",\"status\":\"failed\",\"message\":\"Cannot find module\",\"assertionResults\":[]}]}"
                .to_owned(),
        );
        assert_eq!(
            counts("jest", &record),
            pairs(&[("lib/a.test.js > sums adds", 1), ("lib/b.test.js", 1)])
        );
    }

    #[test]
    fn tests_of_other_programs_are_known_by_their_names() {
        let said = "FAIL: test_a (shop.tests.Cart.test_a)\nERROR: test_b (shop.tests.Cart)\n\
            ERROR: shop.other (unittest.loader._FailedTest.shop.other)\nImportError: no\n\
            FAILED (failures=1, errors=2, skipped=4)\n";
        assert_eq!(
            counts("unittest", &failed(said)),
            pairs(&[
                ("shop.other", 1),
                ("shop.tests.Cart.test_a", 1),
                ("shop.tests.Cart.test_b", 1)
            ])
        );
        assert!(counts("unittest", &failed(&said.replace("errors=2", "errors=3"))).is_err());
        let said = "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/sub (0.00s)\nFAIL\nFAIL\tx.org/a\t0.01s\n\
            ok  \tx.org/b\t0.01s\nFAIL\tx.org/c [build failed]\nFAIL\n";
        assert_eq!(
            counts("go-test", &failed(said)),
            pairs(&[
                ("x.org/a TestA", 1),
                ("x.org/a TestA/sub", 1),
                ("x.org/c", 1)
            ])
        );
        let mut cargo = failed("test a::b ... FAILED\ntest a::c ... ok\n");
        cargo.status = 101;
        assert_eq!(counts("cargo-test", &cargo), pairs(&[("a::b", 1)]));
    }

    #[test]
    fn eslint_is_read_by_its_errors() {
        let mut record = failed("");
        record.report = Some(
            "[{\"filePath\":\"/w/backend/a.js\",\"errorCount\":2,\"warningCount\":1,\"messages\":[\
             {\"ruleId\":\"no-unused-vars\",\"severity\":2,\"message\":\"m\",\"line\":3},\
             {\"ruleId\":null,\"fatal\":true,\"severity\":2,\"message\":\"Parsing error\",\"line\":1},\
             {\"ruleId\":\"semi\",\"severity\":1,\"message\":\"w\",\"line\":3}]}]"
                .to_owned(),
        );
        let seen = counts("eslint", &record);
        assert_eq!(
            seen,
            pairs(&[
                ("a.js cannot be read", 1),
                ("a.js no-unused-vars", 1),
                ("a.js semi (warning)", 1)
            ])
        );
    }

    #[test]
    fn what_nobody_reads_is_known_by_its_last_error() {
        let said = "INFO  Running upgrade  -> 0001\nTraceback (most recent call last):\n\
            sqlalchemy.exc.ProgrammingError: (psycopg2.errors.UndefinedTable) relation \"job_applications\" does not exist\n\
            LINE 2: ALTER TABLE job_applications\n\n[SQL: ALTER TABLE]\n(Background on this error at: https://sqlalche.me/e/20/f405)\n";
        let once = counts("whole", &failed(said)).expect("read");
        let again = said.replace("sqlalche.me/e/20/f405", "sqlalche.me/e/21/f999");
        assert_eq!(counts("whole", &failed(&again)), Ok(once.clone()));
        let other = said.replace("job_applications", "users");
        assert_ne!(counts("whole", &failed(&other)), Ok(once.clone()));
        assert!(once[0].0.contains("job_applications"), "{once:?}");
        let mut other = failed(said);
        other.status = 2;
        assert_ne!(counts("whole", &other), Ok(once));
    }

    #[test]
    fn files_are_named_from_the_steps_folder() {
        let record = failed("");
        for (file, name) in [
            ("/w/backend/app/a.py", "app/a.py"),
            ("/w/lib/a.py", "../lib/a.py"),
            ("/w/backend-two/a.py", "../backend-two/a.py"),
            ("./a.py", "a.py"),
            ("../a.py", "../a.py"),
        ] {
            assert_eq!(record.relative(file), name);
        }
    }

    #[test]
    fn colours_are_no_part_of_a_text() {
        assert_eq!(plain("\u{1b}[31mred\u{1b}[0m\r\nnext"), "red\nnext");
    }

    #[test]
    fn a_place_may_have_a_column() {
        assert_eq!(located("a:b.py:3:9: no"), Some(("a:b.py", 3, "no")));
        assert_eq!(located("a.py:3: no"), Some(("a.py", 3, "no")));
        assert_eq!(located("INFO: no"), None);
    }
}
