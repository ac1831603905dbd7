//! Addresses that a person types and nobody looks at.

use crate::audit::fix::{Fix, Text};
use crate::audit::shell::Command;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "unchecked-url",
    title: "An address that somebody types goes into the configuration as it is",
    severity: Severity::Low,
    confidence: Confidence::High,
    category: Category::Scripts,
    what: "A script asks for an address with `read`, gives it to the command of a hosting platform, and nothing between looks at it.",
    why: "An empty line, or an address without `https://`, is deployed, and shows as a frontend that reaches no backend.",
    mend: "Check the form, and ask again: `[[ $URL =~ ^https:// ]]`.",
    references: &["https://www.gnu.org/software/bash/manual/html_node/Conditional-Constructs.html"],
    check,
};

/// The programs of platforms.
const PROGRAMS: [&str; 9] = [
    "railway", "vercel", "fly", "flyctl", "heroku", "netlify", "render", "gcloud", "wrangler",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let mut defects = Vec::new();
    for script in facts.scripts() {
        let Some(text) = Text::of(facts.tree, &script.path) else {
            continue;
        };
        let commands = &script.shell.commands;
        for (at, command) in commands.iter().enumerate() {
            let Some(name) = asked(command) else { continue };
            let uses = |word: &str| {
                let dollar = format!("${name}");
                let mut parts = word.split(dollar.as_str()).skip(1);
                let ends =
                    |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
                parts.any(ends) || word.contains(&format!("${{{name}}}"))
            };
            let Some(user) = commands[at + 1..].iter().find(|later| {
                let program = later
                    .program()
                    .first()
                    .map_or("", |word| word.text.as_str());
                PROGRAMS.contains(&program) && later.words.iter().any(|word| uses(&word.text))
            }) else {
                continue;
            };
            if is_checked(text.str(), name) {
                continue;
            }
            let message = format!(
                "`{name}` goes to `{}` as it was typed",
                user.program()[0].text
            );
            let defect = Defect::new(&script.path, command.place, message).about(name);
            let defect = defect.with(&script.path, user.place);
            defects.push(defect.mended_by(fix(&text, command, name)));
        }
    }
    defects
}

/// The variable of an address that a `read` asks a person for.
fn asked(command: &Command) -> Option<&str> {
    let (first, rest) = command.words.split_first()?;
    let (name, flags) = rest.split_last()?;
    let asks = flags
        .iter()
        .any(|word| word.text.starts_with('-') && word.text.contains('p'));
    let upper = name.text.to_ascii_uppercase();
    // A host or a domain has no `https://`, and the platforms look at those themselves.
    let is_address = ["URL", "ORIGIN"].iter().any(|end| upper.ends_with(end));
    (first.text == "read" && asks && command.reads.is_none() && is_address)
        .then_some(name.text.as_str())
}

/// Whether some line looks at the variable: a test, a `case`, a pattern, a default.
fn is_checked(text: &str, name: &str) -> bool {
    let dollar = format!("${name}");
    let brace = format!("${{{name}");
    let asks = ["[", "case ", "grep", "test ", "curl", "valid", "check"];
    text.lines().any(|line| {
        let plain = line.contains(&dollar) || line.contains(&brace);
        let is_changed = line.contains(&format!("${{{name}:"))
            || line.contains(&format!("${{{name}%"))
            || line.contains(&format!("${{{name}#"));
        plain && (is_changed || asks.iter().any(|word| line.contains(word)))
    })
}

/// A check behind the question.
fn fix(text: &Text, command: &Command, name: &str) -> Option<Fix> {
    let line = command.place.line;
    let whole = text.line(line)?;
    // Only where the question has the line for itself.
    let is_alone = text.str()[whole.clone()].trim() == text.str()[command.span.clone()].trim();
    let indent = text.indent(line)?.to_owned();
    let check = format!(
        "{indent}[[ ${name} =~ ^https?://[^[:space:]]+$ ]] || {{ echo \"{name} is no address: https://...\" >&2; exit 1; }}"
    );
    let change = text.after_line(line, &check)?;
    is_alone.then(|| Fix::behaviour("stop where it is no address", [change]))
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn looked_at_or_not() {
        let text = "#!/bin/bash\nread -p 'Backend: ' BACKEND_URL\nvercel --prod --env API=\"$BACKEND_URL\"\n";
        assert_eq!(found(&RULE, &[("a.sh", text)]), ["a.sh:2 BACKEND_URL"]);
        for near in [
            text.replace("vercel", "[[ $BACKEND_URL =~ ^https ]] || exit 1\nvercel"),
            text.replace(
                "vercel",
                "if [ -z \"$BACKEND_URL\" ]; then exit 1; fi\nvercel",
            ),
            text.replace("vercel", "BACKEND_URL=${BACKEND_URL:-https://x}\nvercel"),
            text.replace(
                "vercel",
                "case $BACKEND_URL in https*) ;; *) exit 1;; esac\nvercel",
            ),
            text.replace("vercel", "echo vercel"),
            text.replace("BACKEND_URL", "BACKEND_DOMAIN"),
            text.replace("=\"$BACKEND_URL\"", "=\"$BACKEND_URL_OLD\""),
            text.replace("read -p 'Backend: ' BACKEND_URL", "BACKEND_URL=https://x"),
        ] {
            assert!(found(&RULE, &[("a.sh", &near)]).is_empty(), "{near}");
        }
    }
}
