"""The files that `yibao sim up` writes for a counter: its configuration with a sentence for every key, and its goods."""

from collections.abc import Mapping, Sequence
from typing import Final

from simulators.world import Institution, ShopItem

Value = str | int | bool | tuple[()]

# Section, key, Chinese sentence, English sentence. The values come from `counter_values`.
_KEYS: Final[tuple[tuple[str, str, str, str], ...]] = (
    (
        "institution",
        "code",
        "定点医药机构编号，12 位：P 药店，H 诊所或医院。",
        "National code of the institution, 12 characters: P pharmacy, H clinic or hospital.",
    ),
    ("institution", "name", "机构名称，印在小票上。", "Its name, as printed on slips."),
    ("institution", "division", "就医地区划，六位数字。", "Place of care, six digits."),
    (
        "institution",
        "level",
        "医院等级代码（hosp_lv），事前审核时上报；11 = 无等级。",
        "Code of the hospital's grade (hosp_lv), told to the hub's review; 11 = none.",
    ),
    (
        "institution",
        "networked",
        "已开通跨省门诊直接结算。",
        "Open to pooled settlement for people insured in another province.",
    ),
    (
        "institution",
        "dual_channel",
        "双通道药店或医院：凭备案可售谈判药品。",
        "May sell negotiated drugs against an approval (dual channel).",
    ),
    (
        "institution",
        "agreement_until",
        "服务协议到期日（年-月-日）；留空 = 未登记。",
        "Last day of the service agreement, YYYY-MM-DD; empty = not known here.",
    ),
    (
        "institution",
        "credit_level",
        "本机构信用等级 A 至 D，仅供显示；留空 = 未登记。",
        "Own credit level A to D, only shown; empty = not known here.",
    ),
    ("slip", "hotline", "印在小票上的咨询电话。", "Telephone number printed on every slip."),
    (
        "slip",
        "agency",
        "印在小票上的医保经办机构。",
        "The insurance agency printed on every slip.",
    ),
    (
        "slip",
        "high_burden",
        "个人负担达到多少元时提示救助渠道；留空 = 不提示。",
        "Own share in yuan from which on a slip says where aid is asked for; empty = never.",
    ),
    (
        "terminal",
        "till",
        "收银台编号，是销售单号的一部分。",
        "Number of this till, part of every sale's key.",
    ),
    (
        "terminal",
        "slot",
        "终端序号 1 至 99，同一机构内不得重复：用来区分报文编号。",
        "Terminal slot 1 to 99, unique within the institution: keeps message ids apart.",
    ),
    ("terminal", "operator", "经办人编号，用于签到。", "Number of the operator who signs in."),
    ("terminal", "operator_name", "经办人姓名。", "The operator's name."),
    (
        "terminal",
        "lane",
        "通道：一个通道同一时间只服务一位顾客。",
        "Lane: one customer at a time is served on it.",
    ),
    ("terminal", "mac", "签到时上报的网卡地址。", "Network card address told at sign-in."),
    ("terminal", "ip", "签到时上报的 IP 地址。", "IP address told at sign-in."),
    (
        "state",
        "dir",
        "账本、锁和本机接口所在的文件夹（相对于本文件）。",
        "Folder of journal, lock and API socket, relative to this file.",
    ),
    (
        "state",
        "reserve_mb",
        "预留磁盘空间（MB），磁盘写满时用来了结未决结算；0 = 不预留。",
        "Disk space kept aside (MB), to finish open doubts on a full disk; 0 = none.",
    ),
    ("keys", "dir", "签名密钥所在的文件夹。", "Folder of the signing key."),
    (
        "keys",
        "password_file",
        "密钥密码文件，权限须为 600；留空则使用 systemd 凭据。",
        "File of mode 600 with the key's password; empty = the systemd credential below.",
    ),
    ("keys", "credential", "systemd 凭据的名称。", "Name of the systemd credential."),
    (
        "keys",
        "audit_dir",
        "审计密钥所在的文件夹：为审计日志签署锚点，锚点见证文件也在其中。",
        "Folder of the audit key, which signs anchors of the audit log; the witness file lies there too.",
    ),
    (
        "hub",
        "url",
        "医保平台地址；只有本机才允许 http。",
        "Scheme, host and port of the hub; plain http only to this machine.",
    ),
    (
        "hub",
        "public_key",
        "医保平台的 SM2 公钥（PEM）：只相信用它验签通过的应答。",
        "The hub's SM2 public key (PEM): only answers that verify under it are believed.",
    ),
    (
        "hub",
        "more_keys",
        '平台更换密钥期间另外相信的公钥，各有起止时间：[{ file = "hub-2.pem", valid_from = 2026-12-01T00:00:00+08:00 }]。',
        "Further keys of the hub, each believed in its time, while the hub changes its key; written as above.",
    ),
    (
        "hub",
        "profile",
        "省份配置：内置名称，或自己的 .toml 文件。",
        "Province profile: a shipped name, or a .toml file of your own.",
    ),
    (
        "hub",
        "ca",
        "签发平台 TLS 证书的机构（PEM）；https 必填，只信任它。",
        "PEM of the authority behind the hub's TLS certificate; needed for https, nobody else is trusted.",
    ),
    (
        "hub",
        "credentials",
        "省平台网关账号、密钥等（TOML，权限 0600）；省份配置要求时必填。",
        "TOML file of mode 0600 with what the province handed out for its gateway; where the profile asks for it.",
    ),
    ("centre", "url", "医保电子凭证中心地址。", "Address of the e-certificate centre."),
    ("centre", "office_id", "科室编号，解码时上报。", "Office number told to the centre."),
    ("centre", "office_name", "科室名称，解码时上报。", "Office name told to the centre."),
    (
        "centre",
        "activation_entry",
        "顾客自助激活电子凭证的入口：官方应用名称或网址。",
        "Where a customer can activate a certificate: the official app's name or address.",
    ),
    (
        "centre",
        "ca",
        "签发凭证中心 TLS 证书的机构（PEM）；https 必填，只信任它。",
        "PEM of the authority behind the centre's TLS certificate; needed for https, nobody else is trusted.",
    ),
    (
        "scanner",
        "url",
        "扫码枪：串口设备、socket:// 或 rfc2217://；留空 = 没有。",
        "The scanner: a serial device, socket:// or rfc2217://; empty = none.",
    ),
    ("scanner", "family", "扫码枪种类。", "Kind of scanner."),
    ("scanner", "baudrate", "扫码枪波特率。", "Its baud rate."),
    (
        "scanner",
        "suffix",
        "扫码枪在每个码后发送换行时为 true。",
        "True when it ends every code with a line end.",
    ),
    (
        "printer",
        "url",
        "小票打印机，写法同扫码枪；留空 = 没有，小票等候。",
        "The receipt printer, written like the scanner; empty = none, slips wait.",
    ),
    (
        "printer",
        "columns",
        "每行字符数：48（80 毫米纸）或 32（58 毫米纸）。",
        "Characters per line: 48 (80 mm paper) or 32 (58 mm).",
    ),
    ("printer", "baudrate", "打印机波特率。", "Its baud rate."),
    (
        "items",
        "file",
        "本店商品表：条码对应的名称、价格和医保编码。",
        "The shop's goods: name, price and national code of every barcode.",
    ),
    (
        "reconciliation",
        "daily_at",
        "每天自动对前一日账的时间（北京时间，时:分）；留空 = 只手工对账。",
        "When the day before is reconciled by itself, HH:MM in UTC+8; empty = by hand only.",
    ),
    (
        "reader",
        "name",
        "读卡器的 PC/SC 名称，或其中独有的一段；留空 = 没有。",
        "PC/SC name of the card reader, or a part of it that no other has; empty = none.",
    ),
    (
        "reader",
        "socket",
        "自备读卡服务（pcscd）的套接字；留空 = 使用本机的。",
        "Socket of a card service (pcscd) of one's own; empty = the machine's.",
    ),
    (
        "prescriptions",
        "settle",
        "流转处方何时结算：hand_over 发药时，order 下单时（凭取药码发药）。",
        "When circulating prescriptions are settled: hand_over, or order (handed over against a pick-up code).",
    ),
    (
        "clinic",
        "doctor_code",
        "门诊病人的接诊医师编码；药店留空。",
        "Code of the doctor who sees outpatients; empty at a pharmacy.",
    ),
    ("clinic", "doctor_name", "医师姓名。", "The doctor's name."),
    ("clinic", "department_code", "科室编码。", "Code of the department."),
    ("clinic", "department_name", "科室名称。", "Name of the department."),
    ("clinic", "specialty", "科室的国家科别代码。", "National specialty code of the department."),
    (
        "broker",
        "url",
        "消息代理地址（mqtts://主机:端口）；留空 = 没有，不影响销售。",
        "The fleet's message broker, mqtts://host:port; empty = none, selling does not need it.",
    ),
    (
        "broker",
        "ca",
        "签发代理证书的机构（PEM）；留空 = 本机信任的机构。",
        "PEM of the authority behind the broker's certificate; empty = those the machine trusts.",
    ),
    (
        "broker",
        "password_file",
        "代理密码文件，权限须为 600。",
        "File of mode 600 with the password at the broker.",
    ),
    (
        "broker",
        "certificate",
        "终端证书和私钥（PEM，权限 600）。",
        "The terminal's certificate and private key (PEM, mode 600).",
    ),
    (
        "broker",
        "command_certificate",
        "接收命令的会话所用证书；留空 = 同上。",
        "The same for the session that takes commands; empty = the one above.",
    ),
    (
        "broker",
        "fleet_key",
        "签署远程命令的 SM2 公钥（PEM）；留空 = 拒绝一切远程命令。",
        "PEM of the SM2 key that signs the fleet's commands; empty = every command is refused.",
    ),
    ("broker", "mqtt", "MQTT 版本：5 或 3.1.1。", "MQTT version: 5 or 3.1.1."),
)


_STAFF: Final = (
    "",
    "# 在本收银台工作的人员；不登记则不分角色，也不能审核处方。role：cashier、pharmacist 或 supervisor。",
    "# Who works here; with nobody named there are no roles and no prescription can be reviewed.",
    "# [[staff]]",
    '# number = "Y01"',
    '# name = "测试药师"',
    '# role = "pharmacist"',
    '# code = "Y999900000001"',
)


def counter_values(
    institution: Institution, prefix: str, addresses: Mapping[str, str]
) -> Mapping[tuple[str, str], Value]:
    """The value of every key for a simulated counter of `institution`.

    `prefix` stands before the names of the counter's own files; `addresses` says for `section.key` where the far ends
    are, empty texts for those that are not mentioned.
    """
    place = institution.counter[0]
    doctor = institution.staff[0] if institution.staff and institution.kind != "pharmacy" else None
    return {
        ("institution", "code"): institution.code,
        ("institution", "name"): institution.name,
        ("institution", "division"): institution.division,
        ("institution", "level"): institution.level,
        ("institution", "networked"): institution.networked,
        ("institution", "dual_channel"): institution.dual_channel,
        ("institution", "agreement_until"): "",
        ("institution", "credit_level"): "",
        ("slip", "hotline"): "000-12345",
        ("slip", "agency"): "测试市医疗保障事务中心",
        ("slip", "high_burden"): "5000.00",
        ("terminal", "till"): place.operator,
        ("terminal", "slot"): int(place.slot),
        ("terminal", "operator"): place.operator,
        ("terminal", "operator_name"): place.name,
        ("terminal", "lane"): "1",
        ("terminal", "mac"): "00-00-00-00-00-01",
        ("terminal", "ip"): "127.0.0.1",
        ("state", "dir"): f"{prefix}state",
        ("state", "reserve_mb"): 4,
        ("keys", "dir"): f"{prefix}keys",
        ("keys", "password_file"): f"{prefix}key-password",
        ("keys", "credential"): "yibao-key-password",
        ("keys", "audit_dir"): f"{prefix}audit-keys",
        ("hub", "url"): addresses.get("hub.url", ""),
        ("hub", "public_key"): "hub.pem",
        ("hub", "more_keys"): (),
        ("hub", "profile"): addresses.get("hub.profile", "national"),
        ("hub", "ca"): addresses.get("hub.ca", ""),
        ("hub", "credentials"): addresses.get("hub.credentials", ""),
        ("centre", "url"): addresses.get("centre.url", ""),
        ("centre", "office_id"): "0001",
        ("centre", "office_name"): "收银台",
        ("centre", "activation_entry"): "国家医保服务平台 App",
        ("centre", "ca"): addresses.get("centre.ca", ""),
        ("scanner", "url"): addresses.get("scanner.url", ""),
        ("scanner", "family"): "plain",
        ("scanner", "baudrate"): 9600,
        ("scanner", "suffix"): True,
        ("printer", "url"): addresses.get("printer.url", ""),
        ("printer", "columns"): 48,
        ("printer", "baudrate"): 115200,
        ("items", "file"): "items.toml",
        ("reconciliation", "daily_at"): "",
        ("reader", "name"): addresses.get("reader.name", ""),
        ("reader", "socket"): addresses.get("reader.socket", ""),
        ("prescriptions", "settle"): "hand_over",
        ("clinic", "doctor_code"): doctor.code if doctor else "",
        ("clinic", "doctor_name"): doctor.name if doctor else "",
        ("clinic", "department_code"): doctor.department if doctor else "",
        ("clinic", "department_name"): doctor.department_name if doctor else "",
        ("clinic", "specialty"): doctor.department if doctor else "",
        ("broker", "url"): addresses.get("broker.url", ""),
        ("broker", "ca"): "",
        ("broker", "password_file"): addresses.get("broker.password_file", ""),
        ("broker", "certificate"): "",
        ("broker", "command_certificate"): "",
        ("broker", "fleet_key"): "",
        ("broker", "mqtt"): "5",
    }


def counter_toml(values: Mapping[tuple[str, str], Value]) -> str:
    """The configuration file: every key with its sentence in both languages."""
    lines = [
        "# 模拟收银台的配置。真实收银台只是另一个这样的文件。",
        "# Configuration of a simulated counter. A real one is just another file like this.",
    ]
    section = ""
    for wanted, key, chinese, english in _KEYS:
        if wanted != section:
            section = wanted
            lines += ["", f"[{section}]"]
        lines += [f"# {chinese}", f"# {english}", f"{key} = {_toml(values[section, key])}"]
    return "\n".join([*lines, *_STAFF]) + "\n"


def with_addresses(text: str, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """A configuration file with new addresses where it still has ours; what somebody has edited stays."""
    section, lines = "", []
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[] ")
        key, _, value = line.partition("=")
        name = f"{section}.{key.strip()}"
        if name in now and name in before and value.strip() == _toml(before[name]):
            line = f"{key.strip()} = {_toml(now[name])}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def items_toml(goods: Sequence[ShopItem]) -> str:
    """The goods of the simulated shop in the form the terminal reads."""
    lines = ["# 模拟药店的商品。  Goods of the simulated shop."]
    for item in goods:
        rows = {
            "barcode": item.ean,
            "name": item.name,
            "spec": item.spec,
            "price": item.price,
            "national_code": item.med_list_codg,
            "own_code": item.own_code,
        }
        lines += ["", "[[item]]", *(f"{key} = {_toml(value)}" for key, value in rows.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Value) -> str:
    """A value as TOML text; the texts here hold no control characters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return "[]"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
