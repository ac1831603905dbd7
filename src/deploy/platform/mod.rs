//! What services run on: one file for each platform, behind one trait.

pub mod api;
pub mod command;
pub mod commit;
mod files;
pub mod railway;
pub mod vercel;

use std::time::Duration;

use secrecy::SecretString;

/// A release, as a platform knows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Release {
    /// The platform's name for it.
    pub id: String,
    /// What it was made of, a commit or an image, where the platform tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

impl Release {
    /// Whether it is that release, or another one of the same origin, as some platforms
    /// make one to roll back.
    pub fn is_as(&self, other: &Self) -> bool {
        self.id == other.id || self.origin.is_some() && self.origin == other.origin
    }
}

/// A variable that is set where a service runs. Its value is nobody's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// When it was written, in seconds since 1970, where the platform tells.
    pub written: Option<i64>,
}

/// What is to be released.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// The environment.
    pub environment: &'w str,
    /// The commit.
    pub commit: &'w str,
    /// A word that no other release has, by which it is found again.
    pub key: &'w str,
    /// When the deployment began, in seconds since 1970.
    pub since: i64,
}

/// How far a release is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// On its way, in the platform's words.
    Pending(String),
    /// Built, and held back from traffic.
    Ready,
    /// It has the traffic.
    Live,
    /// It will never have it.
    Failed(String),
}

/// Why a platform did not do or say something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What sort.
    pub kind: Kind,
    /// In words, with nothing secret in it.
    pub message: String,
    /// How long the platform asks to wait.
    pub wait: Option<Duration>,
}

/// Sorts of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It may be over in a moment; what was asked may have been done all the same.
    Passing,
    /// The token is not accepted, or may not do it.
    Refused,
    /// It will not be otherwise next time, and nothing was done.
    Lasting,
}

impl Trouble {
    /// Trouble that passes.
    pub fn passing(message: impl Into<String>) -> Self {
        Self::new(Kind::Passing, message)
    }

    /// A refused token.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// Trouble that stays.
    pub fn lasting(message: impl Into<String>) -> Self {
        Self::new(Kind::Lasting, message)
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            wait: None,
        }
    }
}

/// A place where one service runs.
///
/// All but [`Platform::start`] may be called again without harm.
pub trait Platform {
    /// Looks whether it can be used, without changing anything; what one should know.
    ///
    /// # Errors
    /// Where it cannot.
    fn preflight(&self) -> Result<Vec<String>, Trouble>;

    /// What has the traffic; nothing where nothing was ever released.
    ///
    /// # Errors
    /// Where that is not known.
    fn live(&self) -> Result<Option<Release>, Trouble>;

    /// Whether a release waits for [`Platform::promote`] before it gets traffic.
    fn holds_back(&self) -> bool;

    /// Starts a release; the platform's name for it.
    ///
    /// # Errors
    /// Where it was not started, or may have been ([`Kind::Passing`]).
    fn start(&self, wanted: &Wanted<'_>) -> Result<String, Trouble>;

    /// The releases that were started with this key, the newest last: more than one where
    /// an answer was lost and came to nothing until it was asked again.
    ///
    /// # Errors
    /// Where that is not known.
    fn find(&self, wanted: &Wanted<'_>) -> Result<Vec<String>, Trouble>;

    /// How long a release that was started may stay unknown to [`Platform::find`].
    fn shows_within(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// How far it is.
    ///
    /// # Errors
    /// Where that is not known.
    fn state(&self, id: &str) -> Result<State, Trouble>;

    /// Gives the traffic to a release that was held back.
    ///
    /// # Errors
    /// Where it was not done, or may have been.
    fn promote(&self, id: &str) -> Result<(), Trouble>;

    /// Sees to it that a release that is not live will never be; what moves traffic to it at
    /// this moment has ended when this returns. One that is live stays so.
    ///
    /// # Errors
    /// Where it was not done, or may have been.
    fn cancel(&self, id: &str) -> Result<(), Trouble>;

    /// Gives the traffic back to an earlier release; without one, takes it from `from`.
    ///
    /// # Errors
    /// Where it was not done, or may have been.
    fn rollback(&self, from: &str, to: Option<&Release>) -> Result<(), Trouble>;

    /// The variables that are set for the service, by name; nothing where the platform does
    /// not tell.
    ///
    /// # Errors
    /// Where it should tell and does not.
    fn variables(&self) -> Result<Option<Vec<Variable>>, Trouble> {
        Ok(None)
    }

    /// Sets a variable of the service, for the releases that come; whether the platform can.
    ///
    /// # Errors
    /// Where it was not done, or may have been.
    fn set_variable(&self, _name: &str, _value: &SecretString) -> Result<bool, Trouble> {
        Ok(false)
    }

    /// The last lines that a release wrote, where they can be had.
    fn log(&self, _id: &str) -> Option<String> {
        None
    }
}
