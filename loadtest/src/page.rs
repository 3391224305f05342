//! A page that people write, with parts that commands write: between two markers.

use std::{error::Error, fs, path::Path};

/// Puts `text` between the markers of `command`, in place of what is there.
pub(crate) fn write(page: &Path, command: &str, text: &str) -> Result<(), Box<dyn Error>> {
    let whole = replaced(&fs::read_to_string(page)?, command, text).ok_or_else(|| {
        let [begin, end] = markers(command);
        format!("{} has no lines\n{begin}\n{end}", page.display())
    })?;
    Ok(fs::write(page, whole)?)
}

fn markers(command: &str) -> [String; 2] {
    ["begin", "end"].map(|which| format!("<!-- {which} of what `{command}` writes -->"))
}

/// `None` without the markers.
fn replaced(page: &str, command: &str, text: &str) -> Option<String> {
    let [begin, end] = markers(command);
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_kept() {
        let page =
            "# Kept\n<!-- begin of what `a` writes -->\nold\n<!-- end of what `a` writes -->\nkept too\n";
        let expected =
            "# Kept\n<!-- begin of what `a` writes -->\n\nnew\n\n<!-- end of what `a` writes -->\nkept too\n";
        assert_eq!(replaced(page, "a", "\nnew\n").as_deref(), Some(expected));
        assert_eq!(replaced(expected, "a", "new").as_deref(), Some(expected));
        assert_eq!(replaced(page, "b", "new"), None);
    }
}
