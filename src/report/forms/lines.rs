//! JSON of which each element of an outer list stands in a line of its own: half as long as
//! indented JSON, and a person who opens it still finds one thing in one line.

use std::io::{self, Write};

use serde_json::ser::Formatter;

/// Breaks lines before the elements of lists that are fields of the outermost object.
#[derive(Debug, Default)]
struct Lines {
    depth: usize,
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        out.write_all(b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        is_first: bool,
    ) -> io::Result<()> {
        out.write_all(match (is_first, self.depth == 2) {
            (true, true) => b"\n",
            (true, false) => b"",
            (false, true) => b",\n",
            (false, false) => b",",
        })
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        out.write_all(b"}")
    }
}

/// Writes a value so.
pub(super) fn write(out: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Lines::default());
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_element_is_a_line_and_the_value_is_the_same() {
        let value =
            json!({"a": 1, "list": [{"x": [1, 2]}, {"y": {"z": []}}], "none": [], "b": {"c": [1]}});
        let mut out = Vec::new();
        write(&mut out, &value).expect("written");
        let text = String::from_utf8(out).expect("UTF-8");
        assert_eq!(
            text,
            "{\"a\":1,\"b\":{\"c\":[1]},\"list\":[\n{\"x\":[1,2]},\n{\"y\":{\"z\":[]}}],\"none\":[]}\n"
        );
        let read: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read, value);
    }
}
