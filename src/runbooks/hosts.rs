//! What people do by hand on hosting platforms.

/// A hosting platform.
#[derive(Debug)]
pub(super) struct Host {
    /// Its name in the model.
    name: &'static str,
    /// Its name for people.
    pub(super) title: &'static str,
    /// Deploys.
    pub(super) deploy: &'static str,
    /// Shows what the application says.
    pub(super) logs: &'static str,
    /// Takes the last release back.
    pub(super) roll_back: &'static str,
    /// Sets a variable without showing it.
    pub(super) set_secret: &'static str,
    /// What going back does not bring back there.
    pub(super) stays: &'static str,
}

const HOSTS: &[Host] = &[
    Host {
        name: "railway",
        title: "Railway",
        deploy: "`railway up --ci --service SERVICE --environment ENVIRONMENT`",
        logs: "`railway logs --service SERVICE --environment ENVIRONMENT`",
        roll_back: "in the dashboard: the service, Deployments, the menu of the last good one, Rollback (its command line has no such command)",
        set_secret: "in the dashboard: the service, Variables (`railway variables --set` shows the value to every process of the machine)",
        stays: "Image and variables are those of the old release; the database is as it is now.",
    },
    Host {
        name: "vercel",
        title: "Vercel",
        deploy: "`vercel deploy --prod`",
        logs: "`vercel logs DEPLOYMENT`",
        roll_back: "`vercel rollback DEPLOYMENT --yes`, then `vercel rollback status` until it has ended",
        set_secret: "`vercel env rm NAME production` and `vercel env add NAME production`, which asks for the value",
        stays: "New pushes get no traffic after it until somebody promotes one; variables are those that the old build was made with.",
    },
    Host {
        name: "render",
        title: "Render",
        deploy: "in the dashboard: the service, Manual Deploy",
        logs: "in the dashboard: the service, Logs",
        roll_back: "in the dashboard: the service, Events, the last good deployment, Rollback",
        set_secret: "in the dashboard: the service, Environment",
        stays: "Automatic deployments are switched off after it; the database is as it is now.",
    },
    Host {
        name: "fly",
        title: "Fly",
        deploy: "`fly deploy`",
        logs: "`fly logs --app APP`",
        roll_back: "`fly releases --image --app APP`, then `fly deploy --app APP --image IMAGE` with the last good one",
        set_secret: "`fly secrets import --app APP`, which reads NAME=VALUE from its input",
        stays: "Secrets, volumes and the database are as they are now.",
    },
    Host {
        name: "netlify",
        title: "Netlify",
        deploy: "`netlify deploy --prod`",
        logs: "in the dashboard: the site, Logs",
        roll_back: "in the dashboard: the site, Deploys, the last good one, Publish deploy",
        set_secret: "in the dashboard: the site, Environment variables",
        stays: "New pushes get no traffic while a deployment is locked.",
    },
    Host {
        name: "heroku",
        title: "Heroku",
        deploy: "`git push heroku main`",
        logs: "`heroku logs --tail --app APP`",
        roll_back: "`heroku releases:rollback --app APP`",
        set_secret: "in the dashboard: the app, Settings, Config Vars",
        stays: "The database is as it is now.",
    },
];

/// A platform by its name in the model.
pub(super) fn host(name: &str) -> Option<&'static Host> {
    HOSTS.iter().find(|host| host.name == name)
}
