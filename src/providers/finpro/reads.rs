//! FinPro's read calls.

use super::ID;
use crate::providers::http::{ReadCall, read_calls};

read_calls! { ID;
    /// The consents of a customer, by template and account reference.
    CONSENTS_LIST = Read("getconsentslist", "v2/getconsentslist");
    /// Consents by handle or id.
    CONSENTS_BY_NAME = Read("getconsentslist_v3", "v3/getconsentslist");
    /// A data session.
    SESSION_STATUS = Read("firequest_status", "consent/firequest/status");
    /// An orchestrated transaction.
    TRANSACTION_STATUS = Read("transaction_status", "transaction/status");
    /// The financial data of a consent or transaction.
    ALL_FI_DATA = Read("getallfidata", "getallfidata");
    /// The rows that are new since the last such call. It is not sent again: FinPro gives each of its rows once.
    LATEST_FI_DATA = Write("getalllatestfidata", "getalllatestfidata");
    /// The analysis as JSON.
    ANALYTICS_JSON = Read("analytics_json", "analytics/json");
    /// The analysis as XML.
    ANALYTICS_XML = Read("analytics_xml", "analytics/xml");
    /// The analysis as a workbook.
    ANALYTICS_EXCEL = Read("analytics_excel", "analytics/excel");
    /// The workbook behind a link that FinPro gave, at a file host.
    REPORT_DOWNLOAD = Read("report_download", "");
    /// A consent template.
    PRODUCTS_LIST = Read("productslist", "productslist");
    /// A fresh URL for handles of one customer.
    ENCRYPTED_URL = Read("getEncryptedUrl", "webRedirection/getEncryptedUrl");
    /// What a browser brought back.
    DECRYPT_URL = Read("decryptUrl", "webRedirection/decryptUrl");
}
