"""The money identities M2 to M9 and M15 of the interface, checked on an answer as it came over the wire."""

from decimal import Decimal
from typing import Any

ACCOUNT_ROWS = {"310200", "310201", "390500"}
FUNDS = (
    *("hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay"),
    *("hifob_pay", "maf_pay", "oth_pay", "hifdm_pay"),
)


def amount(node: dict[str, Any], name: str) -> Decimal:
    """One amount; each must have at most two decimals."""
    value = Decimal(node[name])
    assert value == value.quantize(Decimal("0.01"))
    return value


def check_identities(output: dict[str, Any]) -> None:
    """Assert everything that must add up in a quote, a settlement or a cancellation."""
    info = output["setlinfo"]
    total = amount(info, "medfee_sumamt")
    parts = ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt")
    assert total == sum(amount(info, name) for name in parts)
    hospital = amount(info, "hosp_part_amt") if "hosp_part_amt" in info else Decimal(0)
    assert total == amount(info, "fund_pay_sumamt") + amount(info, "psn_part_amt") + hospital
    assert amount(info, "psn_part_amt") == amount(info, "acct_pay") + amount(info, "psn_cash_pay")
    assert abs(amount(info, "acct_mulaid_pay")) <= abs(amount(info, "acct_pay"))
    assert amount(info, "fund_pay_sumamt") == sum(amount(info, name) for name in FUNDS)
    rows = output["setldetail"]
    funds = [row for row in rows if row["fund_pay_type"] not in ACCOUNT_ROWS]
    assert amount(info, "fund_pay_sumamt") == sum(amount(row, "fund_payamt") for row in funds)
    accounts = [row for row in rows if row["fund_pay_type"] in ACCOUNT_ROWS]
    assert amount(info, "acct_pay") == sum(amount(row, "fund_payamt") for row in accounts)
    for line in output.get("detlcutinfo", []):
        pieces = ("fulamt_ownpay_amt", "overlmt_amt", "preselfpay_amt", "inscp_scp_amt")
        assert amount(line, "det_item_fee_sumamt") == sum(amount(line, name) for name in pieces)
    if "detlcutinfo" in output:
        assert total == sum(amount(line, "det_item_fee_sumamt") for line in output["detlcutinfo"])
