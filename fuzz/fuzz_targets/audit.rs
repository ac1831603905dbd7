//! All rules, and all fixes, on a repository of a few files: each begins with a byte that
//! says what it is, and ends with a zero.
#![no_main]

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ci_tool::audit::fix::{Wanted, mend};
use ci_tool::audit::{self, Facts};
use ci_tool::project::{self, Tree};
use libfuzzer_sys::fuzz_target;

const PLACES: [&str; 26] = [
    "railway.json",
    "railway.toml",
    "vercel.json",
    "fly.toml",
    "render.yaml",
    "Procfile",
    "docker-compose.yml",
    ".github/workflows/ci.yml",
    ".github/workflows/deploy.yml",
    ".gitlab-ci.yml",
    "Dockerfile",
    "web/Dockerfile",
    ".dockerignore",
    "start.sh",
    "scripts/deploy.sh",
    ".env",
    "package.json",
    "requirements.txt",
    "next.config.js",
    "alembic/versions/0001_first.py",
    "app/main.py",
    "manage.py",
    "shop/settings.py",
    "shop/urls.py",
    "server.js",
    "netlify.toml",
];

fuzz_target!(|bytes: &[u8]| {
    static EMPTY: OnceLock<Tree> = OnceLock::new();
    let empty = EMPTY.get_or_init(|| {
        let folder = std::env::temp_dir().join("ci-tool-fuzz-empty");
        std::fs::create_dir_all(&folder).expect("a folder");
        Tree::walk(&folder).expect("listed")
    });
    let mut files = BTreeMap::new();
    for part in bytes.split(|byte| *byte == 0) {
        if let Some((first, rest)) = part.split_first()
            && let Ok(text) = std::str::from_utf8(rest)
        {
            let place = PLACES[usize::from(*first) % PLACES.len()];
            files.insert(place.to_owned(), Some(text.to_owned()));
        }
    }
    let tree = empty.with(&files);
    let project = project::detect_in(&tree);
    let answers = [
        ("cors-origin", "https://a.example"),
        ("health-url", "https://a.example/health"),
        ("health-route", "/"),
        ("railway-file", "railway.json"),
        ("dockerfile", "Dockerfile"),
        ("uploads-volume", "/app/uploads"),
    ];
    let answers: audit::Answers = answers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let found = audit::run(&Facts::new(&tree, &project).with_answers(&answers), true);
    for (_, defect) in &found {
        assert!(defect.line >= 1);
    }
    let wanted = Wanted {
        with_unsafe: true,
        pedantic: true,
        answers,
        ..Wanted::default()
    };
    let mended = mend(&tree, &wanted);
    // What was mended once needs nothing more.
    let again = mend(&tree.with(&mended.files), &wanted);
    assert!(again.mended.is_empty(), "{:?}", again.mended);
});
