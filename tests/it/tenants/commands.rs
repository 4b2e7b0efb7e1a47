//! The commands on a configuration with several tenants.

use std::fs;

use super::{BOTH, Two, configuration};
use crate::command::sangam;

#[tokio::test(flavor = "multi_thread")]
async fn a_command_works_for_one_tenant_and_wants_its_name_where_there_are_several() {
    let stopped = Two::start().await.stopped().await;
    for tenant in BOTH {
        fs::remove_dir_all(stopped.directory.path().join(tenant)).unwrap();
    }
    let text = configuration(&stopped.sandboxes, &stopped.directory);
    fs::write(stopped.directory.path().join("sangam.toml"), text).unwrap();
    for command in [&["receipts"][..], &["webhooks", "--tenant", "?", "list"], &["renormalise"]] {
        let run = |tenant: Option<&str>| {
            let mut arguments: Vec<&str> = command.iter().copied().filter(|word| !["--tenant", "?"].contains(word)).collect();
            if let Some(tenant) = tenant {
                arguments.splice(1..1, ["--tenant", tenant]);
            }
            arguments.extend(["--config", "sangam.toml"]);
            let output = sangam(stopped.directory.path(), &arguments).output().unwrap();
            (output.status.success(), String::from_utf8(output.stderr).unwrap())
        };
        let (done, told) = run(None);
        assert!(!done && told.contains("there are several tenants; name one by --tenant: acme, bharat"), "{command:?} {told}");
        let (done, told) = run(Some("nobody"));
        assert!(!done && told.contains("there is no such tenant; there are acme, bharat"), "{command:?} {told}");
        for tenant in BOTH {
            let (done, told) = run(Some(tenant));
            assert!(done, "{command:?} {told}");
        }
    }
    for sandbox in stopped.sandboxes {
        sandbox.stop().await;
    }
}
