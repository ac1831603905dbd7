//! A picture as SVG: each box to the right of those that lead to it.

use std::fmt::Write as _;

use super::{Box, Group, Picture};
use crate::report::forms::escape;

const WIDTH: usize = 190;
const HEIGHT: usize = 40;
const GAP_X: usize = 40;
const GAP_Y: usize = 10;
const MARGIN: usize = 16;
const TITLE: usize = 24;
/// What fits into a line of a box of its font, in characters at size 1.
const FITS: usize = 345;

/// The picture. Colours are attributes, since the page's policy lets no style in.
pub fn svg(picture: &Picture) -> String {
    let mut body = String::new();
    let mut y = MARGIN;
    let mut width = 0;
    for group in &picture.groups {
        let (columns, rows) = draw(&mut body, group, y);
        width = width.max(columns * (WIDTH + GAP_X));
        y += TITLE + rows * (HEIGHT + GAP_Y) + MARGIN;
    }
    let width = (width + 2 * MARGIN)
        .saturating_sub(GAP_X)
        .max(4 * (WIDTH + GAP_X));
    let title = escape(&picture.title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {y}\" role=\"img\" aria-label=\"{title}\" font-family=\"sans-serif\"><title>{title}</title><rect width=\"{width}\" height=\"{y}\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

/// Draws a group below `top`; how many columns and rows it has.
fn draw(out: &mut String, group: &Group, top: usize) -> (usize, usize) {
    let _ = writeln!(
        out,
        "<text x=\"{MARGIN}\" y=\"{}\" font-size=\"13\" font-weight=\"600\" fill=\"#222\">{}</text>",
        top + 12,
        escape(&group.name)
    );
    let columns = columns(&group.boxes);
    let mut filled: Vec<usize> = Vec::new();
    let mut corners = Vec::new();
    for column in &columns {
        if filled.len() <= *column {
            filled.resize(column + 1, 0);
        }
        corners.push((
            MARGIN + column * (WIDTH + GAP_X),
            top + TITLE + filled[*column] * (HEIGHT + GAP_Y),
        ));
        filled[*column] += 1;
    }
    for (one, (x, y)) in group.boxes.iter().zip(&corners) {
        for (from_x, from_y) in one.after.iter().filter_map(|after| corners.get(*after)) {
            arrow(
                out,
                (from_x + WIDTH, from_y + HEIGHT / 2),
                (*x, y + HEIGHT / 2),
            );
        }
    }
    for (one, (x, y)) in group.boxes.iter().zip(&corners) {
        draw_box(out, one, *x, *y);
    }
    (filled.len(), filled.into_iter().max().unwrap_or(0))
}

fn arrow(out: &mut String, from: (usize, usize), to: (usize, usize)) {
    let middle = from.0 + GAP_X / 2;
    let _ = writeln!(
        out,
        "<path d=\"M{} {}C{middle} {} {} {} {} {}\" fill=\"none\" stroke=\"#55565c\"/><path d=\"M{} {}l-7 -4v8z\" fill=\"#55565c\"/>",
        from.0,
        from.1,
        from.1,
        to.0.saturating_sub(GAP_X / 2),
        to.1,
        to.0.saturating_sub(6),
        to.1,
        to.0,
        to.1,
    );
}

fn draw_box(out: &mut String, one: &Box, x: usize, y: usize) {
    let (fill, line) = one.tone.colours();
    let remark = one.remark.as_deref();
    let whole = remark.map_or_else(|| one.name.clone(), |text| format!("{}: {text}", one.name));
    let _ = writeln!(
        out,
        "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"4\" fill=\"{fill}\" stroke=\"{line}\"/>",
        escape(&whole)
    );
    let baseline = if remark.is_some() { y + 17 } else { y + 25 };
    let mut text = |y: usize, size: usize, text: &str| {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{y}\" font-size=\"{size}\" fill=\"#111\">{}</text>",
            x + 9,
            escape(&fitted(text, FITS / size))
        );
    };
    text(baseline, 13, &one.name);
    if let Some(remark) = remark {
        text(y + 32, 11, remark);
    }
    out.push_str("</g>\n");
}

fn fitted(text: &str, most: usize) -> String {
    match text.chars().count() {
        count if count <= most => text.to_owned(),
        _ => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

/// The column of each box: right of all that lead to it. What leads in a circle, or from
/// nowhere, stays where it is after as many rounds as there are boxes.
fn columns(boxes: &[Box]) -> Vec<usize> {
    let mut columns = vec![0; boxes.len()];
    for _ in 0..boxes.len() {
        let mut moved = false;
        for (at, one) in boxes.iter().enumerate() {
            let after = one.after.iter().filter_map(|after| columns.get(*after));
            let least = after.max().map_or(0, |column| column + 1);
            if columns[at] < least && least < boxes.len() {
                columns[at] = least;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::super::Tone;
    use super::*;

    fn one(after: &[usize]) -> Box {
        Box {
            name: "x".to_owned(),
            remark: None,
            tone: Tone::Plain,
            after: after.to_vec(),
        }
    }

    #[test]
    fn each_stands_right_of_what_leads_to_it() {
        let boxes = [one(&[]), one(&[2]), one(&[0]), one(&[0, 1]), one(&[9])];
        assert_eq!(columns(&boxes), [0, 2, 1, 3, 0]);
    }

    #[test]
    fn a_circle_ends() {
        let columns = columns(&[one(&[1]), one(&[0]), one(&[2])]);
        assert!(columns.iter().all(|column| *column < 3), "{columns:?}");
    }
}
