//! What each kind of account brings that is no deposit: a message of the contract, and its fields.

/// Of kinds that recordings of FinPro show.
pub(super) const RECORDED: &[(&str, &str)] = &[
    ("account.mutual_fund", "cost_value current_value"),
    (
        "account.mutual_fund.holdings",
        "registrar scheme_code isin isin_description client_code amfi_code folio_number fatca_status_text closing_units \
         lien_units locked_units nav nav_date scheme_type_text scheme_option_text scheme_category_text",
    ),
    ("account.sip", "folio_number"),
    ("account.sip.holdings", "amc registrar amfi_code"),
    ("account.sip.holdings.schemes", "isin scheme_name scheme_type_text scheme_option_text scheme_category_text"),
    (
        "account.sip.holdings.schemes.plans",
        "reference amount frequency_text instalment_date last_instalment_date next_instalment_date pending_instalments \
         completed_instalments creation_date",
    ),
    ("account.equity", "current_value mode"),
    ("account.equity.holdings", "isin units last_traded_price"),
    ("account.bond", "investment_value current_value"),
    (
        "account.bond.holdings",
        "scheme_text isin units face_value symbol issuer_name description credit_rating credit_rating_agency taxable issue_rate \
         issue_date principal tenure coupon_rate maturity_date coupon_computation coupon_payment_date auction_date compounding \
         interest_payout accrued_interest interest_on_maturity last_traded_rate last_traded_date",
    ),
    ("account.debenture", "investment_value current_value"),
    (
        "account.debenture.holdings",
        "isin units face_value coupon fixed_income_portfolio symbol issuer_name description credit_rating taxable issue_date \
         principal tenure yield_percent maturity_date last_traded_rate last_traded_date",
    ),
    ("account.government_security", "investment_value current_value"),
    (
        "account.government_security.holdings",
        "scheme_text isin units face_value symbol issuer_name description credit_rating credit_rating_agency taxable issue_rate \
         issue_date principal tenure coupon_rate maturity_date coupon_computation coupon_payment_date auction_date compounding \
         interest_payout accrued_interest interest_on_maturity last_traded_rate last_traded_date",
    ),
    (
        "transaction.mutual_fund",
        "amc registrar scheme_code scheme_plan_text isin isin_description client_code amfi_code units nav nav_date locked_in \
         lock_in_days mode",
    ),
    ("transaction.equity", "company_name isin isin_description equity_category rate units"),
    ("transaction.debt", "isin rate units trade_value total_charge other_taxes"),
];

/// Of kinds that the FI schemas alone show in full: FinPro is taken to write them by analogy.
pub(super) const BY_SCHEMA: &[(&str, &str)] = &[
    ("account.etf", "investment_value current_value"),
    ("account.etf.holdings", "folio_number demat_id scheme_name dp_id units isin mode rate nav last_nav_date symbol description"),
    ("account.commercial_paper", "investment_value current_value"),
    (
        "account.commercial_paper.holdings",
        "scheme_text investment_value current_value isin units face_value symbol description issuer_name credit_rating \
         credit_rating_agency issue_date principal tenure maturity_date auction_date",
    ),
    ("account.certificate_of_deposit", "investment_value current_value holding_type_text"),
    (
        "account.certificate_of_deposit.holdings",
        "company_name isin scheme_text face_value symbol issuer_name description issue_date tenure yield_percent maturity_date \
         last_traded_rate last_traded_date",
    ),
    ("account.aif", "units_issued investment_value current_value"),
    (
        "account.aif.holdings",
        "issuer_name security_type_text valuation_methodology purchase_date purchase_price last_valuation_date last_valuation \
         holding_period description",
    ),
    ("account.cis", "investment_value current_value"),
    ("account.cis.holdings", "isin client_code folio_number mode units closing_units rate nav"),
    ("account.depository_receipt", "investment_value current_value mode"),
    (
        "account.depository_receipt.holdings",
        "issuer_name isin units investment_time investment_date rate last_traded_price description",
    ),
    ("account.invit", "investment_value current_value"),
    (
        "account.invit.holdings",
        "isin issuer_name investment_time investment_date rate description units last_closing_rate nominee_registered",
    ),
    ("account.reit", "investment_value current_value"),
    (
        "account.reit.holdings",
        "isin issuer_name investment_time investment_date rate description units last_closing_rate nominee_registered",
    ),
    (
        "account.insurance",
        "policy_name policy_number eia_number policy_description sum_assured cover_amount tenure premium_amount \
         policy_start_date policy_expiry_date policy_type cover_type premium_frequency premium_payment_term \
         next_premium_due_date maturity_date maturity_benefit",
    ),
    ("account.insurance.riders", "rider_type sum_assured premium_amount tenure start_date end_date"),
    ("account.insurance.money_backs", "date amount description"),
    ("account.insurance.contract_clauses", "title sub_limit conditions exclusions amount description"),
    ("account.insurance.covers", "amount description"),
    (
        "account.ulip",
        "type product_name product_description sum_assured tenure premium_amount policy_start_date policy_maturity_date \
         premium_frequency premium_payment_term next_premium_due_date",
    ),
    ("account.ulip.holdings", "name type units cost nav allocation_percentage premium_allocation current_value description"),
    ("account.ulip.riders", "rider_type sum_assured premium_amount tenure start_date end_date"),
    (
        "account.nps",
        "opening_date current_value status tier1_status tier1_nav_date debt_asset_value equity_asset_value other_asset_value",
    ),
    ("account.nps.scheme_choices", "allocation_percent pfm_id pfm_name scheme_id scheme_name"),
    ("account.nps.tiers", "tier scheme_preference free_units investment_cost investment_value"),
    (
        "account.nps.tiers.holdings",
        "scheme_name scheme_id amount amount_in_transition blocked_units free_units total_units nav total_value",
    ),
    (
        "account.epf",
        "current_balance opening_date establishment_id establishment_name employer_balance employee_balance total_balance",
    ),
    ("account.ppf", "opening_date maturity_date ifsc micr branch_address status current_balance"),
    ("account.credit_card.cards", "network primary issued_date masked_number holder"),
    (
        "account.credit_card",
        "current_due last_statement_date due_date previous_due_amount total_due_amount min_due_amount credit_limit cash_limit \
         available_credit loyalty_points finance_charges",
    ),
    (
        "account.gst",
        "legal_name trade_name status_text taxpayer_type_text composition approval_date categories address state_code \
         natures_of_business",
    ),
    ("transaction.etf", "isin units scheme_name dp_id minimum_lot face_value nav order_date execution_date mode broker_code"),
    (
        "transaction.aif",
        "asset_name investment_value redemption_date redemption_value fund_fees_date fund_fees reinvestment_date \
         reinvestment_value investor_payment_date investor_payment tax_paid tax_paid_date",
    ),
    (
        "transaction.cis",
        "scheme_code isin dividend_type client_code closing_units nav nav_date order_date execution_date mode other_taxes",
    ),
    (
        "transaction.depository_receipt",
        "order_id trade_id isin company_name symbol exchange rate units trade_value total_charge other_charges \
         share_holder_equity_type",
    ),
    (
        "transaction.trust_unit",
        "isin issuer_name symbol exchange transaction_description price units_type units trade_value total_charge other_charges",
    ),
    ("transaction.insurance", "type"),
    ("transaction.ulip", "type fund_name units nav nav_date cost premium premium_allocation_charge other_charges"),
    ("transaction.nps", "tier list type"),
    ("transaction.epf", "type employee_deposit employer_deposit employee_withdrawal employer_withdrawal pension_fund_amount"),
    ("transaction.ppf", "type"),
    ("transaction.credit_card", "statement_date merchant_category_code masked_card_number"),
    ("transaction.gst_return", "form period filing_date status_text filing_frequency_text"),
    (
        "transaction.gst_invoice",
        "form period counterparty_gstin counterparty_filed_text invoice_number place_of_supply reverse_charge invoice_type_text \
         flag_text counterparty_flag_text uploaded_by_text differential_rate checksum",
    ),
    ("transaction.gst_invoice.items", "number rate taxable_value integrated_tax central_tax state_tax cess"),
];
