//! How the tax of a GSTR-3B was paid: in cash and from input tax credit. ReBIT's keys, each beside GSTN's.

use crate::{
    data::typed::table,
    pb::{GstCashPayment, GstCreditPayment},
};

table! {
    in_cash -> GstCashPayment {
        type_text: name "transDesc" | "trans_desc" | "tran_desc",
        integrated_tax: money "ipd",
        central_tax: money "cpd",
        state_tax: money "spd",
        cess: money "cspd",
        integrated_interest: money "iIntrpd" | "i_intrpd",
        central_interest: money "cIntrpd" | "c_intrpd",
        state_interest: money "sIntrpd" | "s_intrpd",
        cess_interest: money "csIntrpd" | "cs_intrpd",
        central_late_fee: money "cLfeepd" | "c_lfeepd",
        state_late_fee: money "sLfeepd" | "s_lfeepd",
    } rest extensions
}

table! {
    by_credit -> GstCreditPayment {
        type_text: name "transDesc" | "trans_desc" | "tran_desc",
        integrated_by_integrated: money "iPdi" | "i_pdi",
        integrated_by_central: money "iPdc" | "i_pdc",
        integrated_by_state: money "iPds" | "i_pds",
        central_by_central: money "cPdc" | "c_pdc",
        central_by_integrated: money "cPdi" | "c_pdi",
        state_by_state: money "sPds" | "s_pds",
        state_by_integrated: money "sPdi" | "s_pdi",
        cess_by_cess: money "csPdcs" | "cs_pdcs",
    } rest extensions
}
