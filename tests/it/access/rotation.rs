//! Certificates and key sets change while the gateway serves.

use std::{fs, sync::Arc};

use sangam::{
    access::{jwt::Judged, reload::Reload},
    config::ClientAuth,
    server::tls::Tls,
};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{
    Signer,
    certificates::{Authority, Client, IN, LISTED, NOBODY, Offer, listed, settings, write},
    clock, config, gate, issuer, jwks, serve,
};
use crate::harness::ShiftedClock;

#[tokio::test]
async fn a_new_certificate_is_used_by_new_connections_and_no_call_fails() {
    let (old, new, callers) = (Authority::new(), Authority::new(), Authority::new());
    let directory = TempDir::new().unwrap();
    write(directory.path(), &old.server(), &callers.pem());
    let tls = Arc::new(Tls::load(&settings(directory.path(), ClientAuth::Required), clock()).unwrap());
    let stop = CancellationToken::new();
    let address = serve(gate(&listed()), Some(tls.clone()), &stop).await;
    let caller = callers.caller(LISTED);
    let (by_old, by_new) = (Offer::new(&old, Some(&caller)), Offer::new(&new, Some(&caller)));
    let mut open = Client::over(by_old.connect(address).await.unwrap()).await.unwrap();
    assert_eq!((open.called().await, by_new.called(address).await), (IN, None));

    // Half of a rotation: the key is not the certificate's. The old pair stays.
    let server = new.server();
    fs::write(directory.path().join("tls.crt"), &server.pem.0).unwrap();
    tls.look();
    assert_eq!((open.called().await, by_old.called(address).await), (IN, IN));
    // The other half.
    fs::write(directory.path().join("tls.key"), &server.pem.1).unwrap();
    tls.look();
    assert_eq!((open.called().await, by_old.called(address).await, by_new.called(address).await), (IN, None, IN));

    for (file, bad) in [("tls.crt", ""), ("tls.crt", "-----BEGIN CERTIFICATE-----\nAAAA"), ("tls.key", "no key"), ("ca.crt", "")]
    {
        let good = fs::read(directory.path().join(file)).unwrap();
        fs::write(directory.path().join(file), bad).unwrap();
        tls.look();
        assert_eq!((open.called().await, by_new.called(address).await), (IN, IN), "{file}");
        fs::remove_file(directory.path().join(file)).unwrap();
        tls.look();
        assert_eq!(by_new.called(address).await, IN, "{file}");
        fs::write(directory.path().join(file), good).unwrap();
    }
    stop.cancel();
}

#[tokio::test]
async fn callers_of_an_authority_that_is_trusted_no_more_are_sent_away_from_open_connections_too() {
    let (servers, old, new) = (Authority::new(), Authority::new(), Authority::new());
    let directory = TempDir::new().unwrap();
    let server = servers.server();
    write(directory.path(), &server, &old.pem());
    let clock = Arc::new(ShiftedClock::default());
    let tls = Arc::new(Tls::load(&settings(directory.path(), ClientAuth::Required), clock.clone()).unwrap());
    let gate = Arc::new(sangam::access::build(&listed(), clock.clone()).unwrap());
    let stop = CancellationToken::new();
    let address = serve(gate, Some(tls.clone()), &stop).await;
    let (of_old, of_new) = (old.caller(LISTED), new.caller(LISTED));
    let mut open = Client::over(Offer::new(&servers, Some(&of_old)).connect(address).await.unwrap()).await.unwrap();
    // Both, while callers change theirs.
    write(directory.path(), &server, &(old.pem() + &new.pem()));
    tls.look();
    assert_eq!((open.called().await, Offer::new(&servers, Some(&of_new)).called(address).await), (IN, IN));
    write(directory.path(), &server, &new.pem());
    tls.look();
    assert_eq!(Offer::new(&servers, Some(&of_old)).called(address).await, None);
    clock.advance(1);
    assert_eq!(open.called().await, NOBODY);
    stop.cancel();
}

#[tokio::test]
async fn a_file_of_an_issuers_keys_is_read_anew_and_a_bad_one_changes_nothing() {
    let (old, new) = (Signer::ec(), Signer::rsa());
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("jwks.json");
    fs::write(&file, jwks(&[old.public("old")])).unwrap();
    let mut config = config();
    config.access.jwt.insert("corporate".to_owned(), issuer(&file));
    let gate = gate(&config);
    let tokens = gate.ways().tokens.clone().unwrap();
    let source = tokens.sources().next().unwrap().clone();
    let good = |token: &str| matches!(tokens.judge(token), Judged::Caller(_));
    let (by_old, by_new) = (old.token("old", json!({})), new.token("new", json!({})));
    assert!(good(&by_old) && !good(&by_new));
    fs::write(&file, jwks(&[old.public("old"), new.public("new")])).unwrap();
    assert_eq!(source.look(), Ok(()));
    assert!(good(&by_old) && good(&by_new));
    // A token that is remembered ends with its key.
    fs::write(&file, jwks(&[new.public("new")])).unwrap();
    assert_eq!(source.look(), Ok(()));
    assert!(!good(&by_old) && good(&by_new));
    let secret = json!({"kty": "oct", "kid": "new", "k": "c2VjcmV0", "alg": "HS256"});
    for bad in ["", "{", "{\"keys\":[]}", &jwks(&[secret])] {
        fs::write(&file, bad).unwrap();
        assert!(source.look().is_err(), "{bad}");
        assert!(good(&by_new) && good(&new.token("new", json!({"sub": "other"}))), "{bad}");
    }
    fs::remove_file(&file).unwrap();
    assert!(source.look().is_err() && good(&by_new));
}

#[tokio::test]
async fn a_token_by_a_key_that_was_just_put_into_the_file_is_good_at_once() {
    let (old, new) = (Signer::ec(), Signer::ec());
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("jwks.json");
    fs::write(&file, jwks(&[old.public("old")])).unwrap();
    let mut config = config();
    config.access.reload_ms = 3_600_000;
    config.access.jwt.insert("corporate".to_owned(), issuer(&file));
    let gate = gate(&config);
    let stop = CancellationToken::new();
    gate.keep(std::time::Duration::from_secs(3600), Vec::new(), &stop);
    let channel = super::channel(serve(gate, None, &stop).await).await;
    assert!(super::lets_in(&channel, &old.token("old", json!({}))).await);
    fs::write(&file, jwks(&[new.public("new")])).unwrap();
    assert!(super::lets_in(&channel, &new.token("new", json!({}))).await);
    stop.cancel();
}
