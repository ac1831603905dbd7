//! Uploads that the next deployment takes away.

use super::railway_unknown_key::{files, with_deploy_key};
use crate::audit::fix::{Choice, Fix};
use crate::audit::{Category, Confidence, Defect, Facts, Place, Rule};
use crate::findings::Severity;
use crate::project::document::Node;
use crate::project::path;

pub(super) const RULE: Rule = Rule {
    id: "ephemeral-uploads",
    title: "Uploads are written to a disk that does not last",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Data,
    what: "The start script or the Dockerfile of what runs on Railway, Render, Fly or Heroku makes a folder for uploads, the code writes files into a folder of that name, no platform file mounts a volume, and no manifest names a client of an object store.",
    why: "The disk of a container is gone with the next deployment, and with it what people uploaded.",
    mend: "Keep uploads in an object store, or mount a volume: `requiredMountPath` of Railway, `[mounts]` of Fly, `disk` of Render.",
    references: &[
        "https://docs.railway.com/reference/volumes",
        "https://render.com/docs/disks",
        "https://fly.io/docs/volumes/overview/",
    ],
    check,
};

/// Packages that keep files elsewhere.
const STORES: [&str; 14] = [
    "boto3",
    "aioboto3",
    "cloudinary",
    "client-s3",
    "aws-sdk",
    "google-cloud-storage",
    "@google-cloud/storage",
    "azure-storage-blob",
    "minio",
    "django-storages",
    "multer-s3",
    "uploadthing",
    "@vercel/blob",
    "supabase",
];

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let Some(platform) = platform(facts) else {
        return Vec::new();
    };
    let keeps = |file: &str| {
        let text = facts.tree.text(file).unwrap_or_default();
        STORES.iter().any(|store| text.contains(store))
    };
    let names = [
        "requirements.txt",
        "pyproject.toml",
        "package.json",
        "Gemfile",
    ];
    let mut manifests = names.iter().flat_map(|name| facts.tree.named(name));
    if manifests.any(keeps) {
        return Vec::new();
    }
    let made = made(facts);
    // All code is looked through only where there is such a folder.
    let Some((source, line)) = (!made.is_empty()).then(|| writes(facts)).flatten() else {
        return Vec::new();
    };
    let defects = made.into_iter().map(|(file, place, folder)| {
        let message = format!(
            "`{folder}` is on a disk that ends with the deployment on {}",
            platform.1
        );
        let defect = Defect::new(file, place, message).about(folder);
        let defect = defect.with(&source, line).with(&platform.0, 1);
        defect.mended_by(fix(facts, &platform))
    });
    defects.collect()
}

/// A volume that the deployment waits for, where the platform's file can ask for one.
fn fix(facts: &Facts<'_>, (file, platform): &(String, &'static str)) -> Option<Fix> {
    if *platform != "Railway" {
        return None;
    }
    let title = "deploy only with a volume for them";
    let Some(path) = facts.answer("uploads-volume") else {
        let choice = Choice {
            name: "uploads-volume",
            question: "where in the container is the volume, or will uploads go to a bucket instead?",
            candidates: vec!["/app/uploads".to_owned()],
        };
        return Some(Fix::asks(title, choice));
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if !path.starts_with('/') || !path.chars().all(is_plain) {
        return None;
    }
    let (_, document) = files(facts).into_iter().find(|(one, _)| one == file)?;
    let deploy = document.get("deploy")?;
    let value = format!("\"{path}\"");
    let change = with_deploy_key(facts, file, deploy, "requiredMountPath", &value)?;
    let mut fix = Fix::behaviour(title, [change]);
    fix.then
        .push(format!("railway volume add --mount-path {path}"));
    Some(fix)
}

/// Where a start script, or an image, makes a folder for uploads.
fn made(facts: &Facts<'_>) -> Vec<(String, Place, String)> {
    let mut found = Vec::new();
    for script in facts.scripts() {
        // What a person runs on a machine of their own is no container.
        let starts = script.shell.commands.iter().any(|one| {
            let program = one.program().first().map_or("", |word| word.text.as_str());
            ["uvicorn", "gunicorn", "node", "npm", "daphne", "hypercorn"].contains(&program)
        });
        let made = script
            .shell
            .commands
            .iter()
            .filter(|one| starts && one.runs(&["mkdir"]));
        for command in made {
            let words = command.words.iter().skip(1).map(|word| word.text.as_str());
            if let Some(folder) = words.into_iter().find(|word| is_uploads(word)) {
                found.push((script.path.clone(), command.place, folder.to_owned()));
            }
        }
    }
    for file in facts.dockerfiles() {
        for run in file.image().into_iter().filter(|one| one.name == "RUN") {
            let mut words = run.rest.split_whitespace();
            if run.rest.contains("mkdir")
                && let Some(folder) = words.find(|word| is_uploads(word))
            {
                found.push((file.path.clone(), run.line.into(), folder.to_owned()));
            }
        }
    }
    found
}

/// The code that writes what people upload into a folder of that name.
fn writes(facts: &Facts<'_>) -> Option<(String, usize)> {
    const ENDS: [&str; 5] = [".py", ".js", ".ts", ".mjs", ".rb"];
    const WRITERS: [&str; 9] = [
        "UploadFile",
        "copyfileobj",
        "write_bytes",
        "multer",
        "writeFile",
        "createWriteStream",
        "MEDIA_ROOT",
        "\"wb\"",
        "'wb'",
    ];
    let is_test = |file: &str| file.split('/').any(|part| part.starts_with("test"));
    let sources = facts.tree.files().iter().filter(|file| {
        ENDS.iter().any(|end| file.ends_with(end)) && !is_test(file) && !path::is_sample(file)
    });
    sources.take(2_000).find_map(|file| {
        let text = facts.tree.text(file)?;
        if !WRITERS.iter().any(|word| text.contains(word)) {
            return None;
        }
        let named = |line: &str| {
            line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .any(is_uploads)
        };
        let at = text
            .lines()
            .position(|line| named(line) && line.contains(['"', '\'']))?;
        Some((file.clone(), at + 1))
    })
}

fn is_uploads(word: &str) -> bool {
    let mut parts = word.split('/');
    !word.starts_with('-')
        && parts.any(|part| matches!(part, "uploads" | "upload" | "user_uploads"))
}

/// The file of a platform whose disks do not last, and the platform's name; `None` where
/// one mounts a volume.
fn platform(facts: &Facts<'_>) -> Option<(String, &'static str)> {
    let mut found = None;
    for (file, document) in files(facts) {
        if document.at(&["deploy", "requiredMountPath"]).is_some() {
            return None;
        }
        found = found.or(Some((file, "Railway")));
    }
    for (name, key, platform) in [
        ("fly.toml", "mounts", "Fly"),
        ("render.yaml", "services", "Render"),
    ] {
        for file in facts.tree.named(name).filter(|file| !path::is_sample(file)) {
            let document = match name {
                "fly.toml" => facts.tree.toml(file),
                _ => facts.tree.yaml(file),
            };
            let Some(document) = document else { continue };
            let node = document.get(key);
            let disks = node
                .map_or(&[][..], Node::items)
                .iter()
                .any(|one| one.get("disk").is_some());
            if disks || key == "mounts" && node.is_some() {
                return None;
            }
            found = found.or(Some((file.to_owned(), platform)));
        }
    }
    found.or_else(|| {
        let file = "Procfile";
        facts
            .tree
            .contains(file)
            .then(|| (file.to_owned(), "Heroku"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn on_a_disk_that_ends_and_elsewhere() {
        let files = |railway: &'static str, requirements: &'static str| {
            [
                ("railway.json", railway),
                ("requirements.txt", requirements),
                (
                    "app/cv.py",
                    "DIR = \"uploads/cv\"\nwith open(f\"{DIR}/{name}\", \"wb\") as out:\n    out.write(x)\n",
                ),
                (
                    "start.sh",
                    "set -e\nmkdir -p uploads/cv\nexec uvicorn a:b\n",
                ),
            ]
        };
        assert_eq!(
            found(&RULE, &files("{}", "fastapi==0.115.0\n")),
            ["start.sh:2 uploads/cv"]
        );
        assert!(found(&RULE, &files("{}", "fastapi\ncloudinary==1.0\n")).is_empty());
        let mounted = r#"{"deploy": {"requiredMountPath": "/data"}}"#;
        assert!(found(&RULE, &files(mounted, "fastapi\n")).is_empty());
        assert!(found(&RULE, &files("{}", "fastapi\n")[1..]).is_empty());
        // Nothing is written there.
        let mut empty = files("{}", "fastapi\n").to_vec();
        empty[2] = ("app/cv.py", "x = 'uploads'\n");
        assert!(found(&RULE, &empty).is_empty());
        let local = [("railway.json", "{}"), ("setup.sh", "mkdir uploads\n")];
        assert!(found(&RULE, &local).is_empty());
    }
}
