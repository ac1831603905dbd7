//! Paths of the runner's machine in the inputs of a container action.
//!
//! The runner mounts its workspace into the container and says so in variables, but what a
//! workflow writes as `${{ github.workspace }}` or `${{ runner.temp }}` arrives as the
//! machine has it, where the container has nothing.

use crate::sys::env::Env;

/// Where the runner mounts the workspace; it is the current folder there.
const MOUNT: &str = "/github/workspace";

/// The environment with inputs whose paths are right in the container. Those of the workspace
/// become relative, since later steps of the job read them from outputs.
pub fn with_own_paths(env: &Env) -> Env {
    let workspace = env
        .get("GITHUB_WORKSPACE")
        .map(|at| at.trim_end_matches('/'));
    if workspace != Some(MOUNT) {
        return env.clone();
    }
    // `/srv/runner/shop`, for example, with the workspace in `shop` and the temporary folder beside.
    let outside = env
        .get("RUNNER_WORKSPACE")
        .map(|at| at.trim_end_matches('/'))
        .and_then(|at| at.rsplit_once('/'));
    let mut known = vec![(MOUNT.to_owned(), None)];
    if let Some((work, name)) = outside {
        known.push((format!("{work}/{name}/{name}"), None));
        if let Some(temporary) = env.get("RUNNER_TEMP") {
            known.push((format!("{work}/_temp"), Some(temporary)));
        }
    }
    env.map_values(|name, value| {
        if !name.starts_with("INPUT_") || name == "INPUT_TOKEN" {
            return None;
        }
        let mut mapped = value.to_owned();
        for (from, to) in &known {
            mapped = replaced(&mapped, from, *to);
        }
        (mapped != value).then_some(mapped)
    })
}

/// A text in which a folder, and what is below it, is elsewhere: in `to`, or in the current
/// folder.
fn replaced(text: &str, folder: &str, to: Option<&str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(folder) {
        let (before, after) = (&rest[..at], &rest[at + folder.len()..]);
        let ends = |c: char| c.is_whitespace() || matches!(c, ',' | '/' | ':');
        // A path begins here, and the folder's name ends here.
        let begins = |c: char| c.is_whitespace() || matches!(c, ',' | '=');
        let is_it =
            before.chars().next_back().is_none_or(begins) && after.chars().next().is_none_or(ends);
        out.push_str(before);
        rest = after;
        match to {
            _ if !is_it => out.push_str(folder),
            Some(to) => out.push_str(to.trim_end_matches('/')),
            None => match after.strip_prefix('/') {
                Some(below) if below.chars().next().is_some_and(|c| !ends(c)) => rest = below,
                _ => out.push('.'),
            },
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(value: &str) -> String {
        let env = Env::from_pairs([
            ("GITHUB_WORKSPACE", "/github/workspace"),
            ("RUNNER_WORKSPACE", "/srv/runner/shop"),
            ("RUNNER_TEMP", "/github/runner_temp"),
            ("INPUT_FILES", value),
            ("INPUT_TOKEN", "/srv/runner/shop/shop/"),
        ]);
        let mapped = with_own_paths(&env);
        assert_eq!(mapped.get("INPUT_TOKEN"), Some("/srv/runner/shop/shop/"));
        assert_eq!(mapped.get("RUNNER_WORKSPACE"), Some("/srv/runner/shop"));
        mapped.get("INPUT_FILES").unwrap_or_default().to_owned()
    }

    #[test]
    fn paths_of_the_machine_are_those_of_the_container() {
        for (value, expected) in [
            ("/srv/runner/shop/shop/out/a.sarif", "out/a.sarif"),
            ("/srv/runner/shop/shop", "."),
            ("/srv/runner/shop/shop/", "./"),
            ("/github/workspace/a.sarif", "a.sarif"),
            (
                "html=/srv/runner/shop/shop/a.html\njunit=b",
                "html=a.html\njunit=b",
            ),
            (
                "a,/srv/runner/shop/shop/b, /srv/runner/shop/shop/c",
                "a,b, c",
            ),
            ("/srv/runner/_temp/a.sarif", "/github/runner_temp/a.sarif"),
            // Another folder, another path, and no path at all.
            ("/srv/runner/shop/shop-web/a", "/srv/runner/shop/shop-web/a"),
            (
                "/other/srv/runner/shop/shop/a",
                "/other/srv/runner/shop/shop/a",
            ),
            (
                "https://x/github/workspace/a",
                "https://x/github/workspace/a",
            ),
            ("a.sarif", "a.sarif"),
        ] {
            assert_eq!(mapped(value), expected, "{value}");
        }
    }

    #[test]
    fn on_the_machine_itself_they_are_right_already() {
        let path = "/srv/runner/shop/shop/a";
        let env = Env::from_pairs([
            ("GITHUB_WORKSPACE", "/srv/runner/shop/shop"),
            ("RUNNER_WORKSPACE", "/srv/runner/shop"),
            ("INPUT_FILES", path),
        ]);
        assert_eq!(with_own_paths(&env).get("INPUT_FILES"), Some(path));
    }
}
