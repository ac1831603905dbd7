//! Express.

use super::{Added, Stack, manifests};
use crate::audit::Facts;
use crate::audit::fix::Text;
use crate::project::model::Component;
use crate::project::path;

pub(super) const STACK: Stack = Stack {
    framework: "express",
    health,
    errors,
    logs,
};

const LOGS: &str = include_str!("files/logs_express.js");

/// The file with the application in a line of its own at the left edge.
struct App {
    text: Text,
    /// The application's name.
    name: String,
    /// The line that makes it.
    line: usize,
}

fn app(facts: &Facts<'_>, component: &Component) -> Option<App> {
    const NAMES: [&str; 4] = ["index", "server", "app", "main"];
    const ENDS: [&str; 4] = ["js", "mjs", "cjs", "ts"];
    let folders = [component.root.clone(), path::join(&component.root, "src")];
    let files = folders.iter().flat_map(|folder| {
        NAMES.iter().flat_map(move |name| {
            ENDS.iter()
                .map(move |end| path::join(folder, &format!("{name}.{end}")))
        })
    });
    files.into_iter().find_map(|file| {
        let text = Text::of(facts.tree, &file)?;
        let mut lines = (1..).zip(text.str().lines());
        let (line, name) = lines.find_map(|(at, line)| Some((at, made(line)?.to_owned())))?;
        Some(App { text, name, line })
    })
}

/// The name in `const app = express();`.
fn made(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("export ").unwrap_or(line);
    let rest = ["const ", "let ", "var "]
        .iter()
        .find_map(|word| rest.strip_prefix(word))?;
    let (left, right) = rest.split_once('=')?;
    let name = left.split(':').next().unwrap_or_default().trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && right.trim().trim_end_matches(';') == "express()").then_some(name)
}

fn health(facts: &Facts<'_>, component: &Component) -> Option<Added> {
    let app = app(facts, component)?;
    let route = format!(
        "\n{}.get(\"/health\", (_request, response) => {{\n  response.json({{ status: \"ok\" }});\n}});",
        app.name
    );
    Some(Added::new([app.text.after_line(app.line, &route)?]))
}

fn errors(facts: &Facts<'_>, component: &Component) -> Option<Added> {
    let app = app(facts, component)?;
    let lines: Vec<&str> = app.text.str().lines().collect();
    if app.text.str().contains("Sentry") {
        return None;
    }
    // What comes after all routes takes their errors.
    let listens = format!("{}.listen(", app.name);
    let listen = lines.iter().position(|line| line.starts_with(&listens))?;
    let is_import = |line: &str| line.starts_with("import ") && line.contains(" from ");
    let last_import = lines.iter().rposition(|line| is_import(line));
    let init = "Sentry.init({ dsn: process.env.SENTRY_DSN });";
    let begin = match last_import {
        Some(at) => app.text.after_line(
            at + 1,
            &format!("import * as Sentry from \"@sentry/node\";\n\n{init}"),
        )?,
        None => {
            let first = lines
                .iter()
                .position(|line| line.contains("require("))
                .filter(|at| !lines[*at].starts_with(' '))?;
            let at = app.text.line(first + 1)?.start;
            app.text.replace(
                at..at,
                format!("const Sentry = require(\"@sentry/node\");\n{init}\n"),
            )
        }
    };
    let at = app.text.line(listen + 1)?.start;
    let end = app.text.replace(
        at..at,
        format!("Sentry.setupExpressErrorHandler({});\n\n", app.name),
    );
    let package = manifests::node(facts, component, "@sentry/node", "^11.0.0")?;
    Some(Added::new([begin, end]).and(package))
}

fn logs(facts: &Facts<'_>, component: &Component) -> Option<Added> {
    let app = app(facts, component)?;
    let text = LOGS.replace("app.use", &format!("{}.use", app.name));
    let change = app
        .text
        .after_line(app.line, &format!("\n{}", text.trim_end()))?;
    Some(Added::new([change]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_make_an_application() {
        for line in [
            "const app = express();",
            "const app: Express = express()",
            "export const app = express();",
        ] {
            assert_eq!(made(line), Some("app"), "{line}");
        }
        for line in [
            "  const app = express();",
            "const app = express.Router();",
            "const { a } = express();",
        ] {
            assert_eq!(made(line), None, "{line}");
        }
    }
}
