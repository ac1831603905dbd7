//! Commands that bring something to a hosting platform.

use super::shell::Command;

/// The platform that a command deploys to for its users; `None` for a preview, a dry run,
/// and for everything else.
pub(super) fn platform(command: &Command) -> Option<&'static str> {
    let has = |flag: &str| command.has(flag);
    let found = [
        (
            "Railway",
            command.runs(&["railway", "up"]) || command.runs(&["railway", "redeploy"]),
        ),
        (
            "Vercel",
            command.runs(&["vercel"])
                && (has("--prod") || has("--production") || has("--prod=true"))
                // It gets no users before somebody promotes it.
                && !has("--skip-domain"),
        ),
        (
            "Fly",
            command.runs(&["fly", "deploy"]) || command.runs(&["flyctl", "deploy"]),
        ),
        (
            "Netlify",
            command.runs(&["netlify", "deploy"]) && (has("--prod") || has("-p")),
        ),
        ("Heroku", command.runs(&["heroku", "container:release"])),
        ("Render", command.runs(&["render", "deploys", "create"])),
        ("Cloud Run", command.runs(&["gcloud", "run", "deploy"])),
        ("App Engine", command.runs(&["gcloud", "app", "deploy"])),
        ("Firebase", command.runs(&["firebase", "deploy"])),
        (
            "Cloudflare",
            command.runs(&["wrangler", "deploy"]) || command.runs(&["wrangler", "publish"]),
        ),
    ];
    let is_asked = has("--help") || has("--dry-run");
    found
        .into_iter()
        .find(|(_, is)| *is && !is_asked)
        .map(|(platform, _)| platform)
}
