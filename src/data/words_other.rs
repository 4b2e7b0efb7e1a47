//! Tables of the words of insurance, pension, provident fund, card and GST accounts: ReBIT's, its misspellings and the right spelling of
//! each, and what providers document beside them.

use super::words::table;
use crate::pb::{
    CardNetwork, GstForm, InsuranceCoverType, InsurancePolicyType, InsuranceTransactionType, NpsSchemePreference, NpsStatus,
    NpsTransactionType, PremiumFrequency, ProvidentFundTransactionType, UlipFundType, UlipTransactionType, UlipType,
};

table! {
    /// What an insurance policy promises.
    policy_type -> InsurancePolicyType {
        "TERM" => Term,
        "ENDOWMENT" => Endowment,
        "MONEYBACK" | "MONEY_BACK" => Moneyback,
        "PENSION_PLAN" => PensionPlan,
        "WHOLE_LIFE" => WholeLife,
        "CHILDREN_PLAN" => ChildrenPlan,
        "LOAN_COVER_TERM" => LoanCoverTerm,
        "COMPREHENSIVE" => Comprehensive,
        "THIRD_PARTY" => ThirdParty,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// Whom or what an insurance policy covers.
    cover_type -> InsuranceCoverType {
        "TERM_ROP" => TermRop,
        "CRITICAL_ILLNESS" => CriticalIllness,
        "HEALTH" => Health,
        "SELF" => Self_,
        "FAMILY" => Family,
        "BUILDING" => Building,
        "CONTENTS" => Contents,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// How often a premium is due. The schema of insurance policies misspells the quarter, that of unit linked ones does not.
    premium_frequency -> PremiumFrequency {
        "MONTHLY" => Monthly,
        "QUARTELY" | "QUARTERLY" => Quarterly,
        "HALF_YEARLY" => HalfYearly,
        "YEARLY" => Yearly,
        "ONE_TIME" => OneTime,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// What happened on an insurance policy.
    insurance_transaction -> InsuranceTransactionType {
        "PREMIUM_PAYMENT" => PremiumPayment,
        "BONUS" => Bonus,
        "MONEY_BACK" => MoneyBack,
        "LATE_FEES" => LateFees,
        "FINAL_SETTLEMENT" => FinalSettlement,
        "CLAIM" => Claim,
        "PLAN_CHANGE" => PlanChange,
        "INSURANCE_RENEWWAL" | "INSURANCE_RENEWAL" => Renewal,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// What a unit linked policy insures.
    ulip_type -> UlipType {
        "LIFE" => Life,
        "HEALTH" => Health,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// What a fund of a unit linked policy invests in.
    ulip_fund -> UlipFundType {
        "DEBT" => Debt,
        "EQUITY" => Equity,
        "GUARANTEE" => Guarantee,
        "HYBRID" => Hybrid,
        "BALANCED" => Balanced,
        "LIQUID" => Liquid,
        "STABLE" => Stable,
        "GROWTH" => Growth,
        "DEFENSIVE" => Defensive,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// What happened on a unit linked policy.
    ulip_transaction -> UlipTransactionType {
        "PURCHASE" => Purchase,
        "PREMIMUM_PAYMENT" | "PREMIUM_PAYMENT" => PremiumPayment,
        "ONE_TIME_PAYMENT" => OneTimePayment,
        "TOP_UP" => TopUp,
        "SWITCH_IN" => SwitchIn,
        "SWITCH_OUT" => SwitchOut,
        "PARTIAL_WITHDRAWAL" => PartialWithdrawal,
        "SWITCHING_FEE" => SwitchingFee,
        "ADMIN_FEE" => AdminFee,
        "MORALITY_FEE" | "MORTALITY_FEE" => MortalityFee,
        "SERVICE_TAX" => ServiceTax,
        "PARTIAL_WITHDRAWAL_CHARGES" => PartialWithdrawalCharges,
        "PREMIUM_REDIRECTION_CHARGES" => PremiumRedirectionCharges,
        "PREMIUM_HOLIDAY_CHARGES" => PremiumHolidayCharges,
        "SURRENDER_CHARGES" => SurrenderCharges,
        "TOP_UP_CHARGES" => TopUpCharges,
        "PREMIUM_ALLOCATION_CHARGES" => PremiumAllocationCharges,
        "OPENING_BALANCE" => OpeningBalance,
        "CLOSING_BALANCE" => ClosingBalance,
        "BONUS" => Bonus,
        "RIDER_PREMIUM_CHARGES" => RiderPremiumCharges,
        "ACTUAL_INVESTMENT" => ActualInvestment,
        "EDUCATION_FESS" | "EDUCATION_FEES" | "EDUCATION_CESS" => EducationFees,
        "MONTHLY_POLICY_CHARGES" => MonthlyPolicyCharges,
        "RISK_PREMIUM" => RiskPremium,
        "PREMIUM_RENEWAL" => PremiumRenewal,
        "REVIAVAL" | "REVIVAL" => Revival,
        "CHANGES_IN_POLICY_BENIFITS" | "CHANGES_IN_POLICY_BENEFITS" => ChangeInPolicyBenefits,
        "CHAGNGES_IN_POLICY" | "CHANGES_IN_POLICY" => ChangeInPolicy,
        "STATUS" => Status,
        "CHANGE_OF_ADDRESS" => ChangeOfAddress,
        "CHANGE_OF_ECS_BANK" => ChangeOfEcsBank,
        "CHANGE_OF_NOMINEE" => ChangeOfNominee,
        "CHANGE_IN_MODE_OF_PAYMENT" => ChangeInModeOfPayment,
        "SWITCH" => Switch,
        "CHANGES_IN_MATURITY_DATE" => ChangeInMaturityDate,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// The condition of a pension account or a tier.
    nps_status -> NpsStatus {
        "ACTIVE" | "ACTIVATED" => Active,
        "DEACTIVATED" => Deactivated,
        "FROZEN" => Frozen,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// Who chooses the schemes of a tier.
    nps_preference -> NpsSchemePreference {
        "AUTO" => Auto,
        "ACTIVE" => Active,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// What happened on a pension account, in the words of all four lists.
    nps_transaction -> NpsTransactionType {
        "CONTRIBUTION" => Contribution,
        "BILLING" => Billing,
        "WILDRAWAL_DUE_TO_SCHEME_PREFERENCE_CHANGE" | "WITHDRAWAL_DUE_TO_SCHEME_PREFERENCE_CHANGE"
            => WithdrawalDueToSchemePreferenceChange,
        "CONTRIBUTION_DUE_TO_SCHEME_CHANGE" => ContributionDueToSchemeChange,
        "UNFREEZE_CONTRIBUTION" => UnfreezeContribution,
        "SWITCH_OUT" => SwitchOut,
        "WITHDRAWAL" => Withdrawal,
        "ADJUSTMENT" => Adjustment,
        "TRANSFER" => Transfer,
        "SWAVALAMBAN" | "SWAVALAMBAN_CONTRIBUTION" => Swavalamban,
        "REMITTANCE" => Remittance,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// What happened on a provident fund account.
    provident_fund_transaction -> ProvidentFundTransactionType {
        "DEPOSIT" => Deposit,
        "WITHDRAWAL" => Withdrawal,
        "INTEREST" => Interest,
        "TRANSFER_IN" => TransferIn,
        "TRANSFER_OUT" => TransferOut,
        "ADJUSTMENT" => Adjustment,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// The network of a card.
    card_network -> CardNetwork {
        "MASTER_CARD" | "MASTERCARD" => Mastercard,
        "VISA" => Visa,
        "RUPAY" => Rupay,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// A GST return; the older lists put GSTN_ or GST_ before it.
    gst_form -> GstForm {
        "GSTR1" | "GSTN_GSTR1" | "GST_GSTR1" => Gstr1,
        "GSTR2A" | "GSTN_GSTR2A" | "GST_GSTR2A" => Gstr2a,
        "GSTR3B" | "GSTN_GSTR3B" | "GST_GSTR3B" => Gstr3b,
        "OTHERS" | "OTHER" => Other,
    }
}
