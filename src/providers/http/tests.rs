use super::*;

#[test]
fn a_path_prefix_of_the_base_url_stays() {
    let base = Url::parse("https://host.example/lender_uat/").unwrap();
    let url = join(&base, "/v3/requestconsent", &[("client_id", "a b&c".to_owned())]);
    assert_eq!(url.as_str(), "https://host.example/lender_uat/v3/requestconsent?client_id=a+b%26c");
    let bare = Url::parse("https://host.example").unwrap();
    assert_eq!(join(&bare, "fi/request", &[]).as_str(), "https://host.example/fi/request");
}
