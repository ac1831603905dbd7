//! The score for people and machines: text, Markdown, a badge and a radar picture.

use std::fmt::Write as _;

use crate::audit::score::{QUESTIONS, Score};

/// For a terminal.
pub fn text(score: &Score) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "maturity {:.2} of 10 (at most {:.2}, if all that is unknown is well), level {} of 4\n",
        score.total, score.at_most, score.level
    );
    for one in &score.categories {
        let bar = "#".repeat(usize::from(one.points));
        let _ = write!(out, "{:<24} {:>2}  {bar:<10}", one.title, one.points);
        if let Some(step) = one.next_step {
            let _ = write!(out, "  next: {step}");
        }
        out.push('\n');
    }
    if !score.next_level.is_empty() {
        let _ = writeln!(out, "\nlevel {} needs:", score.level + 1);
        for what in &score.next_level {
            let _ = writeln!(out, "  {what}");
        }
    }
    let open = unknown(score);
    if !open.is_empty() {
        out.push_str(
            "\nunknown; --answer NAME=yes or no, or `audit.answers` of the configuration:\n",
        );
        for (name, question) in open {
            let _ = writeln!(out, "  {name:<20} {question}");
        }
    }
    out
}

/// The questions that nobody has answered and that count.
fn unknown(score: &Score) -> Vec<(&'static str, &'static str)> {
    let asked: Vec<&str> = score
        .categories
        .iter()
        .flat_map(|one| &one.unknown)
        .filter_map(|point| point.question)
        .collect();
    QUESTIONS
        .into_iter()
        .filter(|(name, _)| asked.contains(name))
        .collect()
}

/// A scorecard.
pub fn markdown(score: &Score) -> String {
    let mut out = format!(
        "## Delivery maturity: {:.2} of 10, level {}\n\n| category | points | found | missing | unknown | next step |\n|---|---|---|---|---|---|\n",
        score.total, score.level
    );
    for one in &score.categories {
        let list = |points: &[crate::audit::score::Point]| {
            let all: Vec<&str> = points.iter().map(|point| point.what).collect();
            all.join("; ")
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            one.title,
            one.points,
            list(&one.found),
            list(&one.missing),
            list(&one.unknown),
            one.next_step.unwrap_or_default()
        );
    }
    out
}

fn colour(total: f64) -> &'static str {
    match total {
        total if total >= 8.0 => "#2e7d32",
        total if total >= 6.0 => "#558b2f",
        total if total >= 4.0 => "#b26a00",
        _ => "#b3261e",
    }
}

/// A badge as SVG.
pub fn badge_svg(score: &Score) -> String {
    let value = format!("{:.1}/10", score.total);
    let colour = colour(score.total);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"146\" height=\"20\" role=\"img\" aria-label=\"delivery maturity: {value}\"><title>delivery maturity: {value}</title><rect width=\"146\" height=\"20\" rx=\"3\" fill=\"#444\"/><rect x=\"102\" width=\"44\" height=\"20\" rx=\"3\" fill=\"{colour}\"/><g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\" text-anchor=\"middle\"><text x=\"51\" y=\"14\">delivery maturity</text><text x=\"124\" y=\"14\">{value}</text></g></svg>\n"
    )
}

/// A badge as shields.io reads it from an address.
pub fn badge_json(score: &Score) -> String {
    let value = serde_json::json!({
        "schemaVersion": 1,
        "label": "delivery maturity",
        "message": format!("{:.1}/10", score.total),
        "color": colour(score.total),
    });
    format!("{value}\n")
}

/// The categories around a circle.
pub fn radar_svg(score: &Score) -> String {
    const MIDDLE: f64 = 240.0;
    const RADIUS: f64 = 140.0;
    let count = score.categories.len();
    let at = |index: usize, part: f64| {
        let angle =
            std::f64::consts::TAU * index as f64 / count as f64 - std::f64::consts::FRAC_PI_2;
        (
            MIDDLE + RADIUS * part * angle.cos(),
            MIDDLE + RADIUS * part * angle.sin(),
        )
    };
    let shape = |part: &dyn Fn(usize) -> f64| {
        let points: Vec<String> = (0..count)
            .map(|index| {
                let (x, y) = at(index, part(index));
                format!("{x:.1},{y:.1}")
            })
            .collect();
        points.join(" ")
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-80 60 640 360\" role=\"img\" aria-label=\"delivery maturity {:.2} of 10\"><title>delivery maturity {:.2} of 10</title><rect x=\"-80\" y=\"60\" width=\"640\" height=\"360\" fill=\"#fff\"/>\n",
        score.total, score.total
    );
    for ring in [0.2, 0.4, 0.6, 0.8, 1.0] {
        let _ = writeln!(
            out,
            "<polygon points=\"{}\" fill=\"none\" stroke=\"#ccc\"/>",
            shape(&|_| ring)
        );
    }
    let points = |index: usize| f64::from(score.categories[index].points) / 10.0;
    let _ = writeln!(
        out,
        "<polygon points=\"{}\" fill=\"#1565c0\" fill-opacity=\"0.3\" stroke=\"#1565c0\" stroke-width=\"2\"/>",
        shape(&points)
    );
    for (index, one) in score.categories.iter().enumerate() {
        let (x, y) = at(index, 1.14);
        let anchor = match x {
            x if x < MIDDLE - 20.0 => "end",
            x if x > MIDDLE + 20.0 => "start",
            _ => "middle",
        };
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-family=\"sans-serif\" font-size=\"10\" fill=\"#222\" text-anchor=\"{anchor}\">{} {}</text>",
            one.title, one.points
        );
    }
    out.push_str("</svg>\n");
    out
}
