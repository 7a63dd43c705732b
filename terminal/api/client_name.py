"""Who asks: the name a program gives itself in the header `X-Client`, for the audit log. It proves nothing."""

from typing import Annotated

from litestar.params import HeaderParameter

ClientName = Annotated[str, HeaderParameter(name="X-Client", max_length=100, required=False)]
