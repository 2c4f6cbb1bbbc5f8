//! The folders that are bound to an account, with all that lies below them. They stand in the user's own configuration
//! and never in the folder: what is cloned or unpacked must not choose who somebody is.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::failure::Failure;

/// Ids of accounts by the path of their folder.
#[derive(Debug, Default)]
pub(crate) struct Folders(BTreeMap<String, String>);

impl Folders {
    /// The bindings as they stand.
    pub(crate) fn read() -> anyhow::Result<Self> {
        match place() {
            Some(place) => Self::read_from(&place),
            None => Ok(Self::default()),
        }
    }

    fn read_from(place: &Path) -> anyhow::Result<Self> {
        let text = match fs::read_to_string(place) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            text => text.with_context(|| format!("cannot read {}", place.display()))?,
        };
        // To go on without them would be to speak of somebody else.
        serde_json::from_str(&text).map(Self).map_err(|error| {
            Failure::error(
                format!("{} does not hold bindings of folders ({error})", place.display()),
                "correct the file, or delete it to bind no folder",
            )
        })
    }

    /// The binding of the working directory: its own, or that of the nearest folder above.
    pub(crate) fn nearest(&self) -> anyhow::Result<Option<(PathBuf, String)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let here = here()?;
        let mut bound = here.ancestors().filter_map(|folder| {
            let account = self.0.get(folder.to_str()?)?;
            Some((folder.to_owned(), account.clone()))
        });
        Ok(bound.next())
    }
}

/// Binds the working directory to the account with this id; answers its path.
pub(crate) fn bind_here(account: &str) -> anyhow::Result<PathBuf> {
    let here = here()?;
    let path = here.to_str().ok_or_else(|| {
        Failure::error("the path of this folder is not valid text", "bind a folder above it")
    })?;
    change(|folders| drop(folders.insert(path.to_owned(), account.to_owned())))?;
    Ok(here)
}

/// Takes the binding of the working directory back; answers its path.
pub(crate) fn forget_here() -> anyhow::Result<PathBuf> {
    let here = here()?;
    let mut is_forgotten = false;
    change(|folders| is_forgotten = here.to_str().and_then(|path| folders.remove(path)).is_some())?;
    if is_forgotten {
        return Ok(here);
    }
    let next = match Folders::read()?.nearest()? {
        Some((above, _)) => format!("it lies below {}, which is: do it there", above.display()),
        None => "no folder above it is, either".to_owned(),
    };
    Err(Failure::error(format!("{} itself is bound to no account", here.display()), next))
}

/// Changes the bindings, one program after the other, and puts them in place whole.
fn change(edit: impl FnOnce(&mut BTreeMap<String, String>)) -> anyhow::Result<()> {
    let place = place().context("no home directory: there is no place for bindings of folders")?;
    let told = || format!("cannot write {}", place.display());
    fs::create_dir_all(place.parent().context("a file is in a folder")?).with_context(told)?;
    let lock = File::create(place.with_extension("lock")).with_context(told)?;
    lock.lock().with_context(told)?;
    let mut folders = Folders::read_from(&place)?.0;
    edit(&mut folders);
    let new = place.with_extension("new");
    fs::write(&new, serde_json::to_string_pretty(&folders)? + "\n").with_context(told)?;
    fs::rename(new, &place).with_context(told)
}

fn place() -> Option<PathBuf> {
    dirs::config_dir().map(|folder| folder.join("usher").join("folders.json"))
}

/// The working directory by its one name, whatever links lead there.
fn here() -> anyhow::Result<PathBuf> {
    std::env::current_dir().and_then(|here| here.canonicalize()).context("cannot tell the working directory")
}
