//! `profile show` and `profile set`.

use insta::assert_snapshot;
use serde_json::Value;

use super::{sign_in, with_ada};

#[test]
fn the_profile_is_shown_and_changed() {
    let daemon = with_ada();
    assert_snapshot!(daemon.cli(&["profile", "show"]), @r"
    exit code 0
    --- stdout
    name       Ada Lovelace
    username   -
    email      ada@example.org
    picture    -
    theme      dark
    font-size  14
    created    [time]
    updated    [time]
    id         [id]
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "username", "ada"]), @r"
    exit code 0
    --- stderr
    username of Ada Lovelace <ada@example.org> is now `ada`
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "email", "countess@example.org"]), @r"
    exit code 0
    --- stderr
    email of Ada Lovelace <countess@example.org> is now `countess@example.org`
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "picture", "https://example.org/ada.png"]), @r"
    exit code 0
    --- stderr
    picture of Ada Lovelace <countess@example.org> is now `https://example.org/ada.png`
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "theme", "light"]), @r"
    exit code 0
    --- stderr
    theme of Ada Lovelace <countess@example.org> is now `light`
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "font-size", "18"]), @r"
    exit code 0
    --- stderr
    font-size of Ada Lovelace <countess@example.org> is now `18`
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "name", "--clear"]), @r"
    exit code 0
    --- stderr
    name of countess@example.org is now empty
    ");
    assert_snapshot!(daemon.cli(&["profile", "show"]), @r"
    exit code 0
    --- stdout
    name       -
    username   ada
    email      countess@example.org
    picture    https://example.org/ada.png
    theme      light
    font-size  18
    created    [time]
    updated    [time]
    id         [id]
    ");
    let shown: Value = serde_json::from_str(&daemon.cli(&["profile", "show", "--json"]).stdout).unwrap();
    assert_eq!(shown["aesthetics"]["theme"]["dark"], false);
    assert_eq!(shown["aesthetics"]["font"]["size"], 18);
}

#[test]
fn a_profile_refuses_wrong_values() {
    let daemon = with_ada();
    assert_snapshot!(daemon.cli(&["profile", "set", "username", "not a name"]), @r"
    exit code 1
    --- stderr
    error: cannot set username: `username` must be 1 to 64 letters, digits, dots, underscores or hyphens
    hint: correct the value and run the command again
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "font-size", "5"]), @r"
    exit code 1
    --- stderr
    error: cannot set font-size: `aesthetics.font.size` must be between 6 and 96
    hint: correct the value and run the command again
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "font-size", "large"]), @r"
    exit code 2
    --- stderr
    error: font-size is a whole number of points, not `large`

    Usage: usher profile set [OPTIONS] <KEY> [VALUE]

    For more information, try '--help'.
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "theme", "blue"]), @r"
    exit code 2
    --- stderr
    error: theme is `dark` or `light`, not `blue`

    Usage: usher profile set [OPTIONS] <KEY> [VALUE]

    For more information, try '--help'.
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "theme", "--clear"]), @r"
    exit code 2
    --- stderr
    error: theme cannot be empty

    Usage: usher profile set [OPTIONS] <KEY> [VALUE]

    For more information, try '--help'.
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "name"]), @r"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      <VALUE>

    Usage: usher profile set <KEY> <VALUE>

    For more information, try '--help'.
    ");
    assert_snapshot!(daemon.cli(&["profile", "set", "shoe-size", "43"]), @r"
    exit code 2
    --- stderr
    error: invalid value 'shoe-size' for '<KEY>'
      [possible values: name, username, email, picture, theme, font-size]

      tip: a similar value exists: 'font-size'

    For more information, try '--help'.
    ");
    assert_eq!(daemon.cli(&["profile", "set", "username", "ada"]).code, 0);
    sign_in(&daemon, "Sam", "sam@example.org");
    assert_snapshot!(daemon.cli(&["profile", "set", "username", "ADA"]), @r"
    exit code 1
    --- stderr
    error: cannot set username: the user name `ADA` is taken: choose another one
    hint: nothing was changed; `usher accounts` tells who uses what
    ");
}
