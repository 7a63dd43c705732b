"""9001 sign in and 9002 sign out (national interface, Hunan edition V1.1.27, 9001 and 9002).

Once per operator and day, before anything else; the serial goes into `sign_no` of every later envelope.
"""

from msgspec import field

from protocols.hub.blocks import Node, OutputNode


class SignIn(Node, frozen=True, kw_only=True):
    """Who signs in, from where."""

    operator_no: str = field(name="opter_no")  # 操作员编号
    mac: str = field(name="mac")  # 签到MAC地址
    ip: str = field(name="ip")  # 签到IP地址


class SignInInput(Node, frozen=True, kw_only=True):
    """Input of 9001."""

    sign_in: SignIn = field(name="signIn")


class SignedIn(OutputNode, frozen=True, kw_only=True):
    """The sign-in's serial and time (printed as a date, sent with a time of day; see `wire_time.parse_time`)."""

    signed_at: str = field(name="sign_time", default="")  # 签到时间
    sign_in_no: str = field(name="sign_no")  # 签到编号


class SignInOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 9001."""

    signed_in: SignedIn = field(name="signinoutb")


class SignOut(Node, frozen=True, kw_only=True):
    """Which sign-in ends."""

    sign_in_no: str = field(name="sign_no")  # 签到编号
    operator_no: str = field(name="opter_no")  # 操作员编号


class SignOutInput(Node, frozen=True, kw_only=True):
    """Input of 9002; refused by the hub without a sign-in of the same day."""

    sign_out: SignOut = field(name="signOut")


class SignedOut(OutputNode, frozen=True, kw_only=True):
    """When the sign-in ended."""

    signed_at: str = field(name="sign_time", default="")  # 签退时间


class SignOutOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 9002: a node that is called like its only member; some hubs send the bare time."""

    signed_out: SignedOut | str = field(name="sign_time", default="")
