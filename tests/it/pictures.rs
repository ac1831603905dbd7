//! Pictures of plans: Mermaid draws them, nothing in them is markup, and the page shows them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::common::repositories::Pair;
use crate::common::{ci_tool, in_browser, sample, write};
use crate::reports::{sarif, used};

/// What Mermaid draws of the blocks in these files.
fn drawn(files: &[PathBuf]) -> Vec<Value> {
    let files: Vec<&std::ffi::OsStr> = files.iter().map(|file| file.as_os_str()).collect();
    let told = in_browser("mermaid.mjs", &files);
    assert_eq!(told["problems"], json!([]), "{told}");
    told["pictures"].as_array().expect("a list").clone()
}

/// What the JSON of a plan says that is to be drawn: boxes, groups, and the number of arrows.
fn said(plan: &Value) -> (Vec<String>, Vec<String>, usize) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let groups = plan["picture"]["groups"].as_array().expect("a list");
    let boxes: Vec<&Value> = groups
        .iter()
        .flat_map(|group| group["boxes"].as_array().expect("a list"))
        .collect();
    let mut names: Vec<String> = boxes
        .iter()
        .map(|one| match one["remark"].as_str() {
            Some(remark) => format!("{}\n{remark}", text(&one["name"])),
            None => text(&one["name"]),
        })
        .collect();
    names.sort();
    let mut titles: Vec<String> = groups.iter().map(|group| text(&group["name"])).collect();
    titles.sort();
    let arrows = boxes.iter().filter_map(|one| one["after"].as_array());
    (names, titles, arrows.map(Vec::len).sum())
}

fn same(picture: &Value, plan: &Value) {
    let texts = |value: &Value| {
        let list = value.as_array().expect("a list").iter();
        let mut list: Vec<String> = list
            .map(|one| one.as_str().expect("a text").to_owned())
            .collect();
        list.sort();
        list
    };
    let (boxes, groups, arrows) = said(plan);
    assert_eq!(texts(&picture["boxes"]), boxes);
    assert_eq!(texts(&picture["groups"]), groups);
    assert_eq!(picture["arrows"], arrows);
    assert_eq!(picture["elements"], 0);
}

fn plans(folder: &Path, format: &str) -> String {
    let run = ci_tool(
        folder,
        &[
            "generate",
            "--dry-run",
            "--target",
            "all",
            "--format",
            format,
        ],
    );
    assert!(run.code <= 1, "{}", run.stderr);
    run.stdout
}

#[test]
fn mermaid_draws_every_pipeline() {
    let out = tempfile::tempdir().expect("temporary folder");
    let samples = [
        "fastapi-nextjs",
        "turbo-monorepo",
        "go-service",
        "django-vite-pnpm",
    ];
    let mut files = Vec::new();
    let mut expected = Vec::new();
    for name in samples {
        let folder = sample(name);
        let file = out.path().join(format!("{name}.md"));
        std::fs::write(&file, plans(folder.path(), "markdown")).expect("writable");
        files.push(file);
        let plan: Value = serde_json::from_str(&plans(folder.path(), "json")).expect("JSON");
        let (boxes, groups, arrows) = said(&plan);
        assert!(
            boxes.len() > groups.len() && arrows >= groups.len(),
            "{plan}"
        );
        expected.push(plan);
    }
    let pictures = drawn(&files);
    assert_eq!(pictures.len(), samples.len());
    for (picture, plan) in pictures.iter().zip(&expected) {
        same(picture, plan);
    }
}

#[test]
fn a_sync_is_drawn_whatever_its_branches_are_called() {
    let pair = Pair::new();
    let (source, mirror) = (&pair.source, &pair.mirror);
    source.commit("main", "one", &[]);
    source.commit("both", "one", &[]);
    pair.synced(&[], 0);
    source.commit("both", "here", &[]);
    mirror.commit("both", "there", &[]);
    for name in [
        "a\"];click-b0x0-\"javascript:alert(1)\"",
        "<img/src=x/onerror=alert(1)>",
        "end",
        "`md`%%{init:1}%%",
        "größe-名前",
        "##[error]x",
    ] {
        let tip = source.read("refs/heads/main").expect("there");
        source.set(
            &format!("refs/heads/{name}").replace(['[', ':', '~'], "-"),
            &tip,
        );
    }
    let out = tempfile::tempdir().expect("temporary folder");
    let told = pair.synced(&["--dry-run", "--format", "markdown"], 1);
    write(out.path(), "sync.md", told.stdout);
    let told = pair.synced(&["--dry-run", "--format", "json"], 1);
    let plan: Value = serde_json::from_str(&told.stdout).expect("JSON");
    let pictures = drawn(&[out.path().join("sync.md")]);
    assert_eq!(pictures.len(), 1);
    same(&pictures[0], &plan);
    let (boxes, groups, arrows) = said(&plan);
    assert_eq!((boxes.len(), arrows), (14, 7), "{boxes:?}");
    assert_eq!(groups, ["conflicts (1)", "to write (6)"]);

    // The page shows both plans.
    write(out.path(), "sync.json", told.stdout);
    write(
        out.path(),
        "plan.json",
        plans(sample("fastapi-nextjs").path(), "json"),
    );
    write(out.path(), "x.sarif", sarif(7).to_string());
    let arguments = ["report", "x.sarif", "--html", "page.html"];
    let with = ["--plan", "plan.json", "--plan", "sync.json"];
    let run = ci_tool(out.path(), &[&arguments[..], &with].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let page = std::fs::read_to_string(out.path().join("page.html")).expect("written");
    let (pipeline, sync) = (
        page.matches("<svg").count(),
        page.matches(" role=\"img\"").count(),
    );
    assert_eq!((pipeline, sync), (2, 2));
    assert!(
        page.contains("Backend CI result") && page.contains("&lt;img/src=x/onerror=alert(1)&gt;")
    );
    assert!(!page.contains("<img"));
    let told = used(out.path(), "R3</b>");
    assert_eq!(told["problems"], json!([]), "{told}");
    assert_eq!(told["requests"], json!([]));
    assert_eq!(told["axe-light"], json!([]), "{told}");
    assert_eq!(told["axe-dark"], json!([]), "{told}");

    // What is no plan is said to be none, and nothing is written.
    std::fs::remove_file(out.path().join("page.html")).expect("there");
    let run = ci_tool(
        out.path(),
        &[&arguments[..], &["--plan", "x.sarif"]].concat(),
    );
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("x.sarif is no plan"), "{}", run.stderr);
    let run = ci_tool(
        out.path(),
        &[&arguments[..], &["--plan", "none.json"]].concat(),
    );
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(!out.path().join("page.html").exists());
}
