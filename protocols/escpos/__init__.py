"""ESC/POS receipt printers: documents to bytes, and bytes back to what stands on the paper.

`document` holds the elements a receipt is made of, `builder` turns them into bytes, `decoder` reads bytes as a
printer does, `status` packs and unpacks the realtime status bytes, `charset` and `width` are the rules of Chinese
text on a grid of columns. Everything here is a pure function or a sans-I/O state machine.
"""
