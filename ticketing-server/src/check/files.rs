//! Whether files could be made and written, found out without doing it.

use std::path::Path;

use rustix::fs::{Access, access};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Whether a file could be made there: in a folder that is there, or in one that could be made.
pub(crate) fn can_be_made(path: &Path) -> Result<(), Failure> {
    let parents = path.ancestors().skip(1);
    let folder = parents.map(or_here).find(|folder| folder.exists());
    can_be_filled(folder.unwrap_or_else(|| Path::new("/")))
}

/// Whether a file that is there could be written, and what must be beside it be made.
pub(crate) fn can_be_written(path: &Path) -> Result<(), Failure> {
    allows(path, Access::READ_OK | Access::WRITE_OK, "read and written")?;
    can_be_made(path)
}

/// Whether a folder is there to keep files in, or could be made.
pub(crate) fn can_keep_files(folder: &Path) -> Result<(), Failure> {
    if folder.exists() { can_be_filled(folder) } else { can_be_made(folder) }
}

fn can_be_filled(folder: &Path) -> Result<(), Failure> {
    if !folder.is_dir() {
        return Err(format!("{} is no folder", folder.display()).into());
    }
    allows(folder, Access::WRITE_OK | Access::EXEC_OK, "written")
}

fn allows(path: &Path, wanted: Access, how: &str) -> Result<(), Failure> {
    access(path, wanted).map_err(|why| format!("{} can't be {how}: {why}", path.display()).into())
}

/// The parent of a path of one part is the folder that the program runs in.
fn or_here(folder: &Path) -> &Path {
    if folder == Path::new("") { Path::new(".") } else { folder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_can_be_made_where_there_is_a_folder_above_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        can_be_made(&folder.path().join("new")).unwrap();
        can_be_made(&folder.path().join("new/below/it")).unwrap();
        can_be_made(Path::new("here.db")).unwrap();
        can_be_written(&file).unwrap();
        can_keep_files(folder.path()).unwrap();
        can_keep_files(&folder.path().join("new")).unwrap();
        for (told, refused) in [
            ("is no folder", can_be_made(&file.join("below"))),
            ("is no folder", can_keep_files(&file)),
            ("can't be read and written", can_be_written(&folder.path().join("gone"))),
            ("can't be written", can_be_made(Path::new("/proc/1/new"))),
        ] {
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains(told), "{refused}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made");
    }
}
