//! Steps of workflows that make what the Makefile does not know.

use std::collections::BTreeSet;

use crate::audit::shell::{Command, Exit};
use crate::audit::steps::Step;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "missing-make-target",
    title: "A step makes a target that the Makefile has not",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "`make NAME` in workflows is held against the targets of the Makefile in the step's folder, where that includes nothing and has neither patterns nor computed targets.",
    why: "The step ends with `No rule to make target`, so that the job can never pass.",
    mend: "Name a target that is there, or add it.",
    references: &["https://www.gnu.org/software/make/manual/html_node/Goals.html"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    let mut generated: BTreeSet<(&str, &str)> = BTreeSet::new();
    for step in facts.steps() {
        if step.shell.commands.iter().any(brings) {
            generated.insert((&step.path, &step.job));
        }
    }
    let steps = facts.steps().iter();
    for step in steps.filter(|step| step.is_here && !step.moves() && step.shell.is_whole) {
        if generated.contains(&(step.path.as_str(), step.job.as_str())) {
            continue;
        }
        for command in step.shell.commands.iter().filter(|one| one.runs(&["make"])) {
            if !matches!(command.exit, Exit::Asked | Exit::Ignored) {
                look(facts, step, command, &mut defects);
            }
        }
    }
    defects
}

/// Whether a command may write a Makefile, or bring another one.
fn brings(command: &Command) -> bool {
    let words = command.program();
    let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    let makes = [
        "cmake",
        "qmake",
        "meson",
        "autoreconf",
        "premake5",
        "autoconf",
        "tar",
        "unzip",
    ];
    let program = path::name(text(0));
    let odd = ["akefile", "configure", "autogen", "bootstrap", "extconf"];
    makes.contains(&program)
        || program == "git" && !matches!(text(1), "config" | "log" | "diff" | "status" | "fetch")
        || command
            .words
            .iter()
            .any(|word| odd.iter().any(|part| word.text.contains(part)))
}

fn look(facts: &Facts<'_>, step: &Step, command: &Command, defects: &mut Vec<Defect>) {
    let Some((folder, wanted)) = goals(command) else {
        return;
    };
    let folder = path::join(&step.folder, &folder);
    let names = ["GNUmakefile", "makefile", "Makefile"];
    let Some(file) = facts.tree.first_in(&folder, &names) else {
        return;
    };
    let Some(text) = facts.tree.text(&file) else {
        return;
    };
    let Some(known) = targets(&text) else { return };
    for name in wanted.into_iter().filter(|name| !known.contains(*name)) {
        if is_file(facts, &folder, name) {
            continue;
        }
        let message = format!("it makes `{name}`, and {file} has no such target");
        let defect = Defect::new(&step.path, command, message).about(name);
        defects.push(defect.with(&file, 1));
    }
}

/// The folder and the targets of a command; `None` where it is not understood.
fn goals(command: &Command) -> Option<(String, Vec<&str>)> {
    const HARMLESS: [&str; 12] = [
        "-k",
        "-s",
        "-B",
        "-i",
        "-w",
        "-d",
        "--silent",
        "--quiet",
        "--always-make",
        "--keep-going",
        "--no-print-directory",
        "--trace",
    ];
    let mut folder = String::from(".");
    let mut found = Vec::new();
    let mut words = command.program().iter().skip(1).peekable();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        if !word.is_literal && !text.contains('=') {
            return None;
        }
        if let Some(named) = text.strip_prefix("--directory=") {
            folder = path::join(&folder, named);
        } else if text == "-C" || text == "--directory" {
            let named = words.next().filter(|word| word.is_literal)?;
            folder = path::join(&folder, &named.text);
        } else if text.starts_with("-j") || text.starts_with("--jobs") {
            let is_count = |text: &str| text.parse::<u16>().is_ok() || text.starts_with('$');
            words.next_if(|next| is_count(&next.text));
        } else if text.starts_with('-') {
            HARMLESS.contains(&text).then_some(())?;
        } else if !text.contains('=') {
            found.push(text);
        }
    }
    Some((folder, found))
}

/// The targets of a Makefile; `None` where there may be more than it says.
fn targets(text: &str) -> Option<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    for line in joined.lines().filter(|line| !line.starts_with('\t')) {
        let code = line.split('#').next().unwrap_or_default();
        let first = code.split_whitespace().next().unwrap_or_default();
        let opens = [
            "include",
            "-include",
            "sinclude",
            "define",
            "load",
            ".RECIPEPREFIX",
        ];
        if opens.contains(&first) || code.trim_start().starts_with("$(") || code.contains("$(eval")
        {
            return None;
        }
        let Some((left, right)) = code.split_once(':') else {
            continue;
        };
        if left.contains('=') || right.trim_start_matches(':').starts_with('=') {
            continue;
        }
        if left.contains(['%', '$']) || left.contains(".DEFAULT ") || left.trim() == ".DEFAULT" {
            return None;
        }
        // Of one that is only declared, make says that there is nothing to be done.
        if left.trim() == ".PHONY" {
            if right.contains('$') {
                return None;
            }
            found.extend(right.split_whitespace().map(str::to_owned));
        }
        found.extend(left.split_whitespace().map(str::to_owned));
    }
    Some(found)
}

/// Whether there is a file of this name, or one that make knows to build it from.
fn is_file(facts: &Facts<'_>, folder: &str, name: &str) -> bool {
    let there = path::join(folder, name);
    let parent = path::parent(&there);
    let mut beside = facts.tree.directly_in(parent);
    let stem = |file: &str| path::name(file).split('.').next().map(str::to_owned);
    facts.tree.root().join(&there).exists()
        || beside.any(|file| stem(file).as_deref() == Some(path::name(name)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn of(run: &str, makefile: &str) -> Vec<String> {
        let text = format!(
            "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/checkout@v4\n      - run: {run}\n"
        );
        let files = [
            (".github/workflows/ci.yml", text.as_str()),
            ("Makefile", makefile),
            ("api/Makefile", "serve:\n\techo\n"),
            ("docs/index.md", ""),
            ("tool.c", ""),
        ];
        found(&RULE, &files)
    }

    const MAKEFILE: &str = "A := b:c\nexport URL = http://x:8\n.PHONY: test \\\n  declared\n\ntest lint: build ## tests\n\tgo test\n\tnone: x\nbuild:: ; echo\nifeq ($(A),b)\nslow: test\nendif\n";

    #[test]
    fn a_target_that_is_not_there() {
        for (run, name) in [
            ("make none", "none"),
            ("make -j 4 test type-check V=1", "type-check"),
            ("make -C api test", "test"),
            ("CI=1 make b", "b"),
        ] {
            let expected = format!(".github/workflows/ci.yml:7 {name}");
            assert_eq!(of(run, MAKEFILE), [expected], "{run}");
        }
    }

    #[test]
    fn one_that_is_or_may_be_there() {
        for run in [
            "make",
            "make test lint build slow declared",
            "make -C api serve",
            "make docs tool",
            "make -f other.mk none",
            "make $TARGET",
            "make none || true",
            "if make none; then echo; fi",
            "cmake . && make none",
            "./configure && make none",
            "cp Makefile.ci Makefile && make none",
            "cd api && make none",
            "git clone x && make none",
            "echo make none",
        ] {
            assert!(of(run, MAKEFILE).is_empty(), "{run}");
        }
        for more in [
            "include x.mk\n",
            "-include .env\n",
            "%.o: %.c\n",
            "$(ALL): x\n",
            "$(foreach x,$(ALL),$(eval $(call rule,$(x))))\n",
            ".DEFAULT:\n",
            ".PHONY: $(ALL)\n",
            "define x\nnone: y\nendef\n",
        ] {
            let makefile = format!("{MAKEFILE}{more}");
            assert!(of("make none", &makefile).is_empty(), "{more}");
        }
    }
}
