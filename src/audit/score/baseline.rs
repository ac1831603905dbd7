//! An earlier score, below which no category may fall.

use serde::Deserialize;

use super::Score;

/// An earlier score, as `audit --score --format json` told it.
#[derive(Debug, Clone, Deserialize)]
pub struct Baseline {
    schema: u32,
    categories: Vec<Earlier>,
}

#[derive(Debug, Clone, Deserialize)]
struct Earlier {
    name: String,
    points: u8,
}

/// A category with fewer points than it had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fall {
    /// The category's name for people.
    pub title: &'static str,
    /// The points that it had.
    pub before: u8,
    /// The points that it has.
    pub now: u8,
}

impl Baseline {
    /// Reads the JSON of an earlier score.
    ///
    /// # Errors
    /// Where the text is not the JSON of a score, is of another form, or lacks a category:
    /// what is not compared could fall unseen.
    pub fn read(text: &str, score: &Score) -> Result<Self, String> {
        let earlier: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if earlier.schema != score.schema {
            return Err(format!(
                "it has form {}, this version compares form {}",
                earlier.schema, score.schema
            ));
        }
        match score
            .categories
            .iter()
            .find(|one| earlier.points(one.name).is_none())
        {
            Some(missing) => Err(format!("it has no category `{}`", missing.name)),
            None => Ok(earlier),
        }
    }

    fn points(&self, name: &str) -> Option<u8> {
        let category = self.categories.iter().find(|one| one.name == name)?;
        Some(category.points)
    }

    /// The categories that have fallen. A gain elsewhere does not make up for a loss.
    pub fn fallen(&self, score: &Score) -> Vec<Fall> {
        let all = score.categories.iter();
        all.filter_map(|one| {
            let before = self.points(one.name)?;
            (one.points < before).then_some(Fall {
                title: one.title,
                before,
                now: one.points,
            })
        })
        .collect()
    }
}
