//! The endpoints of GitLab's REST API that a sync asks. Their form is that of GitLab's
//! own description (`openapi_v2.yaml`, version 4 of the API).

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::Error;
use super::http::{Client, Patience};

/// A GitLab.
#[derive(Debug)]
pub struct GitLab {
    client: Client,
}

/// A project: GitLab's word for a repository with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Project {
    /// The branch that a checkout gives; an empty repository has none.
    pub default_branch: Option<String>,
    /// Whether it is read-only.
    #[serde(default)]
    pub archived: bool,
    /// What whoever asks may do in it.
    #[serde(default)]
    pub permissions: Option<Permissions>,
}

/// What somebody may do in a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Permissions {
    /// As a member of the project.
    pub project_access: Option<Access>,
    /// As a member of its group.
    pub group_access: Option<Access>,
}

/// A role, or one that is needed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Access {
    /// 0 is nobody, 30 a developer, 40 a maintainer, 50 an owner, 60 an administrator.
    /// Without one it belongs to a person, group or key.
    pub access_level: Option<u32>,
    /// It is for this person alone.
    #[serde(default)]
    pub user_id: Option<u64>,
    /// It is for this group alone.
    #[serde(default)]
    pub group_id: Option<u64>,
    /// It is for this key alone.
    #[serde(default)]
    pub deploy_key_id: Option<u64>,
}

/// Branches that are protected.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ProtectedBranch {
    /// A name, or one with `*`.
    pub name: String,
    /// Who may push.
    #[serde(default)]
    pub push_access_levels: Vec<Access>,
    /// Whether whoever may push may also rewrite.
    #[serde(default)]
    pub allow_force_push: bool,
}

/// Tags that are protected.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ProtectedTag {
    /// A name, or one with `*`.
    pub name: String,
    /// Who may make one.
    #[serde(default)]
    pub create_access_levels: Vec<Access>,
}

#[derive(Deserialize)]
struct Namespace {
    id: u64,
}

impl Project {
    /// The role of whoever asks; `None` where GitLab does not say.
    pub fn own_access(&self) -> Option<u32> {
        let permissions = self.permissions.as_ref()?;
        let both = [&permissions.project_access, &permissions.group_access];
        both.into_iter()
            .flatten()
            .filter_map(|access| access.access_level)
            .max()
    }
}

impl Access {
    /// Whether somebody with this role has it; `None` where it is for a person, group or
    /// key, and who asks may be one of them.
    pub fn allows(&self, own: Option<u32>) -> Option<bool> {
        let is_personal =
            self.user_id.is_some() || self.group_id.is_some() || self.deploy_key_id.is_some();
        match self.access_level {
            _ if is_personal => None,
            Some(0) => Some(false),
            Some(needed) => Some(own? >= needed),
            None => None,
        }
    }
}

impl GitLab {
    /// Connects to nothing yet: the API at this address, which ends with `/api/v4`.
    ///
    /// # Errors
    /// Where the address or the token cannot be used.
    pub fn at(
        address: &str,
        token: Option<SecretString>,
        patience: Patience,
    ) -> Result<Self, Error> {
        Client::gitlab_at(address, token, patience).map(|client| Self { client })
    }

    /// A project by its path, `group/name`.
    ///
    /// # Errors
    /// Where there is no usable answer; a project that the token may not see is not found.
    pub async fn project(&self, path: &str) -> Result<Project, Error> {
        self.client.get(&["projects", path], &[]).await
    }

    /// The branches of a project that are protected.
    ///
    /// # Errors
    /// Where there is no usable answer.
    pub async fn protected_branches(&self, path: &str) -> Result<Vec<ProtectedBranch>, Error> {
        let path = ["projects", path, "protected_branches"];
        self.client.list(&path).await
    }

    /// The tags of a project that are protected.
    ///
    /// # Errors
    /// Where there is no usable answer.
    pub async fn protected_tags(&self, path: &str) -> Result<Vec<ProtectedTag>, Error> {
        self.client
            .list(&["projects", path, "protected_tags"])
            .await
    }

    /// Makes a private, empty project in a group, or in the user's own space, that exists.
    ///
    /// # Errors
    /// Where there is no such group, or it is not allowed.
    pub async fn create(&self, path: &str) -> Result<Project, Error> {
        let (space, name) = path.rsplit_once('/').unwrap_or(("", path));
        let namespace: Namespace = self.client.get(&["namespaces", space], &[]).await?;
        let body = json!({
            "name": name,
            "path": name,
            "namespace_id": namespace.id,
            "visibility": "private",
            "initialize_with_readme": false,
        });
        self.client.post(&["projects"], &body, false).await
    }

    /// Makes a branch the default one.
    ///
    /// # Errors
    /// Where it is not allowed.
    pub async fn set_default_branch(&self, path: &str, branch: &str) -> Result<Project, Error> {
        let body = json!({"default_branch": branch});
        self.client.put(&["projects", path], &body).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_the_highest_of_all_and_what_is_for_others_is_not_known() {
        let access = |level| Access {
            access_level: level,
            user_id: None,
            group_id: None,
            deploy_key_id: None,
        };
        let project = Project {
            default_branch: None,
            archived: false,
            permissions: Some(Permissions {
                project_access: Some(access(Some(30))),
                group_access: Some(access(Some(40))),
            }),
        };
        assert_eq!(project.own_access(), Some(40));
        let own = project.own_access();
        assert_eq!(access(Some(40)).allows(own), Some(true));
        assert_eq!(access(Some(60)).allows(own), Some(false));
        assert_eq!(access(Some(0)).allows(Some(60)), Some(false));
        assert_eq!(access(Some(40)).allows(None), None);
        let key = Access {
            deploy_key_id: Some(1),
            ..access(Some(40))
        };
        assert_eq!(key.allows(own), None);
    }
}
