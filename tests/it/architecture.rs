//! Holds the tables of ARCHITECTURE.md against the code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file with the room that it is in.
fn sources() -> Vec<(String, PathBuf, String)> {
    fn visit(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("listed") {
            let path = entry.expect("listed").path();
            if path.is_dir() {
                visit(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let src = root().join("src");
    let mut files = Vec::new();
    visit(&src, &mut files);
    files.sort();
    files
        .into_iter()
        .filter_map(|path| {
            let relative = path.strip_prefix(&src).expect("below src");
            let first = relative
                .components()
                .next()
                .expect("a name")
                .as_os_str()
                .to_str()
                .expect("UTF-8");
            let room = first.trim_end_matches(".rs").to_owned();
            let text = std::fs::read_to_string(&path).expect("read");
            (room != "main" && room != "lib").then_some((room, path, text))
        })
        .collect()
}

/// Rows of the table whose header starts with `first`.
fn table(first: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("read");
    text.lines()
        .skip_while(|line| !line.starts_with(&format!("| {first} |")))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}

/// The names in backticks of a table's cell.
fn names(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Rooms that a text refers to as `crate::room`.
fn imports(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    for part in code.split("crate::").skip(1) {
        if let Some(group) = part.strip_prefix('{') {
            // `use crate::{a::b, c};`
            let group = group.split("};").next().unwrap_or_default();
            let mut depth = 0;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => found.push(std::mem::take(&mut name)),
                    c => name.push(c),
                }
            }
            found.push(name);
        } else {
            found.push(part.to_owned());
        }
    }
    found
        .into_iter()
        .map(|name| {
            name.trim()
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let allowed: BTreeMap<String, Vec<String>> = table("room")
        .into_iter()
        .map(|row| (names(&row[0])[0].clone(), names(&row[2])))
        .collect();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for (room, path, text) in sources() {
        let Some(allowed_here) = allowed.get(&room) else {
            wrong.push(format!(
                "{}: the room `{room}` is not in ARCHITECTURE.md",
                path.display()
            ));
            continue;
        };
        for import in imports(&text) {
            checked += 1;
            let is_allowed = import == room
                || import == "error"
                || room == "commands"
                || allowed_here.contains(&import);
            if !is_allowed {
                wrong.push(format!(
                    "{}: `{room}` may not import `{import}`",
                    path.display()
                ));
            }
        }
    }
    assert!(checked > 30, "only {checked} imports were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for row in table("what") {
        let rooms = names(&row[1]);
        for krate in names(&row[0]) {
            for (room, path, text) in sources() {
                if text.contains(&format!("{krate}::")) {
                    seen += 1;
                    if !rooms.contains(&room) {
                        wrong.push(format!(
                            "{}: `{krate}` belongs to {}",
                            path.display(),
                            rooms.join(", ")
                        ));
                    }
                }
            }
        }
    }
    assert!(seen > 10, "only {seen} uses were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_sys_ui_prints() {
    for (_, path, text) in sources() {
        let prints = [
            "println!(",
            "eprintln!(",
            "print!(",
            "io::stdout(",
            "io::stderr(",
        ]
        .iter()
        .any(|word| text.contains(word));
        let is_ui = path.ends_with("sys/ui.rs");
        assert!(!prints || is_ui, "{}", path.display());
    }
}

#[test]
fn files_stay_short() {
    for (_, path, text) in sources() {
        let lines = text.lines().count();
        assert!(
            lines <= 700,
            "{} has {lines} lines: is it one thing?",
            path.display()
        );
    }
}

#[test]
fn nothing_names_a_machine_path() {
    // Spelt so that this file does not name them itself.
    let words = ["/wo".to_owned() + "rk/", "/tmp/ba".to_owned() + "sh_jobs"];
    for (_, path, text) in sources() {
        for word in &words {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
}
