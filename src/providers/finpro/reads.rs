//! FinPro's read calls. `/getalllatestfidata` is none: FinPro gives each of its rows once.

use super::ID;
use crate::providers::http::{ReadCall, read_calls};

read_calls! { ID;
    /// The consents of a customer, by template and account reference.
    CONSENTS_LIST = ("getconsentslist", "v2/getconsentslist");
    /// Consents by handle or id.
    CONSENTS_BY_NAME = ("getconsentslist_v3", "v3/getconsentslist");
    /// A data session.
    SESSION_STATUS = ("firequest_status", "consent/firequest/status");
    /// An orchestrated transaction.
    TRANSACTION_STATUS = ("transaction_status", "transaction/status");
    /// The financial data of a consent or transaction.
    ALL_FI_DATA = ("getallfidata", "getallfidata");
    /// The analysis as JSON.
    ANALYTICS_JSON = ("analytics_json", "analytics/json");
    /// The analysis as XML.
    ANALYTICS_XML = ("analytics_xml", "analytics/xml");
    /// The analysis as a workbook.
    ANALYTICS_EXCEL = ("analytics_excel", "analytics/excel");
    /// A consent template.
    PRODUCTS_LIST = ("productslist", "productslist");
    /// A fresh URL for handles of one customer.
    ENCRYPTED_URL = ("getEncryptedUrl", "webRedirection/getEncryptedUrl");
    /// What a browser brought back.
    DECRYPT_URL = ("decryptUrl", "webRedirection/decryptUrl");
}
