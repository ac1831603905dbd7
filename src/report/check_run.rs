//! The verdict as a check on a commit: more places of files than the log may show.

use super::verdict::{self, Annotation, Told};

/// GitHub takes 65,535 characters; what is longer is told with shorter lists.
const MAX_CHARACTERS: usize = 60_000;

/// So many places are shown, the worst: three requests of fifty.
const PLACES: usize = 150;

/// How many rows of what fails and of what is worth a look there are, the first that fits.
const ROWS: [(usize, usize); 4] = [(100, 50), (50, 20), (10, 0), (0, 0)];

/// What a check shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The verdict, on one line.
    pub title: String,
    /// Markdown.
    pub summary: String,
    /// Whether everything was looked at and may pass.
    pub passes: bool,
    /// The places, the worst first; each is in a file.
    pub places: Vec<Annotation>,
}

/// What a check shows of a verdict.
pub fn shown(told: &Told<'_>) -> Shown {
    let mut places = verdict::annotations(told, usize::MAX);
    places.retain(|place| place.file.is_some());
    let count = places.len();
    places.truncate(PLACES);
    let mut summary = String::new();
    for rows in ROWS {
        summary = verdict::markdown_of(told, rows);
        if summary.chars().count() <= MAX_CHARACTERS {
            break;
        }
    }
    if count > PLACES {
        summary.push_str(&format!(
            "\n{PLACES} of {count} places in files are shown there, the worst first.\n"
        ));
    }
    Shown {
        title: verdict::headline(told),
        summary,
        passes: told.is_complete && told.verdict.passes,
        places,
    }
}
