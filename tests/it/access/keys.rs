//! API keys, and the command that makes them.

use std::{
    fs,
    io::{BufRead, BufReader},
};

use sangam::{
    access::{Scope, api_key},
    config::Config,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::{STATUS, Signer, call, channel, config, gate, key_caller, serve};
use crate::command::{Killed, configured, sangam, wait_for};

async fn code(channel: &tonic::transport::Channel, headers: &[(&'static str, &str)]) -> Code {
    call(channel, STATUS, headers).await.unwrap_err().code()
}

#[tokio::test]
async fn a_key_is_taken_in_either_header_and_two_proofs_are_none() {
    let mut config = config();
    let (key, caller) = key_caller(&[Scope::JourneysRead]);
    config.access.api_keys.insert("underwriting".to_owned(), caller);
    let stop = CancellationToken::new();
    let channel = channel(serve(gate(&config), None, &stop).await).await;
    let other = key.replace("sgm_", "sgm-");
    let scheme = |key: &str| format!("ApiKey {key}");
    assert_eq!(code(&channel, &[("x-api-key", &key)]).await, Code::Unimplemented);
    assert_eq!(code(&channel, &[("authorization", &scheme(&key))]).await, Code::Unimplemented);
    for headers in [
        &[][..],
        &[("x-api-key", other.as_str())],
        &[("x-api-key", "")],
        &[("authorization", key.as_str())],
        &[("authorization", &format!("Bearer {key}"))],
        &[("authorization", &format!("Basic {key}"))],
        &[("x-api-key", &key), ("x-api-key", &key)],
        &[("x-api-key", &key), ("authorization", &scheme(&key))],
        // The hash that the configuration holds opens nothing.
        &[("x-api-key", &api_key::write_hash(&api_key::hash(&key)))],
    ] {
        assert_eq!(code(&channel, headers).await, Code::Unauthenticated, "{headers:?}");
    }
    stop.cancel();
}

fn lines(name: &str, sha256: &str) -> String {
    format!("[{name}]\ntenant = \"demo\"\nscopes = [\"journeys.read\"]\nkeys = [{{ sha256 = \"{sha256}\" }}]\n")
}

#[tokio::test]
async fn a_file_of_keys_is_read_anew_and_a_bad_one_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("keys.toml");
    let (old, new) = (key_caller(&[]), key_caller(&[]));
    let hash = |caller: &sangam::config::ApiKeyCaller| caller.keys[0].sha256.clone();
    fs::write(&file, lines("underwriting", &hash(&old.1))).unwrap();
    let mut config = config();
    config.access.api_keys_file = Some(file.clone());
    let gate = gate(&config);
    let keys = gate.ways().keys.clone().unwrap();
    let stop = CancellationToken::new();
    let channel = channel(serve(gate, None, &stop).await).await;
    assert_eq!(code(&channel, &[("x-api-key", &old.0)]).await, Code::Unimplemented);
    assert_eq!(code(&channel, &[("x-api-key", &new.0)]).await, Code::Unauthenticated);
    // Both while they change, then the new one alone.
    let both = lines("underwriting", &hash(&old.1)) + &lines("underwriting-new", &hash(&new.1));
    for (text, old_works) in [(both, true), (lines("underwriting", &hash(&new.1)), false)] {
        fs::write(&file, text).unwrap();
        keys.read().unwrap();
        assert_eq!(code(&channel, &[("x-api-key", &new.0)]).await, Code::Unimplemented);
        assert_eq!(code(&channel, &[("x-api-key", &old.0)]).await == Code::Unimplemented, old_works);
    }
    let good = lines("a", &hash(&old.1));
    for bad in [
        "[".to_owned(),
        good.replace("demo", "nobody"),
        good.replace("journeys.read", "admin"),
        good.replace(&hash(&old.1), "12"),
        good.replace("keys", "key"),
        good.clone() + &lines("b", &hash(&old.1)),
        good.replace("[a]", "[\"A B\"]"),
    ] {
        fs::write(&file, &bad).unwrap();
        let cause = keys.read().unwrap_err();
        assert!(!cause.contains(&hash(&old.1)), "{cause}");
        assert_eq!(keys.read(), Ok(()), "told once");
        assert_eq!(code(&channel, &[("x-api-key", &new.0)]).await, Code::Unimplemented, "{bad}");
    }
    fs::remove_file(&file).unwrap();
    assert!(keys.read().is_err());
    assert_eq!(code(&channel, &[("x-api-key", &new.0)]).await, Code::Unimplemented);
    stop.cancel();
}

#[test]
fn the_command_makes_another_key_each_time_with_a_line_that_the_configuration_takes() {
    let directory = TempDir::new().unwrap();
    let made = || String::from_utf8(sangam(directory.path(), &["api-key"]).output().unwrap().stdout).unwrap();
    let (one, other) = (made(), made());
    let part = |text: &str, name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let (key, line) = (part(&one, "key:"), part(&one, "hash:"));
    assert_ne!(key, part(&other, "key:"));
    assert!(!line.contains(&key) && line.contains(&api_key::write_hash(&api_key::hash(&key))));
    let text = format!("[access.api_keys.a]\ntenant = \"default\"\nscopes = [\"data.read\"]\nkeys = [{line}]\n");
    let faults = Config::from_toml_str(&text).unwrap_err();
    assert!(faults.iter().all(|fault| !fault.path.starts_with("access")), "{faults}");
}

#[test]
fn what_is_not_safe_is_refused_with_what_to_do_instead() {
    let faults = |text: &str| {
        let directory = configured(text);
        let check = sangam(directory.path(), &["check", "--config", "sangam.toml"]).env("THE_SECRET", "x").output().unwrap();
        String::from_utf8(check.stderr).unwrap()
    };
    let hash = "ab".repeat(32);
    let key =
        format!("[access.api_keys.a]\ntenant = \"default\"\nscopes = [\"data.read\"]\nkeys = [{{ sha256 = \"{hash}\" }}]\n");
    assert_eq!(faults(&key), "");
    // Webhooks come in by a proxy with TLS of its own.
    assert_eq!(faults("[listen]\nwebhook = \"0.0.0.0:1\"\n"), "");
    let open = faults("[listen]\ngrpc = \"0.0.0.0:1\"\n");
    assert!(open.contains("callers are not authenticated and there is no TLS"), "{open}");
    let plain = faults(&format!("[listen]\ngrpc = \"0.0.0.0:1\"\n{key}"));
    assert!(
        plain.contains("listen.grpc") && plain.contains("there is no TLS") && !plain.contains("not authenticated"),
        "{plain}"
    );
    assert_eq!(faults(&format!("[listen]\ngrpc = \"0.0.0.0:1\"\ninsecure = true\n{key}")), "");
    assert!(faults(&format!("{key}[tenant]\nfull_view = true\n")).contains("grant the scope `pii.read`"));
    assert!(faults(&key.replace("data.read", "data.raed")).contains("known are journeys.read, "));
    assert!(faults(&key.replace("\"default\"", "\"other\"")).contains("access.api_keys.a.tenant"));
    let mtls = "[access.mtls.a]\ntenant = \"default\"\nscopes = [\"data.read\"]\nspiffe_ids = [\"spiffe://x/*\"]\n";
    assert!(faults(mtls).contains("client_ca_files") && faults(mtls).contains("a whole SPIFFE id"));
    let jwt = "[access.jwt.a]\nissuer = \"i\"\naudience = \"a\"\ntenant = \"default\"\n";
    assert!(faults(jwt).contains("exactly one of `jwks_file` and `jwks_url`"));
    assert!(faults(&format!("{jwt}jwks_url = \"http://issuer.example/\"\n")).contains("https://"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proof_of_a_caller_is_written_to_the_log_at_its_most_talkative() {
    let (key, wrong) = (key_caller(&[]), key_caller(&[]));
    let hash = &key.1.keys[0].sha256;
    let directory = configured(&format!(
        "[listen]\ngrpc = \"127.0.0.1:0\"\nwebhook = \"127.0.0.1:0\"\n[telemetry]\nlog_filter = \"trace\"\n[access.api_keys.a]\n\
         tenant = \"default\"\nscopes = [\"journeys.read\"]\nkeys = [{{ sha256 = \"{hash}\" }}]\n"
    ));
    let mut command = sangam(directory.path(), &["--config", "sangam.toml"]);
    let mut child = Killed(command.env("THE_SECRET", "x").spawn().unwrap());
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let address = wait_for(&mut lines, "serving gRPC")["address"].as_str().unwrap().parse().unwrap();
    let log = std::thread::spawn(move || lines.map(Result::unwrap).collect::<Vec<_>>().join("\n"));
    let channel = channel(address).await;
    let token = Signer::ec().token("planted", serde_json::json!({"sub": "plantedsubject"}));
    let bearer = format!("Bearer {token}");
    // Let in, and told that it names no journey.
    assert_eq!(code(&channel, &[("x-api-key", &key.0)]).await, Code::InvalidArgument);
    assert_eq!(code(&channel, &[("x-api-key", &wrong.0)]).await, Code::Unauthenticated);
    assert_eq!(code(&channel, &[("authorization", &bearer)]).await, Code::Unauthenticated);
    drop(channel);
    assert_eq!(child.terminate(), Some(0));
    let log = log.join().unwrap();
    assert!(log.contains("a caller was not let in") && log.contains("key_unknown") && log.contains("way_off"), "{log}");
    let (_, signature) = token.rsplit_once('.').unwrap();
    for secret in [&key.0, &wrong.0, hash, &token, signature, "planted"] {
        assert!(!log.contains(secret), "{secret}");
    }
}
