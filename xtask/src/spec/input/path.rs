//! Paths of files in the directory of a document: relative, with `/` between the names.

/// Returns the path to which `path` leads from a directory, without `.` and `..`. Returns `None` if it leads out of the root.
pub(super) fn join(directory: &str, path: &str) -> Option<String> {
    let mut names: Vec<&str> = directory.split('/').filter(|name| !name.is_empty()).collect();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

/// Returns the directory of a file. The root is empty.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Returns the path of a file relative to a directory that contains it.
pub(super) fn strip<'a>(directory: &str, path: &'a str) -> Option<&'a str> {
    if directory.is_empty() {
        return Some(path);
    }
    path.strip_prefix(directory)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_removes_dots_and_stays_in_the_root() {
        assert_eq!(join("a/b", "./c.yaml"), Some("a/b/c.yaml".to_owned()));
        assert_eq!(join("a/b", "../../c//d.yaml"), Some("c/d.yaml".to_owned()));
        assert_eq!(join("", "a/../b"), Some("b".to_owned()));
        assert_eq!(join("a", "../.."), None);
        assert_eq!(join("a", "../../a/b"), None);
    }

    #[test]
    fn strip_compares_whole_names() {
        assert_eq!(strip("", "a/b"), Some("a/b"));
        assert_eq!(strip("a", "a/b"), Some("b"));
        assert_eq!(strip("a", "ab/c"), None);
        assert_eq!((parent("a/b/c"), parent("c")), ("a/b", ""));
    }
}
