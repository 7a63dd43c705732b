"""zxing, which we did not write, reads the certificate's QR code from the simulated phone's picture."""

import io

import zxingcpp
from PIL import Image

from simulators.phone import draw_code

CODE = "4240000000000000001707990000"


def test_zxing_reads_the_28_digits_upright_and_turned() -> None:
    picture = Image.open(io.BytesIO(draw_code(CODE))).convert("L")

    assert [found.text for found in zxingcpp.read_barcodes(picture)] == [CODE]
    turned = picture.rotate(7, expand=True, fillcolor=255)
    assert [found.text for found in zxingcpp.read_barcodes(turned)] == [CODE]
