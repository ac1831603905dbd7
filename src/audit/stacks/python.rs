//! Python files, read with the grammar of tree-sitter: where statements end.

use std::sync::Arc;

use tree_sitter::{Node, Tree};

use crate::audit::fix::{Change, Text};
use crate::audit::grammar;

/// Longer files are data: no application begins in one.
const MAX_BYTES: usize = 128 * 1024;

/// `app = FastAPI(...)`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    /// The name that gets the result.
    pub(super) name: String,
    /// Where the statement begins, in bytes.
    pub(super) start: usize,
    /// The line on which it ends.
    pub(super) last: usize,
}

struct Import<'p> {
    /// `import x`, and not `from x import y`.
    is_plain: bool,
    module: &'p str,
    start: usize,
    last: usize,
    section: usize,
}

/// A file without an error in it.
pub(super) struct Python {
    text: Arc<str>,
    tree: Tree,
}

impl Python {
    pub(super) fn parse(text: &Arc<str>) -> Option<Self> {
        let tree = tree(text).filter(|tree| !tree.root_node().has_error())?;
        Some(Self {
            text: Arc::clone(text),
            tree,
        })
    }

    fn statements(&self) -> Vec<Node<'_>> {
        let root = self.tree.root_node();
        let mut cursor = root.walk();
        root.named_children(&mut cursor).collect()
    }

    fn of(&self, node: Node<'_>) -> &str {
        &self.text[node.byte_range()]
    }

    /// The assignments to plain names at the left edge: the statement and what is assigned.
    fn assignments(&self) -> impl Iterator<Item = (&str, Node<'_>, Node<'_>)> {
        self.statements().into_iter().filter_map(|statement| {
            let inner = statement.named_child(0)?;
            let is_assignment =
                statement.kind() == "expression_statement" && inner.kind() == "assignment";
            let left = inner
                .child_by_field_name("left")
                .filter(|_| is_assignment)?;
            let right = inner.child_by_field_name("right")?;
            (left.kind() == "identifier").then(|| (self.of(left), statement, right))
        })
    }

    /// The statement at the left edge that gives a name the result of a call.
    pub(super) fn call(&self, function: &str) -> Option<Call> {
        self.assignments().find_map(|(name, statement, right)| {
            let called = right.child_by_field_name("function")?;
            let is_it = right.kind() == "call" && self.of(called) == function;
            is_it.then(|| Call {
                name: name.to_owned(),
                start: statement.start_byte(),
                last: statement.end_position().row + 1,
            })
        })
    }

    /// Where the first item of a list stands that is assigned to a name: behind the bracket.
    /// An empty list has no place for one.
    pub(super) fn first_item(&self, name: &str) -> Option<usize> {
        let (_, _, list) = self
            .assignments()
            .find(|(left, _, right)| *left == name && right.kind() == "list")?;
        Some(list.named_child(0)?.start_byte())
    }

    /// What is assigned to a name, where it is a plain text.
    pub(super) fn string(&self, name: &str) -> Option<&str> {
        let (_, _, right) = self.assignments().find(|(left, _, _)| *left == name)?;
        let text = self.of(right);
        let inner = text.strip_prefix(['"', '\''])?.strip_suffix(['"', '\''])?;
        (right.kind() == "string" && !inner.contains(['"', '\'', '\\'])).then_some(inner)
    }

    /// Whether a name is assigned at the left edge.
    pub(super) fn assigns(&self, name: &str) -> bool {
        self.assignments().any(|(left, _, _)| left == name)
    }

    fn imports(&self) -> Vec<Import<'_>> {
        let mut imports: Vec<Import<'_>> = Vec::new();
        for one in self.statements() {
            let is_plain = one.kind() == "import_statement";
            if !is_plain && one.kind() != "import_from_statement" {
                continue;
            }
            let field = if is_plain { "name" } else { "module_name" };
            let module = one
                .child_by_field_name(field)
                .map_or("", |node| self.of(node));
            // What is between blank lines is sorted by itself.
            let row = one.start_position().row;
            let section = match imports.last() {
                Some(last) if row <= last.last => last.section,
                Some(last) => last.section + 1,
                None => 0,
            };
            imports.push(Import {
                is_plain,
                module,
                start: one.start_byte(),
                last: one.end_position().row + 1,
                section,
            });
        }
        imports
    }

    /// The last line of the last import at the left edge.
    pub(super) fn last_import(&self) -> Option<usize> {
        self.imports().last().map(|one| one.last)
    }

    /// An import where sorting puts it: among those whose packages are of its kind.
    ///
    /// `names` are what comes from the module; none for the module itself.
    pub(super) fn import(
        &self,
        text: &Text,
        module: &str,
        names: Option<&str>,
        like: &[&str],
    ) -> Option<Change> {
        let imports = self.imports();
        let line = match names {
            Some(names) => format!("from {module} import {names}"),
            None => format!("import {module}"),
        };
        let root = |module: &str| module.split('.').next().unwrap_or_default().to_owned();
        let section = imports
            .iter()
            .find(|one| like.contains(&root(one.module).as_str()));
        let Some(section) = section.map(|one| one.section) else {
            let last = imports.last()?;
            return text.after_line(last.last, &format!("\n{line}"));
        };
        let mut own = imports.iter().filter(|one| one.section == section);
        // Modules come before what is taken from modules.
        let behind = own
            .clone()
            .find(|one| match (names.is_none(), one.is_plain) {
                (true, true) | (false, false) => one.module > module,
                (true, false) => true,
                (false, true) => false,
            });
        match behind {
            Some(behind) => Some(text.replace(behind.start..behind.start, format!("{line}\n"))),
            None => text.after_line(own.next_back()?.last, &line),
        }
    }

    /// Whether a name is imported, defined or assigned anywhere.
    pub(super) fn knows(&self, name: &str) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        self.text.split(|c| !is_word(c)).any(|word| word == name)
    }

    /// An item in front of the first one of a list, in its line or in one of its own.
    pub(super) fn item(&self, first: usize, item: &str) -> String {
        let start = self.text[..first].rfind('\n').map_or(0, |at| at + 1);
        let before = &self.text[start..first];
        match before.trim().is_empty() {
            true => format!("{item},\n{before}"),
            false => format!("{item}, "),
        }
    }
}

fn tree(text: &str) -> Option<Tree> {
    if text.len() > MAX_BYTES {
        return None;
    }
    grammar::parse(&tree_sitter_python::LANGUAGE.into(), text)
}

/// A block of code behind a line, with two blank lines around it.
pub(super) fn block_after(text: &Text, line: usize, block: &str) -> Option<Change> {
    let mut after = text.str().lines().skip(line).peekable();
    let end = match after.peek() {
        None => String::new(),
        Some(_) => "\n"
            .repeat(2_usize.saturating_sub(after.take_while(|one| one.trim().is_empty()).count())),
    };
    text.after_line(line, &format!("\n\n{}{end}", block.trim_end()))
}

/// Whether a text is Python without an error, as far as the grammar knows.
pub(in crate::audit) fn is_valid(text: &str) -> bool {
    tree(text).is_some_and(|tree| !tree.root_node().has_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_found_where_they_end() {
        let text: Arc<str> = "\"\"\"FastAPI()\"\"\"\nimport os\nfrom a import (\n    b,\n)\n\nNAME = 'x.urls'\nMIDDLEWARE = [\n    'a',\n]\napp = FastAPI(\n    title=\")\",\n)\nimport late\n".into();
        let file = Python::parse(&text).expect("Python");
        let call = file.call("FastAPI").expect("a call");
        assert_eq!((call.name.as_str(), call.last), ("app", 13));
        assert!(text[call.start..].starts_with("app ="));
        assert_eq!(file.last_import(), Some(14));
        assert_eq!(file.string("NAME"), Some("x.urls"));
        let at = file.first_item("MIDDLEWARE").expect("a list");
        assert!(text[at..].starts_with("'a'"));
        assert!(file.knows("late") && !file.knows("lat"));
        let factory: Arc<str> = "def make():\n    app = FastAPI()\n    return app\n".into();
        assert_eq!(
            Python::parse(&factory).expect("Python").call("FastAPI"),
            None
        );
        assert!(Python::parse(&"def (:\n".into()).is_none());
    }

    #[test]
    fn imports_go_where_sorting_puts_them() {
        let (_folder, tree) = crate::project::testing::tree(&[(
            "a.py",
            "import os\n\nfrom fastapi import FastAPI\n\nfrom app.auth import verify\nfrom app.models import Job\n\nx = 1\n",
        )]);
        let text = Text::of(&tree, "a.py").expect("a text");
        let file = Python::parse(&tree.text("a.py").expect("a text")).expect("Python");
        let at = |module, names, like: &[&str]| match file.import(&text, module, names, like) {
            Some(Change::Edit { span, text, .. }) => (span.start, text),
            other => panic!("{other:?}"),
        };
        let of = |needle: &str| text.str().find(needle).expect("it is there");
        assert_eq!(
            at("sentry_sdk", None, &["fastapi"]),
            (of("from fastapi"), "import sentry_sdk\n".to_owned())
        );
        assert_eq!(
            at("app.logs", Some("a"), &["app"]),
            (of("from app.models"), "from app.logs import a\n".to_owned())
        );
        assert_eq!(
            at("app.z", Some("a"), &["app"]),
            (of("\nx = 1"), "from app.z import a\n".to_owned())
        );
        assert_eq!(
            at("other", None, &["django"]),
            (of("\nx = 1"), "\nimport other\n".to_owned())
        );
    }
}
