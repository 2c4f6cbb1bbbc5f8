//! The files for service managers: what they start exists and takes the flags they give.

use std::{fs, process::Command};

use serde_yaml_ng::Value;

use super::guide::root;
use crate::daemon::{Answer, USHER};

fn text(file: &str) -> String {
    fs::read_to_string(root().join("contrib").join(file)).unwrap()
}

/// Whether `usher` understands a command line that begins with its path, up to reading settings.
fn understands(line: &[&str]) {
    assert_eq!(line[0], "/usr/local/bin/usher");
    let answer = Answer::of(Command::new(USHER).args(&line[1..]).arg("--print-config").env_clear());
    assert_eq!(answer.code, 0, "{line:?}: {answer}");
}

#[test]
fn the_containers_are_three_and_their_flags_exist() {
    let compose: Value = serde_yaml_ng::from_str(&text("compose.yaml")).unwrap();
    let services = compose["services"].as_mapping().unwrap();
    let images: Vec<_> = services.values().map(|service| service["image"].as_str().unwrap()).collect();
    assert_eq!(images, ["debian:12-slim", "postgres:15", "nats:2.10"]);
    let usher = &compose["services"]["usher"];
    let line: Vec<_> =
        usher["command"].as_sequence().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    understands(&line);
    let help = Answer::of(Command::new(USHER).args(["cloud", "--help"])).stdout;
    for name in usher["environment"].as_mapping().unwrap().keys() {
        let variable = format!("[env: {}", name.as_str().unwrap());
        assert!(help.contains(&variable), "{variable} is no variable of `usher cloud`");
    }
    // Who is waited for and what is mounted is there.
    for needed in usher["depends_on"].as_mapping().unwrap().keys() {
        assert!(services.contains_key(needed), "{needed:?}");
    }
    for volume in compose["services"]["postgres"]["volumes"].as_sequence().unwrap() {
        let name = volume.as_str().unwrap().split(':').next().unwrap();
        assert!(compose["volumes"].as_mapping().unwrap().contains_key(name), "{name}");
    }
}

#[test]
fn the_unit_is_hardened_and_its_flags_exist() {
    let unit = text("systemd/usher-cloud.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    understands(&line.split(' ').collect::<Vec<_>>());
    for wanted in [
        "Type=notify",
        "DynamicUser=yes",
        "StateDirectory=usher-cloud",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "RestartPreventExitStatus=2 3",
    ] {
        assert!(unit.lines().any(|line| line == wanted), "{wanted}");
    }
}

/// Where systemd is, it reads the unit too, and says how much a service that is taken over could do.
#[test]
fn systemd_reads_the_unit() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("usher-cloud.service");
    fs::write(&file, text("systemd/usher-cloud.service").replace("/usr/local/bin/usher", USHER)).unwrap();
    for arguments in [&["verify"][..], &["security", "--offline=yes", "--threshold=15"]] {
        let Ok(output) = Command::new("systemd-analyze").args(arguments).arg(&file).output() else { return };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{said}{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}
