//! Mirror jobs whose lease is refused, or protects nothing.

use crate::audit::fix::{Fix, Text};
use crate::audit::pushes::pushes;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "forced-mirror-without-fetch",
    title: "A mirror's lease is stale on every run after the first",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "A job adds a remote and pushes to it with a bare `--force-with-lease`, and never fetches from it.",
    why: "Without a ref of the remote there is nothing to compare with: git refuses the push as stale as soon as the branch exists there, so that the mirror stands still.",
    mend: "Fetch the remote first and stop where it has commits that the source has not; `--force-with-lease=BRANCH:COMMIT` names what is expected.",
    references: &[
        "https://git-scm.com/docs/git-push#Documentation/git-push.txt---no-force-with-lease",
    ],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let all = pushes(facts).into_iter();
    all.filter(|push| push.has_bare_lease && !push.is_fetched)
        .filter_map(|push| {
            let added = push.added?;
            let remote = &push.remote;
            let message = format!(
                "`--force-with-lease` to `{remote}`, which nothing here fetches from: git refuses it as stale once the branch exists there"
            );
            let fix = Text::of(facts.tree, &push.path)
                .and_then(|text| text.in_line(push.place.line, " --force-with-lease", ""))
                .map(|change| {
                    let title = "push without force: git refuses what would overwrite a commit";
                    Fix::safe(title, [change])
                });
            let defect = Defect::new(&push.path, push.place, message).with(&push.path, added);
            Some(defect.about(remote).mended_by(fix))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    fn of(script: &str) -> Vec<String> {
        let text = format!(
            "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: |\n          {}\n",
            script.replace('\n', "\n          ")
        );
        found(&RULE, &[(".github/workflows/mirror.yml", &text)])
    }

    #[test]
    fn a_lease_on_nothing() {
        assert_eq!(
            of("git remote add gitlab https://x\ngit push gitlab main --force-with-lease"),
            [".github/workflows/mirror.yml:8 gitlab"]
        );
        assert_eq!(
            of(
                "git remote add gitlab https://x || true\nif git push gitlab main --force-with-lease; then\n  echo\nfi"
            ),
            [".github/workflows/mirror.yml:8 gitlab"]
        );
        let gitlab = "mirror:\n  script:\n    - git remote add github https://x\n    - git push --force-with-lease github HEAD:main\n";
        assert_eq!(
            found(&RULE, &[(".gitlab-ci.yml", gitlab)]),
            [".gitlab-ci.yml:4 github"]
        );
    }

    #[test]
    fn a_lease_on_something() {
        for script in [
            "git remote add gitlab https://x\ngit fetch gitlab\ngit push gitlab main --force-with-lease",
            "git remote add gitlab https://x\ngit push gitlab main --force-with-lease=main:abc",
            "git push origin main --force-with-lease",
            "git remote add gitlab https://x\ngit push gitlab main",
        ] {
            assert!(of(script).is_empty(), "{script}");
        }
    }
}
