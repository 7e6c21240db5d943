//! JSON for people to read and compare, line by line.

/// The JSON with one member a line, members in the order in which they were written.
pub(crate) fn pretty(compact: &str) -> String {
    let mut lines = String::new();
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut chars = compact.chars().peekable();
    while let Some(c) = chars.next() {
        if quoted {
            lines.push(c);
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        let empty = |next: Option<&char>| matches!((c, next), ('{', Some('}')) | ('[', Some(']')));
        match c {
            '{' | '[' if empty(chars.peek()) => lines.push(c),
            '{' | '[' => {
                depth += 1;
                lines.push(c);
                lines.push_str(&new_line(depth));
            }
            '}' | ']' if lines.ends_with(['{', '[']) => lines.push(c),
            '}' | ']' => {
                depth -= 1;
                lines.push_str(&new_line(depth));
                lines.push(c);
            }
            ',' => {
                lines.push(c);
                lines.push_str(&new_line(depth));
            }
            ':' => lines.push_str(": "),
            c => {
                quoted = c == '"';
                lines.push(c);
            }
        }
    }
    lines.push('\n');
    lines
}

fn new_line(depth: usize) -> String {
    format!("\n{}", "  ".repeat(depth))
}

#[test]
fn the_pretty_form_changes_spaces_alone() {
    let compact = r#"{"a":{},"b":[],"c":[1,{"d":"x:,{}[]\\\"\\"}],"e":null}"#;
    let lines = [
        r"{",
        r#"  "a": {},"#,
        r#"  "b": [],"#,
        r#"  "c": ["#,
        r"    1,",
        r"    {",
        r#"      "d": "x:,{}[]\\\"\\""#,
        r"    }",
        r"  ],",
        r#"  "e": null"#,
        "}\n",
    ];
    assert_eq!(pretty(compact), lines.join("\n"));
}
