//! The life of a consent.

use super::*;

#[tokio::test]
async fn a_refusal_is_code_one_and_needs_a_new_consent() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let data = fiu.open(Scenario::Normal, "UW-ONETIME").await;
    let url = data["webRedirectionUrl"].as_str().unwrap();
    let back = customer::reject(url).await.unwrap().unwrap();
    let parts = json!({"ecres": query(&back, "ecres"), "resdate": query(&back, "resdate"), "fi": query(&back, "fi")});
    let (_, opened) = fiu.post("/webRedirection/decryptUrl", json!({"webRedirectionURL": parts})).await;
    assert_eq!((&opened["data"]["status"], &opened["data"]["errorcode"]), (&json!("F"), &json!("1")));
    let (_, list) = fiu.post("/getconsentslist", json!({"mobileNumber": Scenario::Normal.mobile()})).await;
    assert_eq!((&list["data"][0]["status"], &list["data"][0]["consentID"]), (&json!("REJECTED"), &Value::Null));
    assert!(customer::approve(url).await.is_err());
}

#[tokio::test]
async fn consents_end_in_their_own_words_and_data_can_be_deleted() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let id = fiu.approved(Scenario::Normal, "UW-ONETIME").await;
    fiu.post("/getallfidata", json!({"consentID": id})).await;
    assert_eq!(fiu.post("/getallfidata", json!({"consentID": id})).await.0, 200);
    let gone = fiu.call(Method::DELETE, "/fidata", json!({"consentId": id})).await;
    assert!(gone.text().await.unwrap().contains("SUCCESS"));
    assert_eq!(fiu.post("/getallfidata", json!({"consentID": id})).await.1["status"], "FP0061");
    assert_eq!(fiu.post("/revokeconsent", json!({"consentID": id})).await.1["message"], "Successfully revoked.");
    let (status, again) = fiu.post("/revokeconsent", json!({"consentID": id})).await;
    assert_eq!((status, &again["errorMsg"]), (400, &json!("Consent ID is already in REVOKED state")));
    let other = fiu.approved(Scenario::OneAccountDenied, "UW-ONETIME").await;
    fiu.clock.set("2026-11-20T10:00:00Z".parse::<Timestamp>().unwrap() + (24 * 8).hours());
    assert_eq!(fiu.post("/revokeconsent", json!({"consentID": other})).await.1["errorMsg"], "Consent ID is in EXPIRED state");
}

#[tokio::test]
async fn several_templates_give_several_handles_behind_one_url() {
    let fiu = Fiu::new(FINPRO_CONSENT).await;
    let mut body = ask(Scenario::Normal, "UW-ONETIME");
    body.as_object_mut().unwrap().remove("productID");
    body["productIDList"] = json!(["UW-ONETIME", "MON-PERIODIC"]);
    let (_, answer) = fiu.post("/v3/requestconsent", body).await;
    let handles = answer["data"]["consent_handles"].clone();
    assert_eq!((handles.as_array().unwrap().len(), answer["data"].get("consent_handle")), (2, None));
    customer::approve(answer["data"]["webRedirectionUrl"].as_str().unwrap()).await.unwrap();
    let (_, list) = fiu.post("/v3/getconsentslist", json!({"consentHandle": handles})).await;
    assert!(list["data"].as_array().unwrap().iter().all(|row| row["status"] == "ACTIVE"));
}
